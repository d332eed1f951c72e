"""Folds of a cross-validation as members of one training, against fit by fit.

How much faster are the fits of five folds by `fit_together`, in one process and in two,
than one after the other on one core? Toy events, classifiers with the defaults and
`n_members=1` and 5; a fold is what a classifier trains on. Workers are warm, and the
seconds are those of whole fits. The last columns say that nothing is bought with
quality: pooled out-of-fold log-loss of fit by fit, and the difference of the others to
it, with the bootstrap error of that loss. The aim is a ratio of 1.4 with two processes
and one member.

    python -m benchmarks.bench_folds [--quick]
"""

import argparse
import json
from functools import partial

import numpy as np
import torch
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from benchmarks.common.side_by_side import best_of, seconds
from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.metrics import balanced_log_loss_from_logits
from skhep_dnn.neural_network import fit_together

AIM = 1.4
N_FOLDS = 5
N_REPLICAS = 100


def one_by_one(models, samples):
    return [model.fit(**sample) for model, sample in zip(models, samples, strict=True)]


CONTENDERS = {
    "fit by fit": one_by_one,
    "together, 1 process": fit_together,
    "together, 2 processes": partial(fit_together, n_jobs=2),
}


class Folds:
    """Five folds of some events, and what the last fits made of them."""

    def __init__(self, events, **params):
        self.X, self.y = events.data, events.target
        self.w = events.sample_weight
        self.model = WeightedDNNClassifier(random_state=0, **params)
        splitter = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
        self.folds = list(splitter.split(self.X, self.y))
        self.samples = [
            {
                "X": self.X.iloc[rows],
                "y": self.y[rows],
                "sample_weight": self.w[rows],
            }
            for rows, _ in self.folds
        ]
        self.logits = {}

    def seconds(self, name):
        """Time of the fits; keep their out-of-fold logits."""
        models = [clone(self.model) for _ in self.folds]
        time = seconds(CONTENDERS[name], models, self.samples)
        logits = np.empty(len(self.y))
        for model, (_, rows) in zip(models, self.folds, strict=True):
            logits[rows] = model.decision_function(self.X.iloc[rows])
        self.logits[name] = logits
        return time

    def loss(self, name, rows=slice(None)):
        """Pooled log-loss of some events."""
        return balanced_log_loss_from_logits(
            self.y[rows], self.logits[name][rows], self.w[rows]
        )

    def error(self, name):
        """Bootstrap error of the pooled log-loss."""
        rng, n = np.random.default_rng(0), len(self.y)
        draws = (rng.integers(n, size=n) for _ in range(N_REPLICAS))
        return np.std([self.loss(name, rows) for rows in draws])


def measure(folds, rounds):
    """Return seconds, ratio to fit by fit and log-loss of each contender."""
    best = best_of(rounds, {name: partial(folds.seconds, name) for name in CONTENDERS})
    first = next(iter(CONTENDERS))
    return {
        name: {
            "seconds": round(time, 2),
            "ratio": round(best[first] / time, 2),
            "log-loss": round(folds.loss(name), 5),
            "difference": round(folds.loss(name) - folds.loss(first), 5),
            "error": round(folds.error(name), 5),
        }
        for name, time in best.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    in_fold, rounds, params = (1_000, 1, {"max_epochs": 2}) if quick else (6_000, 3, {})
    torch.set_num_threads(1)
    events = make_higgs_events(in_fold * N_FOLDS // (N_FOLDS - 1), random_state=0)
    rows = {}
    print(
        f"{'members  contender':32}{'seconds':>9}{'ratio':>7}{'log-loss':>10}"
        f"{'difference':>12}{'error':>9}"
    )
    for n_members in (1, 5):
        warm_up = Folds(events, n_members=n_members, max_epochs=1)
        for name in CONTENDERS:
            warm_up.seconds(name)
        rows[n_members] = measure(Folds(events, n_members=n_members, **params), rounds)
        for name, row in rows[n_members].items():
            print(
                f"{n_members:7}  {name:23}{row['seconds']:9.2f}{row['ratio']:7.2f}"
                f"{row['log-loss']:10.5f}{row['difference']:12.5f}{row['error']:9.5f}",
                flush=True,
            )
    print(json.dumps({"benchmark": "folds", "aim": AIM, "rows": rows}))


if __name__ == "__main__":
    main()
