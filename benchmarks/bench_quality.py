"""Quality on real HiggsML events: five folds, pooled out-of-fold, paired errors.

Every contender scores the same events in the same folds, with physics weights, for
several seeds. The AMS of a fold is taken at the cut chosen on the other four folds, so
that no event decides its own cut. Differences to the first contender are paired: the
same bootstrap replicas for all, averaged over the seeds. With `--defaults` the
contenders are the default classifier and variations of one parameter each; the defaults
of `WeightedDNNClassifier` are chosen by that table.

    python benchmarks/bench_quality.py [--quick] [--defaults] [--seeds N]
"""

import argparse
import json
from time import perf_counter

import numpy as np
import torch
from lightgbm import LGBMClassifier
from real_events import higgsml_path
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import fetch_higgsml, make_higgs_events
from skhep_dnn.metrics import (
    SignificanceAt,
    paired_bootstrap,
    significance_scan,
    threshold_top_fraction,
)
from skhep_dnn.weights import training_weights

N_FOLDS = 5
METRICS = {
    "AUC": "roc_auc",
    "log-loss": "balanced_log_loss_from_logits",
    "AMS": SignificanceAt(0.0, kind="ams"),
}


def dnn(**params):
    """The package's own classifier on raw columns."""

    def fit(X, y, w, seed, categorical):
        model = WeightedDNNClassifier(
            categorical_features=categorical, random_state=seed, n_jobs=2
        ).set_params(**params)
        return model.fit(X, y, sample_weight=w).decision_function

    return fit


def lightgbm(X, y, w, seed, _categorical):
    """LightGBM with settings that are good on these events, balanced weights."""
    model = LGBMClassifier(
        n_estimators=300,
        learning_rate=0.04,
        num_leaves=15,
        min_child_samples=50,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.5,
        reg_lambda=5,
        n_jobs=2,
        verbose=-1,
        random_state=seed,
    )
    model.fit(X, y, sample_weight=_balanced(y, w))
    return lambda X_new: model.predict(X_new, raw_score=True)


def boosted_trees(X, y, w, seed, categorical):
    """scikit-learn's histogram gradient boosting, balanced weights."""
    model = HistGradientBoostingClassifier(
        max_iter=200,
        learning_rate=0.05,
        max_leaf_nodes=15,
        l2_regularization=5.0,
        categorical_features=categorical,
        random_state=seed,
    )
    return model.fit(X, y, sample_weight=_balanced(y, w)).decision_function


def mlp(X, y, w, seed, _categorical):
    """scikit-learn's multilayer perceptron, 4 x 100, early stopping, balanced."""
    prepare = make_pipeline(SimpleImputer(), StandardScaler()).fit(X)
    model = MLPClassifier(
        hidden_layer_sizes=(100,) * 4,
        batch_size=256,
        early_stopping=True,
        n_iter_no_change=5,
        random_state=seed,
    )
    model.fit(prepare.transform(X), y, sample_weight=_balanced(y, w))

    def score(X_new):
        p = model.predict_proba(prepare.transform(X_new))[:, 1]
        p = np.clip(p, 1e-12, 1 - 1e-12)
        return np.log(p / (1 - p))

    return score


def plain_torch(X, y, w, seed, _categorical):
    """A plain 4 x 100 swish network with a hand-written loop, 15 passes of Adam."""
    torch.manual_seed(seed)
    prepare = make_pipeline(SimpleImputer(), StandardScaler()).fit(X)
    inputs = torch.from_numpy(prepare.transform(X).astype(np.float32))
    target = torch.from_numpy((y == "s").astype(np.float32))
    weight = torch.from_numpy(_balanced(y, w).astype(np.float32))
    layers, n_in = [], inputs.shape[1]
    for _ in range(4):
        layers += [nn.Linear(n_in, 100), nn.SiLU()]
        n_in = 100
    model = nn.Sequential(*layers, nn.Linear(100, 1))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(15):
        for rows in torch.randperm(len(inputs)).split(256):
            loss = nn.functional.binary_cross_entropy_with_logits(
                model(inputs[rows]).squeeze(1), target[rows], weight=weight[rows]
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    @torch.inference_mode()
    def score(X_new):
        values = prepare.transform(X_new).astype(np.float32)
        return model(torch.from_numpy(values)).squeeze(1).double().numpy()

    return score


PEERS = {
    "WeightedDNN, 5 members": dnn(n_members=5),
    "WeightedDNN, 1 member": dnn(n_members=1),
    "LightGBM": lightgbm,
    "HistGradientBoosting": boosted_trees,
    "plain torch 4 x 100": plain_torch,
    "scikit-learn MLP 4 x 100": mlp,
}
VARIATIONS = {
    "defaults": {},
    "plain connection": {"connection": "plain"},
    "relu": {"activation": "relu"},
    "2 layers": {"n_layers": 2},
    "6 layers": {"n_layers": 6},
    "width 32": {"width": 32},
    "width 100": {"width": 100},
    "dropout 0.1": {"dropout": 0.1},
    "dropout 0.2": {"dropout": 0.2},
    "dropout 0.4": {"dropout": 0.4},
    "learning rate 2e-3": {"learning_rate": 2e-3},
    "learning rate 1e-2": {"learning_rate": 1e-2},
    "epsilon 1e-8": {"optimizer_eps": 1e-8},
    "epsilon 1e-2": {"optimizer_eps": 1e-2},
    "constant schedule": {"schedule": "constant", "learning_rate": 1e-3},
    "10 epochs": {"max_epochs": 10},
    "40 epochs": {"max_epochs": 40},
    "batches of 128": {"batch_size": 128},
    "batches of 512": {"batch_size": 512},
    "10 % validation": {"validation_fraction": 0.1},
}


def pooled_scores(fit, events, seed):
    """Score each event by the model of the folds that it does not belong to."""
    X, y, w = events.data, events.target, events.sample_weight
    scores, fold = np.empty(len(y)), np.empty(len(y), dtype=int)
    splitter = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    for k, (train, test) in enumerate(splitter.split(X, y)):
        score = fit(X.iloc[train], y[train], w[train], seed, events.categorical)
        scores[test], fold[test] = score(X.iloc[test]), k
    return scores, fold


def relative_to_cut(scores, fold, events):
    """Shift each fold's scores by the cut that the other folds choose."""
    y, w = events.target, events.sample_weight
    shifted = np.empty_like(scores)
    for k in range(N_FOLDS):
        others = fold != k
        scan = significance_scan(
            y[others],
            scores[others],
            w[others],
            kind="ams",
            signal_yield=w[y == "s"].sum(),
            background_yield=w[y == "b"].sum(),
        )
        shifted[~others] = scores[~others] - threshold_top_fraction(scan).threshold
    return shifted


def compare(contenders, events, seeds, n_replicas):
    """Return value, difference to the first contender and its error, by metric."""
    y, w = events.target, events.sample_weight
    reference, rows = [], {}
    for name, fit in contenders.items():
        start = perf_counter()
        runs = [pooled_scores(fit, events, seed) for seed in range(seeds)]
        seconds = (perf_counter() - start) / (seeds * N_FOLDS)
        reference = reference or runs
        row = {"seconds a fit": round(seconds, 1)}
        for label, metric in METRICS.items():
            results = [
                paired_bootstrap(
                    metric,
                    y,
                    _view(label, *run, events),
                    _view(label, *other, events),
                    w,
                    n_replicas=n_replicas,
                    random_state=0,
                )
                for run, other in zip(runs, reference, strict=True)
            ]
            replicas = np.mean([result.replicas for result in results], axis=0)
            values = [result.value_a for result in results]
            row[label] = {
                "value": float(np.mean(values)),
                "seed spread": float(np.std(values)),
                "difference": float(np.mean([r.difference for r in results])),
                "paired error": float(np.nanstd(replicas, ddof=1)),
            }
        rows[name] = row
        print(_line(name, row), flush=True)
    return rows


def _view(label, scores, fold, events):
    return relative_to_cut(scores, fold, events) if label == "AMS" else scores


def _line(name, row):
    cells = [
        f"{row[k]['value']:8.4f} ({row[k]['difference']:+.4f} ± "
        f"{row[k]['paired error']:.4f})"
        for k in METRICS
    ]
    return f"{name:28}" + "".join(cells) + f"{row['seconds a fit']:7.1f} s"


def _balanced(y, w):
    return training_weights(y, w, negative_weights="zero").weights


def _events(quick):
    path = higgsml_path()
    if path.exists():
        events = fetch_higgsml("train", path=path, rescale=True)
    else:
        print("real events not found: toy events instead")
        events = make_higgs_events(15_000, random_state=0)
    if quick:
        keep = np.arange(0, len(events.target), 5)
        events.data = events.data.iloc[keep].reset_index(drop=True)
        events.target = events.target[keep]
        events.sample_weight = 5 * events.sample_weight[keep]
    return events


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--defaults", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    contenders = PEERS
    if options.defaults:
        contenders = {
            name: dnn(n_members=3, **changes) for name, changes in VARIATIONS.items()
        }
    seeds = 1 if options.quick else options.seeds
    torch.set_num_threads(1)
    print(f"{'':28}" + "".join(f"{k:>8} (minus first ± paired)" for k in METRICS))
    rows = compare(contenders, _events(options.quick), seeds, n_replicas=200)
    print(json.dumps({"benchmark": "quality", "seeds": seeds, "rows": rows}))


if __name__ == "__main__":
    main()
