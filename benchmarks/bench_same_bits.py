"""Results of small fits, compared bit by bit.

Do two versions of the package train the same networks? A refactoring must not change a
result. The script makes some fifty small fits (binary
and multiclass, schedules, averages, snapshots, splits, augmentation, callbacks,
`partial_fit`, `warm_start`, out-of-fold scores) and keeps their predictions, histories
and reports. Record them before the first change, and compare after the last one:

    python -m benchmarks.bench_same_bits --record before.npz
    python -m benchmarks.bench_same_bits --compare before.npz

Both must run on one machine: the last bits differ between processors. Without a file it
compares one process with two, which must not differ either.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import PredefinedSplit, StratifiedKFold
from skorch.callbacks import Callback, EarlyStopping, LRScheduler

from skhep_dnn import SymmetryAugmenter, WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.ensemble import SymmetryAveragedClassifier
from skhep_dnn.inspection import LearningRateRangeDisplay
from skhep_dnn.metrics import make_significance_scorer
from skhep_dnn.neural_network import (
    CosineRestarts,
    ExponentialAverage,
    FeatureSplit,
    FocalLoss,
    LinearCycles,
    OneCycle,
    Snapshots,
    StochasticWeightAverage,
    block_reliance,
)

N = 900
BASE = {
    "n_layers": 2,
    "width": 12,
    "max_epochs": 4,
    "batch_size": 64,
    "random_state": 0,
}
HELD_OUT = {"validation_fraction": 0.25}
JETS = ["PRI_jet_num"]


class Losses(Callback):
    """Keeps the training loss of each evaluation."""

    def __init__(self):
        self.seen = []

    def on_epoch_end(self, net, **_kwargs):
        """Keep the loss of this evaluation."""
        self.seen.append(net.history[-1, "train_loss"])


def purity(logit, target, weight):
    """Minus the purity of the selected signal: a loss that needs the whole batch."""
    share = weight.abs() * logit.sigmoid()
    signal, background = (share * target).sum(1), (share * (1 - target)).sum(1)
    return -signal / (signal + background + 1.0)


purity.needs_batch = True

NETWORKS = {
    "one member": {},
    "five members": {"n_members": 5},
    "plain": {"n_members": 7, "dropout": 0.0, "connection": "plain"},
    "residual": {"connection": "residual", "activation": "gelu", "n_members": 2},
    "learnt activations": {"activation": ["prelu", "swish_learnt"], "n_members": 3},
    "other activations": {"activation": ["selu", "tanh"], "connection": "plain"},
    "batch norm": {"batch_norm": True, "n_members": 2},
    "widths": {"hidden_layer_sizes": [20, 10, 5], "dropout": [0.1, 0.0, 0.4]},
    "focal": {"loss": "focal", "label_smoothing": 0.1},
    "penalties": {"loss": FocalLoss(1.0), "l1": 1e-4, "l2": 1e-3, "clip_norm": 0.5},
    "loss of the batch": {"loss": purity, "n_members": 2, **HELD_OUT},
    "adamw": {"optimizer": "adamw", "weight_decay": 0.01},
    "rmsprop": {"optimizer": "rmsprop", "schedule": "constant"},
    "sgd": {"optimizer": "sgd", "momentum": 0.8, "learning_rate": 0.05},
}
COURSES = {
    "early stopping": {
        "schedule": "constant",
        "early_stopping": True,
        "n_iter_no_change": 1,
        "max_epochs": 9,
        "n_members": 3,
        **HELD_OUT,
    },
    "cosine restarts": {
        "schedule": "cosine_restarts",
        "early_stopping": True,
        "n_iter_no_change": 1,
        "max_epochs": 7,
        "n_members": 2,
        **HELD_OUT,
    },
    "linear cycles": {
        "schedule": "linear_cycles",
        "evaluations_per_epoch": 3,
        "n_members": 2,
        **HELD_OUT,
    },
    "callable schedule": {"schedule": OneCycle(warm_up=0.2)},
    "ema": {"averaging": "ema", "n_members": 2},
    "ema, judged": {"averaging": ExponentialAverage(0.9), "n_members": 3, **HELD_OUT},
    "swa": {
        "averaging": StochasticWeightAverage(2, 2),
        "schedule": "constant",
        "max_epochs": 9,
        "n_members": 3,
        **HELD_OUT,
    },
    "swa, plain": {"averaging": StochasticWeightAverage(2, None), "n_members": 2},
    "sse": {
        "snapshots": "sse",
        "schedule": CosineRestarts(1.0, 1.0),
        "max_epochs": 6,
        "n_members": 2,
    },
    "snapshots, judged": {
        "snapshots": Snapshots(3),
        "schedule": "constant",
        "max_epochs": 6,
        "n_members": 3,
        **HELD_OUT,
    },
    "fge": {
        "snapshots": "fge",
        "schedule": LinearCycles(0.5),
        "evaluations_per_epoch": 4,
        "n_members": 2,
        **HELD_OUT,
    },
    "auc": {"scoring": "roc_auc", "n_members": 3, **HELD_OUT},
    "ams": {
        "scoring": make_significance_scorer("ams", min_n_eff=10.0),
        "schedule": "constant",
        "early_stopping": True,
        "n_iter_no_change": 2,
        "max_epochs": 8,
        "n_members": 2,
        **HELD_OUT,
    },
    "callbacks": {"callbacks": [Losses()], "n_members": 5, **HELD_OUT},
    "stopping callback": {
        "callbacks": [EarlyStopping(patience=1), ("losses", Losses)],
        "schedule": "constant",
        "learning_rate": 0.05,
        "max_epochs": 8,
        **HELD_OUT,
    },
    "scheduling callback": {
        "callbacks": [LRScheduler("StepLR", step_size=1, gamma=0.5)],
        "schedule": "constant",
        "n_members": 2,
    },
}


def splits(derived):
    """Return fits that differ in who sees which events and columns."""
    return {
        "folds": {"cv": 3, "n_members": 5},
        "validated folds": {
            "cv": 5,
            "validate_on_fold": True,
            "n_members": 5,
            "member_weighting": "inverse_loss",
        },
        "folds and held out": {"cv": 3, "n_members": 4, "stratify": JETS, **HELD_OUT},
        "splitter": {"cv": StratifiedKFold(4), "n_members": 2},
        "given folds": {"cv": PredefinedSplit(np.arange(N) % 3), "n_members": 3},
        "stratified": {"stratify": JETS, "n_members": 2, **HELD_OUT},
        "categories": {"categorical_features": JETS, "embedding_size": 2},
        "unknown categories": {
            "categorical_features": JETS,
            "embedding_size": "half",
            "missing_values": -999.0,
            "handle_unknown": "mean",
            "n_members": 2,
        },
        "full split": {
            "feature_groups": FeatureSplit(derived, width=6),
            "categorical_features": JETS,
            "n_members": 2,
        },
        "semi split": {
            "feature_groups": FeatureSplit(derived, "semi", 6),
            "batch_norm": True,
        },
        "bottleneck split": {
            "feature_groups": FeatureSplit(derived, "bottleneck", 6),
            "n_members": 3,
        },
        "signed weights": {"n_members": 2, **HELD_OUT},
        "absolute weights": {
            "negative_weights": "abs",
            "max_weight": 5.0,
            "class_weight": {"s": 2.0, "b": 1.0},
            "signal_weight": 1.5,
            "pos_label": "s",
            "n_members": 2,
            **HELD_OUT,
        },
        "positive weights": {"negative_weights": "zero", "cv": 3, "n_members": 3},
        "groups": {"cv": 3, "validate_on_fold": True, "n_members": 3},
        "groups held out": {"n_members": 3, **HELD_OUT},
        "explicit sample": {"n_members": 2},
        "augmented": {"augmenter": SymmetryAugmenter(), "n_members": 2, **HELD_OUT},
        "augmented snapshots": {
            "augmenter": SymmetryAugmenter(),
            "categorical_features": JETS,
            "missing_values": -999.0,
            "snapshots": Snapshots(2),
            "schedule": "constant",
            "n_members": 3,
            **HELD_OUT,
        },
        "three classes": {"n_members": 3, **HELD_OUT},
        "three classes, folds": {
            "cv": 4,
            "validate_on_fold": True,
            "loss": "focal",
            "label_smoothing": 0.05,
            "scoring": "accuracy",
            "n_members": 4,
        },
        "three classes, norm": {"batch_norm": True, "averaging": "ema"},
        "no weights": {"scoring": "roc_auc", "n_members": 2, **HELD_OUT},
    }


class Events:
    """Toy events, and what the fits of some names get of them."""

    def __init__(self):
        events = make_higgs_events(N, random_state=3)
        rng = np.random.default_rng(5)
        self.X, self.y, self.w = events.data, events.target, events.sample_weight
        self.raw = self.X[[name for name in self.X if name.startswith("PRI")]]
        self.signed = self.w * np.where(rng.random(N) < 0.1, -1.0, 1.0)
        self.signed[::50] = 0.0
        other = np.where(rng.random(N) < 0.5, "top", "w")
        self.y_of_three = np.where(self.y == "s", "signal", other)
        self.derived = events.derived[:5]

    def of(self, name):
        """Return X, y, weights and the other arguments of a fit."""
        X = self.raw if name.startswith("augmented") else self.X
        y = self.y_of_three if name.startswith("three") else self.y
        signed = name.endswith("weights") or name == "given folds"
        w = self.signed if signed else self.w
        last = slice(600, None)
        others = {
            "groups": {"groups": np.arange(N) // 3},
            "groups held out": {"groups": np.arange(N) // 3},
            "explicit sample": {
                "X_val": self.X[last],
                "y_val": self.y[last],
                "sample_weight_val": self.w[last],
            },
        }
        return X, y, None if name == "no weights" else w, others.get(name, {})


def results(model, X):
    """Return everything that a fitted model tells, as arrays by name."""
    found = {
        "decision": model.decision_function(X),
        "probability": model.predict_proba(X),
        "member_weights": model.member_weights_,
        "best_loss": model.best_loss_,
        "best_epoch": model.best_epoch_,
        "n_iter": model.n_iter_,
        "n_parameters": np.array(model.n_parameters_),
    }
    for table in ("history_", "weight_report_"):
        for column, values in getattr(model, table, {}).items():
            kind = str if values.dtype.kind == "O" else None
            found[table + str(column)] = values.to_numpy(dtype=kind)
    if hasattr(model, "oof_decision_function_"):
        found["out_of_fold"] = model.oof_decision_function_
    for callbacks in model.callbacks_:
        for name, callback in callbacks:
            if isinstance(callback, Losses):
                found[f"{name}{callback.group_}"] = np.array(callback.seen)
    return found


def record(n_jobs, *, quick=False):
    """Make all fits and return their results as arrays by "fit/result"."""
    events, found = Events(), {}

    def keep(name, values):
        found.update({f"{name}/{key}": value for key, value in values.items()})

    fits = {**NETWORKS, **COURSES, **splits(events.derived)}
    for name in list(fits)[:: 6 if quick else 1]:
        X, y, w, others = events.of(name)
        options = {**BASE, **fits[name], "n_jobs": n_jobs}
        model = WeightedDNNClassifier(**options).fit(X, y, w, **others)
        keep(name, results(model, X))
        if name.endswith("split"):
            found[f"{name}/reliance"] = block_reliance(model, X).to_numpy()
        if name in {"one member", "snapshots, judged", "three classes"}:
            model.set_params(warm_start=True, random_state=7).fit(X, y, w)
            keep(f"{name}, warm start", results(model, X))
    model = WeightedDNNClassifier(**BASE, n_members=3)
    for part in (slice(0, 400), slice(300, 900)):
        X, y, w = events.X[part], events.y[part], events.w[part]
        model.partial_fit(X, y, sample_weight=w).set_params(learning_rate=2e-3)
    keep("parts", results(model, events.X))
    of_rates = LearningRateRangeDisplay.from_estimator(
        WeightedDNNClassifier(**BASE, n_members=2), events.X, events.y, events.w
    )
    found["learning rates/loss"] = of_rates.loss
    for inner in (
        WeightedDNNClassifier(**BASE, **HELD_OUT),
        HistGradientBoostingClassifier(max_iter=20, early_stopping=True),
    ):
        model = SymmetryAveragedClassifier(inner, n_copies=3, random_state=1)
        model.fit(events.raw, events.y, sample_weight=events.w)
        name = f"copies for {type(inner).__name__}"
        found[f"{name}/decision"] = model.decision_function(events.raw)
    return found


def differences(one, other):
    """Return the largest difference by result that is not the same bit by bit."""
    different = {}
    for name in sorted({*one, *other}):
        a, b = one.get(name), other.get(name)
        known = a is not None and b is not None
        if known and a.dtype == b.dtype and a.shape == b.shape:
            if a.tobytes() == b.tobytes():
                continue
            numbers = a.dtype.kind == "f"
            different[name] = float(np.nanmax(np.abs(a - b))) if numbers else None
        else:
            different[name] = None
    return different


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--record", type=Path, help="write the results to this file")
    parser.add_argument("--compare", type=Path, help="compare with such a file")
    parser.add_argument("--quick", action="store_true", help="one fit of six")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # tiny samples, of which the classifier warns
    found = record(1, quick=options.quick)
    if options.compare is None:
        reference = record(2, quick=options.quick)
    else:
        with np.load(options.compare) as file:
            reference = dict(file)
    different = differences(reference, found)
    print("| result | largest difference |")
    print("|---|---|")
    for name, value in different.items():
        print(f"| {name} | {'of another kind' if value is None else f'{value:.1e}'} |")
    print(f"| of {len(found)} results in all | {len(different)} differ |")
    if options.record is not None:
        np.savez(options.record, **found)
    print(
        json.dumps(
            {
                "benchmark": "same_bits",
                "n_results": len(found),
                "n_different": len(different),
            }
        )
    )


if __name__ == "__main__":
    main()
