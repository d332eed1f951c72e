"""Histograms of weighted events with their Monte Carlo errors."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["WeightedHistogram", "weighted_histogram", "yield_with_error"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WeightedHistogram:
    """Contents and Monte Carlo errors of the bins of a histogram.

    Parameters
    ----------
    edges : ndarray of shape (n_bins + 1,)
        Edges of the bins, increasing.
    content : ndarray of shape (n_bins,)
        Sums of the weights, in events; they may be negative.
    error : ndarray of shape (n_bins,)
        Square roots of the sums of the squared weights, in events.
    n_events : int
        Number of events, unweighted.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.inspection import WeightedHistogram
    >>> histogram = WeightedHistogram(
    ...     edges=np.array([0.0, 0.5, 1.0]),
    ...     content=np.array([30.0, 10.0]),
    ...     error=np.array([3.0, 4.0]),
    ...     n_events=7,
    ... )
    >>> histogram.sum_w, histogram.sum_w_error
    (40.0, 5.0)
    >>> histogram.density
    array([1.5, 0.5])
    """

    edges: FloatArray
    content: FloatArray
    error: FloatArray
    n_events: int

    @property
    def sum_w(self) -> float:
        """Yield of all bins, in events."""
        return float(self.content.sum())

    @property
    def sum_w_error(self) -> float:
        """Monte Carlo error of the yield, in events."""
        return float(np.sqrt(np.square(self.error).sum()))

    @property
    def density(self) -> FloatArray:
        """Contents per width of the bin, with an integral of one."""
        return self.content / (self.sum_w * np.diff(self.edges))

    @property
    def density_error(self) -> FloatArray:
        """Errors of the density; the error of the yield is left out."""
        return self.error / (self.sum_w * np.diff(self.edges))

    def scaled_to(self, sum_w: float) -> "WeightedHistogram":
        """Return the histogram with another yield.

        Parameters
        ----------
        sum_w : float
            The yield to have, in events.

        Returns
        -------
        histogram : WeightedHistogram
        """
        factor = sum_w / self.sum_w
        return WeightedHistogram(
            self.edges, factor * self.content, factor * self.error, self.n_events
        )


def weighted_histogram(
    scores: FloatArray, weights: FloatArray, edges: FloatArray
) -> WeightedHistogram:
    """Fill a histogram; events outside are counted in the first or the last bin.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Scores without nan; they may be infinite.
    weights : ndarray of shape (n_samples,)
        Event weights, negative ones too.
    edges : ndarray of shape (n_bins + 1,)
        Edges of the bins, increasing.

    Returns
    -------
    histogram : WeightedHistogram
    """
    inside = np.clip(scores, edges[0], edges[-1])
    content, _ = np.histogram(inside, edges, weights=weights)
    sum_w2, _ = np.histogram(inside, edges, weights=np.square(weights))
    return WeightedHistogram(edges, content, np.sqrt(sum_w2), len(scores))


def yield_with_error(sum_w: float, error: float) -> str:
    """Return a yield and its error with two digits of the error.

    Parameters
    ----------
    sum_w, error : float
        Yield and error, in events.

    Returns
    -------
    text : str
        Thousands are set apart by spaces.
    """
    digits = 1 - math.floor(math.log10(error))
    places = max(0, digits)
    text = f"{round(sum_w, digits):,.{places}f} ± {round(error, digits):,.{places}f}"
    return text.replace(",", " ")
