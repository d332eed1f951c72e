"""Which events each member trains and validates on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import (
    PredefinedSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    check_cv,
)

from skhep_dnn._event_sample import hold_out
from skhep_dnn._tables import column_position, table_column
from skhep_dnn.neural_network._preparation.sample import Sample

__all__ = [
    "Split",
    "SplitRules",
    "member_splits",
    "untouched_events",
]

Index = NDArray[np.int64]


class Split(NamedTuple):
    """Positions of the training and the validation events of a member, and its fold."""

    train: Index
    valid: Index | None
    fold: int | None = None


@dataclass(frozen=True)
class SplitRules:
    """How the members split the events; the parameters of the estimator.

    Attributes
    ----------
    cv : int, splitter, iterable or None
        Folds; member k leaves out fold k modulo their number.
    validate_on_fold : bool
        Whether a member validates on the fold, which stays untouched otherwise.
    validation_fraction : float or None
        Share of the remaining events that a member validates on.
    stratify : sequence of int or str or None
        Columns whose values have the same shares in all parts, beside the classes.
    """

    cv: Any
    validate_on_fold: bool
    validation_fraction: float | None
    stratify: Sequence[int | str] | None

    @property
    def leaves_out(self) -> bool:
        """Whether there are folds that a member never gets to know."""
        return self.cv is not None and not self.validate_on_fold

    @property
    def validates(self) -> bool:
        """Whether a member gets a validation sample from the events."""
        return self.validate_on_fold or self.validation_fraction is not None


def member_splits(
    sample: Sample,
    rules: SplitRules,
    names: Sequence[str] | None,
    *,
    seeds: Sequence[int],
    fold_seed: int,
) -> list[Split]:
    """Split the events for each member.

    Parameters
    ----------
    sample : Sample
        The events.
    rules : SplitRules
        How to split them.
    names : sequence of str or None
        Names of the columns.
    seeds : sequence of int
        Seed of the validation sample of each member.
    fold_seed : int
        Seed of the folds.

    Returns
    -------
    splits : list of Split
        One for each member, then one for each fold that has no member.
    """
    n_folds = rules.cv if isinstance(rules.cv, Integral) else 2
    strata = _strata(sample, rules.stratify, names, max(2, int(n_folds)))
    folds: list[tuple[Any, Any]] = [(np.arange(len(strata)), None)]
    if rules.cv is not None:
        folds = [
            (np.sort(train), np.sort(valid))
            for train, valid in _folds(rules.cv, sample, strata, fold_seed)
        ]
    # Folds without a member are split as well, for the size of their samples.
    splits, groups = [], sample.events.groups
    without_member = [0] * (len(folds) - len(seeds))
    for k, seed in enumerate([*seeds, *without_member]):
        train, fold = folds[k % len(folds)]
        valid = fold if rules.validate_on_fold else None
        if rules.validation_fraction is not None:
            own_groups = None if groups is None else groups[train]
            own, held = hold_out(
                strata[train], own_groups, rules.validation_fraction, seed
            )
            train, valid = train[own], train[held]
        number = None if rules.cv is None else k % len(folds)
        splits.append(Split(train, valid, number))
    return splits


def untouched_events(splits: Sequence[Split], n_samples: int) -> list[Index]:
    """Return the events that each member neither trains nor validates on."""
    rows = []
    for train, valid, _ in splits:
        is_free = np.ones(n_samples, dtype=np.bool_)
        is_free[train] = False
        if valid is not None:
            is_free[valid] = False
        rows.append(np.flatnonzero(is_free))
    return rows


def _strata(
    sample: Sample,
    stratify: Sequence[int | str] | None,
    names: Sequence[str] | None,
    n_parts: int,
) -> NDArray[np.intp]:
    """Return the stratum of each event: its class, and its values of some columns."""
    strata = sample.events.targets.codes
    for column in () if stratify is None else stratify:
        n_columns = sample.columns.shape[1]
        position = column_position(column, names, n_columns, "stratify")
        values = pd.factorize(
            table_column(sample.events.X, position), use_na_sentinel=False
        )
        # A mixed number of class and values, renumbered so that it stays small.
        combined = strata * len(values[1]) + values[0]
        strata = np.unique(combined, return_inverse=True)[1]
        smallest = np.bincount(strata).min()
        if smallest < n_parts:
            msg = (
                f"`stratify` must name columns of few values, each with {n_parts} "
                f"events or more in every class, got {column!r} with "
                f"{len(values[1])} values, one of them with {smallest}. Leave it out, "
                "or merge rare values."
            )
            raise ValueError(msg)
    return strata


def _folds(
    cv: Any, sample: Sample, strata: NDArray[np.intp], seed: int
) -> list[tuple[Any, Any]]:
    events, groups = sample.events, sample.events.groups
    if isinstance(cv, Integral):
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        splitter = kind(int(cv), shuffle=True, random_state=seed)
        return list(splitter.split(np.empty(len(strata)), strata, groups))
    splitter = check_cv(cv, events.y, classifier=True)
    # These count the events that were passed; events of weight zero are gone here.
    if isinstance(cv, PredefinedSplit) or not hasattr(cv, "split"):
        folds = splitter.split(sample.present)
        return [(sample.found(train), sample.found(valid)) for train, valid in folds]
    return list(splitter.split(events.X, events.y, groups))
