"""How many events does a network save? Learning curves on real HiggsML events.

AUC and balanced log-loss of 5 000 events that nothing is trained on, against the number
of training events, from 1 000 to all 10 000 others, in three draws of events and seeds.
LightGBM on raw columns, with good settings by hand and, tuned anew for each sample of
training events, with the best of ten random settings by their three-fold log-loss; the
defaults of `WeightedDNNClassifier` with five members and the symmetries of the events;
the HiggsML solution of Strong (2020), see `common/higgsml_solution.py`; and networks,
trees on invariant features, and their blend, see `bench_best_score.py`.

The events saved are a factor: with how many times the events does LightGBM reach the
AUC, or the log-loss, of a contender? The better one of the two LightGBM counts at each
size, and the best of all sizes so far, linear in the logarithm of their number. Beyond
the largest size the line from the third last to the last goes on, which is too kind to
the trees, whose curve flattens, to ten times that size at most: such factors are marked
with > and are no measurement. The error is that of the mean over the draws.

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
from benchmarks.common.higgsml_solution import SETTINGS, higgsml_solution
from benchmarks.common.out_of_fold import dnn, pooled_scores
from benchmarks.common.samples import part_of, strata
from benchmarks.common.tables import TABLES
from benchmarks.common.trees import balanced, lightgbm, stored_trials
from skhep_dnn.metrics import balanced_log_loss_from_logits, weighted_roc_auc

N_UNSEEN = 5_000
SIZES = (1_000, 2_000, 4_000, 8_000, 10_000)
N_SETTINGS = 10
FURTHEST = 10  # times the largest size, for what lies beyond it
KEYS = ("AUC", "log-loss")
REFERENCE = ("LightGBM", "LightGBM, tuned")


def single(name, fit):
    """Return a function of training and unseen events that gives scores by name."""

    def scores(train, unseen, seed):
        X, y, w = train.data, train.target, train.sample_weight
        return {name: fit(X, y, w, seed, train.categorical)(unseen.data)}

    return scores


def solution(X, y, w, seed, _categorical):
    """The last step of the HiggsML solution, on raw columns.

    It validates nine times a pass, or after each batch where there are fewer.
    """
    settings = SETTINGS["final"]
    n_batches = int(len(y) * (1 - 1 / settings["cv"])) // settings["batch_size"]
    evaluations = min(settings["evaluations_per_epoch"], n_batches)
    model = higgsml_solution(
        "final", random_state=seed, evaluations_per_epoch=evaluations
    )
    return model.fit(X, y, sample_weight=w).decision_function


def tuned_trees(train, unseen, seed):
    """Scores of LightGBM with the settings that are best on the training events."""
    y, w = train.target, train.sample_weight

    def loss(settings):
        (run,) = pooled_scores(lightgbm(**settings), train, 1, n_folds=3)
        return balanced_log_loss_from_logits(y, run.scores, w)

    best = min(stored_trials("LightGBM")[:N_SETTINGS], key=loss)
    fit = lightgbm(**best)
    return {"LightGBM, tuned": fit(train.data, y, w, seed, None)(unseen.data)}


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
    return [
        single("LightGBM", lightgbm()),
        tuned_trees,
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
    """Return AUC, log-loss and seconds by name, size and draw, printed as they come."""
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
                    print(
                        f"draw {seed}, {n_events} events, {name}: "
                        f"{values[0]:.4f} {values[1]:.4f}",
                        flush=True,
                    )
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
        Linear in the logarithm; the first size if its loss is already lower, and
        ten times the last one at most.
    is_beyond : bool
        Whether the largest size does not reach the loss.
    """
    x, falling = np.log(sizes), np.minimum.accumulate(losses)
    if wanted >= falling[-1]:
        return float(np.exp(np.interp(-wanted, -falling, x))), False
    back = max(-3, -len(x))
    slope = (falling[-1] - falling[back]) / (x[-1] - x[back])
    further = (wanted - falling[-1]) / slope if slope else np.inf
    return float(sizes[-1] * np.exp(min(further, np.log(FURTHEST)))), True


def factors(curves, sizes, figure):
    """Return the factor by which each contender saves events, by name and size.

    Parameters
    ----------
    curves : dict
        Of `learning_curves`.
    sizes : sequence of int
        Numbers of training events.
    figure : int
        0 for the AUC, 1 for the log-loss.
    """
    found = {}
    for name, by_size in curves.items():
        found[name] = {}
        for n_events in sizes:
            pairs = [
                events_needed(
                    sizes,
                    [
                        min(_loss(curves[r][n][k], figure) for r in REFERENCE)
                        for n in sizes
                    ],
                    _loss(values, figure),
                )
                for k, values in enumerate(by_size[n_events])
            ]
            ratio = np.array([needed for needed, _ in pairs]) / n_events
            found[name][n_events] = ratio, any(beyond for _, beyond in pairs)
    return found


def _loss(values, figure):
    return 1 - values[0] if figure == 0 else values[1]


def summary(curves, sizes):
    """Return the rows of the table, printed one by one."""
    rows, saved = {}, [factors(curves, sizes, figure) for figure in (0, 1)]
    print(
        f"{'':20}{'events':>7}" + "".join(f"{k:>19}{'events saved':>17}" for k in KEYS)
    )
    for name, by_size in curves.items():
        for n_events, values in by_size.items():
            row, cells = {}, ""
            for key, figures, of in zip(
                KEYS, np.transpose(values), saved, strict=False
            ):
                ratio, beyond = of[name][n_events]
                error = _error(ratio)
                mark = ">" if beyond else " "
                cells += (
                    f"{figures.mean():10.4f} ± {figures.std():.4f}"
                    f"{mark:>5}{ratio.mean():5.2f} ± {error:.2f}"
                )
                row[key] = {
                    "value": round(float(figures.mean()), 5),
                    "spread": round(float(figures.std()), 5),
                    "factor": round(float(ratio.mean()), 2),
                    "error": _finite(error),
                    "beyond": beyond,
                }
            row["seconds"] = round(float(np.mean([v[-1] for v in values])), 1)
            rows[f"{name}, {n_events}"] = row
            print(f"{name:20}{n_events:7}{cells}")
    return rows


def _error(ratio):
    """Return the error of a mean over draws; nan of a single one."""
    if len(ratio) == 1:
        return np.nan
    return np.std(ratio, ddof=1) / np.sqrt(len(ratio))


def _finite(value):
    return round(float(value), 2) if np.isfinite(value) else None


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
    rows = summary(curves, sizes)
    print(json.dumps({"benchmark": "event_efficiency", "draws": draws, "rows": rows}))


if __name__ == "__main__":
    main()
