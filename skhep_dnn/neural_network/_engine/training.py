"""The entrance of the engine: training of members, whole or evaluation by evaluation.

Members train in fixed groups, each on one thread, as one batch of matrix products. The
groups are a function of the number of members alone, so that a result depends neither
on `n_jobs` nor on the joblib backend. Run whole, groups may train in processes; with
callbacks, or if somebody looks on between evaluations, they train in this process in
lockstep, one evaluation of each in turn. They are the same groups with the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import index
from typing import Any, Self

import numpy as np
import torch
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._arrays import defined_array
from skhep_dnn.neural_network._engine.all_groups import AllGroups
from skhep_dnn.neural_network._engine.batches import batch_shape
from skhep_dnn.neural_network._engine.callbacks import (
    Named,
    check_callbacks,
    check_monitors,
    named_callbacks,
    own_callbacks,
    reports,
)
from skhep_dnn.neural_network._engine.data import Events, Group, Member, check_table
from skhep_dnn.neural_network._engine.net import MemberNet
from skhep_dnn.neural_network._engine.results import (
    GroupResult,
    History,
    TrainedMembers,
    evaluation_of,
    group_result,
    group_so_far,
    join_members,
)
from skhep_dnn.neural_network._engine.settings import TrainingSettings
from skhep_dnn.neural_network._engine.torch_settings import engine_settings

__all__ = [
    "MemberTraining",
    "check_events",
    "group_slices",
    "net_of",
    "torn_momenta",
    "train_members",
]

GROUP_SIZE = 5


def train_members(
    settings: TrainingSettings,
    members: Sequence[Member],
    X: ArrayLike,
    y: ArrayLike,
    *,
    X_val: ArrayLike | None = None,
    y_val: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    offset_val: ArrayLike | None = None,
    callbacks: Sequence[Any] = (),
    largest_sample: int | None = None,
) -> MemberTraining:
    """Train networks as members of one batch, each on its own part of the events.

    This is the engine below `WeightedDNNClassifier`, for those who drive trainings
    themselves: folds, repeated seeds, sets of columns or a population train together,
    faster than one after the other, and what one member does changes no other one. It
    takes clean arrays; tables, labels and physics weights are the business of the
    estimator.

    Nothing is trained before the returned object is asked to: by `run` to the end, or
    by iterating over it.

    Parameters
    ----------
    settings : TrainingSettings
        What all members share.
    members : sequence of Member
        What they do not: events, weights, seeds, columns, where to start.
    X : array-like of shape (n_samples, n_columns)
        Events, as float32: numeric columns first, then codes of categories from 0;
        undefined numbers are nan. An array of float32 in C order is not copied.
    y : array-like of shape (n_samples,)
        0 or 1, or with `settings.n_outputs` above 1 the position of the class.
    X_val, y_val : array-like, default=None
        Events that the `validation_rows` count; None takes `X` and `y`.
    offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
        Known logits of the events, which are added to those of the networks in
        training and validation, so that the networks learn what is missing; None for
        none. What the members predict afterwards is their own part alone.
    offset_val : array-like, default=None
        The same for `X_val`.
    callbacks : sequence of skorch callbacks, default=()
        Copied for each group of members, or called once for all of them, as in
        `WeightedDNNClassifier`.
    largest_sample : int, default=None
        Number of training events that the batches are made for; None is that of the
        largest member. A member gets the same batches in two trainings if this number
        is the same; the last bits depend on the size of its group, too.

    Returns
    -------
    training : MemberTraining
        Call `run(n_jobs=...)` for a `TrainedMembers`. Or iterate: each turn is one
        evaluation of all members and gives their histories so far, lists of
        `Evaluation`; between two turns `stop(member)` ends a member in its best state
        and `so_far()` gives what there is, and `result()` returns the
        `TrainedMembers`. The bits are the same both ways.

    Raises
    ------
    ValueError
        If members, events and settings do not fit together, or events or offsets are
        not finite.
    NonFiniteLossError
        In training, if a loss becomes nan or infinite.

    See Also
    --------
    WeightedDNNClassifier : The estimator on top of it.

    Examples
    --------
    Two members on two halves of the events, each judged on the other one:

    >>> import numpy as np
    >>> from skhep_dnn.neural_network import Member, TrainingSettings, train_members
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(200) % 2
    >>> X = rng.normal(size=(200, 3)) + y[:, np.newaxis]
    >>> members = [
    ...     Member(
    ...         rows=np.flatnonzero(half),
    ...         weights=np.ones(half.sum()),
    ...         validation_rows=np.flatnonzero(~half),
    ...         validation_weights=np.ones(half.sum()),
    ...         network_seed=k,
    ...     )
    ...     for k, half in enumerate([np.arange(200) < 100, np.arange(200) >= 100])
    ... ]
    >>> settings = TrainingSettings(n_numeric=3, hidden_layer_sizes=[8], max_epochs=5)
    >>> training = train_members(settings, members, X, y)
    >>> for histories in training:
    ...     losses = [history[-1].valid_loss for history in histories]
    >>> trained = training.result()
    >>> trained.n_evaluations
    array([5, 5])
    >>> trained.logits(X, members=[1]).shape
    (200,)
    """
    events = check_events(X, y, settings, "X", "y")
    events = _with_offset(events, offset, settings, "offset")
    held_out = events
    if X_val is not None or y_val is not None:
        held_out = check_events(X_val, y_val, settings, "X_val", "y_val")
        held_out = _with_offset(held_out, offset_val, settings, "offset_val")
        _check_both_offsets(events, held_out)
    _check_members(members, events, held_out, settings)
    check_callbacks(callbacks, len(members), settings.rules.schedule)
    check_monitors(callbacks, validates=members[0].validation is not None)
    largest = max(len(member.rows) for member in members)
    if largest_sample is not None:
        largest = max(largest, largest_sample)
    n_steps, width = batch_shape(largest, settings.batch_size)
    if settings.evaluations_per_epoch > n_steps:
        msg = (
            "`evaluations_per_epoch` must be at most the number of batches of a pass, "
            f"got {settings.evaluations_per_epoch!r} for {n_steps}. Lower it or "
            "`batch_size`."
        )
        raise ValueError(msg)
    # On an accelerator one large batch is fastest; a CPU wants one group a core.
    parts = [slice(0, len(members))]
    if torch.device(settings.device).type == "cpu":
        parts = group_slices(len(members))
    groups = [
        Group(
            events=events,
            validation_events=held_out,
            members=tuple(members[part]),
            n_steps=n_steps,
            width=width,
            number=number,
            first=part.start,
        )
        for number, part in enumerate(parts)
    ]
    return MemberTraining(settings, groups, callbacks)


class MemberTraining:
    """A training of members that can be run whole or stepped through.

    Parameters
    ----------
    settings : TrainingSettings
        What the members share.
    groups : sequence of Group
        The members, with their events.
    callbacks : sequence of skorch callbacks, default=()
        Of the user.

    See Also
    --------
    train_members : Makes one.

    Examples
    --------
    The second member ends after three of its five evaluations:

    >>> import numpy as np
    >>> from skhep_dnn.neural_network import Member, TrainingSettings, train_members
    >>> X, y = np.eye(10, dtype=np.float32), np.arange(10) % 2
    >>> member = Member(rows=np.arange(10), weights=np.ones(10))
    >>> settings = TrainingSettings(n_numeric=10, max_epochs=5)
    >>> training = train_members(settings, [member, member], X, y)
    >>> for histories in training:
    ...     if len(histories[1]) == 3:
    ...         training.stop(1)
    >>> training.result().n_evaluations
    array([5, 3])
    """

    def __init__(
        self,
        settings: TrainingSettings,
        groups: Sequence[Group],
        callbacks: Sequence[Any] = (),
    ) -> None:
        self.settings = settings
        self.groups = groups
        self.callbacks = callbacks
        self._all_groups: AllGroups | None = None
        self._nets: list[MemberNet] | None = None  # None before the first evaluation
        self._running: dict[int, Iterator[int]] = {}
        self._histories: list[History] = [[] for g in groups for _ in g.members]
        self._trained: TrainedMembers | None = None
        self._failure: BaseException | None = None

    def __iter__(self) -> Self:
        """Return itself: a training is stepped through once."""
        return self

    def __next__(self) -> list[History]:
        """Train up to the next evaluation of all members; return their histories."""
        if not self._advance():
            raise StopIteration
        return [list(history) for history in self._histories]

    def stop(self, member: int) -> None:
        """End one member after the present evaluation, in its best state.

        Without a validation sample it stays as it is now. The other members go on as
        if nothing had happened; a group whose members have all ended does not train
        on. A member that has ended already stays as it ended.

        Parameters
        ----------
        member : int
            Its position in the sequence that was passed.

        Raises
        ------
        ValueError
            If there is no such member, or the training is not between two evaluations.
        """
        member = index(member)
        if not 0 <= member < len(self._histories):
            msg = (
                f"`member` must be a position from 0 to {len(self._histories) - 1}, "
                f"got {member!r}. Count the members from 0."
            )
            raise ValueError(msg)
        if self._trained is not None:
            return  # it has ended, with all others
        self._check_no_failure()
        if self._nets is None:
            msg = (
                "`stop` must come between two evaluations of a training that is "
                "stepped through, got it before the first one. Iterate over the "
                "training, or leave the member out."
            )
            raise ValueError(msg)
        for group, net in zip(self.groups, self._nets, strict=True):
            k, is_running = member - group.first, group.number in self._running
            if 0 <= k < len(group.members) and is_running:
                net.judge_.stop(k, len(net.history))

    def run(self, n_jobs: int | None = None) -> TrainedMembers:
        """Train all members to the end; go on with what has been stepped through.

        Parameters
        ----------
        n_jobs : int, default=None
            Number of processes that the groups are spread over, unless there are
            callbacks or the training has begun; it has no effect on the results.
            None means 1 unless in a `joblib.parallel_config`.

        Returns
        -------
        trained : TrainedMembers
        """
        if self._nets is not None or self._trained is not None or self.callbacks:
            while self._advance():
                pass
            return self.result()
        self._check_no_failure()
        with engine_settings():
            if len(self.groups) == 1:
                results = [_train(self.settings, self.groups[0])]
            else:
                results = Parallel(n_jobs=n_jobs)(
                    delayed(_train)(self.settings, group) for group in self.groups
                )
        self._trained = join_members(self.settings, self.groups, results)
        return self._trained

    def result(self) -> TrainedMembers:
        """Return what the members have learnt; those that still run end here.

        Returns
        -------
        trained : TrainedMembers

        Raises
        ------
        ValueError
            If nothing has been trained yet, or the training has failed.
        """
        if self._trained is not None:
            return self._trained
        nets = self._begun_nets()
        for k in range(len(self._histories)):
            self.stop(k)
        while self._advance():
            pass
        pairs = zip(nets, self.groups, strict=True)
        results = [
            group_result(net, group)._replace(callbacks=self._callbacks_of(net))
            for net, group in pairs
        ]
        self._trained = join_members(self.settings, self.groups, results)
        self._nets = []  # and with them optimisers and batches
        return self._trained

    def so_far(self) -> TrainedMembers:
        """Return what the members would have learnt if all ended now; they go on.

        Returns
        -------
        trained : TrainedMembers
            A copy. A member that was never judged, such as one whose scores were all
            nan, is in its first state.

        Raises
        ------
        ValueError
            If nothing has been trained yet, or the training has failed.
        """
        if self._trained is not None:
            return self._trained
        pairs = zip(self._begun_nets(), self.groups, strict=True)
        results = [group_so_far(net, group) for net, group in pairs]
        return join_members(self.settings, self.groups, results)

    def _begun_nets(self) -> list[MemberNet]:
        self._check_no_failure()
        if self._nets is None:
            msg = "A result must follow a training, got none. Call `run`, or iterate."
            raise ValueError(msg)
        return self._nets

    def _check_no_failure(self) -> None:
        if self._failure is not None:
            msg = (
                f"The training must not have failed, got {self._failure!r} in it. Mend "
                "the cause and make a new one by `train_members`."
            )
            raise ValueError(msg) from self._failure

    def _advance(self) -> bool:
        """Let each group train up to its next evaluation; tell whether one did."""
        if self._trained is not None:
            return False
        self._check_no_failure()
        try:
            with engine_settings():
                if self._nets is None:
                    self._nets = self._begin_groups()
                return self._turn(self._nets)
        except BaseException as error:  # what is half done must not pass for a result
            self._nets, self._running, self._failure = None, {}, error
            raise

    def _begin_groups(self) -> list[MemberNet]:
        n_groups, nets = len(self.groups), []
        named = named_callbacks(self.callbacks)
        common = [item for item in named if n_groups > 1 and reports(item[1])]
        of_groups = [item for item in named if item not in common]
        for group in self.groups:
            own = own_callbacks(of_groups, group.number, n_groups)
            net = net_of(self.settings, group, own)
            net.begin(group)
            nets.append(net)
            self._running[group.number] = net.proceed(group, net.max_epochs)
        if common:
            self._all_groups = AllGroups(self.settings, self.groups, common)
            self._all_groups.begin(nets)
        return nets

    def _turn(self, nets: Sequence[MemberNet]) -> bool:
        """Let each group that still runs train on; tell whether one did."""
        were_running = bool(self._running)
        if self._all_groups is not None and self._goes_on(nets):
            self._all_groups.begin_epoch()
        n_trained = self._train_groups(nets)
        if self._all_groups is not None and n_trained > 0:
            self._all_groups.end_epoch(nets)
        if self._all_groups is not None and were_running and not self._running:
            self._all_groups.end(nets)
        return n_trained > 0

    def _goes_on(self, nets: Sequence[MemberNet]) -> bool:
        """Tell whether there will be one more evaluation of some group."""
        settings = self.settings
        n_planned = settings.max_epochs * settings.evaluations_per_epoch
        n_done = max(len(net.history) for net in nets)
        return n_done < n_planned and not all(net.has_ended for net in nets)

    def _train_groups(self, nets: Sequence[MemberNet]) -> int:
        n_trained = 0
        for group, net in zip(self.groups, nets, strict=True):
            turns = self._running.get(group.number)
            if turns is not None and next(turns, None) is None:
                del self._running[group.number]
            elif turns is not None:
                self._append_to_histories(group.first, net)
                n_trained += 1
        return n_trained

    def _callbacks_of(self, net: MemberNet) -> Named:
        """Return the callbacks of a group and those of all, in the user's order."""
        own = dict(net.callbacks_)
        if self._all_groups is not None:
            own |= dict(self._all_groups.callbacks)
        return [(name, own[name]) for name, _ in named_callbacks(self.callbacks)]

    def _append_to_histories(self, first: int, net: MemberNet) -> None:
        """Add the last evaluation to the histories of the members that still run."""
        row, best = net.history[-1], net.judge_.best
        for k, (frozen, frozen_at) in enumerate(
            zip(best.frozen, best.frozen_at, strict=True)
        ):
            if not frozen or frozen_at == len(net.history):
                record = evaluation_of(row, k, self.settings.evaluations_per_epoch)
                self._histories[first + k].append(record)


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


def check_events(
    X: ArrayLike | None,
    y: ArrayLike | None,
    settings: TrainingSettings,
    name: str,
    name_of_y: str,
) -> Events:
    """Return events as the batches take them, not copied where they are so already."""
    if X is None or y is None:
        missing = name if X is None else name_of_y
        msg = f"`{missing}` must not be None when the other is given. Pass both."
        raise ValueError(msg)
    table = check_table(X, settings.n_columns, name)
    given = defined_array(y, name_of_y)
    if given.shape != (len(table),):
        msg = (
            f"`{name_of_y}` must have one value for each of the {len(table)} rows of "
            f"`{name}`, got the shape {given.shape}. Pass the labels of these events."
        )
        raise ValueError(msg)
    n_classes = max(2, settings.n_outputs)
    is_known = np.isin(given, np.arange(n_classes))
    if not is_known.all():
        msg = (
            f"`{name_of_y}` must be the positions of classes, from 0 to "
            f"{n_classes - 1}, got {given[~is_known][:5].tolist()!r}. Encode the "
            "labels, or correct `n_outputs`."
        )
        raise ValueError(msg)
    kind = np.float32 if settings.n_outputs == 1 else np.int64
    return Events(table, given.astype(kind, copy=False))


def _with_offset(
    events: Events, offset: ArrayLike | None, settings: TrainingSettings, name: str
) -> Events:
    """Return events with their known logits, if there are any."""
    if offset is None:
        return events
    known = defined_array(offset, name).astype(np.float32, copy=False)
    n_events, n_outputs = len(events.y), settings.n_outputs
    shape = (n_events,) if n_outputs == 1 else (n_events, n_outputs)
    if known.shape != shape or not np.isfinite(known).all():
        msg = (
            f"`{name}` must be finite logits of the shape {shape}, got the shape "
            f"{known.shape} and {np.count_nonzero(~np.isfinite(known))} values that "
            "are not finite. Pass one for each event, of several classes one for each "
            "class."
        )
        raise ValueError(msg)
    return events._replace(offset=known)


def _check_both_offsets(events: Events, held_out: Events) -> None:
    if (events.offset is None) != (held_out.offset is None):
        missing = "offset" if events.offset is None else "offset_val"
        msg = (
            f"`{missing}` must not be None when the other is given, since networks "
            "are judged as they are trained. Pass both, zeros if nothing is known."
        )
        raise ValueError(msg)


def net_of(
    settings: TrainingSettings, group: Group, callbacks: Sequence[tuple[str, Any]]
) -> MemberNet:
    return MemberNet(
        settings,
        [member.network_seed for member in group.members],
        [member.inputs for member in group.members],
        callbacks=callbacks,
        label=group.label,
        bar_position=group.number,
    )


def _train(settings: TrainingSettings, group: Group) -> GroupResult:
    """Train one group to its end, perhaps in another process."""
    net = net_of(settings, group, ())
    with engine_settings():
        net.begin(group)
        for _ in net.proceed(group, net.max_epochs):
            pass
    return group_result(net, group)


def _check_members(
    members: Sequence[Member],
    events: Events,
    held_out: Events,
    settings: TrainingSettings,
) -> None:
    """Refuse members that do not fit each other, the events or the settings."""
    if len(members) == 0:
        msg = "`members` must hold one or more, got none. Make a `Member` for each."
        raise ValueError(msg)
    for what in ("validation", "score"):
        n_with = sum(getattr(member, what) is not None for member in members)
        if n_with not in (0, len(members)):
            msg = (
                f"`members` must all have a {what}, or none of them, got {n_with} of "
                f"{len(members)}. Give one to each."
            )
            raise ValueError(msg)
    if members[0].score is not None and members[0].validation is None:
        msg = "`score` must come with `validation_rows`, got none. Pass them."
        raise ValueError(msg)
    for k, member in enumerate(members):
        _check_rows(member.rows, len(events.y), f"`rows` of member {k}")
        if member.validation_rows is not None:
            name = f"`validation_rows` of member {k}"
            _check_rows(member.validation_rows, len(held_out.y), name)
        if member.inputs is not None:
            _check_inputs(member.inputs, k, settings)


def _check_rows(rows: NDArray[np.int64], n_events: int, name: str) -> None:
    if rows.min() < 0 or rows.max() >= n_events:
        msg = (
            f"{name} must be from 0 to {n_events - 1}, got {rows.min()} to "
            f"{rows.max()}. Count the rows of the events that were passed."
        )
        raise ValueError(msg)


def torn_momenta(
    inputs: NDArray[np.bool_], settings: TrainingSettings
) -> list[tuple[int, int]]:
    """Return the components of which a mask hides one, and rotations mix both."""
    kernel = settings.kernel
    pairs = () if kernel is None else zip(kernel.px, kernel.py, strict=True)
    return [(px, py) for px, py in pairs if inputs[px] != inputs[py]]


def _check_inputs(
    inputs: NDArray[np.bool_], member: int, settings: TrainingSettings
) -> None:
    n_columns = settings.n_numeric + len(settings.embeddings)
    if inputs.shape != (n_columns,) or not inputs.any():
        msg = (
            f"`inputs` of member {member} must be a mask of the {n_columns} columns "
            f"that leaves one or more, got {inputs.tolist()!r}. Correct it."
        )
        raise ValueError(msg)
    torn = torn_momenta(inputs, settings)
    if torn:
        msg = (
            f"`inputs` of member {member} must hide both components of a momentum or "
            f"none, since rotations mix them, got the columns {torn[0]!r} apart. Hide "
            "them together, or train without `kernel`."
        )
        raise ValueError(msg)
