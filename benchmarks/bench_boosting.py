"""Benchmark of `BoostedDNN`: what each form gains on weak and strong networks.

Out-of-fold scores of two folds, all events together. The tables are HiggsML events,
H -> tau tau events with signed weights, which are trained on and judged by their
expectation, and UCI HIGGS events without weights; toy events where they are not found.
"gain" is the fall of the balanced log-loss against the network alone, with its paired
bootstrap error: the same replicas of the same events. A boosting holds out a fifth of
its events, the networks alone train on all. "10 members" is the mean of ten networks,
which costs as much as the boosting.

    python -m benchmarks.bench_boosting [--quick]
"""

import argparse
import json
import time
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold

from benchmarks.common.samples import ANALYSES
from skhep_dnn import BoostedDNN, WeightedDNNClassifier
from skhep_dnn.exceptions import LowStatisticsWarning
from skhep_dnn.metrics import (
    balanced_log_loss_from_logits,
    paired_bootstrap,
    weighted_roc_auc,
)
from skhep_dnn.weights import training_weights

METHODS = ("gradient", "vote", "reweight")


def contenders(*, quick):
    """Return classifiers by group and name; the first of a group is not boosted."""
    n_weak, n_strong = (3, 2) if quick else (10, 5)
    # Of some tables the weights are signed; with |w| the noise of a gradient is lower.
    weak = WeightedDNNClassifier(
        n_layers=1, width=32, dropout=0.0, max_epochs=10, negative_weights="abs"
    )
    strong = WeightedDNNClassifier(
        max_epochs=5 if quick else 20, negative_weights="abs"
    )
    groups = {
        "weak": {
            "alone": weak,
            f"{n_weak} members": clone(weak).set_params(n_members=n_weak),
            **{m: BoostedDNN(weak, method=m, n_estimators=n_weak) for m in METHODS},
        },
        "strong": {
            "alone": strong,
            f"{n_strong} members": clone(strong).set_params(n_members=n_strong),
            **{m: BoostedDNN(strong, method=m, n_estimators=n_strong) for m in METHODS},
        },
    }
    trees = HistGradientBoostingClassifier(
        max_iter=100, max_leaf_nodes=8, max_bins=31, early_stopping=False
    )
    groups["trees"] = {
        "alone": trees,
        "gradient": BoostedDNN(weak, init=trees, n_estimators=n_weak),
        "strong gradient": BoostedDNN(strong, init=trees, n_estimators=n_strong),
    }
    return groups


def out_of_fold(model, events, seed=0):
    """Return the decision function of each event, iterations used and seconds."""
    start, used = time.perf_counter(), []
    score = np.empty(len(events.target))
    folds = StratifiedKFold(2, shuffle=True, random_state=seed)
    for train, test in folds.split(events.data, events.target):
        y, w = events.target[train], events.sample_weight[train]
        if isinstance(model, HistGradientBoostingClassifier):
            w = training_weights(y, w, negative_weights="abs").weights
        fitted = clone(model).set_params(random_state=seed)
        fitted.fit(events.data.iloc[train], y, sample_weight=w)
        score[test] = fitted.decision_function(events.data.iloc[test])
        used.append(getattr(fitted, "n_iter_", None))
    used = used if isinstance(model, BoostedDNN) else []
    return score, used, time.perf_counter() - start


def compared(group, events):
    """Return one row for each contender of a group."""
    rows, first = {}, None
    y, w = events.target, events.true_weight
    for name, model in group.items():
        score, used, seconds = out_of_fold(model, events)
        first = score if first is None else first
        gain = paired_bootstrap(
            "balanced_log_loss_from_logits", y, first, score, w, random_state=0
        )
        rows[name] = {
            "log_loss": round(balanced_log_loss_from_logits(y, score, w), 5),
            "auc": round(weighted_roc_auc(y, score, w), 5),
            "gain": round(gain.difference, 5),
            "error": round(gain.error, 5),
            "iterations": used,
            "seconds": round(seconds, 1),
        }
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few events")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore", LowStatisticsWarning)
    results = {}
    for table, load in ANALYSES.items():
        events = load(1_000 if quick else 9_000)
        results[table] = {
            group: compared(models, events)
            for group, models in contenders(quick=quick).items()
        }
        print(f"{table}, {len(events.target)} events")
        for group, rows in results[table].items():
            for name, row in rows.items():
                print(
                    f"    {group:7}{name:16}log-loss {row['log_loss']:.4f}  AUC "
                    f"{row['auc']:.4f}  gain {row['gain']:+.4f} ± {row['error']:.4f}  "
                    f"{row['seconds']:5.1f} s  {row['iterations'] or ''}"
                )
    print(json.dumps({"benchmark": "boosting", "results": results}))


if __name__ == "__main__":
    main()
