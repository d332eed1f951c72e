"""Snapshots of the networks of one training, which multiply the members."""

from dataclasses import dataclass, field
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

    A snapshot is taken at the end of each cycle of the schedule or, without cycles,
    after each evaluation. At prediction the best state comes first, then the snapshots
    before it, the latest first; "inverse_rank" gives the :math:`n`-th of them the
    weight :math:`1 / n`.

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
    >>> sse = WeightedDNNClassifier(
    ...     schedule=CosineRestarts(first_cycle=50 / 9, multiplier=1.0),
    ...     snapshots=Snapshots(5),
    ... )
    >>> fge = WeightedDNNClassifier(
    ...     schedule=LinearCycles(cycle=5 / 9),
    ...     snapshots=Snapshots(9, weighting="uniform"),
    ... )
    """

    n_snapshots: int = 5
    weighting: Literal["inverse_rank", "uniform"] = "inverse_rank"

    def __post_init__(self) -> None:
        """Refuse parameters where they are written."""
        if self.n_snapshots < 1:
            got = self.n_snapshots
            msg = f"`n_snapshots` must be 1 or more, got {got!r}. Raise it."
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


@dataclass
class Album:
    """Snapshots of a group of members while it trains.

    Attributes
    ----------
    states : list of (int, dict of Tensor)
        The evaluation and the state of each snapshot.
    """

    states: list[tuple[int, State]] = field(default_factory=list)

    def take(self, epoch: int, state: State) -> None:
        """Keep a copy of a state."""
        self.states.append((epoch, {k: v.clone() for k, v in state.items()}))

    def develop(
        self, rule: Snapshots, best: State, best_epoch: NDArray[np.int64]
    ) -> tuple[State, NDArray[np.float64]]:
        """Return the states of all members, best ones first, and their weights.

        Parameters
        ----------
        rule : Snapshots
            How many of them count, and how much.
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
        columns: dict[str, list[Tensor]] = {name: [] for name in best}
        weights = []
        for k, epoch in enumerate(best_epoch):
            earlier = [state for e, state in reversed(self.states) if e < epoch]
            chosen = [best, *earlier][: rule.n_snapshots]
            weights.append(rule.weights(len(chosen)))
            chosen += [best] * (rule.n_snapshots - len(chosen))
            for name, rows in columns.items():
                rows += [state[name][k] for state in chosen]
        state = {name: torch.stack(rows) for name, rows in columns.items()}
        return state, np.array(weights)


SNAPSHOTS = {
    "sse": Snapshots(5, "inverse_rank"),
    "fge": Snapshots(9, "uniform"),
}
