"""What a bootstrap returns: a figure, its error and its replicas."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["BootstrapResult", "PairedBootstrapResult", "format_with_error"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BootstrapResult:
    """A figure with its bootstrap error.

    Attributes
    ----------
    value : float
        The figure on the sample itself.
    error : float
        Standard deviation of the replicas that are defined; nan if fewer than two are.
    replicas : ndarray of shape (n_replicas,)
        The figure on each replica, nan where it is undefined.
    n_undefined : int, default=0
        Number of replicas that are nan.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import BootstrapResult
    >>> print(BootstrapResult(0.92399, 0.00318, np.array([0.921, 0.927])))
    0.9240 ± 0.0032
    """

    value: float
    error: float
    replicas: FloatArray = field(repr=False)
    n_undefined: int = 0

    def interval(self, level: float = 0.68) -> tuple[float, float]:
        """Return the central interval of the replicas.

        Parameters
        ----------
        level : float, default=0.68
            Share of the replicas inside.

        Returns
        -------
        low, high : float
            Quantiles of the defined replicas.
        """
        return _interval(self.replicas, level)

    def __str__(self) -> str:
        """Return value and error with two digits of the error."""
        return format_with_error(self.value, self.error)


@dataclass(frozen=True, eq=False)
class PairedBootstrapResult:
    """The difference of two classifiers on the same events, with its error.

    Attributes
    ----------
    value_a, value_b : float
        The figure of each classifier on the sample itself.
    difference : float
        ``value_a - value_b``.
    error : float
        Standard deviation of the replicas of the difference; nan if fewer than two
        are defined.
    replicas : ndarray of shape (n_replicas,)
        The difference on each replica, nan where it is undefined.
    n_undefined : int, default=0
        Number of replicas that are nan.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import PairedBootstrapResult
    >>> result = PairedBootstrapResult(0.91, 0.90, 0.01, 0.0021, np.zeros(2))
    >>> print(result)
    0.0100 ± 0.0021
    """

    value_a: float
    value_b: float
    difference: float
    error: float
    replicas: FloatArray = field(repr=False)
    n_undefined: int = 0

    def interval(self, level: float = 0.68) -> tuple[float, float]:
        """Return the central interval of the replicas of the difference.

        Parameters
        ----------
        level : float, default=0.68
            Share of the replicas inside.

        Returns
        -------
        low, high : float
            Quantiles of the defined replicas.
        """
        return _interval(self.replicas, level)

    def __str__(self) -> str:
        """Return difference and error with two digits of the error."""
        return format_with_error(self.difference, self.error)


def _interval(replicas: FloatArray, level: float) -> tuple[float, float]:
    if not 0 < level < 1:
        msg = (
            f"`level` must lie between 0 and 1, got {level!r}. Take 0.68 for the "
            "interval of one standard deviation."
        )
        raise ValueError(msg)
    defined = replicas[np.isfinite(replicas)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def format_with_error(value: float, error: float) -> str:
    """Return "value ± error" with two digits of the error."""
    if not error > 1e-12 * abs(value) or np.isinf(error):
        return f"{value:.4g} ± {error:.2g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{digits}f} ± {error:.{digits}f}"
