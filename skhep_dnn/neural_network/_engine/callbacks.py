"""Callbacks of skorch: which of them act on members, and a copy for each group."""

from collections.abc import Sequence
from contextlib import suppress
from copy import copy, deepcopy
from typing import Any

from skhep_dnn.neural_network._schedules import Schedule, constant

__all__ = ["check_callbacks", "own_callbacks"]

SCALAR_LOSS_CALLBACKS = {
    "EpochScoring": "use `scoring`, which judges each member",
    "BatchScoring": "use `scoring`, which judges each member",
    "PassthroughScoring": "read `history_`: the losses are recorded there",
    "GradientNormClipping": "use `clip_norm`, which clips each member",
}


def check_callbacks(
    callbacks: Sequence[Any], n_members: int, schedule: Schedule
) -> None:
    """Refuse callbacks that take a net of members for a single network.

    Parameters
    ----------
    callbacks : sequence of callback, class of them or (str, callback)
        Callbacks of skorch.
    n_members : int
        Number of members of the training.
    schedule : callable
        Course of the learning rate.

    Raises
    ------
    ValueError
        If one assumes a single loss, changes the networks, or sets the learning rate
        beside a schedule.
    """
    for item in callbacks:
        callback = item[1] if isinstance(item, tuple) else item
        _check_callback(callback, n_members)
        _check_scheduler(callback, n_members, schedule)


def _names(callback: Any) -> list[str]:
    """Return the names of a callback's class and of all above it."""
    kind = callback if isinstance(callback, type) else type(callback)
    return [parent.__name__ for parent in kind.__mro__]


def _check_callback(callback: Any, n_members: int) -> None:
    names = _names(callback)
    for name in names:
        remedy = SCALAR_LOSS_CALLBACKS.get(name)
        if remedy is not None:
            msg = (
                f"`callbacks` must act on members one by one, got {name}, which "
                f"assumes one loss for the whole net. Instead {remedy}."
            )
            raise ValueError(msg)
    if "InputShapeSetter" in names:
        msg = (
            "`callbacks` must leave the networks to the estimator, got "
            "InputShapeSetter. Leave it out: they know the shape of their inputs."
        )
        raise ValueError(msg)
    if "LoadInitState" in names:
        _check_single_member(
            "LoadInitState", "`warm_start`", n_members, "loads the state of one group"
        )
    if getattr(callback, "load_best", False):
        msg = (
            f"`callbacks` must leave the best state to the estimator, got {names[0]} "
            "with load_best=True. Leave it out: with a validation sample the best "
            "state of each member is kept in any case."
        )
        raise ValueError(msg)
    if "EarlyStopping" in names:
        _check_single_member("EarlyStopping", "early_stopping=True", n_members)


def _check_scheduler(callback: Any, n_members: int, schedule: Schedule) -> None:
    """Let one only of the schedule and skorch's LRScheduler set the learning rate."""
    if "LRScheduler" not in _names(callback):
        return
    if schedule is not constant:
        msg = (
            'schedule="constant" must be set beside the callback LRScheduler, got '
            f"schedule={schedule!r}, which sets the learning rate at each step. "
            "Keep one of the two."
        )
        raise ValueError(msg)
    policy = getattr(callback, "policy", None)
    name = policy if isinstance(policy, str) else getattr(policy, "__name__", "")
    if name == "ReduceLROnPlateau":
        _check_single_member(name, "`schedule`", n_members)


def _check_single_member(
    name: str,
    instead: str,
    n_members: int,
    acts_on: str = "acts on the mean loss",
) -> None:
    if n_members > 1:
        msg = (
            f"`callbacks` must act on members one by one, got {name}, which {acts_on} "
            f"of {n_members} members. Set n_members=1 or use {instead}."
        )
        raise ValueError(msg)


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
