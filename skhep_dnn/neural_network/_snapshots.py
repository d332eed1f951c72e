"""Snapshots of the networks of one training, which multiply the members."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["SNAPSHOTS", "Album", "Snapshots"]

State = dict[str, Tensor]


@dataclass(frozen=True)
class Snapshots:
    r"""Ensemble of the best state of a network and of those before it.

    A snapshot is taken at the evaluation that ends a cycle of the schedule, or follows
    its end, and at each evaluation without cycles. At prediction the best state comes
    first, then the snapshots before it, the latest first; "inverse_rank" gives the
    :math:`n`-th of them the weight :math:`1 / n`. The best state may be an average;
    the snapshots are the running states. Where there are fewer states, the weights are
    those of fewer.

    Parameters
    ----------
    n_snapshots : int, default=5
        Largest number of states of a member, the best one included.
    weighting : {"inverse_rank", "uniform"}, default="inverse_rank"
        Weights of the states.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    .. [1] G. Huang, Y. Li, G. Pleiss, Z. Liu, J. E. Hopcroft, K. Q. Weinberger,
       "Snapshot ensembles: train 1, get M for free", arXiv:1704.00109.
    .. [2] T. Garipov, P. Izmailov, D. Podoprikhin, D. Vetrov, A. G. Wilson, "Loss
       surfaces, mode connectivity, and fast ensembling of DNNs", arXiv:1802.10026.

    Examples
    --------
    Snapshot ensembling and fast geometric ensembling as in arXiv:2002.01427, where
    nine evaluations make a pass:

    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.neural_network import CosineRestarts, LinearCycles, Snapshots
    >>> folds = {"cv": 10, "validate_on_fold": True, "evaluations_per_epoch": 9}
    >>> sse = WeightedDNNClassifier(
    ...     schedule=CosineRestarts(first_cycle=50 / 9, multiplier=1.0),
    ...     snapshots=Snapshots(5),
    ...     **folds,
    ... )
    >>> fge = WeightedDNNClassifier(
    ...     schedule=LinearCycles(cycle=5 / 9),
    ...     snapshots=Snapshots(9, weighting="uniform"),
    ...     **folds,
    ... )
    """

    n_snapshots: int = 5
    weighting: Literal["inverse_rank", "uniform"] = "inverse_rank"

    def __post_init__(self) -> None:
        """Refuse parameters where they are written."""
        number = self.n_snapshots
        if not isinstance(number, Integral) or number < 1:
            msg = (
                f"`n_snapshots` must be an int from 1, got {number!r}. Choose another."
            )
            raise ValueError(msg)
        if self.weighting not in ("inverse_rank", "uniform"):
            msg = (
                '`weighting` must be "inverse_rank" or "uniform", got '
                f"{self.weighting!r}. Choose one of them."
            )
            raise ValueError(msg)

    def weights(self, n_states: int) -> NDArray[np.float64]:
        """Weights of the states of a member that has some of them.

        Parameters
        ----------
        n_states : int
            How many states it has.

        Returns
        -------
        weights : ndarray of shape (n_snapshots,)
            Zero for those that it does not have; their sum is 1.
        """
        rank = np.arange(1, self.n_snapshots + 1)
        weights = 1.0 / rank if self.weighting == "inverse_rank" else np.ones(len(rank))
        weights[n_states:] = 0.0
        return weights / weights.sum()


class Album:
    """Snapshots of a group of members while it trains.

    Parameters
    ----------
    rule : Snapshots
        How many of them count, and how much.

    Attributes
    ----------
    states : list of (int, dict of Tensor)
        The evaluation and the state of each snapshot that may still count.
    """

    def __init__(self, rule: Snapshots) -> None:
        self.rule = rule
        self.states: list[tuple[int, State]] = []

    def take(self, epoch: int, state: State) -> None:
        """Keep a copy of a state."""
        self.states.append((epoch, {k: v.clone() for k, v in state.items()}))

    def forget(self, best_epoch: NDArray[np.int64]) -> None:
        """Drop what neither the best states so far nor later ones can need.

        Parameters
        ----------
        best_epoch : ndarray of shape (n_members,)
            The best evaluation of each member, 0 if there is none.
        """
        # Two kinds may still count: those before the present best state of a member,
        # and the latest ones, since the next evaluation may be the best.
        epochs = [epoch for epoch, _ in self.states]
        needed = set(epochs[-self.rule.n_snapshots :])
        for best in set(best_epoch.tolist()):
            needed |= set(self._before(epochs, best))
        self.states = [item for item in self.states if item[0] in needed]

    def develop(
        self, best: State, best_epoch: NDArray[np.int64]
    ) -> tuple[State, NDArray[np.float64]]:
        """Return the states of all members, best ones first, and their weights.

        Parameters
        ----------
        best : dict of Tensor
            The best state, each tensor with a member axis.
        best_epoch : ndarray of shape (n_members,)
            The evaluation that it belongs to.

        Returns
        -------
        state : dict of Tensor
            With `n_snapshots` networks in a row for each member.
        weights : ndarray of shape (n_members, n_snapshots)
        """
        taken, n_states = dict(self.states), self.rule.n_snapshots
        columns: dict[str, list[Tensor]] = {name: [] for name in best}
        weights = []
        for k, epoch in enumerate(best_epoch.tolist()):
            earlier = self._before([*taken], epoch)
            chosen = [best, *(taken[e] for e in reversed(earlier))]
            weights.append(self.rule.weights(len(chosen)))
            # All members need as many networks to stand in one array: copies of the
            # best one, with weight zero, stand in for states that never were.
            chosen += [best] * (n_states - len(chosen))
            for name, rows in columns.items():
                rows += [state[name][k] for state in chosen]
        state = {name: torch.stack(rows) for name, rows in columns.items()}
        return state, np.array(weights)

    def _before(self, epochs: list[int], best: int) -> list[int]:
        """Return the latest snapshots before a best state, as many as count."""
        # Strictly before: the snapshot of the best evaluation itself is the best state,
        # or what an average has beaten.
        earlier = [epoch for epoch in epochs if epoch < best]
        return earlier[max(0, len(earlier) + 1 - self.rule.n_snapshots) :]


SNAPSHOTS = {
    "sse": Snapshots(5, "inverse_rank"),
    "fge": Snapshots(9, "uniform"),
}
