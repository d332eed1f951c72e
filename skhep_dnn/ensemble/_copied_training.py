"""Training of an estimator on transformed copies of events: split first, then copy."""

from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np
from sklearn.base import clone

from skhep_dnn._weighted_steps import final_step
from skhep_dnn.ensemble._event_sample import EventSample, copied, hold_out
from skhep_dnn.ensemble._fit_arguments import (
    groups_argument,
    weights_argument,
)
from skhep_dnn.ensemble._split_plan import held_out_fraction, plan_split
from skhep_dnn.preprocessing import SymmetryAugmenter

__all__ = ["Copier", "check_n_copies", "fit_on_copies", "seeded_clone"]

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


def fit_on_copies(
    estimator: Any,
    sample: EventSample,
    validation: EventSample | None,
    copier: Copier,
    *,
    is_weighted: bool,
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
    is_weighted : bool
        Whether weights were passed, which must then not be left out.
    fraction : float or None
        Share of the events to hold out, if it was asked for.

    Returns
    -------
    estimator : estimator
    """
    plan = plan_split(
        estimator,
        len(sample.y) * copier.n_copies,
        explicit=validation is not None,
        fraction=fraction,
    )
    weights_name = weights_argument(estimator, required=is_weighted)
    if plan == "hold out":
        share = held_out_fraction(estimator, fraction)
        seed = int(copier.rng.randint(_LARGEST_SEED))
        sample, validation = hold_out(sample, share, seed)
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


def _use_validation_sample(estimator: Any) -> None:
    """Switch early stopping on where it would switch itself on for many rows only."""
    final = final_step(estimator)
    if getattr(final, "early_stopping", None) == "auto":
        final.set_params(early_stopping=True)
