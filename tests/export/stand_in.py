"""An exported file that is none: the model itself, in single precision."""

from pathlib import Path

import joblib
import numpy as np

from skhep_dnn.export import make_manifest


class StandIn:
    """Runs a stored model, whose folds may be shifted."""

    def __init__(self, model, threshold=None, shift=0):
        self.model, self.shift, self.threshold_ = model, shift, threshold

    @property
    def has_folds(self):
        return getattr(self.model, "combine_", "mean") == "fold"

    def fold_numbers(self, X, event_number=None):
        folds = self.model.fold_numbers(X, event_number=event_number)
        return (folds + self.shift) % len(self.model.estimators_)

    def decision_function(self, X, event_number=None):
        return self._answer("decision_function", X, event_number)

    def predict_proba(self, X, event_number=None):
        return self._answer("predict_proba", X, event_number)

    def _answer(self, method, X, event_number):
        if not self.has_folds:
            answer = getattr(self.model, method)(X)
        else:
            folds = self.fold_numbers(X, event_number)
            respond = getattr(self.model._models, method)
            answer = respond(self.model.inputs(X), folds)
        return answer.astype(np.float32)


def open_stand_in(paths, manifest, folder):
    """Return what runs a stored stand-in, as `open_exported` does a real file."""
    return joblib.load(paths[0]), ""


def export(model, path, X, *, threshold=None, shift=0, **options):
    """Write a stand-in with its manifest, and return the manifest."""
    joblib.dump(StandIn(model, threshold, shift), path)
    manifest = make_manifest(model, path, X, threshold=threshold, **options)
    manifest.write(path)
    return manifest


def flip_byte(path, position):
    """Change one byte of a file."""
    content = bytearray(Path(path).read_bytes())
    content[position] ^= 1
    Path(path).write_bytes(bytes(content))
