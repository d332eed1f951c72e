"""Between which means does a count of data lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

__all__ = ["poisson_interval"]

FloatArray = NDArray[np.float64]

_OUTSIDE = float(norm.sf(1.0))  # on either side of an interval of one sigma


def poisson_interval(count: FloatArray) -> tuple[FloatArray, FloatArray]:
    r"""Return the ends of the central interval of one standard deviation of counts.

    Parameters
    ----------
    count : ndarray of shape (n_bins,)
        Numbers of events, nan where there is none to tell.

    Returns
    -------
    low, high : ndarray of shape (n_bins,)
        Means for which as many events or more, or as many or fewer, have a probability
        of 16 per cent; nan where the count is.

    Notes
    -----
    With quantiles of :math:`\chi^2`,
    :math:`\mu_\mathrm{low} = \frac{1}{2} \chi^2_{\alpha}(2n)` and
    :math:`\mu_\mathrm{high} = \frac{1}{2} \chi^2_{1-\alpha}(2n + 2)` [1]_.

    References
    ----------
    .. [1] F. Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28
       (1936) 437.

    Examples
    --------
    >>> low, high = poisson_interval(np.array([0.0, 4.0]))
    >>> low.round(2), high.round(2)
    (array([0.  , 2.09]), array([1.84, 7.16]))
    """
    low = np.where(count > 0.0, chi2.ppf(_OUTSIDE, 2.0 * count) / 2.0, 0.0 * count)
    return low, np.asarray(chi2.isf(_OUTSIDE, 2.0 * (count + 1.0)) / 2.0)
