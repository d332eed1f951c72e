"""Benchmark of `choice`: the optimism of the score of the trial that a search takes.

Each search tunes a tree with random splits on 500 events with heavy-tailed weights, by
30 random trials. The truth is known: a large sample that nobody has seen, each fifth of
it predicted by the model of one fold, has the score that the pooled score estimates.
"optimism" is the pooled score minus this truth, on average over the searches. "first"
is a trial that no score has chosen, as a check, and "nested" the pooled score of whole
searches within further folds. "refit" is the true score of the model that is fitted on
all events, minus that of the best trial: what the choice is worth.

AUC of 50 searches, 12 of them nested:

                        optimism         its spread  quoted error  refit
    best                +0.041 ± 0.004   0.028       0.031         0
    score_minus_error   +0.041 ± 0.004   0.029       0.031         +0.000 ± 0.001
    one_standard_error  +0.026 ± 0.005   0.032       0.034         -0.022 ± 0.006
    first               -0.011 ± 0.006   0.041       0.037         -0.090 ± 0.013
    nested              +0.007 ± 0.012   0.041       0.036         0

The score of the best trial is too good by more than its quoted error. The simplest one
within an error is less lucky, and a worse model. The score of nested folds is right.

    python -m benchmarks.bench_choice [--quick]
"""

import argparse
import json
import time
import warnings

import numpy as np
from joblib import Parallel, delayed
from optuna.distributions import IntDistribution
from optuna.storages import InMemoryStorage
from sklearn.base import clone
from sklearn.tree import ExtraTreeClassifier

from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.exceptions import LowStatisticsWarning
from skhep_dnn.metrics import weighted_roc_auc
from skhep_dnn.model_selection import OptunaSearchCV, cross_validate_pooled

N_EVENTS, N_LARGE = 500, 50_000
N_FOLDS, N_TRIALS = 5, 30
CHOICES = ("best", "score_minus_error", "one_standard_error")
TREE = ExtraTreeClassifier(random_state=0)
SPACE = {
    "max_depth": range(1, 11),
    "min_samples_leaf": IntDistribution(1, 100, log=True),
    "max_features": range(1, 5),
}


def sample(n_events, seed):
    """Return events, labels and weights that are mostly those of few events."""
    events = make_gaussian_events(
        n_events, separation=1.5, weight_spread=1.0, random_state=seed
    )
    return events.data.to_numpy(), events.target, events.sample_weight


def search(choice, seed, storage=None, n_replicas=200):
    return OptunaSearchCV(
        TREE,
        SPACE,
        n_trials=N_TRIALS,
        sampler="random",
        scoring="roc_auc",
        cv=N_FOLDS,
        choice=choice,
        complexity="max_depth",
        storage=storage,
        n_replicas=n_replicas,
        random_state=seed,
    )


def true_score(models, large):
    """Return the pooled score of a large sample; each model predicts a part of it."""
    X, y, w = large
    parts = np.array_split(np.arange(len(y)), len(models))
    score = [
        model.predict_proba(X[part])[:, 1]
        for model, part in zip(models, parts, strict=True)
    ]
    return weighted_roc_auc(y, np.concatenate(score), w)


def scores_of(estimator, events, large):
    """Return pooled score, its error and the truth of a cross-validation."""
    result = cross_validate_pooled(
        estimator, *events, scoring="roc_auc", cv=N_FOLDS, return_estimator=True
    )
    truth = true_score(result.estimators, large)
    return result.score.value, result.score.error, truth


def one_search(seed, large, *, nested):
    """Return pooled score, error, truth and true score of the refit, by choice."""
    warnings.simplefilter("ignore", LowStatisticsWarning)
    X, y, w = events = sample(N_EVENTS, seed)
    storage = InMemoryStorage()  # the choices look at the same trials
    params = {}
    for choice in CHOICES:
        one = search(choice, seed, storage).fit(X, y, sample_weight=w)
        params[choice] = one.best_params_
    params["first"] = one.cv_results_["params"][0]
    found = {}
    for name, values in params.items():
        tree = clone(TREE).set_params(**values)
        refit = true_score([clone(tree).fit(X, y, sample_weight=w)], large)
        found[name] = (*scores_of(tree, events, large), refit)
    if nested:
        # The best trial is found without errors.
        scores = scores_of(search("best", seed, n_replicas=2), events, large)
        found["nested"] = (*scores, found["best"][-1])
    return found


def summary(searches):
    """Return optimism and worth of the refit, with errors, by name."""
    rows = {}
    for name in searches[0]:
        of_name = [found for found in searches if name in found]
        score, error, truth, refit = np.array([found[name] for found in of_name]).T
        best = np.array([found["best"][-1] for found in of_name])
        numbers = {
            "optimism": np.mean(score - truth),
            "optimism_error": np.std(score - truth, ddof=1) / np.sqrt(len(of_name)),
            "spread": np.std(score - truth, ddof=1),
            "quoted_error": np.mean(error),
            "refit": np.mean(refit - best),
            "refit_error": np.std(refit - best, ddof=1) / np.sqrt(len(of_name)),
        }
        rows[name] = {key: round(float(value), 5) for key, value in numbers.items()}
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few searches")
    quick = parser.parse_args().quick
    n_searches, n_nested = (4, 2) if quick else (50, 12)
    start = time.perf_counter()
    large = sample(N_LARGE, seed=1_000_000)
    searches = Parallel(n_jobs=2)(
        delayed(one_search)(seed, large, nested=seed < n_nested)
        for seed in range(n_searches)
    )
    rows = summary(searches)
    print(f"{'':20}{'optimism':17}{'its spread':12}{'quoted error':14}refit")
    for name, row in rows.items():
        print(
            f"{name:20}{row['optimism']:+.4f} ± {row['optimism_error']:.4f}"
            f"{row['spread']:11.4f}{row['quoted_error']:12.4f}"
            f"{row['refit']:+14.4f} ± {row['refit_error']:.4f}"
        )
    line = {
        "benchmark": "choice",
        "searches": n_searches,
        "nested": n_nested,
        "seconds": round(time.perf_counter() - start, 1),
        "results": rows,
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
