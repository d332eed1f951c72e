"""Schedules of learning rate and momentum over one training.

A schedule maps the progress of the training, from 0 to 1, to a factor on the learning
rate and to the momentum (Adam's first coefficient); a momentum of None leaves it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi

from torch.optim import Optimizer

__all__ = ["SCHEDULES", "OneCycle", "Schedule", "apply_schedule", "constant"]

Schedule = Callable[[float], tuple[float, float | None]]


def constant(_progress: float) -> tuple[float, float | None]:
    """Full learning rate and the optimiser's own momentum throughout."""
    return 1.0, None


@dataclass(frozen=True)
class OneCycle:
    """One-cycle policy in half-cosines: one warm-up, one decay to zero.

    The learning rate rises to its full value while the momentum falls; then both go
    back, the rate to zero.

    Parameters
    ----------
    warm_up : float, default=0.3333333333333333
        Share of the training in which the learning rate rises, in (0, 1).
    start_factor : float, default=0.01
        Learning rate at the beginning, in units of the full one.
    momentum_high : float, default=0.95
        Momentum at both ends.
    momentum_low : float, default=0.85
        Momentum at the full learning rate.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    .. [1] L. N. Smith, "A disciplined approach to neural network hyper-parameters:
       Part 1", arXiv:1803.09820.
    .. [2] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, Sec. 3.8.

    Examples
    --------
    >>> from skhep_dnn.neural_network import OneCycle
    >>> schedule = OneCycle()
    >>> schedule(0.0), schedule(1 / 3)
    ((0.01, 0.95), (1.0, 0.85))
    """

    warm_up: float = 1 / 3
    start_factor: float = 0.01
    momentum_high: float = 0.95
    momentum_low: float = 0.85

    def __post_init__(self) -> None:
        """Refuse parameters where they are written."""
        momenta = (self.momentum_high, self.momentum_low)
        if not (
            0.0 < self.warm_up < 1.0
            and 0.0 <= self.start_factor <= 1.0
            and all(0.0 <= value < 1.0 for value in momenta)
        ):
            msg = (
                "`warm_up` must be in (0, 1), `start_factor` in [0, 1] and the momenta "
                f"in [0, 1), got {self!r}. Correct them."
            )
            raise ValueError(msg)

    def __call__(self, progress: float) -> tuple[float, float | None]:
        """Return the factor on the learning rate and the momentum."""
        high, low = self.momentum_high, self.momentum_low
        if progress < self.warm_up:
            share = (1.0 - cos(pi * progress / self.warm_up)) / 2.0
            factor = self.start_factor + (1.0 - self.start_factor) * share
            return factor, high + (low - high) * share
        rest = (progress - self.warm_up) / (1.0 - self.warm_up)
        share = (1.0 - cos(pi * rest)) / 2.0
        return 1.0 - share, low + (high - low) * share


SCHEDULES: dict[str, Schedule] = {"constant": constant, "one_cycle": OneCycle()}


def apply_schedule(
    optimizer: Optimizer, learning_rate: float, factor: float, momentum: float | None
) -> None:
    """Set the learning rate, and the momentum where the optimiser has one."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * factor
        if momentum is not None and "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        elif momentum is not None and group["momentum"] > 0.0:
            group["momentum"] = momentum
