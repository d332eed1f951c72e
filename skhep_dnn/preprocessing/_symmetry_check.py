"""Do the events have the symmetry that is declared? The answer and its advice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["SymmetryCheck", "SymmetryTest"]

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
        of_class = "" if self.label is None else f" of class {self.label!r}"
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


def _together(p_values: Sequence[float]) -> float:
    return min(1.0, len(p_values) * min(p_values))
