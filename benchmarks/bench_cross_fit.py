"""Benchmark of cross-fitting: is a cut of out-of-fold scores the same on new events.

Each toy trains boosted trees on 12 000 events in five folds, by event number. Two cuts
are chosen on the pooled out-of-fold scores.

The first has a background efficiency of 1 % on them. New events are scored by the one
model that their number selects, by the mean of the five, or by a model that is fitted
to all events. "foreseen" is the efficiency of that refit as the shift says that
`SignificanceThresholdClassifier` measures from three to four folds.

The second has the largest Asimov significance, of a background that is known to 10 %.
`SignificanceThresholdClassifier` ("pooled") takes it at all scores, from 25 effective
background events on; `TunedThresholdClassifierCV` of scikit-learn ("tuned") takes the
mean of the curves of the folds at 100 probabilities, each at full yields and from 5
effective background events on, a fifth of 25. Both cuts are applied to new events,
which the models of the folds score. "own" is the significance that the choice says of
itself, "cross-fitted" the one that `cross_fitted_` says, and n_eff the number of
effective background events out-of-fold.

100 toys for the efficiencies, in per cent, 20 for the significances:

    out-of-fold        1.000
    one model          1.006 ± 0.016
    mean               0.712 ± 0.016
    refit              0.737 ± 0.018
    foreseen           0.812 ± 0.015

                       new events       own              n_eff
    pooled             0.555 ± 0.014    0.560 ± 0.019    28.1
    tuned              0.497 ± 0.015    0.518 ± 0.015    48.6
    cross-fitted                        0.490 ± 0.017

The cut holds on events that one model scores. Three tenths of the background behind it
are gone if the mean or a new fit does; the measured shift foresees most of it. A tight
cut is not among 100 probabilities.

    python -m benchmarks.bench_cross_fit [--quick]
"""

import argparse
import json
import time
import warnings
from functools import partial

import numpy as np
import sklearn
from scipy.special import logit
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import PredefinedSplit, TunedThresholdClassifierCV

from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.exceptions import (
    LowStatisticsWarning,
    RefitCutWarning,
    UndefinedSignificanceWarning,
)
from skhep_dnn.metrics import (
    make_significance_scorer,
    significance_scan,
    threshold_at_efficiency,
)
from skhep_dnn.model_selection import EventNumberKFold, SignificanceThresholdClassifier

N_EVENTS, N_NEW = 12_000, 60_000
N_OF_CHOICES = 20  # toys for the significances
YIELDS = {"signal_yield": 100.0, "background_yield": 20_000.0}
SIGNIFICANCE = {"kind": "asimov", "rel_sigma_b": 0.1}
TREES = HistGradientBoostingClassifier(
    max_iter=30,
    learning_rate=0.3,
    max_bins=31,
    random_state=0,
)
AT_ONE_PER_CENT = partial(threshold_at_efficiency, background=0.01)


def sample(n_events, seed):
    """Return events of two classes with exponential weights, and their numbers."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_events) % 2
    X = rng.normal(size=(n_events, 5))
    X[:, :3] += 0.8 * y[:, None]
    w = rng.exponential(size=n_events)
    return X, y, w, n_events * seed + np.arange(n_events)


def efficiencies(events, new):
    """Return background efficiencies at a cut of 1 %, in per cent."""
    X, y, _, numbers = events
    X_new, y_new, _, new_numbers = new
    background, its_numbers = X_new[y_new == 0], new_numbers[y_new == 0]
    model = CrossFitClassifier(TREES).fit(X, y, event_number=numbers)
    refit = SignificanceThresholdClassifier(
        TREES,
        choose=AT_ONE_PER_CENT,
        cv=PredefinedSplit(model.fold_),
        refit=True,
        n_replicas=0,
    ).fit(X, y)
    cut, shift = refit.best_threshold_, refit.refit_shift_
    each = [m.predict_proba(background)[:, 1] for m in model.estimators_]
    mean = np.mean(each, axis=0)
    scores = {
        "one model": model.decision_function(background, its_numbers),
        "mean": logit(mean),
        "refit": refit.decision_function(background),
    }
    found = {name: 100 * np.mean(score >= cut) for name, score in scores.items()}
    found["out-of-fold"] = 100 * shift.background_after
    found["foreseen"] = 100 * (2 * shift.background_after - shift.background_before)
    return found


def significances(events, new):
    """Return significances on new events of both choices, and what they quote."""
    X, y, w, numbers = events
    X_new, y_new, w_new, new_numbers = new
    folds = EventNumberKFold(5).fold_numbers(groups=numbers)
    pooled = SignificanceThresholdClassifier(
        CrossFitClassifier(TREES), **SIGNIFICANCE, **YIELDS, n_replicas=0
    ).fit(X, y, w, event_number=numbers)
    with sklearn.config_context(enable_metadata_routing=True):
        tuned = TunedThresholdClassifierCV(
            clone(TREES).set_fit_request(sample_weight=True),
            scoring=make_significance_scorer(
                **SIGNIFICANCE, **YIELDS, at="predict", min_n_eff=5.0
            ),
            cv=PredefinedSplit(folds),
        ).fit(X, y, sample_weight=w)
    cross_fit = pooled.estimator_
    scan = significance_scan(
        y_new,
        cross_fit.decision_function(X_new, new_numbers),
        w_new,
        **SIGNIFICANCE,
        **YIELDS,
    )
    result = {}
    for name, cut, own in (
        ("pooled", pooled.best_threshold_, pooled.best_score_),
        ("tuned", logit(tuned.best_threshold_), tuned.best_score_),
    ):
        result[name] = scan.at(cut).z
        result[f"{name}, own"] = own
        result[f"{name}, n_eff"] = pooled.scan_.at(cut).n_eff_b
    result["cross-fitted"] = pooled.cross_fitted_.value
    return result


def one_toy(seed):
    events, new = sample(N_EVENTS, seed), sample(N_NEW, 10_000 + seed)
    found = efficiencies(events, new)
    return found | significances(events, new) if seed < N_OF_CHOICES else found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few toys")
    n_toys = 2 if parser.parse_args().quick else 100
    start = time.perf_counter()
    warnings.simplefilter("ignore", RefitCutWarning)
    warnings.simplefilter("ignore", LowStatisticsWarning)
    warnings.simplefilter("ignore", UndefinedSignificanceWarning)
    toys = [one_toy(seed) for seed in range(n_toys)]
    rows = {}
    for name in toys[0]:
        values = np.array([toy[name] for toy in toys if name in toy])
        error = values.std(ddof=1) / np.sqrt(len(values))
        rows[name] = [round(float(values.mean()), 4), round(float(error), 4)]
        print(f"{name:16}{values.mean():9.4f} ± {error:.4f}")
    line = {
        "benchmark": "cross_fit",
        "toys": n_toys,
        "seconds": round(time.perf_counter() - start, 1),
        "results": rows,
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
