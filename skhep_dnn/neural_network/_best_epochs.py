"""The best evaluation of each member, kept while the group runs on."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["BestEpochs"]


class BestEpochs:
    """Best evaluation of each member, kept beside the running networks.

    A member whose patience has ended is frozen: it keeps running in the batch, but
    its best state no longer changes.

    Parameters
    ----------
    state : dict of Tensor
        The running parameters and statistics, each with a leading member axis.
    patience : int or None
        Units of time without improvement after which a member is frozen; None: never.
        A unit is one evaluation, or all those of a cycle of the schedule.
    tol : float
        Decrease that counts as an improvement for the patience.

    Attributes
    ----------
    value : ndarray of shape (n_members,)
        Lowest value seen: a loss, or minus a score.
    epoch : ndarray of shape (n_members,)
        The evaluation where it was seen, from 1; 0 if there was none.
    frozen : ndarray of shape (n_members,)
        Whether the patience has ended.
    frozen_at : ndarray of shape (n_members,)
        The evaluation at which it ended.
    """

    def __init__(
        self, state: dict[str, Tensor], patience: int | None, tol: float
    ) -> None:
        n_members = len(next(iter(state.values())))
        self.state = {name: value.clone() for name, value in state.items()}
        self.patience = patience
        self.tol = tol
        self.value = np.full(n_members, np.inf)
        self.epoch = np.zeros(n_members, dtype=np.int64)
        self._reference = np.full(n_members, np.inf)
        self._improved = np.zeros(n_members, dtype=np.bool_)  # in this unit
        self._waited = np.zeros(n_members, dtype=np.int64)
        self.frozen = np.zeros(n_members, dtype=np.bool_)
        self.frozen_at = np.zeros(n_members, dtype=np.int64)

    def update(
        self, epoch: int, value: NDArray[np.float64], state: dict[str, Tensor]
    ) -> NDArray[np.bool_]:
        """Keep a state where it is better; return where. nan is never better."""
        improved = (value < self.value) & ~self.frozen
        for k in np.flatnonzero(improved):
            for name, running in state.items():
                self.state[name][k].copy_(running[k])
        self.value[improved] = value[improved]
        self.epoch[improved] = epoch
        clearly = value < self._reference - self.tol
        self._reference[clearly] = value[clearly]
        self._improved |= clearly
        return np.asarray(improved)

    def end_unit(self, epoch: int) -> None:
        """Freeze the members whose patience ends with this unit of time."""
        self._waited = np.where(self._improved, 0, self._waited + 1)
        self._improved[:] = False
        if self.patience is not None:
            ended = (self._waited >= self.patience) & ~self.frozen
            self.frozen_at[ended] = epoch
            self.frozen |= ended
