"""Which events each member trains and validates on, and with which weights."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import (
    PredefinedSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
)

from skhep_dnn.exceptions import LowStatisticsWarning, WeightsError
from skhep_dnn.neural_network._batches import MemberSample
from skhep_dnn.weights import (
    LOW_N_EFF,
    _training_weights,
    _validation_weights,
    effective_sample_size,
)

__all__ = ["MemberEvents", "Split", "Targets", "member_splits", "weigh_members"]


Split = tuple[NDArray[np.int64], NDArray[np.int64] | None]


@dataclass(frozen=True)
class Targets:
    """Classes and physics weights of a sample.

    Attributes
    ----------
    codes : ndarray of shape (n_samples,)
        Position of each event's class in `classes`.
    classes : ndarray of shape (n_classes,)
        Class labels.
    sample_weight : ndarray of shape (n_samples,)
        Physics weights.
    """

    codes: NDArray[np.intp]
    classes: NDArray[Any]
    sample_weight: NDArray[np.float64]

    def take(self, index: NDArray[np.int64]) -> "Targets":
        """Return some of the events."""
        return Targets(self.codes[index], self.classes, self.sample_weight[index])


@dataclass(frozen=True)
class MemberEvents:
    """Samples of all members and a report of their weights.

    Attributes
    ----------
    training, validation : list of MemberSample
        One for each member; `validation` is empty without a validation sample.
    report : DataFrame
        Physics yield of each member, sample and class, and the numbers of events and
        of effective events, the share of negative weights and the largest share of
        one event, of the weights in the loss.
    """

    training: list[MemberSample]
    validation: list[MemberSample]
    report: pd.DataFrame


def member_splits(
    X: Any,
    y: NDArray[Any],
    *,
    n_members: int,
    cv: Any,
    position: NDArray[np.int64],
    validation_fraction: float | None,
    seeds: Sequence[int],
    fold_seed: int,
) -> list[Split]:
    """Positions of training and validation events of each member.

    With `cv`, member k leaves out fold k modulo the number of folds and validates on
    it; with `validation_fraction` too it validates on a part of its own training
    folds, and the fold stays untouched. Folds that are given as positions mean those
    of the events that were passed, which `position` maps to the present ones.
    """
    everything = np.arange(len(y))
    folds: list[tuple[Any, Any]] = [(everything, None)]
    if cv is not None:
        folds = _folds(cv, X, y, fold_seed, position)
    splits = []
    for k in range(n_members):
        train, valid = folds[k % len(folds)]
        if validation_fraction is not None:
            train, valid = _hold_out(train, y, validation_fraction, seeds[k])
        splits.append((np.sort(train), None if valid is None else np.sort(valid)))
    return splits


def weigh_members(
    splits: Iterable[Split],
    targets: Targets,
    options: dict[str, Any],
    explicit: Targets | None = None,
) -> MemberEvents:
    """Training and validation weights of each member, from its own events.

    Parameters
    ----------
    splits : iterable of (train, valid)
        Positions of the events of each member.
    targets : Targets
        Classes and physics weights of the events.
    options : dict
        Options of `training_weights`.
    explicit : Targets, default=None
        The explicit validation sample, the same for all members.

    Returns
    -------
    result : MemberEvents

    Warns
    -----
    LowStatisticsWarning
        If a class has fewer than 10 effective events in a sample; once, naming the
        poorest.
    """
    training, validation, rows = [], [], []
    for k, (train, valid) in enumerate(splits):
        part = targets.take(train)
        with _named(k, "training"):
            weights = _training_weights(
                part.codes, part.classes, part.sample_weight, **options
            ).weights
        used = weights != 0.0
        training.append(MemberSample(train[used], weights[used]))
        rows += _report(k, "training", part, weights)
        if explicit is not None:
            part, valid = explicit, np.arange(len(explicit.codes))  # noqa: PLW2901
        elif valid is not None:
            part = targets.take(valid)
        if valid is not None:
            with _named(k, "validation"):
                weights = _validation_weights(
                    part.codes, part.classes, part.sample_weight
                )
            validation.append(MemberSample(valid, weights))
            rows += _report(k, "validation", part, weights)
    report = pd.DataFrame(rows)
    _warn_of_low_statistics(report)
    return MemberEvents(training, validation, report)


@contextmanager
def _named(member: int, sample: str) -> Iterator[None]:
    """Say in which sample the weights of a class cannot be used."""
    try:
        yield
    except WeightsError as error:
        msg = f"In the {sample} sample of member {member}: {error}"
        raise WeightsError(msg) from error


def _folds(
    cv: Any, X: Any, y: NDArray[Any], seed: int, position: NDArray[np.int64]
) -> list[tuple[Any, Any]]:
    if isinstance(cv, int | np.integer):
        splitter = StratifiedKFold(int(cv), shuffle=True, random_state=seed)
        return list(splitter.split(np.empty(len(y)), y))
    folds = list(check_cv(cv, y, classifier=True).split(X, y))
    if isinstance(cv, PredefinedSplit) or not hasattr(cv, "split"):
        return [
            (_present(position[train]), _present(position[valid]))
            for train, valid in folds
        ]
    return folds


def _present(index: NDArray[np.int64]) -> NDArray[np.int64]:
    return index[index >= 0]


def _hold_out(
    index: NDArray[np.int64], y: NDArray[Any], fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    n_classes = len(np.unique(y[index]))
    n_valid = max(round(fraction * len(index)), n_classes)
    splitter = StratifiedShuffleSplit(1, test_size=n_valid, random_state=seed)
    try:
        train, valid = next(splitter.split(np.empty(len(index)), y[index]))
    except ValueError as error:
        msg = (
            f"`validation_fraction` must leave events of every class on both sides, "
            f"got {fraction!r} of {len(index)} events: {error} Pass more events or "
            "set validation_fraction=None."
        )
        raise ValueError(msg) from error
    return index[train], index[valid]


def _report(
    member: int, sample: str, targets: Targets, weights: NDArray[np.float64]
) -> list[dict[str, Any]]:
    rows = []
    for code, label in enumerate(targets.classes.tolist()):
        in_class = (targets.codes == code) & (weights != 0.0)
        magnitude = np.abs(weights[in_class])
        rows.append(
            {
                "member": member,
                "sample": sample,
                "class": label,
                "yield": targets.sample_weight[targets.codes == code].sum(),
                "n_events": len(magnitude),
                "n_eff": effective_sample_size(weights[in_class]),
                "negative_fraction": np.mean(weights[in_class] < 0.0),
                "largest_share": magnitude.max() / magnitude.sum(),
            }
        )
    return rows


def _warn_of_low_statistics(report: pd.DataFrame) -> None:
    poorest = report.iloc[int(report["n_eff"].argmin())]
    if poorest["n_eff"] < LOW_N_EFF:
        msg = (
            f"Class {poorest['class']!r} has {poorest['n_eff']:.1f} effective events "
            f"in the {poorest['sample']} sample of member {poorest['member']}: its "
            "losses are noisy. Use more events, fewer folds or `max_weight`."
        )
        warnings.warn(msg, LowStatisticsWarning, stacklevel=7)  # the caller of fit
