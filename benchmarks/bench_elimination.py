"""Backward elimination: what it drops in error, what it misses, and what it costs.

Toys with logistic regression, in which it is known what is useful: how often is a
useful variable dropped where all are useful, and how many useless ones are found, with
binomial errors; and how much sooner "hybrid" and "shuffle" are ready than "retrain",
and how often they select the same. On real events, a small network: seconds of the
first iterations against a loop that trains the same network candidate by candidate and
fold by fold at equal settings, on both cores; then an elimination by "hybrid" to its
end, judged by other events. The aims are 5 per cent of false drops, half of the loop
for "retrain" and a fifth for "hybrid".

    python -m benchmarks.bench_elimination [--quick] [--part toys|agreement|cost|real]
"""

import argparse
import json
from functools import partial
from time import perf_counter

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from benchmarks.common.samples import part_of, real_events
from skhep_dnn import BackwardEliminationSelector, WeightedDNNClassifier
from skhep_dnn.metrics import (
    balanced_log_loss_from_logits,
    paired_bootstrap,
)
from skhep_dnn.model_selection import cross_validate_pooled

AIMS = {"false drops": 0.05, "retrain": 0.5, "hybrid": 0.2}
N_EVENTS, N_FOLDS = 6_000, 3
NETWORK = {"n_members": 1, "n_layers": 2, "width": 32, "max_epochs": 15}


def toy(seed, shifts, n_events=1_000):
    """Weighted events of two classes, shifted by so many standard deviations."""
    rng = np.random.default_rng(seed)
    y = np.repeat(["b", "s"], n_events // 2)
    X = rng.normal(size=(n_events, len(shifts))) + np.outer(y == "s", shifts)
    return X, y, rng.exponential(size=n_events)


def elimination(estimator=None, **options):
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    estimator = LogisticRegression() if estimator is None else estimator
    return BackwardEliminationSelector(
        estimator, **{"cv": folds, "random_state": 0, **options}
    )


def rate(n, n_all):
    """Share and its binomial error, with the prior of Bayes and Laplace."""
    mean = (n + 1) / (n_all + 2)
    error = np.sqrt(mean * (1 - mean) / (n_all + 3))
    return {"rate": n / n_all, "error": round(float(error), 4), "of": n_all}


def toys(n_toys):
    """Rates of false drops and of hits."""
    rows = {}

    def show(name, n, n_all):
        rows[name] = row = rate(n, n_all)
        print(f"{name:62}{row['rate']:8.4f} ± {row['error']:.4f}", flush=True)

    for shift in (0.5, 0.3, 0.2):
        kept = np.array(
            [
                elimination().fit(*toy(seed, [shift] * 6)).get_support()
                for seed in range(n_toys)
            ]
        )
        useful = f"6 useful at {shift} sigma"
        show(f"{useful}: eliminations with a false drop", n_bad(kept), n_toys)
        show(f"{useful}: variables dropped", int((~kept).sum()), kept.size)
    found = [
        elimination().fit(*toy(seed, [0.5] * 4 + [0.0] * 4))
        for seed in range(1000, 1000 + n_toys)
    ]
    for rule in ("best", "smallest"):
        kept = np.array([support_by(rule, one) for one in found])
        useful, useless = kept[:, :4], kept[:, 4:]
        text = f'4 useful at 0.5, 4 useless, "{rule}"'
        show(f"{text}: useless dropped", int((~useless).sum()), useless.size)
        show(f"{text}: useful dropped", int((~useful).sum()), useful.size)
    return rows


def n_bad(kept):
    return int((~kept.all(axis=1)).sum())


def support_by(rule, found):
    """Return what a fitted selector would have selected by a rule of its own."""
    if rule == "best":
        return found.get_support()
    table = found.iterations_
    last = int(np.flatnonzero(table["accepted"])[-1])
    support = np.ones(found.n_features_in_, dtype=bool)
    for name in table["dropped"][1 : last + 1]:
        support[found.groups_[name]] = False
    return support


def agreement(n_toys):
    """Speed and selections of the cheap strategies, against "retrain"."""
    strategies = {"retrain": {}, "hybrid": {"n_candidates": 3}, "shuffle": {}}
    seconds, selected = dict.fromkeys(strategies, 0.0), {}
    for name, options in strategies.items():
        selected[name] = []
        for seed in range(n_toys):
            sample = toy(seed, [0.8, 0.6, 0.5, 0.4, *[0.0] * 8])
            start = perf_counter()
            found = elimination(strategy=name, **options).fit(*sample)
            seconds[name] += perf_counter() - start
            selected[name].append(found.get_support())
    rows = {}
    for name, supports in selected.items():
        pairs = zip(supports, selected["retrain"], strict=True)
        same = np.array([(one == other).all() for one, other in pairs])
        columns = np.mean(np.array(supports) == np.array(selected["retrain"]))
        rows[name] = {
            "seconds": round(seconds[name] / n_toys, 3),
            "speed-up": round(seconds["retrain"] / seconds[name], 2),
            "same selection": rate(int(same.sum()), n_toys),
            "same columns": round(float(columns), 4),
        }
        print(f"{name:10} {rows[name]}", flush=True)
    return rows


def loop(model, events, n_iterations):
    """Drop columns as anybody would: fit by fit, on tables of some columns."""
    X, y, w = events.data, events.target, events.sample_weight
    splits = list(elimination().cv.split(X, y))

    def loss(columns):
        logits = np.empty(len(y))
        for train, test in splits:
            fitted = clone(model).fit(X[columns].iloc[train], y[train], w[train])
            logits[test] = fitted.decision_function(X[columns].iloc[test])
        return balanced_log_loss_from_logits(y, logits, w)

    kept = list(X.columns)
    loss(kept)
    for _ in range(n_iterations):
        losses = {name: loss([c for c in kept if c != name]) for name in kept}
        kept.remove(min(losses, key=losses.get))
    return set(X.columns) - set(kept)


def by_selector(model, events, n_iterations, **options):
    n_columns = events.data.shape[1]
    found = elimination(model, n_features_to_select=n_columns - n_iterations, **options)
    found.fit(events.data, events.target, sample_weight=events.sample_weight)
    return set(events.data.columns[~found.get_support()])


def cost(events, model, n_iterations):
    """Seconds of some iterations, in one run."""
    select = partial(by_selector, model, events, n_iterations)
    contenders = {
        "loop, fit by fit": partial(loop, model, events, n_iterations),
        "retrain, members, 1 process": partial(select, n_jobs=1),
        "retrain, members, 2 processes": partial(select, n_jobs=2),
        "retrain, processes": partial(select, n_jobs=2, as_members=False),
        "hybrid, members, 1 process": partial(select, n_jobs=1, strategy="hybrid"),
        "hybrid, members, 2 processes": partial(select, n_jobs=2, strategy="hybrid"),
        "shuffle, members, 2 processes": partial(select, n_jobs=2, strategy="shuffle"),
    }
    by_selector(clone(model).set_params(max_epochs=1), events, 1, n_jobs=2)  # warm up
    rows, first = {}, None
    for name, contender in contenders.items():
        start = perf_counter()
        dropped = contender()
        seconds = perf_counter() - start
        first = seconds if first is None else first
        rows[name] = {
            "seconds": round(seconds, 1),
            "share of the loop": round(seconds / first, 3),
            "dropped": sorted(dropped),
        }
        print(
            f"{name:32}{seconds:8.1f} s{seconds / first:8.3f}  {sorted(dropped)}",
            flush=True,
        )
    return rows


def real(events, other, model, n_trained):
    """Eliminations to their end, and what they change on events that did not choose."""
    return {
        strategy: real_by(strategy, events, other, model, n_trained)
        for strategy in ("hybrid", "retrain")
    }


def pooled_auc(model, events, support):
    """Return the out-of-fold AUC of some columns, with replicas that all share."""
    return cross_validate_pooled(
        model,
        events.data.loc[:, support],
        events.target,
        events.sample_weight,
        scoring="roc_auc",
        cv=elimination().cv,
    ).score


def real_by(strategy, events, other, model, n_trained):
    start = perf_counter()
    found = elimination(model, strategy=strategy, n_jobs=2)
    found.fit(events.data, events.target, sample_weight=events.sample_weight)
    seconds = perf_counter() - start
    columns, table = events.data.columns, found.iterations_

    def predict(support):
        proba = [
            clone(model)
            .set_params(random_state=seed)
            .fit(events.data.loc[:, support], events.target, events.sample_weight)
            .predict_proba(other.data.loc[:, support])[:, 1]
            for seed in range(n_trained)
        ]
        return np.mean(proba, axis=0)

    everything, rows = np.ones(len(columns), dtype=bool), {}
    before, auc_before = predict(everything), pooled_auc(model, events, everything)
    for rule in ("best", "smallest"):
        support = support_by(rule, found)
        row = table[table["n_features"] == support.sum()].iloc[0]
        rows[rule] = {
            "dropped": int((~support).sum()),
            "of": len(columns),
            "pooled gain": round(float(row["difference"]), 5),
            "error": round(float(row["error"]), 5),
            "kept": list(columns[support]),
        }
        auc = pooled_auc(model, events, support)
        error = float(np.nanstd(auc.replicas - auc_before.replicas, ddof=1))
        rows[rule]["pooled AUC"] = [
            round(auc.value - auc_before.value, 5),
            round(error, 5),
        ]
        after = predict(support)
        for name in ("balanced_log_loss", "roc_auc"):
            change = paired_bootstrap(
                name, other.target, after, before, other.sample_weight, random_state=0
            )
            rows[rule][f"other events, {name}"] = str(change)
        print(f"{strategy}, {rule}: {rows[rule]}", flush=True)
    return {"seconds": round(seconds, 1), **rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--iterations", type=int, default=2, help="of the cost")
    parser.add_argument("--part", choices=("toys", "agreement", "cost", "real"))
    options = parser.parse_args()
    quick, part = options.quick, options.part
    events = real_events()
    n_events = 400 if quick else N_EVENTS
    rows = np.arange(len(events.target))
    sample = part_of(events, rows[:n_events])
    other = part_of(events, rows[n_events : n_events + (400 if quick else 9_000)])
    network = {**NETWORK, **({"max_epochs": 1, "width": 4} if quick else {})}
    model = WeightedDNNClassifier(**network, random_state=0)
    if quick:
        few = [*sample.data.columns[:4]]
        sample.data, other.data = sample.data[few], other.data[few]
    parts = {
        "toys": partial(toys, 3 if quick else 200),
        "agreement": partial(agreement, 2 if quick else 50),
        "cost": partial(cost, sample, model, 1 if quick else options.iterations),
        "real": partial(real, sample, other, model, 1 if quick else 3),
    }
    chosen = {name: parts[name] for name in parts if part in (None, name)}
    found = {name: measure() for name, measure in chosen.items()}
    print(json.dumps({"benchmark": "elimination", "aims": AIMS, **found}))


if __name__ == "__main__":
    main()
