"""Schedules of learning rate and momentum over one training.

A schedule maps the progress of the training, from 0 to 1, to a factor on the learning
rate and to Adam's first coefficient.
"""

from collections.abc import Callable
from math import cos, pi

__all__ = ["SCHEDULES", "Schedule", "constant", "one_cycle"]

Schedule = Callable[[float], tuple[float, float]]

BETA_1 = 0.9
WARM_UP = 1 / 3
START_FACTOR = 0.01
BETA_HIGH, BETA_LOW = 0.95, 0.85


def constant(_progress: float) -> tuple[float, float]:
    """Full learning rate and a coefficient of 0.9 throughout."""
    return 1.0, BETA_1


def one_cycle(progress: float) -> tuple[float, float]:
    """One-cycle policy in half-cosines.

    Over the first third the learning rate rises from 1 % to its full value while
    the coefficient falls from 0.95 to 0.85; then both go back, the rate to zero.

    References
    ----------
    .. [1] L. N. Smith, "A disciplined approach to neural network hyper-parameters:
       Part 1", arXiv:1803.09820.
    .. [2] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, Sec. 3.8.

    Examples
    --------
    >>> one_cycle(0.0), one_cycle(1 / 3)
    ((0.01, 0.95), (1.0, 0.85))
    """
    if progress < WARM_UP:
        share = (1.0 - cos(pi * progress / WARM_UP)) / 2.0
        factor = START_FACTOR + (1.0 - START_FACTOR) * share
        return factor, BETA_HIGH + (BETA_LOW - BETA_HIGH) * share
    share = (1.0 - cos(pi * (progress - WARM_UP) / (1.0 - WARM_UP))) / 2.0
    return 1.0 - share, BETA_LOW + (BETA_HIGH - BETA_LOW) * share


SCHEDULES: dict[str, Schedule] = {"constant": constant, "one_cycle": one_cycle}
