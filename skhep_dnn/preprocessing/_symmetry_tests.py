"""Do the events have the symmetry that is declared? The check, its answer and advice.

Each declared transformation is tested by itself on each class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._messages import shown
from skhep_dnn._sklearn import _safe_indexing
from skhep_dnn._tables import check_table
from skhep_dnn._validation import check_event_weights, check_labels
from skhep_dnn.preprocessing._columns import ColumnNames, read_block, with_block
from skhep_dnn.preprocessing._declaration import random_transformation
from skhep_dnn.preprocessing._momenta import Momentum
from skhep_dnn.preprocessing._swap_statistic import swap_test
from skhep_dnn.preprocessing._symmetry_features import EventFeatures
from skhep_dnn.preprocessing._symmetry_kernel import SymmetryKernel, Transformation

__all__ = ["SymmetryCheck", "SymmetryTest", "SymmetryTests"]

# What is declared, and the transformation; None stands for a random one.
Trial = tuple[SymmetryKernel, Transformation | None]

_LEVEL = 0.01  # of advice


@dataclass(frozen=True)
class SymmetryTest:
    """Test of one transformation on the events of one class.

    Attributes
    ----------
    transformation : str
        "rotation", or "reflection in" an axis.
    label : object
        The class; None for all events.
    p_value : float
        Probability of such a deviation if the distribution is symmetric.
    part : str
        The part of the comparison that deviates most.
    effect : float
        Squared mean change of the features of this part over their mean squared
        change: 0 if symmetric, 1 if the transformation changes all events alike.
        Since the part is the one that deviates most, the effect is positive by chance.
    effect_error : float
        Its standard error.
    n_events : int
        Number of events compared.

    Examples
    --------
    >>> from skhep_dnn.preprocessing import SymmetryTest
    >>> test = SymmetryTest("rotation", "s", 0.4, "pairs of objects", 0.1, 0.1, 100)
    >>> print(test)
    rotation of class 's': p = 0.4, effect 0.1000 +- 0.1000 in pairs of objects
    """

    transformation: str
    label: Any
    p_value: float
    part: str
    effect: float
    effect_error: float
    n_events: int

    def __str__(self) -> str:
        of_class = "" if self.label is None else f" of class {shown(self.label)}"
        return (
            f"{self.transformation}{of_class}: p = {self.p_value:.3g}, effect "
            f"{self.effect:.4f} +- {self.effect_error:.4f} in {self.part}"
        )


@dataclass(frozen=True, repr=False)
class SymmetryCheck:
    """Result of `SymmetryAugmenter.check_symmetry`.

    Attributes
    ----------
    tests : tuple of SymmetryTest
        One for each transformation and class.

    Examples
    --------
    >>> from skhep_dnn.preprocessing import SymmetryCheck, SymmetryTest
    >>> test = SymmetryTest("rotation", None, 0.4, "azimuth of tau", 0.01, 0.02, 100)
    >>> SymmetryCheck((test,))
    rotation: p = 0.4, effect 0.0100 +- 0.0200 in azimuth of tau
    Together p = 0.4: nothing speaks against the declared symmetry.
    """

    tests: tuple[SymmetryTest, ...]

    @property
    def p_value(self) -> float:
        """Probability of the smallest p-value of all tests, by Bonferroni's bound."""
        return _together([test.p_value for test in self.tests])

    @property
    def by_class(self) -> Mapping[Any, float]:
        """The same for the tests of each class, by label."""
        values: dict[Any, list[float]] = {}
        for test in self.tests:
            values.setdefault(test.label, []).append(test.p_value)
        return {label: _together(group) for label, group in values.items()}

    @property
    def worst(self) -> SymmetryTest:
        """The test with the smallest p-value, of equal ones that of largest effect."""
        return min(self.tests, key=lambda test: (test.p_value, -test.effect))

    @property
    def effect(self) -> float:
        """Effect of the test with the smallest p-value."""
        return self.worst.effect

    @property
    def effect_error(self) -> float:
        """Its standard error."""
        return self.worst.effect_error

    def __str__(self) -> str:
        lines = [*map(str, self.tests), f"Together p = {self.p_value:.3g}: "]
        if self.p_value >= _LEVEL:
            return "\n".join(lines) + "nothing speaks against the declared symmetry."
        return "\n".join(lines) + (
            f"the events differ from their copies under the {self.worst.transformation}"
            f", most in {self.worst.part}. Declare signed columns in `odd_under`, drop "
            "columns that keep a direction, or leave the transformation out. One in a "
            "hundred symmetric samples looks like this by chance."
        )

    def __repr__(self) -> str:
        return str(self)


class SymmetryTests:
    """Mixin of an estimator with `momenta_` and `kernel_`: tests of the symmetry."""

    momenta_: list[Momentum]
    kernel_: SymmetryKernel

    def check_symmetry(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        n_permutations: int = 200,
        max_events: int = 10_000,
        random_state: int | np.random.RandomState | None = None,
    ) -> SymmetryCheck:
        """Compare events with their transformed copies, and advise.

        Each declared transformation is tested by itself on each class. Rejection means
        that a column carries a direction that is not declared, or that the detector,
        the selection or the physics is not symmetric; nothing is blocked.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events; not changed.
        y : array-like of shape (n_samples,), default=None
            Class labels; None tests all events together.
        sample_weight : array-like of shape (n_samples,), default=None
            Event weights; negative ones enter with their sign, and events of weight 0
            are left out.
        n_permutations : int, default=200
            Number of random swaps for each of the tests, in each of the tests, so that
            small probabilities can be seen however many tests there are.
        max_events : int, default=10_000
            Largest number of events of a class that are compared, drawn at random.
        random_state : int, RandomState instance or None, default=None
            Source of the random numbers.

        Returns
        -------
        check : SymmetryCheck
            The p-values and effects, alone and together; its text gives advice.

        Raises
        ------
        TypeError
            If a number is no whole number.
        ValueError
            If a number is not positive, or labels or weights do not match.

        Notes
        -----
        A weighted distance between the joint distributions of the events and of their
        copies: the largest of several distances, each a mean square of differences of
        weighted means, in units of its spread. They belong to harmonics of the
        azimuths and odd functions of the signed columns of each object, to pairs of
        objects, to their correlations with each remaining column (by ranks), and to
        random waves in all columns together (maximum mean discrepancy [1]_). Under the
        null hypothesis an event and its copy can be swapped, with probability 1/2, the
        weight staying with the event: this gives the null distribution exactly, for
        weights of both signs.

        References
        ----------
        .. [1] A. Gretton et al., "A kernel two-sample test", Journal of Machine
           Learning Research 13 (2012) 723.

        Examples
        --------
        >>> from skhep_dnn.datasets import make_higgs_events
        >>> from skhep_dnn.preprocessing import SymmetryAugmenter
        >>> events = make_higgs_events(500, random_state=0)
        >>> augmenter = SymmetryAugmenter().fit(events.data)
        >>> check = augmenter.check_symmetry(
        ...     events.data, sample_weight=events.sample_weight, random_state=0
        ... )
        >>> check.p_value > 0.05
        True
        """
        _check_positive("n_permutations", n_permutations)
        _check_positive("max_events", max_events)
        check_is_fitted(self)
        table = check_table(self, X, reset=False)
        weights = check_event_weights(sample_weight, table.shape[0])
        classes = _classes(y, weights)
        rng = check_random_state(random_state)
        trials = _trials(self.kernel_)
        n_swaps = n_permutations * len(trials) * len(classes)
        tests: list[SymmetryTest] = []
        for label, rows in classes:
            chosen = np.sort(rng.permutation(rows)[:max_events])
            events = _safe_indexing(table, chosen)
            tests += self._tests(events, weights[chosen], label, trials, n_swaps, rng)
        return SymmetryCheck(tuple(tests))

    def _tests(
        self,
        events: Any,
        weights: NDArray[np.float64],
        label: object,
        trials: dict[str, Trial],
        n_swaps: int,
        rng: np.random.RandomState,
    ) -> list[SymmetryTest]:
        columns = ColumnNames.of_fitted(self)
        features = EventFeatures(events, self.momenta_, self.kernel_, columns, rng)
        tests = []
        for name, trial in trials.items():
            copies = _transformed(events, trial, rng)
            test = swap_test(features.changes(copies), weights, n_swaps, rng)
            found = (test.p_value, test.part, test.effect, test.error)
            tests.append(SymmetryTest(name, label, *found, len(weights)))
        return tests


def _together(p_values: Sequence[float]) -> float:
    return min(1.0, len(p_values) * min(p_values))


def _check_positive(name: str, value: object) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool):
        msg = f"`{name}` must be an int, got {value!r}. Pass a whole number."
        raise TypeError(msg)
    if value < 1:
        msg = f"`{name}` must be at least 1, got {value!r}. Increase it."
        raise ValueError(msg)


def _classes(
    y: ArrayLike | None, weights: NDArray[np.float64]
) -> list[tuple[Any, NDArray[np.intp]]]:
    """Return each label with the rows of its events of non-zero weight."""
    if y is None:
        return [(None, np.flatnonzero(weights))]
    labels = check_labels(y)
    if labels.shape != weights.shape:
        msg = (
            f"`y` must have one label for each of the {len(weights)} events, got the "
            f"shape {labels.shape}. Pass the labels of the events in `X`."
        )
        raise ValueError(msg)
    known = np.unique(labels[weights != 0.0])
    return [
        (label, np.flatnonzero((labels == label) & (weights != 0.0)))
        for label in known.tolist()
    ]


def _trials(kernel: SymmetryKernel) -> dict[str, Trial]:
    """Return each declared transformation; None stands for a random rotation."""
    trials: dict[str, Trial] = {}
    if kernel.rotation:
        trials["rotation"] = (replace(kernel, reflections=""), None)
    for axis in kernel.reflections:
        flip = Transformation(**{f"sign_{axis}": -1.0})
        trials[f"reflection in {axis}"] = (kernel, flip)
    return trials


def _transformed(X: Any, trial: Trial, rng: np.random.RandomState) -> Any:
    kernel, by = trial
    if by is None:
        by = random_transformation(kernel, X.shape[0], rng)
    block = read_block(X, kernel.columns)
    kernel.moved(kernel.columns).apply(block, by, out=block)
    return with_block(X, kernel.columns, block)
