"""Training of an estimator on transformed copies of events: split first, then copy."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from numbers import Integral
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import clone

from skhep_dnn._event_sample import EventSample, Targets, hold_out
from skhep_dnn._fit_arguments import groups_argument, weights_argument
from skhep_dnn._weighted_steps import final_step
from skhep_dnn.ensemble._split_plan import held_out_fraction, plan_split
from skhep_dnn.preprocessing import SymmetryAugmenter

__all__ = ["Copier", "check_n_copies", "copied", "fit_on_copies", "seeded_clone"]

_LARGEST_SEED = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Copier:
    """How copies of events are made.

    Attributes
    ----------
    augmenter : SymmetryAugmenter
        Fitted.
    n_copies : int
        Number of copies of a training event.
    kind : {"random", "variants"}
        Whether they are transformed at random or are the first of the variants.
    rng : RandomState
        Source of the random numbers.
    """

    augmenter: SymmetryAugmenter
    n_copies: int
    kind: Literal["random", "variants"]
    rng: np.random.RandomState

    def training_copies(self, sample: EventSample) -> EventSample:
        """Return copies to train on, the events themselves first."""
        if self.kind == "variants":
            tables = list(islice(self.augmenter.variants(sample.X), self.n_copies))
        else:
            others = range(self.n_copies - 1)
            new = [self.augmenter.augment(sample.X, self.rng) for _ in others]
            tables = [sample.X, *new]
        return copied(sample, tables)

    def validation_copies(self, sample: EventSample) -> EventSample:
        """Return all variants, so that a loss has no noise of an orientation."""
        return copied(sample, list(self.augmenter.variants(sample.X)))


def check_n_copies(
    augmenter: SymmetryAugmenter, n_copies: int | None, kind: str, X: Any
) -> int:
    """Return the number of copies, None being all variants.

    Parameters
    ----------
    augmenter : SymmetryAugmenter
        Fitted.
    n_copies : int or None
        The number that was asked for.
    kind : {"random", "variants"}
        Of the copies.
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.

    Returns
    -------
    n_copies : int

    Raises
    ------
    ValueError
        If there are fewer variants, or there is no number of random copies.
    """
    if kind == "random":
        if n_copies is None:
            msg = (
                '`n_copies` must be a number with copies="random", got None. Pass 8 or '
                'so, or copies="variants" for all of these.'
            )
            raise ValueError(msg)
        return n_copies
    n_variants = sum(1 for _ in augmenter.variants(X[:1]))
    if n_copies is not None and n_copies > n_variants:
        msg = (
            f"`n_copies` must be at most {n_variants}, the number of variants of the "
            f"augmenter, got {n_copies!r}. Pass None for all of them, or "
            'copies="random".'
        )
        raise ValueError(msg)
    return n_variants if n_copies is None else n_copies


def seeded_clone(estimator: Any, rng: np.random.RandomState) -> Any:
    """Return a clone in which every random state that was None is a seed.

    Parameters
    ----------
    estimator : estimator
        With or without parts; not changed.
    rng : RandomState
        Source of the seeds.

    Returns
    -------
    estimator : estimator
    """
    new = clone(estimator)
    seeds = {
        name: int(rng.randint(_LARGEST_SEED))
        for name, value in sorted(new.get_params(deep=True).items())
        if name.split("__")[-1] == "random_state" and value is None
    }
    return new.set_params(**seeds)


def copied(sample: EventSample, tables: Sequence[Any]) -> EventSample:
    """Return copies of events, one table after the other, with the same yields.

    Parameters
    ----------
    sample : EventSample
        The originals.
    tables : sequence of ndarray or pandas.DataFrame of shape (n_samples, n_features)
        The features of each set of copies.

    Returns
    -------
    copies : EventSample
        Each weight is divided by the number of copies; a copy is of the group of its
        original, which is the original itself where there are no groups.
    """
    n_copies = len(tables)
    codes, weights = sample.targets.codes, sample.sample_weight / n_copies
    groups = np.arange(len(sample)) if sample.groups is None else sample.groups
    is_frame = isinstance(tables[0], pd.DataFrame)
    return replace(
        sample,
        X=pd.concat(tables) if is_frame else np.concatenate(tables),
        targets=Targets(
            np.tile(codes, n_copies), sample.targets.classes, np.tile(weights, n_copies)
        ),
        groups=np.tile(groups, n_copies),
    )


def fit_on_copies(
    estimator: Any,
    sample: EventSample,
    validation: EventSample | None,
    copier: Copier,
    *,
    fraction: float | None,
) -> Any:
    """Fit an estimator to copies of events, never with copies on both sides of a split.

    Parameters
    ----------
    estimator : estimator
        Fitted in place.
    sample : EventSample
        Events, none of them copied.
    validation : EventSample or None
        An explicit validation sample.
    copier : Copier
        How copies are made.
    fraction : float or None
        Share of the events to hold out, if it was asked for.

    Returns
    -------
    estimator : estimator
    """
    plan = plan_split(
        estimator,
        len(sample) * copier.n_copies,
        explicit=validation is not None,
        fraction=fraction,
    )
    weights_name = weights_argument(estimator, required=sample.is_weighted)
    if plan == "hold out":
        share = held_out_fraction(estimator, fraction)
        seed = int(copier.rng.randint(_LARGEST_SEED))
        sample, validation = _parts(sample, share, seed)
    copies = copier.training_copies(sample)
    arguments: dict[str, Any] = {}
    if plan == "by groups":
        arguments[str(groups_argument(estimator))] = copies.groups
    if weights_name is not None:
        arguments[weights_name] = copies.sample_weight
    if validation is not None:
        _use_validation_sample(estimator)
        seen = copier.validation_copies(validation)
        arguments |= {"X_val": seen.X, "y_val": seen.y}
        if weights_name is not None:
            arguments["sample_weight_val"] = seen.sample_weight
    return estimator.fit(copies.X, copies.y, **arguments)


def _parts(
    sample: EventSample, fraction: float, seed: int
) -> tuple[EventSample, EventSample]:
    """Split events as scikit-learn's estimators do, which round their number up."""
    n_units = len(sample) if sample.groups is None else len(np.unique(sample.groups))
    n_held = fraction if isinstance(fraction, Integral) else ceil(fraction * n_units)
    train, held = hold_out(sample.targets.codes, sample.groups, n_held, seed)
    return sample.take(train), sample.take(held)


def _use_validation_sample(estimator: Any) -> None:
    """Switch early stopping on where it would switch itself on for many rows only."""
    final = final_step(estimator)
    if getattr(final, "early_stopping", None) == "auto":
        final.set_params(early_stopping=True)
