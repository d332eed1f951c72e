"""Every estimator of the package can be exported, or says why it cannot."""

import importlib
import pkgutil

import numpy as np
import pytest
from sklearn.base import BaseEstimator

import skhep_dnn
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._lowering.lowering import Lowering, qualified
from skhep_dnn.export._lowering.rules import REASONS, SCORE_RULES, TRANSFORM_RULES
from skhep_dnn.export._scoring_program import scoring_program
from skhep_dnn.model_selection import AutoMLClassifier


def public_estimators():
    """All public classes with a `fit` or a prediction, by name."""
    found = {}
    for info in pkgutil.iter_modules(skhep_dnn.__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"skhep_dnn.{info.name}")
        for name in getattr(module, "__all__", ()):
            kind = getattr(module, name)
            if isinstance(kind, type) and issubclass(kind, BaseEstimator):
                found[name] = kind
    return found


ESTIMATORS = public_estimators()


def test_the_estimators_are_those_of_the_package():
    assert {"WeightedDNNClassifier", "SymmetryAligner", "WeightedPipeline"} <= set(
        ESTIMATORS
    )
    assert len(ESTIMATORS) == 14


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_every_estimator_has_a_rule_or_a_reason(name):
    key = qualified(ESTIMATORS[name])
    rules = {**SCORE_RULES, **TRANSFORM_RULES}
    assert (key in rules) != (key in REASONS)


def test_reasons_are_of_classes_of_this_package_and_say_what_to_do():
    known = {qualified(kind) for kind in ESTIMATORS.values()}
    assert set(REASONS) <= known
    for reason in REASONS.values():
        assert len(reason) > 40
        assert reason.endswith(".")


def test_a_class_with_a_reason_is_refused_with_it():
    model = AutoMLClassifier()
    model.classes_ = np.array([0, 1])
    message = r"got AutoMLClassifier: its model is that of another library.* Export"
    with pytest.raises(ExportError, match=message):
        scoring_program(model, np.zeros((2, 3)))
    lowering = Lowering(SCORE_RULES, TRANSFORM_RULES, reasons=REASONS)
    with pytest.raises(ExportError, match="must be of a class that can be exported"):
        lowering.transformed(model, None)
