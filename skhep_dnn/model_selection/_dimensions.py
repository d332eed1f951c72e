"""One parameter of a search space: what Optuna suggests and what the estimator gets.

Optuna stores numbers, strings, True, False and None. What else there is to choose from
is stored as a label that is the same in every process, and mapped back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import BaseTrial
from scipy.stats import rv_discrete

__all__ = ["Choices", "Dimension", "Numbers", "Quantile", "as_dimension"]

_STORABLE = (bool, int, float, str)
# A normal distribution has no value at a quantile of 0 or 1.
_SMALLEST_QUANTILE = 1e-6
_LABEL_LENGTH = 60


class Dimension(Protocol):
    """What a parameter of a search space can do."""

    @property
    def name(self) -> str:
        """Name of the parameter of the estimator."""
        ...

    @property
    def stored_name(self) -> str:
        """Name of the parameter of the trial."""
        ...

    @property
    def is_numeric(self) -> bool:
        """Whether Optuna suggests more than one number."""
        ...

    def suggest(self, trial: BaseTrial) -> Any:
        """Return the value that the estimator gets in a trial."""
        ...

    def stored_values(self) -> Sequence[Any] | None:
        """Return all values that a trial can have, None if they are not countable."""
        ...


class Numbers(NamedTuple):
    """A range of numbers, which are suggested and passed on as they are."""

    name: str
    distribution: FloatDistribution | IntDistribution

    @property
    def stored_name(self) -> str:
        """Name of the parameter of the trial."""
        return self.name

    @property
    def is_numeric(self) -> bool:
        """Whether Optuna suggests more than one number."""
        return not self.distribution.single()

    def suggest(self, trial: BaseTrial) -> int | float:
        """Return the value that the estimator gets in a trial."""
        rule = self.distribution
        if isinstance(rule, IntDistribution):
            return trial.suggest_int(
                self.name, rule.low, rule.high, step=rule.step, log=rule.log
            )
        return trial.suggest_float(
            self.name, rule.low, rule.high, step=rule.step, log=rule.log
        )

    def stored_values(self) -> Sequence[int | float] | None:
        """Return the numbers of the range, None if it is continuous."""
        rule = self.distribution
        if isinstance(rule, IntDistribution):
            return range(rule.low, rule.high + 1, rule.step)
        if rule.single():
            return [rule.low]
        if rule.step is None:
            return None
        n_steps = round((rule.high - rule.low) / rule.step)
        # 0.3, not 0.30000000000000004
        return [round(rule.low + k * rule.step, 12) for k in range(n_steps + 1)]


class Choices(NamedTuple):
    """Values to choose from; `stored` holds what stands for them in a trial."""

    name: str
    values: tuple[Any, ...]
    stored: tuple[Any, ...]

    @property
    def stored_name(self) -> str:
        """Name of the parameter of the trial."""
        return self.name

    @property
    def is_numeric(self) -> bool:
        """Whether Optuna suggests more than one number."""
        return False

    def suggest(self, trial: BaseTrial) -> Any:
        """Return the value that the estimator gets in a trial."""
        stored = trial.suggest_categorical(self.name, self.stored)
        return self.values[self.stored.index(stored)]

    def stored_values(self) -> Sequence[Any]:
        """Return what stands for each value."""
        return self.stored


class Quantile(NamedTuple):
    """A distribution of scipy: a uniform quantile is suggested and transformed."""

    name: str
    distribution: Any

    @property
    def stored_name(self) -> str:
        """Name of the parameter of the trial."""
        return f"{self.name}:quantile"

    @property
    def is_numeric(self) -> bool:
        """Whether Optuna suggests more than one number."""
        return True

    def suggest(self, trial: BaseTrial) -> int | float:
        """Return the value that the estimator gets in a trial."""
        quantile = trial.suggest_float(
            self.stored_name, _SMALLEST_QUANTILE, 1.0 - _SMALLEST_QUANTILE
        )
        value = np.asarray(self.distribution.ppf(quantile)).item()
        is_discrete = isinstance(getattr(self.distribution, "dist", None), rv_discrete)
        return int(value) if is_discrete else value

    def stored_values(self) -> None:
        """Return None: quantiles are continuous."""
        return


def as_dimension(name: str, given: Any) -> Dimension:
    """Parameter of a search space from what a user writes.

    Parameters
    ----------
    name : str
        Name of the parameter of the estimator.
    given : distribution, range or sequence
        A distribution of Optuna, whole numbers as a `range`, a sequence of choices, or
        a distribution of scipy.

    Returns
    -------
    dimension : Dimension

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If there is nothing to choose from.
    """
    if isinstance(given, FloatDistribution | IntDistribution):
        return Numbers(name, given)
    if isinstance(given, CategoricalDistribution):
        return _choices(name, given.choices)
    if isinstance(given, range):
        return _whole_numbers(name, given)
    if isinstance(given, np.ndarray) and given.ndim == 1:
        return _choices(name, given.tolist())
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        return _choices(name, given)
    if hasattr(given, "rvs") and hasattr(given, "ppf"):
        return Quantile(name, given)
    msg = f"The search space of {name!r} must be {_EXPECTED}, got {given!r}. "
    msg += _remedy(given)
    raise TypeError(msg)


_EXPECTED = (
    "a distribution of Optuna, a `range`, a sequence of choices or a distribution of "
    "scipy with `ppf`"
)


def _remedy(given: Any) -> str:
    if hasattr(given, "rvs"):
        return "Give it a `ppf`, by which a uniform quantile becomes a value."
    if isinstance(given, BaseDistribution):
        return "Take FloatDistribution, IntDistribution or CategoricalDistribution."
    return "Write a single value as a list of one."


def _check_not_empty(name: str, given: Sequence[Any]) -> None:
    if len(given) == 0:
        msg = (
            f"The search space of {name!r} must have at least one value, got "
            f"{given!r}. Add values or leave it out."
        )
        raise ValueError(msg)


def _whole_numbers(name: str, given: range) -> Numbers:
    _check_not_empty(name, given)
    low, high = min(given), max(given)
    step = abs(given.step) if len(given) > 1 else 1
    return Numbers(name, IntDistribution(low, high, step=step))


def _choices(name: str, given: Sequence[Any]) -> Choices:
    _check_not_empty(name, given)
    values = tuple(given)
    plain = [_plain(value) for value in values]
    # 1, 1.0 and True are equal, hence one value to Optuna; nan is not even itself.
    if all(_is_storable(value) for value in plain) and len(set(plain)) == len(plain):
        return Choices(name, values, tuple(plain))
    return Choices(name, values, tuple(map(_label, range(len(values)), values)))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _is_storable(value: Any) -> bool:
    return value is None or (type(value) in _STORABLE and value == value)  # noqa: PLR0124


def _label(position: int, value: Any) -> str:
    """Return a text that is unique, readable and the same in every process."""
    named = callable(value) and hasattr(value, "__qualname__")
    text = value.__qualname__ if named else repr(_plain(value))
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", text)  # the address of an object
    return f"{position}: {' '.join(text.split())[:_LABEL_LENGTH]}"
