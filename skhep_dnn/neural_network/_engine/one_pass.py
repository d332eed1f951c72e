"""Training in passes over events that come one part at a time."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from numpy.typing import ArrayLike

from skhep_dnn.neural_network._engine.batches import batch_shape
from skhep_dnn.neural_network._engine.callbacks import named_callbacks, own_callbacks
from skhep_dnn.neural_network._engine.data import Group, Member
from skhep_dnn.neural_network._engine.net import MemberNet
from skhep_dnn.neural_network._engine.results import (
    TrainedMembers,
    group_result,
    trained_members,
)
from skhep_dnn.neural_network._engine.settings import (
    TrainingSettings,
    check_same_networks,
)
from skhep_dnn.neural_network._engine.torch_settings import engine_settings
from skhep_dnn.neural_network._engine.training import check_events, net_of
from skhep_dnn.neural_network._schedules import CyclicSchedule, constant

__all__ = ["train_one_pass"]


def train_one_pass(
    net: MemberNet | None,
    settings: TrainingSettings,
    members: Sequence[Member],
    X: ArrayLike,
    y: ArrayLike,
    *,
    callbacks: Sequence[Any] | None = (),
) -> TrainedMembers:
    """Train members for one pass more, where the last call has left off.

    All members train as one group in this process, so that the net, its optimiser and
    its random numbers go on from call to call. A call works on a copy of the net: one
    that fails or is interrupted leaves the last one as it was.

    Parameters
    ----------
    net : MemberNet or None
        The net of the last call, or of a whole training; None begins one.
    settings : TrainingSettings
        Settings, of which those of the networks must not have changed.
    members : sequence of Member
        The members, with the events of this pass.
    X, y : array-like
        Events, as in `train_members`.
    callbacks : sequence of skorch callbacks
        Of the user, copied anew; None: the copies of the last call go on.

    Returns
    -------
    trained : TrainedMembers

    Raises
    ------
    ValueError
        If the networks, the optimiser or the device would change, the net has
        snapshots, or the schedule has run through.
    """
    events = check_events(X, y, settings, "X", "y")
    n_steps, width = batch_shape(
        max(len(member.rows) for member in members), settings.batch_size
    )
    group = Group(events, events, tuple(members), n_steps, width)
    own = None
    if callbacks is not None:
        own = own_callbacks(named_callbacks(callbacks), 0, 1)
    with engine_settings():
        net = _continued(net, settings, group, own)
        _check_schedule(net)
        for _ in net.proceed(group, 1):
            pass
    return trained_members(net, settings, [group_result(net, group)])


def _continued(
    before: MemberNet | None,
    settings: TrainingSettings,
    group: Group,
    callbacks: Sequence[tuple[str, Any]] | None,
) -> MemberNet:
    """Return a net to train on: a new one, or a copy of the one before."""
    if before is None:
        net = net_of(settings, group, callbacks or [])
        net.begin(group)
        return net
    snapshots = before.settings.rules.snapshots
    if snapshots is not None:
        msg = (
            "`partial_fit` must go on from one network of each member, got several: "
            f"the last `fit` had snapshots={snapshots!r}. Go on with "
            "`fit` and warm_start=True, which takes the best ones, or start anew."
        )
        raise ValueError(msg)
    n_before = len(before.module_.output_bias)
    check_same_networks(before.settings, settings, n_before, len(group.members))
    for name in ("optimizer", "device"):
        value = getattr(settings, name)
        if value != getattr(before.settings, name):
            msg = (
                f"`{name}` must stay the same between the calls of `partial_fit`, got "
                f"{value!r}. Set it back, or start anew with `fit`."
            )
            raise ValueError(msg)
    net = deepcopy(before)
    if callbacks is not None:
        net.callbacks = list(callbacks)
        net.initialize_callbacks()
    if not hasattr(net, "generators_"):  # the net comes from a whole training
        net.draw_from(group.members)
    net.adopt(settings)
    return net


def _check_schedule(net: MemberNet) -> None:
    schedule, max_epochs = net.settings.rules.schedule, net.settings.max_epochs
    endless = schedule is constant or isinstance(schedule, CyclicSchedule)
    if not endless and net.passes_ >= max_epochs:
        msg = (
            f"`max_epochs` must be more than the {net.passes_} passes that `schedule` "
            f"has run through, got {max_epochs!r}. Raise it, or set "
            'schedule="constant" to go on.'
        )
        raise ValueError(msg)
