"""How many events does a network save? Learning curves on real HiggsML events.

AUC and balanced log-loss of 5 000 events that nothing is trained on, against the number
of training events, from 1 000 to all 10 000 others, in three draws of events and seeds.
Boosted trees on raw columns, with good settings and with the best of the 30 stored in
`common/tuned_trees.json`; the defaults of `WeightedDNNClassifier` with five members and
the symmetries of the events; the HiggsML solution of Strong (2020), see
`common/higgsml_solution.py`; and networks, trees on invariant features, and their
blend, see `bench_best_score.py`.

The events saved are a factor: with how many times the events do boosted trees reach the
log-loss of a contender? The lower one of the two LightGBM counts at each size, falling
with the number of events, linear in its logarithm between the sizes. Beyond the largest
size the line from the third last to the last goes on, which is too kind to the trees,
whose curve flattens: such factors are marked with > and are no measurement. The error
is that of the mean over the draws.

    python -m benchmarks.bench_event_efficiency [--quick] [--draws N]
"""

import argparse
import json
from time import perf_counter

import numpy as np
import torch
from scipy.special import logit
from sklearn.model_selection import StratifiedShuffleSplit

from benchmarks.bench_best_score import best_model
from benchmarks.common.higgsml_solution import higgsml_solution
from benchmarks.common.out_of_fold import dnn
from benchmarks.common.samples import part_of, strata
from benchmarks.common.tables import TABLES
from benchmarks.common.trees import balanced, lightgbm, stored_settings
from skhep_dnn.metrics import balanced_log_loss_from_logits, weighted_roc_auc

N_UNSEEN = 5_000
SIZES = (1_000, 2_000, 4_000, 8_000, 10_000)
REFERENCE = ("LightGBM", "LightGBM, tuned")


def single(name, fit):
    """Return a function of training and unseen events that gives scores by name."""

    def scores(train, unseen, seed):
        X, y, w = train.data, train.target, train.sample_weight
        return {name: fit(X, y, w, seed, train.categorical)(unseen.data)}

    return scores


def solution(X, y, w, seed, _categorical):
    """The last step of the HiggsML solution, on raw columns."""
    model = higgsml_solution("final", random_state=seed)
    return model.fit(X, y, sample_weight=w).decision_function


def blend(train, unseen, seed):
    """Scores of the blend and of its two parts, of one fit."""
    y, w = train.target, train.sample_weight
    model = best_model(seed).fit(train.data, y, sample_weight=balanced(y, w))
    parts = {
        "networks, augmented": model.named_estimators_["networks"],
        "trees on invariants": model.named_estimators_["trees"],
        "networks and trees": model,
    }
    p = {name: part.predict_proba(unseen.data)[:, 1] for name, part in parts.items()}
    return {name: logit(np.clip(value, 1e-12, 1 - 1e-12)) for name, value in p.items()}


def contenders(events):
    """Return what is compared, each a function of training and unseen events."""
    tuned = stored_settings("LightGBM", "higgsml")
    return [
        single("LightGBM", lightgbm()),
        single("LightGBM, tuned", lightgbm(**tuned)),
        single("defaults", dnn(n_members=5, augmenter=events.augmenter)),
        single("HiggsML solution", solution),
        blend,
    ]


def drawn(events, n_unseen, sizes, seed):
    """Return unseen events, the same in all draws, and nested training samples."""
    labels = strata(events)
    rows = np.arange(len(labels))
    split = StratifiedShuffleSplit(1, test_size=n_unseen, random_state=0)
    others, unseen = next(split.split(rows, labels))
    samples = {}
    for n_events in sorted(sizes, reverse=True):
        if n_events < len(others):
            split = StratifiedShuffleSplit(1, train_size=n_events, random_state=seed)
            chosen, _ = next(split.split(others, labels[others]))
            others = others[chosen]
        samples[n_events] = part_of(events, np.sort(others))
    return part_of(events, np.sort(unseen)), samples


def learning_curves(events, n_unseen, sizes, draws):
    """Return AUC, log-loss and seconds by name, size and draw, printed by size."""
    curves = {}
    for seed in range(draws):
        unseen, samples = drawn(events, n_unseen, sizes, seed)
        for n_events in sizes:
            for contender in contenders(events):
                start = perf_counter()
                found = contender(samples[n_events], unseen, seed)
                seconds = perf_counter() - start
                for name, scores in found.items():
                    values = (*_figures(unseen, scores), seconds)
                    curves.setdefault(name, {}).setdefault(n_events, []).append(values)
    return curves


def _figures(unseen, scores):
    y, w = unseen.target, unseen.sample_weight
    return weighted_roc_auc(y, scores, w), balanced_log_loss_from_logits(y, scores, w)


def events_needed(sizes, losses, wanted):
    """Return with how many events a curve reaches a loss, and if beyond its end.

    Parameters
    ----------
    sizes, losses : array-like of shape (n_sizes,)
        Numbers of events, rising, and the loss with each.
    wanted : float
        The loss to reach.

    Returns
    -------
    n_events : float
        Linear in the logarithm; the first size if its loss is already lower.
    is_beyond : bool
        Whether the largest size does not reach the loss.
    """
    x, falling = np.log(sizes), np.minimum.accumulate(losses)
    if wanted >= falling[-1]:
        return float(np.exp(np.interp(-wanted, -falling, x))), False
    back = max(-3, -len(x))
    slope = (falling[-1] - falling[back]) / (x[-1] - x[back])
    if slope == 0:
        return np.inf, True
    return float(np.exp(x[-1] + (wanted - falling[-1]) / slope)), True


def factors(curves, sizes):
    """Return the factor by which each contender saves events, by name and size."""
    found = {}
    for name in curves:
        for n_events in sizes:
            draws = len(curves[name][n_events])
            pairs = [
                events_needed(
                    sizes,
                    [min(curves[r][n][k][1] for r in REFERENCE) for n in sizes],
                    curves[name][n_events][k][1],
                )
                for k in range(draws)
            ]
            ratio = np.array([n for n, _ in pairs]) / n_events
            error = np.std(ratio, ddof=1) / np.sqrt(draws) if draws > 1 else np.nan
            found.setdefault(name, {})[n_events] = {
                "factor": round(float(np.mean(ratio)), 2),
                "error": round(float(error), 2),
                "beyond": any(beyond for _, beyond in pairs),
            }
    return found


def summary(curves, saved):
    """Return the rows of the table, printed one by one."""
    rows = {}
    print(f"{'':24}{'events':>7}{'AUC':>17}{'log-loss':>18}{'events saved':>17}")
    for name, by_size in curves.items():
        for n_events, values in by_size.items():
            auc, loss, seconds = np.transpose(values)
            factor = saved[name][n_events]
            rows[f"{name}, {n_events}"] = {
                "AUC": round(float(auc.mean()), 5),
                "AUC spread": round(float(auc.std()), 5),
                "log-loss": round(float(loss.mean()), 5),
                "log-loss spread": round(float(loss.std()), 5),
                "seconds": round(float(seconds.mean()), 1),
                **factor,
            }
            print(
                f"{name:24}{n_events:7}{auc.mean():10.4f} ± {auc.std():.4f}"
                f"{loss.mean():10.4f} ± {loss.std():.4f}"
                f"{'>' if factor['beyond'] else ' ':>5}{factor['factor']:5.2f} ± "
                f"{factor['error']:.2f}"
            )
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="1 600 events, one draw")
    parser.add_argument("--draws", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    quick = options.quick
    events = TABLES["higgsml"](2_500 if quick else None)
    sizes, draws = ((800, 1_600), 1) if quick else (SIZES, options.draws)
    n_unseen = len(events.target) // 3
    curves = learning_curves(events, n_unseen, sizes, draws)
    rows = summary(curves, factors(curves, sizes))
    print(json.dumps({"benchmark": "event_efficiency", "draws": draws, "rows": rows}))


if __name__ == "__main__":
    main()
