"""Callbacks of skorch: which of them act on members, and a copy for each group.

Most callbacks act on the net of a group, and each group has its own copies. Those that
report to the outside world, such as a pruner or a logger, are there once: they are
called after each evaluation of all groups.
"""

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from types import MethodType
from typing import Any

import numpy as np
import torch

from skhep_dnn.neural_network._schedules import Schedule, constant

__all__ = [
    "check_callbacks",
    "check_monitors",
    "named_callbacks",
    "note_copies",
    "own_callbacks",
    "reports",
]

SCALAR_LOSS_CALLBACKS = {
    "EpochScoring": "use `scoring`, which judges each member",
    "BatchScoring": "use `scoring`, which judges each member",
    "PassthroughScoring": "read `history_`: the losses are recorded there",
    "GradientNormClipping": "use `clip_norm`, which clips each member",
}
# They tell somebody outside what they see, and would tell it once for each group.
LOGGERS = {
    "MlflowLogger",
    "NeptuneLogger",
    "SacredLogger",
    "TensorBoard",
    "WandbLogger",
}
REPORTERS = {*LOGGERS, "PrintLog", "SkorchPruningCallback"}
# What the history holds for each member is no number, which loggers ask for.
OF_MEMBERS = (
    "train_losses",
    "valid_losses",
    "valid_scores",
    "average_losses",
    "average_scores",
)
OF_VALIDATION = ("valid_loss", "valid_loss_best", "valid_losses", "valid_scores")

Named = list[tuple[str, Any]]


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
        beside a schedule; or if two have one name.
    """
    named_callbacks(callbacks)
    for callback in map(_callback_of, callbacks):
        _check_callback(callback, n_members)
        _check_scheduler(callback, n_members, schedule)
        _check_targets(callback, n_members)
        _check_batch_reports(callback, n_members)


def check_monitors(callbacks: Sequence[Any], *, validates: bool) -> None:
    """Refuse callbacks that watch a validation sample where there is none.

    Parameters
    ----------
    callbacks : sequence of callback, class of them or (str, callback)
        Callbacks of skorch.
    validates : bool
        Whether there is one.

    Raises
    ------
    ValueError
        If one watches what is not there.
    """
    for callback in map(_callback_of, callbacks):
        watched = _watched(callback)
        if watched in OF_VALIDATION and not validates:
            msg = (
                f"`callbacks` must watch what there is, got {_names(callback)[0]}, "
                f"which watches {watched!r} without a validation sample. Hold events "
                'out, by `validation_fraction` or `X_val`, or watch "train_loss".'
            )
            raise ValueError(msg)


def _watched(callback: Any) -> str:
    """Return the name of what a callback watches in the history, where it does."""
    names = _names(callback)
    if "WandbLogger" in names:
        return "valid_loss_best" if getattr(callback, "save_model", True) else ""
    watched = getattr(callback, "monitor", getattr(callback, "_monitor", ""))
    if isinstance(callback, type) and {"Checkpoint", "EarlyStopping"} & {*names}:
        watched = "valid_loss"  # a class, whose defaults count
    if "LRScheduler" in names and _policy(callback) != "ReduceLROnPlateau":
        return ""
    return watched if isinstance(watched, str) else ""


def _callback_of(item: Any) -> Any:
    """Return a callback without the name that the user may have given."""
    return item[1] if isinstance(item, tuple | list) else item


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
    name = _policy(callback)
    if name == "ReduceLROnPlateau":
        _check_single_member(name, "`schedule`", n_members)


def _policy(callback: Any) -> str:
    """Return the name of the policy of an LRScheduler."""
    policy = getattr(callback, "policy", None)
    return policy if isinstance(policy, str) else getattr(policy, "__name__", "")


def _check_targets(callback: Any, n_members: int) -> None:
    """Refuse one open file for the checkpoints of several groups."""
    writes = {"Checkpoint", "TrainEndCheckpoint"} & {*_names(callback)}
    if not writes or isinstance(callback, type) or n_members == 1:
        return
    for name, target in vars(callback).items():
        if name.startswith("f_") and not isinstance(target, str | None):
            msg = (
                f"`callbacks` must write a file for each group of members, got "
                f"{_names(callback)[0]} with {name}={target!r}, of which there is one. "
                "Pass the name of a file, as str, or set n_members=1."
            )
            raise ValueError(msg)


def _check_batch_reports(callback: Any, n_members: int) -> None:
    """Refuse reports of the batches of several groups, which have none in common."""
    if n_members > 1 and getattr(callback, "log_on_batch_end", False):
        msg = (
            "`callbacks` must report evaluations where there are several members, got "
            f"{_names(callback)[0]} with log_on_batch_end=True, while each group of "
            "members has its own batches. Leave it out, or set n_members=1."
        )
        raise ValueError(msg)


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


def reports(callback: Any) -> bool:
    """Tell whether a callback is there once, for all groups of members.

    Those of skorch and Optuna that report to somebody are; others may say so
    by an attribute `sees_all_members = True`.
    """
    known = not REPORTERS.isdisjoint(_names(callback))
    return bool(getattr(callback, "sees_all_members", known))


def named_callbacks(callbacks: Sequence[Any]) -> Named:
    """Return callbacks with their names, numbered as skorch does it.

    Parameters
    ----------
    callbacks : sequence of callback, class of them or (str, callback)
        Of the user; what has no name gets that of its class.

    Returns
    -------
    named : list of (str, callback)
        The same objects. Two of one class are "Freezer_1" and "Freezer_2"; names of the
        user stay as they are.

    Raises
    ------
    ValueError
        If two have one name then.

    Examples
    --------
    >>> from skorch.callbacks import EpochTimer, Freezer
    >>> both = [Freezer("weights.0"), Freezer("weights.1"), EpochTimer]
    >>> [name for name, _ in named_callbacks(both)]
    ['Freezer_1', 'Freezer_2', 'EpochTimer']
    """
    plain = [
        (None if isinstance(item, tuple | list) else _names(item)[0])
        for item in callbacks
    ]
    n_of, number = Counter(plain), Counter[str | None]()
    named: Named = []
    for name, item in zip(plain, callbacks, strict=True):
        number[name] += 1
        if name is None:
            named.append((item[0], item[1]))
        elif n_of[name] == 1:
            named.append((name, item))
        else:
            named.append((f"{name}_{number[name]}", item))
    for own_name, n_same in Counter(name for name, _ in named).items():
        if n_same > 1:
            msg = (
                f"`callbacks` must have a name for each, got {own_name!r} {n_same} "
                "times. Give other names, or leave them out: callbacks of one class "
                "are numbered then."
            )
            raise ValueError(msg)
    return named


def own_callbacks(callbacks: Named, group: int, n_groups: int) -> Named:
    """Copy callbacks for one group, so that the user's own stay as they are.

    Parameters
    ----------
    callbacks : list of (str, callback)
        Of the user; for several groups those that each of them has.
    group : int
        Number of the group, which becomes the attribute `group_`.
    n_groups : int
        Number of groups; with several of them names of files say which one it is.

    Returns
    -------
    own : list of (str, callback)
    """
    own = [
        (name, callback() if isinstance(callback, type) else _copied(callback))
        for name, callback in callbacks
    ]
    for _, callback in own:
        callback.group_ = group
        if n_groups > 1 and hasattr(callback, "fn_prefix"):
            callback.fn_prefix = f"{callback.fn_prefix}group{group}_"
        if not LOGGERS.isdisjoint(_names(callback)):
            callback.keys_ignored = _with_lists_ignored(callback.keys_ignored)
    return own


def note_copies(callbacks: Iterable[Any], memo: dict[int, Any]) -> None:
    """Let a `deepcopy` with this memo copy callbacks as a group does."""
    for callback in map(_callback_of, callbacks):
        is_object = hasattr(callback, "__dict__") and not isinstance(callback, type)
        if is_object and id(callback) not in memo:
            memo[id(callback)] = _copied(callback)


def _with_lists_ignored(given: str | Sequence[str] | None) -> list[str]:
    """Return the keys that a logger leaves out: also the losses of single members."""
    keys = [given] if isinstance(given, str) else list(given or [])
    return [*keys, *(key for key in OF_MEMBERS if key not in keys)]


def _copied(callback: Any) -> Any:
    """Copy a callback with the plain containers in it; all else is shared.

    What is no container may be a handle of something outside, which a copy would be
    cut off from: a trial of a search, a file, a logger, a connection.
    """
    # Not by `copy.copy`: what a callback leaves out when it is pickled is such a
    # handle.
    own = object.__new__(type(callback))
    known: dict[int, Any] = {}
    for name, value in vars(callback).items():
        if isinstance(value, MethodType) and value.__self__ is callback:
            vars(own)[name] = MethodType(value.__func__, own)
        else:
            vars(own)[name] = _copied_value(value, known)
    return own


def _copied_value(value: Any, known: dict[int, Any]) -> Any:
    """Copy a container or array, and those inside; `known` are the copies so far."""
    kind = type(value)
    if kind in (set, bytearray) or (kind is np.ndarray and not value.dtype.hasobject):
        return known.setdefault(id(value), value.copy())
    if kind is torch.Tensor and not value.requires_grad:
        return known.setdefault(id(value), value.clone())
    if kind is tuple:
        return tuple(_copied_value(item, known) for item in value)
    if kind not in (list, deque, dict, OrderedDict, defaultdict, Counter):
        return value
    if id(value) in known:
        return known[id(value)]
    own = known[id(value)] = value.copy()
    items = own.items() if isinstance(own, Mapping) else enumerate(own)
    for key, item in list(items):
        own[key] = _copied_value(item, known)
    return own
