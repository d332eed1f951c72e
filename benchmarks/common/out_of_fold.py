"""Compare classifiers on the same events: pooled out-of-fold scores, paired errors.

Every contender scores the same events in the same five folds, for several seeds.
Differences to the first contender are paired: the same bootstrap replicas for all,
averaged over the seeds. A contender is a function `fit(X, y, w, seed, categorical)`
that returns a function of new events: their scores.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedKFold

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.metrics import paired_bootstrap
from skhep_dnn.model_selection import cross_validate_pooled

__all__ = [
    "N_FOLDS",
    "N_REPLICAS",
    "Figure",
    "Run",
    "compare",
    "dnn",
    "header",
    "pooled_scores",
    "tabulate",
]

N_FOLDS = 5
N_REPLICAS = 200


@dataclass(frozen=True)
class Figure:
    """A figure of merit of two classes; `view(run, events)` may prepare the scores."""

    metric: Any
    view: Any = None

    def paired(self, run, other, events):
        """Difference of two runs, with the replicas that all runs share."""
        runs = (run, other)
        scores = [self.view(r, events) if self.view else r.scores for r in runs]
        return paired_bootstrap(
            self.metric,
            events.target,
            *scores,
            events.sample_weight,
            n_replicas=N_REPLICAS,
            random_state=0,
        )


@dataclass(frozen=True)
class Run:
    """Of one seed: out-of-fold scores, the fold of each event, seconds of a fit."""

    scores: np.ndarray
    fold: np.ndarray
    seconds: float


def dnn(n_jobs=None, **params):
    """The package's own classifier on raw columns."""

    def fit(X, y, w, seed, categorical):
        model = WeightedDNNClassifier(
            categorical_features=categorical, random_state=seed, n_jobs=n_jobs
        ).set_params(**params)
        return model.fit(X, y, sample_weight=w).decision_function

    return fit


class Contender(ClassifierMixin, BaseEstimator):
    """A contender as an estimator."""

    def __init__(self, function, seed=0, categorical=None):
        self.function = function
        self.seed = seed
        self.categorical = categorical

    def fit(self, X, y, sample_weight):
        """Call the function; what it returns scores new events."""
        self.classes_ = np.unique(y)
        self.score_ = self.function(X, y, sample_weight, self.seed, self.categorical)
        return self

    def decision_function(self, X):
        """Return the scores of events."""
        return self.score_(X)

    def predict(self, X):
        """Return the class with the highest score, the second one of two above 0."""
        scores = self.score_(X)
        best = scores.argmax(1) if scores.ndim > 1 else (scores > 0).astype(int)
        return self.classes_[best]


def pooled_scores(fit, events, seeds, n_jobs=1, n_folds=N_FOLDS):
    """Score each event by the model of the folds that it does not belong to.

    One run for each seed; with `n_jobs` the folds are fitted in that many processes of
    one thread each, which changes no score.
    """
    runs = []
    with parallel_config("loky", inner_max_num_threads=1):
        for seed in range(seeds):
            found = cross_validate_pooled(
                Contender(fit, seed, events.categorical),
                events.data,
                events.target,
                events.sample_weight,
                scoring="accuracy",  # the figures come later, from the scores
                cv=StratifiedKFold(n_folds, shuffle=True, random_state=seed),
                n_replicas=0,
                n_jobs=n_jobs,
            )
            seconds = float(np.median(found.fit_time))
            scores = found.oof_decision_function
            runs.append(Run(scores, found.passes[0].fold, seconds))
    return runs


def compare(contenders, events, figures, seeds, n_jobs=1):
    """Print and return the rows of pooled out-of-fold scores."""

    def runs_of(fit):
        return pooled_scores(fit, events, seeds, n_jobs)

    return tabulate(contenders, runs_of, events, figures)


def tabulate(contenders, runs_of, events, figures):
    """Print a row for each contender once it is measured, and return all of them.

    A figure of a row is its value, the spread over the seeds, the difference to the
    first contender, the error of this difference from the events, by the bootstrap, and
    that from the seeds, of the mean over them (0 of a single one).
    """
    reference, rows = [], {}
    for name, fit in contenders.items():
        runs = runs_of(fit)
        reference = reference or runs
        row = {"seconds a fit": round(float(np.median([r.seconds for r in runs])), 1)}
        for label, figure in figures.items():
            row[label] = _differences(figure, runs, reference, events)
        rows[name] = row
        print(_line(name, row, figures), flush=True)
    return rows


def _differences(figure, runs, reference, events):
    results = [
        figure.paired(run, other, events)
        for run, other in zip(runs, reference, strict=True)
    ]
    replicas = np.mean([result.replicas for result in results], axis=0)
    values = [result.value_a for result in results]
    differences = [result.difference for result in results]
    spread = np.std(differences, ddof=1) if len(differences) > 1 else 0.0
    summary = {
        "value": np.mean(values),
        "seed spread": np.std(values),
        "difference": np.mean(differences),
        "paired error": np.nanstd(replicas, ddof=1),
        "seed error": spread / np.sqrt(len(differences)),
    }
    return {name: round(float(value), 6) for name, value in summary.items()}


def header(figures, title=""):
    """Names of the columns that `compare` prints."""
    return f"{title:28}" + "".join(f"{k:>8} {'(- first ± error)':18}" for k in figures)


def _line(name, row, figures):
    cells = [
        f"{row[k]['value']:8.4f} ({row[k]['difference']:+.4f} ± "
        f"{row[k]['paired error']:.4f})"
        for k in figures
    ]
    return f"{name:28}" + "".join(cells) + f"{row['seconds a fit']:7.1f} s"
