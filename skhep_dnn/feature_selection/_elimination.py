"""Backward elimination: drop what is missed least, until something is missed.

Values in, values out: what a training is, and how it is scored, is the business of
others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.feature_selection._paired_scores import (
    PairedDifference,
    ScoredTraining,
    compare,
    seed_variance,
    trials_p_values,
)
from skhep_dnn.feature_selection._subset_training import Subset

__all__ = ["EliminationRules", "Iteration", "best_iteration", "eliminate"]

FloatArray = NDArray[np.float64]
Trained = Callable[[Sequence[Subset]], list[ScoredTraining]]
Strategy = Literal["retrain", "shuffle", "hybrid"]


@dataclass(frozen=True)
class EliminationRules:
    """What may be dropped, how it is found, and when it ends.

    Attributes
    ----------
    groups : dict of str to tuple of int
        Positions of the columns that go together, by name.
    always_keep : set of str
        Names of the groups that stay.
    strategy : {"retrain", "shuffle", "hybrid"}
        Whether all candidates are trained, the least important one, or some.
    n_candidates : int
        Candidates that "hybrid" trains.
    n_seeds : int
        Seeds of a baseline.
    n_features : int or None
        Number of columns that are wanted; None lets the score decide.
    threshold : float
        By how much the score may be below that of all columns.
    threshold_unit : {"score", "error"}
        Unit of it: that of the score, or the error of the difference.
    patience : int
        Iterations below, one after the other, that end it.
    """

    groups: Mapping[str, tuple[int, ...]]
    always_keep: frozenset[str]
    strategy: Strategy
    n_candidates: int
    n_seeds: int
    n_features: int | None
    threshold: float
    threshold_unit: Literal["score", "error"]
    patience: int

    def columns_of(self, names: Sequence[str]) -> tuple[int, ...]:
        """Return the sorted positions of the columns of some groups."""
        return tuple(sorted(chain.from_iterable(self.groups[n] for n in names)))

    def candidates(self, kept: Sequence[str]) -> list[str]:
        """Return what may be dropped next."""
        n_least = 1 if self.n_features is None else self.n_features
        n_kept = len(self.columns_of(kept))
        return [
            name
            for name in kept
            if name not in self.always_keep
            and n_kept - len(self.groups[name]) >= n_least
        ]

    def accepts(self, difference: PairedDifference) -> bool:
        """Return whether a score is not below that of all columns."""
        unit = 1.0 if self.threshold_unit == "score" else difference.error
        return bool(difference.value >= -self.threshold * unit)


@dataclass(frozen=True)
class Iteration:
    """What is left after a removal, and how good it is.

    Attributes
    ----------
    number : int
        0 for all columns.
    dropped : str or None
        Name of the group that was dropped last.
    kept : tuple of str
        Names of the groups that are left.
    n_features : int
        Number of their columns.
    trainings : list of ScoredTraining
        One for each seed.
    change : PairedDifference
        Score less that of all columns.
    accepted : bool
        Whether the rule is content with it.
    p_value, luck : float
        Of the candidate that was dropped, among all: see `trials_p_values`.
    rows : list of dict
        Score, difference and error of each candidate.
    seconds : float
        Time of all fits of the iteration.
    """

    number: int
    dropped: str | None
    kept: tuple[str, ...]
    n_features: int
    trainings: list[ScoredTraining] = field(repr=False)
    change: PairedDifference
    accepted: bool = True
    p_value: float = float("nan")
    luck: float = float("nan")
    rows: list[dict[str, Any]] = field(default_factory=list, repr=False)
    seconds: float = 0.0

    @property
    def score(self) -> float:
        """Mean score over the seeds."""
        return float(np.mean([one.score for one in self.trainings]))


def eliminate(train: Trained, rules: EliminationRules) -> list[Iteration]:
    """Drop one group after the other, and return every state on the way.

    Parameters
    ----------
    train : callable
        Trains on subsets of the columns, and returns the scores in their order.
    rules : EliminationRules
        What may be dropped, how it is found, and when it ends.

    Returns
    -------
    path : list of Iteration
        The first one has all columns.
    """
    path = [_all_columns(train, rules)]
    n_below = 0
    while n_below < rules.patience:
        candidates = rules.candidates(path[-1].kept)
        if not candidates:
            break
        path.append(_drop_one(train, rules, path, candidates))
        if rules.n_features is None:
            n_below = 0 if path[-1].accepted else n_below + 1
    return path


def best_iteration(
    path: Sequence[Iteration], rules: EliminationRules, rule: str
) -> int:
    """Return the number of the iteration whose columns are selected.

    Parameters
    ----------
    path : sequence of Iteration
        Of `eliminate`.
    rules : EliminationRules
        If these want a number of columns it is the last iteration.
    rule : {"best", "smallest"}
        Among those that are accepted, the one of the highest score or the last one.

    Returns
    -------
    number : int
    """
    if rules.n_features is not None:
        return path[-1].number
    accepted = [one for one in path if one.accepted]
    if rule == "smallest":
        return accepted[-1].number
    return max(accepted, key=lambda one: (one.score, one.number)).number


def _all_columns(train: Trained, rules: EliminationRules) -> Iteration:
    kept = tuple(rules.groups)
    columns = rules.columns_of(kept)
    ranked, last = _to_rank(rules, kept), rules.n_seeds - 1
    found = train(
        [
            Subset("iteration_000_all", columns, seed, () if seed < last else ranked)
            for seed in range(rules.n_seeds)
        ]
    )
    trainings = found if _seeds_matter(found) else found[-1:]  # the last one ranks
    score = float(np.mean([one.score for one in trainings]))
    row = {"score": score, "difference": 0.0, "error": 0.0, "n_seeds": len(trainings)}
    return Iteration(
        number=0,
        dropped=None,
        kept=kept,
        n_features=len(columns),
        trainings=trainings,
        change=compare(trainings, trainings, 0.0),
        rows=[{"candidate": None, **row, "method": "retrain", "time": _time(found)}],
        seconds=_time(found),
    )


def _seeds_matter(trainings: Sequence[ScoredTraining]) -> bool:
    first = trainings[0]
    return any(
        one.score != first.score
        or not np.array_equal(one.fluctuation, first.fluctuation, equal_nan=True)
        for one in trainings[1:]
    )


def _time(trainings: Sequence[ScoredTraining]) -> float:
    return float(sum(one.seconds for one in trainings))


def _to_rank(
    rules: EliminationRules, kept: Sequence[str]
) -> tuple[tuple[int, ...], ...]:
    """Return the groups whose importance is needed in the next iteration."""
    if rules.strategy == "retrain":
        return ()
    return tuple(rules.groups[name] for name in rules.candidates(kept))


def _drop_one(
    train: Trained,
    rules: EliminationRules,
    path: Sequence[Iteration],
    candidates: Sequence[str],
) -> Iteration:
    before, number = path[-1], len(path)
    n_seeds = len(before.trainings)
    importances = _importances(before, candidates)
    tried = _proposals(rules, candidates, importances)
    at_once = n_seeds == len(tried) == 1
    subsets = [_without(rules, before, number, name, ranked=at_once) for name in tried]
    found = dict(zip(tried, train(subsets), strict=True))
    variance = seed_variance([[t.score for t in one.trainings] for one in path])
    differences = [compare([found[n]], before.trainings, variance) for n in tried]
    p_values, luck = trials_p_values(differences)
    winner = int(np.argmax([difference.value for difference in differences]))
    dropped = tried[winner]
    again = [] if at_once else _again(rules, before, number, dropped)
    more = train(again) if again else []
    confirmed = more if n_seeds == 1 and more else [found[dropped], *more]
    scores = [[t.score for t in one.trainings] for one in path]
    variance = seed_variance([*scores, [t.score for t in confirmed]])
    change = compare(confirmed, path[0].trainings, variance)
    rows = [
        _row(name, found[name].score, d.value, d.error, found[name].seconds)
        | {"p_value": p, "dropped": name == dropped}
        for name, d, p in zip(tried, differences, p_values, strict=True)
    ]
    rows += _shuffled_rows(before, importances, set(tried))
    kept = tuple(name for name in before.kept if name != dropped)
    return Iteration(
        number=number,
        dropped=dropped,
        kept=kept,
        n_features=len(rules.columns_of(kept)),
        trainings=confirmed,
        change=change,
        accepted=rules.accepts(change),
        p_value=float(p_values[winner]),
        luck=luck,
        rows=sorted(rows, key=lambda row: before.kept.index(row["candidate"])),
        seconds=_time([*found.values(), *more]),
    )


def _again(
    rules: EliminationRules, before: Iteration, number: int, dropped: str
) -> list[Subset]:
    """Return what is trained of the winner before it is believed.

    It was lucky, in its seed too: the other seeds are not. The last of them tells as
    well what is important to it; without other seeds the first one is trained again.
    """
    n_seeds = len(before.trainings)
    seeds = range(1, n_seeds) if n_seeds > 1 else range(rules.strategy != "retrain")
    return [
        _without(rules, before, number, dropped, seed=seed, ranked=seed == seeds[-1])
        for seed in seeds
    ]


def _without(
    rules: EliminationRules,
    before: Iteration,
    number: int,
    name: str,
    *,
    seed: int = 0,
    ranked: bool = False,
) -> Subset:
    """Return the columns without one group, which rank what is left if asked to."""
    kept = [other for other in before.kept if other != name]
    label = f"iteration_{number:03d}_candidate_{list(rules.groups).index(name):03d}"
    ranks = _to_rank(rules, kept) if ranked else ()
    label += "_ranked" if ranks else ""
    return Subset(label, rules.columns_of(kept), seed, ranks)


def _importances(
    before: Iteration, candidates: Sequence[str]
) -> dict[str, FloatArray] | None:
    """Return the importances of the candidates to each model of the baseline."""
    ranked = [t.importances for t in before.trainings if len(t.importances)]
    if not ranked:
        return None
    return dict(zip(candidates, np.concatenate(ranked, axis=1), strict=True))


def _proposals(
    rules: EliminationRules,
    candidates: Sequence[str],
    importances: Mapping[str, FloatArray] | None,
) -> list[str]:
    """Return the candidates that are trained, in the order of the columns."""
    if importances is None:
        return list(candidates)
    n_tried = 1 if rules.strategy == "shuffle" else rules.n_candidates
    order = sorted(candidates, key=lambda name: float(importances[name].mean()))
    chosen = set(order[:n_tried])
    return [name for name in candidates if name in chosen]


def _row(
    name: str, score: float, difference: float, error: float, seconds: float
) -> dict[str, Any]:
    return {
        "candidate": name,
        "score": score,
        "difference": difference,
        "error": error,
        "n_seeds": 1,
        "method": "retrain",
        "time": seconds,
    }


def _shuffled_rows(
    before: Iteration, importances: Mapping[str, FloatArray] | None, tried: set[str]
) -> list[dict[str, Any]]:
    """Return the rows of the candidates that were permuted and not trained."""
    rows = []
    for name, falls in ({} if importances is None else importances).items():
        if name not in tried:
            mean = float(falls.mean())
            error = float(falls.std(ddof=1) / np.sqrt(len(falls)))
            row = _row(name, before.score - mean, -mean, error, 0.0)
            rows.append(row | {"method": "shuffle", "n_seeds": len(before.trainings)})
    return rows
