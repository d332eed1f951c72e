"""Averages of the parameters of a network over its training.

An average is a rule, such as `StochasticWeightAverage`, that begins a run for a group
of members; each member has its own average, and its own start of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = [
    "AVERAGES",
    "Average",
    "ExponentialAverage",
    "RunningAverage",
    "StochasticWeightAverage",
]

State = dict[str, Tensor]
Losses = Callable[[State], NDArray[np.float64]]


class RunningAverage(Protocol):
    """The averages of a group of members while it trains."""

    def update(self, state: State, losses: Losses | None) -> None:
        """Take in the running state; `losses` judges any state, where it can."""

    def state(self) -> State | None:
        """Return the averages, each tensor with a member axis; None before."""


class Average(Protocol):
    """A rule by which parameters are averaged.

    Attributes
    ----------
    each : {"step", "evaluation"}
        When the running state is taken in: after each step of the optimiser; or at
        each evaluation or, with a schedule in cycles, at the first one after each.
    needs_validation : bool
        Whether the rule compares validation losses.
    """

    @property
    def each(self) -> Literal["step", "evaluation"]: ...

    @property
    def needs_validation(self) -> bool: ...

    def begin(self, state: State) -> RunningAverage:
        """Begin the averages of a group from its initial state."""


@dataclass(frozen=True)
class ExponentialAverage:
    r"""Exponential moving average of the parameters, after each step.

    After step :math:`t = 1, 2, ...` the average moves by a share :math:`1 - d_t`
    towards the parameters, with :math:`d_t = \min(d, t / (9 + t))`, so that the initial
    weights are soon forgotten.

    Parameters
    ----------
    decay : float, default=0.999
        What is left of the average after a step, in [0, 1).

    Raises
    ------
    ValueError
        If `decay` is out of range.

    References
    ----------
    .. [1] B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by
       averaging", SIAM J. Control Optim. 30 (1992) 838.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.neural_network import ExponentialAverage
    >>> model = WeightedDNNClassifier(averaging=ExponentialAverage(decay=0.99))
    """

    decay: float = 0.999
    each: ClassVar[Literal["step", "evaluation"]] = "step"
    needs_validation: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse a decay where it is written."""
        if not 0.0 <= self.decay < 1.0:
            msg = f"`decay` must be in [0, 1), got {self.decay!r}. Correct it."
            raise ValueError(msg)

    def begin(self, state: State) -> ExponentialRun:
        """Begin the averages of a group.

        Parameters
        ----------
        state : dict of Tensor
            Its initial state.

        Returns
        -------
        run : RunningAverage
        """
        return ExponentialRun(self.decay, state)


@dataclass(frozen=True)
class StochasticWeightAverage:
    """Mean of the parameters over the training, whose start is found automatically.

    Two averages run for each member, the younger one from `renewal` after the older
    one. When their validation losses are compared, the better one survives: if it is
    the older one, the younger one begins anew and the time to the next comparison is
    doubled; if it is the younger one, it becomes the older one, another one begins,
    and the time is set back to `renewal`. Times are counted in evaluations or, with a
    schedule in cycles, in whole cycles. Of the older average and the running
    parameters the one with the lower validation loss is kept; without a validation
    sample it is the average.

    The statistics of `batch_norm` are averaged as the parameters are.

    Parameters
    ----------
    start : int, default=5
        When the first average begins: 1 is the first evaluation or cycle.
    renewal : int or None, default=5
        Time from the start of the first average to that of the second one, and from
        there to their first comparison. None makes no second one: the plain mean
        since `start`, which needs no validation sample.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    .. [1] P. Izmailov, D. Podoprikhin, T. Garipov, D. Vetrov, A. G. Wilson, "Averaging
       weights leads to wider optima and better generalization", arXiv:1803.05407.
    .. [2] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, Sec. 3.7.1.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.neural_network import StochasticWeightAverage
    >>> average = StochasticWeightAverage(start=2, renewal=2)
    >>> model = WeightedDNNClassifier(averaging=average, validation_fraction=0.1)
    """

    start: int = 5
    renewal: int | None = 5
    each: ClassVar[Literal["step", "evaluation"]] = "evaluation"

    def __post_init__(self) -> None:
        """Refuse times where they are written."""
        for name in ("start", "renewal"):
            value = getattr(self, name)
            if name == "renewal" and value is None:
                continue
            if not isinstance(value, Integral) or value < 1:
                msg = f"`{name}` must be an int from 1, got {value!r}. Choose another."
                raise ValueError(msg)

    @property
    def needs_validation(self) -> bool:
        """Whether averages are compared."""
        return self.renewal is not None

    def begin(self, state: State) -> StochasticRun:
        """Begin the averages of a group.

        Parameters
        ----------
        state : dict of Tensor
            Its initial state.

        Returns
        -------
        run : RunningAverage
        """
        return StochasticRun(self, state)


class ExponentialRun:
    """Exponential averages of a group."""

    def __init__(self, decay: float, state: State) -> None:
        self.decay = decay
        self.n_steps = 0
        self.mean = {name: value.clone() for name, value in state.items()}

    def update(self, state: State, losses: Losses | None = None) -> None:  # noqa: ARG002
        """Move towards the running state."""
        # A fixed decay would hold on to the random initial weights for 1 / (1 - decay)
        # steps; this one begins near a plain mean.
        decay = min(self.decay, (1.0 + self.n_steps) / (10.0 + self.n_steps))
        self.n_steps += 1
        means, values = list(self.mean.values()), list(state.values())
        torch._foreach_lerp_(means, values, 1.0 - decay)

    def state(self) -> State | None:
        """Return the averages."""
        return self.mean


class Mean:
    """A mean of states for each member, of as many as it has taken in."""

    def __init__(self, state: State) -> None:
        self.value = {name: value.clone() for name, value in state.items()}
        n_members = len(next(iter(state.values())))
        self.count = np.zeros(n_members, dtype=np.int64)

    def add(self, state: State, members: NDArray[np.bool_]) -> None:
        """Take in the state of some members."""
        self.count[members] += 1
        for k in np.flatnonzero(members):
            for name, value in state.items():
                self.value[name][k].lerp_(value[k], 1.0 / self.count[k])

    def copy_member(self, k: int, other: Mean) -> None:
        """Take over the mean of one member."""
        self.count[k] = other.count[k]
        for name, value in other.value.items():
            self.value[name][k].copy_(value[k])


class StochasticRun:
    """Two averages of each member of a group, and when they are compared next."""

    def __init__(self, rule: StochasticWeightAverage, state: State) -> None:
        self.rule = rule
        self.older, self.younger = Mean(state), Mean(state)
        self.n_units = 0
        n_members = len(self.older.count)
        self.has_younger = np.zeros(n_members, dtype=np.bool_)
        self.period = np.full(n_members, rule.renewal or 0)
        self.left = self.period.copy()

    def update(self, state: State, losses: Losses | None) -> None:
        """Take in the running state, and compare the averages where it is due."""
        # Every member counts its own time to the next comparison, since its older
        # average may have survived more often; all share the units themselves.
        self.n_units += 1
        if self.n_units < self.rule.start:
            return
        everyone = np.ones(len(self.left), dtype=np.bool_)
        self.older.add(state, everyone)
        if losses is None or self.rule.renewal is None:
            return
        self.younger.add(state, self.has_younger)
        self.left -= 1
        due = self.left == 0
        self._compare(due & self.has_younger, losses)
        self.has_younger |= due
        self.younger.count[due] = 0
        self.left[due] = self.period[due]

    def state(self) -> State | None:
        """Return the older averages."""
        return self.older.value if self.n_units >= self.rule.start else None

    def _compare(self, due: NDArray[np.bool_], losses: Losses) -> None:
        """Let the better average of some members survive."""
        if not due.any():
            return
        older, younger = losses(self.older.value), losses(self.younger.value)
        for k in np.flatnonzero(due).tolist():
            # The younger one forgets the beginning: where that is better, the start was
            # too early, and the search goes on from there at its first pace.
            if younger[k] < older[k]:
                self.older.copy_member(k, self.younger)
                self.period[k] = self.rule.renewal
            else:
                self.period[k] *= 2


AVERAGES: dict[str, Average] = {
    "ema": ExponentialAverage(),
    "swa": StochasticWeightAverage(),
}
