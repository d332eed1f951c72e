"""Schedules of learning rate and momentum over one training.

A schedule maps the passes done and the passes planned to a factor on the learning rate
and to the momentum (Adam's first coefficient); a momentum of None leaves it. One that
goes in cycles tells how many of them are complete.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, floor, log, pi
from typing import Protocol, runtime_checkable

from torch.optim import Optimizer

__all__ = [
    "SCHEDULES",
    "CosineRestarts",
    "CyclicSchedule",
    "LinearCycles",
    "OneCycle",
    "Schedule",
    "apply_schedule",
    "constant",
    "ends_cycle",
]

Schedule = Callable[[float, float], tuple[float, float | None]]
ROUNDING = 1e-9  # of passes, which are sums of fractions


@runtime_checkable
class CyclicSchedule(Protocol):
    """A schedule that repeats itself, at whose cycles' ends the rate is lowest."""

    def __call__(self, epoch: float, max_epochs: float) -> tuple[float, float | None]:
        """Return the factor on the learning rate and the momentum."""
        ...

    def cycles_done(self, epoch: float) -> int:
        """Return how many cycles are complete after some passes."""
        ...


def constant(_epoch: float, _max_epochs: float) -> tuple[float, float | None]:
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
    >>> schedule(0.0, 15), schedule(5.0, 15)
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

    def __call__(self, epoch: float, max_epochs: float) -> tuple[float, float | None]:
        """Return the factor on the learning rate and the momentum."""
        progress = epoch / max_epochs
        high, low = self.momentum_high, self.momentum_low
        if progress < self.warm_up:
            share = (1.0 - cos(pi * progress / self.warm_up)) / 2.0
            factor = self.start_factor + (1.0 - self.start_factor) * share
            return factor, high + (low - high) * share
        rest = (progress - self.warm_up) / (1.0 - self.warm_up)
        share = (1.0 - cos(pi * rest)) / 2.0
        return 1.0 - share, low + (high - low) * share


def _check_cycle(length: float, low_factor: float, name: str) -> None:
    if not 0.0 < length < float("inf"):
        msg = f"`{name}` must be a positive number of passes, got {length!r}. Set it."
        raise ValueError(msg)
    if not 0.0 <= low_factor <= 1.0:
        msg = f"`low_factor` must be in [0, 1], got {low_factor!r}. Correct it."
        raise ValueError(msg)


@dataclass(frozen=True)
class CosineRestarts:
    r"""Half-cosines from the full learning rate down, with warm restarts.

    After :math:`t` of the :math:`T` passes of a cycle the factor is :math:`f + (1 - f)
    (1 + \cos(\pi t / T)) / 2` with the lowest factor :math:`f`. Each cycle is
    `multiplier` times as long as the one before.

    Parameters
    ----------
    first_cycle : float, default=1.0
        Length of the first cycle, in passes.
    multiplier : float, default=2.0
        Length of a cycle in units of the one before, at least 1.
    low_factor : float, default=0.0
        Learning rate at the end of a cycle, in units of the full one.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm
       restarts", arXiv:1608.03983, Eq. (5).
    .. [2] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, Sec. 3.5.

    Examples
    --------
    >>> from skhep_dnn.neural_network import CosineRestarts
    >>> schedule = CosineRestarts()
    >>> [schedule(epoch, 7)[0] for epoch in (0.0, 0.5, 1.0, 2.0, 3.0)]
    [1.0, 0.5, 1.0, 0.5, 1.0]
    >>> schedule.cycles_done(3.0)
    2
    """

    first_cycle: float = 1.0
    multiplier: float = 2.0
    low_factor: float = 0.0

    def __post_init__(self) -> None:
        """Refuse parameters where they are written."""
        _check_cycle(self.first_cycle, self.low_factor, "first_cycle")
        if not 1.0 <= self.multiplier < float("inf"):
            msg = (
                f"`multiplier` must be 1 or more, got {self.multiplier!r}. Correct it."
            )
            raise ValueError(msg)

    def __call__(self, epoch: float, max_epochs: float) -> tuple[float, float | None]:  # noqa: ARG002
        """Return the factor on the learning rate and no momentum."""
        n_done = self.cycles_done(epoch)
        length = self.first_cycle * self.multiplier**n_done
        share = max(0.0, (epoch - self._start(n_done)) / length)
        height = (1.0 + cos(pi * share)) / 2.0
        return self.low_factor + (1.0 - self.low_factor) * height, None

    def cycles_done(self, epoch: float) -> int:
        """Return how many cycles are complete.

        Parameters
        ----------
        epoch : float
            Passes done.

        Returns
        -------
        n_cycles : int
        """
        ratio = (epoch + ROUNDING) / self.first_cycle
        if self.multiplier == 1.0:
            return floor(ratio)
        return floor(log(1.0 + ratio * (self.multiplier - 1.0), self.multiplier))

    def _start(self, n_done: int) -> float:
        if self.multiplier == 1.0:
            return self.first_cycle * n_done
        growth = self.multiplier - 1.0
        return self.first_cycle * (self.multiplier**n_done - 1.0) / growth


@dataclass(frozen=True)
class LinearCycles:
    """Learning rate that rises to its full value and falls back, in straight lines.

    Parameters
    ----------
    cycle : float, default=1.0
        Length of a cycle, in passes.
    low_factor : float, default=0.1
        Learning rate at both ends of a cycle, in units of the full one.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    .. [1] L. N. Smith, "Cyclical learning rates for training neural networks",
       arXiv:1506.01186.
    .. [2] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, Sec. 3.7.

    Examples
    --------
    >>> from skhep_dnn.neural_network import LinearCycles
    >>> schedule = LinearCycles(cycle=2.0)
    >>> [schedule(epoch, 4)[0] for epoch in (0.0, 1.0, 2.0, 3.0)]
    [0.1, 1.0, 0.1, 1.0]
    """

    cycle: float = 1.0
    low_factor: float = 0.1

    def __post_init__(self) -> None:
        """Refuse parameters where they are written."""
        _check_cycle(self.cycle, self.low_factor, "cycle")

    def __call__(self, epoch: float, max_epochs: float) -> tuple[float, float | None]:  # noqa: ARG002
        """Return the factor on the learning rate and no momentum."""
        share = max(0.0, epoch / self.cycle - self.cycles_done(epoch))
        height = 1.0 - abs(2.0 * share - 1.0)
        return self.low_factor + (1.0 - self.low_factor) * height, None

    def cycles_done(self, epoch: float) -> int:
        """Return how many cycles are complete.

        Parameters
        ----------
        epoch : float
            Passes done.

        Returns
        -------
        n_cycles : int
        """
        return floor((epoch + ROUNDING) / self.cycle)


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "cosine_restarts": CosineRestarts(),
    "linear_cycles": LinearCycles(),
    "one_cycle": OneCycle(),
}


def ends_cycle(schedule: Schedule, evaluation: int, evaluations_per_epoch: int) -> bool:
    """Tell whether an evaluation is the first one after the end of a cycle.

    Parameters
    ----------
    schedule : callable
        Without cycles each evaluation counts.
    evaluation : int
        Number of the evaluation, from 1.
    evaluations_per_epoch : int
        Number of evaluations in a pass.

    Returns
    -------
    ends : bool
    """
    if not isinstance(schedule, CyclicSchedule):
        return True
    # Compared between two evaluations: a cycle need not end at one.
    before, now = (
        schedule.cycles_done(number / evaluations_per_epoch)
        for number in (evaluation - 1, evaluation)
    )
    return now > before


def apply_schedule(
    optimizer: Optimizer, learning_rate: float, factor: float, momentum: float | None
) -> None:
    """Set the learning rate, and the momentum where the optimiser has one."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * factor * group.get("lr_factor", 1.0)
        if momentum is not None and "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        elif momentum is not None and group["momentum"] > 0.0:
            group["momentum"] = momentum
