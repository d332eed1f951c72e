"""Training of all members: in fixed groups, in one process or in several.

The groups are a function of the number of members alone, and each runs on one thread,
so that a result depends neither on `n_jobs` nor on the joblib backend. With callbacks
all groups train in one process, one epoch of each in turn; they are the same groups
with the same bits.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import copy, deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray

from skhep_dnn.neural_network._events import GroupData
from skhep_dnn.neural_network._net import MemberNet
from skhep_dnn.neural_network._threads import one_thread

__all__ = [
    "GroupPlan",
    "GroupResult",
    "group_result",
    "group_slices",
    "own_callbacks",
    "train_groups",
]

GROUP_SIZE = 5


@dataclass(frozen=True)
class GroupPlan:
    """A group to train: the settings of its net, its data, and where to start.

    Attributes
    ----------
    settings : dict
        Parameters of the net.
    data : GroupData
        Events and weights.
    state : dict of ndarray or None
        State of the module to start from; None draws a new one.
    """

    settings: dict[str, Any]
    data: GroupData
    state: dict[str, NDArray[np.float32]] | None = None


@dataclass(frozen=True)
class GroupResult:
    """A trained group: parameters and buffers, history and best epochs.

    Attributes
    ----------
    state : dict of ndarray
        State of the module at the best epoch of each member (the last one without a
        validation sample).
    history : list of dict
        One record for each epoch.
    best_epoch, n_epochs : ndarray of shape (n_members,)
        The evaluation that was kept, and how many each member ran before its
        patience ended.
    best_loss : ndarray of shape (n_members,)
        Validation loss of the state that was kept; nan without a validation sample.
    network_weights : ndarray of shape (n_members, n_snapshots)
        Weights of the networks of each member; their sum is 1.
    callbacks : list of (str, callback)
        The group's own copies of the user's callbacks.
    """

    state: dict[str, NDArray[np.float32]]
    history: list[dict[str, Any]]
    best_epoch: NDArray[np.int64]
    n_epochs: NDArray[np.int64]
    best_loss: NDArray[np.float64]
    network_weights: NDArray[np.float64]
    callbacks: list[tuple[str, Any]]


def group_slices(n_members: int) -> list[slice]:
    """Split members into two or more groups of at most five, as equal as possible.

    Examples
    --------
    >>> [s.stop - s.start for s in group_slices(5)]
    [3, 2]
    >>> [s.stop - s.start for s in group_slices(12)]
    [4, 4, 4]
    """
    n_groups = max(min(n_members, 2), -(-n_members // GROUP_SIZE))
    parts = np.array_split(np.arange(n_members), n_groups)
    return [slice(int(part[0]), int(part[-1]) + 1) for part in parts]


def train_groups(
    plans: Sequence[GroupPlan], *, callbacks: Sequence[Any], n_jobs: int | None
) -> list[GroupResult]:
    """Train all groups, in lockstep if there are callbacks, else over processes."""
    with one_thread():
        if callbacks:
            return _train_in_lockstep(plans, callbacks)
        if len(plans) == 1:
            return [_train(plans[0])]
        return Parallel(n_jobs=n_jobs)(delayed(_train)(plan) for plan in plans)


def _train(plan: GroupPlan) -> GroupResult:
    net = MemberNet(**plan.settings)
    with one_thread():
        for _ in _epochs(net, plan):
            pass
    return group_result(net, plan.data)


def _epochs(net: MemberNet, plan: GroupPlan) -> Iterator[int]:
    state = None
    if plan.state is not None:
        state = {name: torch.from_numpy(value) for name, value in plan.state.items()}
    net.begin(plan.data, state)
    return net.proceed(plan.data, net.max_epochs)


def _train_in_lockstep(
    plans: Sequence[GroupPlan], callbacks: Sequence[Any]
) -> list[GroupResult]:
    nets = [
        MemberNet(**plan.settings, callbacks=own_callbacks(callbacks, k, len(plans)))
        for k, plan in enumerate(plans)
    ]
    running = [_epochs(net, plan) for net, plan in zip(nets, plans, strict=True)]
    while running:
        running = [epochs for epochs in running if next(epochs, None) is not None]
    return [group_result(net, plan.data) for net, plan in zip(nets, plans, strict=True)]


def own_callbacks(
    callbacks: Sequence[Any], group: int, n_groups: int
) -> list[tuple[str, Any]]:
    """Copy the callbacks for one group, so that the user's own stay as they are."""
    own = [_initialized(item) for item in callbacks]
    for _, callback in own:
        callback.group_ = group
        if n_groups > 1 and hasattr(callback, "fn_prefix"):
            callback.fn_prefix = f"{callback.fn_prefix}group{group}_"
    return own


def _initialized(item: Any) -> tuple[str, Any]:
    name, callback = item if isinstance(item, tuple) else (None, item)
    own = callback() if isinstance(callback, type) else _copied(callback)
    return name or type(own).__name__, own


def _copied(callback: Any) -> Any:
    """Copy a callback; what cannot be copied, such as a writer of files, is shared."""
    own = copy(callback)
    for name, value in vars(callback).items():
        with suppress(TypeError):
            setattr(own, name, deepcopy(value))
    return own


def group_result(net: MemberNet, data: GroupData) -> GroupResult:
    """Return what a net has learnt, and let it forget its events."""
    judge = net.__dict__.pop("judge_")
    best = judge.best
    n_epochs = np.full(len(best.epoch), len(net.history))
    best_epoch = n_epochs
    if data.validation:
        n_epochs = np.where(best.frozen, best.frozen_at, n_epochs)
        best_epoch = best.epoch
    state, weights = net.module_.state_dict(), np.ones((len(best_epoch), 1))
    if judge.album is not None:
        state, weights = judge.album.develop(state, best_epoch)
    history = [{k: v for k, v in row.items() if k != "batches"} for row in net.history]
    return GroupResult(
        state={name: value.cpu().numpy().copy() for name, value in state.items()},
        history=history,
        best_epoch=best_epoch,
        n_epochs=n_epochs,
        best_loss=judge.best_loss,
        network_weights=weights,
        callbacks=net.callbacks_,
    )
