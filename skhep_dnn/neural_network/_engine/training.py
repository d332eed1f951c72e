"""The entrance of the engine: training of members, whole or evaluation by evaluation.

Members train in fixed groups, each on one thread, as one batch of matrix products. The
groups are a function of the number of members alone, so that a result depends neither
on `n_jobs` nor on the joblib backend. Run whole, groups may train in processes; with
callbacks, or if somebody looks on between evaluations, they train in this process in
lockstep, one evaluation of each in turn. They are the same groups with the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray

from skhep_dnn.neural_network._engine.batches import batch_shape
from skhep_dnn.neural_network._engine.callbacks import check_callbacks, own_callbacks
from skhep_dnn.neural_network._engine.data import Events, Group, Member
from skhep_dnn.neural_network._engine.net import MemberNet
from skhep_dnn.neural_network._engine.prediction import ensemble_logits
from skhep_dnn.neural_network._engine.settings import (
    TrainingSettings,
    check_same_networks,
)
from skhep_dnn.neural_network._engine.torch_settings import one_thread
from skhep_dnn.neural_network._schedules import CyclicSchedule, constant

__all__ = [
    "Evaluation",
    "MemberTraining",
    "TrainedMembers",
    "group_slices",
    "member_states",
    "train_members",
    "train_one_pass",
]

GROUP_SIZE = 5

State = dict[str, NDArray[np.float32]]
History = list["Evaluation"]


class Evaluation(NamedTuple):
    """What was seen of one member at one evaluation.

    Attributes
    ----------
    epoch : float
        Passes done.
    train_loss : float
        Mean weighted training loss since the evaluation before.
    valid_loss, valid_score : float
        Validation loss and score; nan where there is none.
    average_loss : float
        Validation loss of the average of the parameters; nan where there is none.
    learning_rate, momentum : float
        Of the last step; nan of an optimiser without momentum.
    """

    epoch: float
    train_loss: float
    valid_loss: float
    valid_score: float
    average_loss: float
    learning_rate: float
    momentum: float


@dataclass(frozen=True, eq=False)
class TrainedMembers:
    """Members at the end of their training.

    Attributes
    ----------
    net : skorch.NeuralNet
        All networks in one net; `net.module_` is the torch module. With snapshots
        each member has several networks in a row, its best state first.
    histories : list of list of Evaluation
        The evaluations of each member, until its own end.
    best_evaluation, n_evaluations : ndarray of shape (n_members,)
        Number, from 1, of the evaluation whose state was kept; and how many there
        were until the member's end.
    best_loss : ndarray of shape (n_members,)
        Validation loss of the state that was kept; nan without a validation sample.
    network_weights : ndarray of shape (n_members, n_snapshots)
        Weights of the networks of each member in its prediction; their sum is 1.
    callbacks : list of list of (str, callback)
        The callbacks of each group.

    See Also
    --------
    train_members : Has an example, too.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.neural_network import Member, TrainingSettings, train_members
    >>> X, y = np.eye(10, dtype=np.float32), np.arange(10) % 2
    >>> member = Member(rows=np.arange(10), weights=np.ones(10))
    >>> settings = TrainingSettings(n_numeric=10, max_epochs=2)
    >>> trained = train_members(settings, [member, member], X, y).run()
    >>> trained.best_evaluation, trained.network_weights.tolist()
    (array([2, 2]), [[1.0], [1.0]])
    >>> trained.logits(X).shape
    (10,)
    """

    net: MemberNet
    histories: list[History]
    best_evaluation: NDArray[np.int64]
    n_evaluations: NDArray[np.int64]
    best_loss: NDArray[np.float64]
    network_weights: NDArray[np.float64]
    callbacks: list[list[tuple[str, Any]]]

    def logits(
        self,
        X: NDArray[np.float32],
        members: Sequence[int] | None = None,
        n_jobs: int | None = None,
    ) -> NDArray[np.float64]:
        """Logit of the mean probability of some members.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_columns), dtype float32
            Events, in the columns of the training.
        members : sequence of int, default=None
            Which members are averaged, with equal weights; None for all of them.
        n_jobs : int, default=None
            Number of threads.

        Returns
        -------
        logits : ndarray of shape (n_samples,) or (n_samples, n_classes)
            With several classes of each against the rest.
        """
        weights = np.zeros(len(self.histories))
        weights[slice(None) if members is None else list(members)] = 1.0
        of_networks = (weights / weights.sum())[:, np.newaxis] * self.network_weights
        return ensemble_logits(self.net.module_, X, of_networks.ravel(), n_jobs)

    def state(self, member: int) -> State:
        """Parameters and scaling of one member, from which another may start.

        Parameters
        ----------
        member : int
            Its position in the sequence that was passed.

        Returns
        -------
        state : dict of str to ndarray
            Of its best state, without snapshots.
        """
        return member_states(self.net)[member]


class _GroupResult(NamedTuple):
    """What a group has learnt, as it comes back from a process."""

    state: State
    rows: list[dict[str, Any]]
    best_evaluation: NDArray[np.int64]
    n_evaluations: NDArray[np.int64]
    best_loss: NDArray[np.float64]
    network_weights: NDArray[np.float64]
    callbacks: list[tuple[str, Any]]


def train_members(
    settings: TrainingSettings,
    members: Sequence[Member],
    X: ArrayLike,
    y: ArrayLike,
    *,
    X_val: ArrayLike | None = None,
    y_val: ArrayLike | None = None,
    callbacks: Sequence[Any] = (),
    largest_sample: int | None = None,
) -> MemberTraining:
    """Train networks as members of one batch, each on its own part of the events.

    This is the engine below `WeightedDNNClassifier`, for those who drive trainings
    themselves: folds, repeated seeds, sets of columns or a population train together,
    faster than one after the other, and no member depends on its neighbours. It takes
    clean arrays; tables, labels and physics weights are the business of the estimator.

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
    callbacks : sequence of skorch callbacks, default=()
        Copied for each group of members, as in `WeightedDNNClassifier`.
    largest_sample : int, default=None
        Number of training events that the batches are made for; None is that of the
        largest member. A member gets the same batches in two trainings, and so the
        same bits, if this number is the same.

    Returns
    -------
    training : MemberTraining
        Call `run(n_jobs=...)` for a `TrainedMembers`. Or iterate: each turn is one
        evaluation of all members and gives their histories so far, lists of records
        with `epoch`, `train_loss`, `valid_loss`, `valid_score`, `average_loss`,
        `learning_rate` and `momentum`; between two turns `stop(member)` ends a member
        in its best state, and `result()` returns the `TrainedMembers`. The bits are
        the same both ways.

    Raises
    ------
    ValueError
        If members, events and settings do not fit together.
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
    >>> trained.logits(X.astype(np.float32), members=[1]).shape
    (200,)
    """
    events = _events(X, y, settings, "X", "y")
    held_out = events
    if X_val is not None or y_val is not None:
        held_out = _events(X_val, y_val, settings, "X_val", "y_val")
    _check_members(members, events, held_out, settings)
    check_callbacks(callbacks, len(members), settings.schedule)
    largest = max(len(member.rows) for member in members)
    n_steps, width = batch_shape(max(largest, largest_sample or 0), settings.batch_size)
    if settings.evaluations_per_epoch > n_steps:
        msg = (
            "`evaluations_per_epoch` must be at most the number of batches of a pass, "
            f"got {settings.evaluations_per_epoch!r} for {n_steps}. Lower it or "
            "`batch_size`."
        )
        raise ValueError(msg)
    # On an accelerator one large batch is fastest; a CPU wants one group a core.
    parts = [slice(0, len(members))]
    if settings.device == "cpu":
        parts = group_slices(len(members))
    groups = [
        Group(
            events=events,
            validation_events=held_out,
            members=tuple(members[part]),
            n_steps=n_steps,
            width=width,
            label=_label(part),
            number=number,
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
        self._nets: list[MemberNet] | None = None  # empty after a failure
        self._running: dict[int, Iterator[int]] = {}
        self._histories: list[History] = [[] for g in groups for _ in g.members]
        self._trained: TrainedMembers | None = None

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
            If there is no such member, or no evaluation yet.
        """
        if not 0 <= member < len(self._histories):
            msg = (
                f"`member` must be a position from 0 to {len(self._histories) - 1}, "
                f"got {member!r}. Count the members from 0."
            )
            raise ValueError(msg)
        if not self._nets:
            msg = (
                "`stop` must come between two evaluations of a training that is "
                "stepped through, got it before the first one. Iterate over the "
                "training, or leave the member out."
            )
            raise ValueError(msg)
        first = 0
        for group, net in zip(self.groups, self._nets, strict=True):
            k, is_running = member - first, group.number in self._running
            if 0 <= k < len(group.members) and is_running:
                net.judge_.stop(k, len(net.history))
            first += len(group.members)

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
        with one_thread():
            if len(self.groups) == 1:
                results = [_train(self.settings, self.groups[0])]
            else:
                results = Parallel(n_jobs=n_jobs)(
                    delayed(_train)(self.settings, group) for group in self.groups
                )
        self._trained = _joined(self.settings, self.groups, results)
        return self._trained

    def result(self) -> TrainedMembers:
        """Return what the members have learnt; those that still run end here.

        Returns
        -------
        trained : TrainedMembers

        Raises
        ------
        ValueError
            If nothing has been trained yet.
        """
        if self._trained is not None:
            return self._trained
        if not self._nets:
            msg = "A result must follow a training, got none. Call `run`, or iterate."
            raise ValueError(msg)
        for k in range(len(self._histories)):
            self.stop(k)
        while self._advance():
            pass
        pairs = zip(self._nets, self.groups, strict=True)
        results = [_group_result(net, group) for net, group in pairs]
        self._trained = _joined(self.settings, self.groups, results)
        return self._trained

    def _advance(self) -> bool:
        """Let each group train up to its next evaluation; tell whether one did."""
        if self._trained is not None:
            return False
        try:
            with one_thread():
                if self._nets is None:
                    self._nets = self._begun()
                return self._turn(self._nets)
        except BaseException:  # what is half done must not pass for a result
            self._nets, self._running = [], {}
            raise

    def _begun(self) -> list[MemberNet]:
        n_groups, nets = len(self.groups), []
        for group in self.groups:
            own = own_callbacks(self.callbacks, group.number, n_groups)
            net = _net(self.settings, group, own)
            net.begin(group)
            nets.append(net)
            self._running[group.number] = net.proceed(group, net.max_epochs)
        return nets

    def _turn(self, nets: Sequence[MemberNet]) -> bool:
        n_trained, first = 0, 0
        for group, net in zip(self.groups, nets, strict=False):
            turns = self._running.get(group.number)
            if turns is not None and next(turns, None) is None:
                del self._running[group.number]
            elif turns is not None:
                self._take_down(first, net)
                n_trained += 1
            first += len(group.members)
        return n_trained > 0

    def _take_down(self, first: int, net: MemberNet) -> None:
        """Add the last evaluation to the histories of the members that still run."""
        row, best = net.history[-1], net.judge_.best
        for k, (frozen, frozen_at) in enumerate(
            zip(best.frozen, best.frozen_at, strict=True)
        ):
            if not frozen or frozen_at == len(net.history):
                record = _evaluation(row, k, self.settings.evaluations_per_epoch)
                self._histories[first + k].append(record)


def train_one_pass(
    net: MemberNet | None,
    settings: TrainingSettings,
    members: Sequence[Member],
    X: NDArray[np.float32],
    y: NDArray[Any],
    *,
    callbacks: Sequence[Any] = (),
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
    X, y : ndarray
        Events, as in `train_members`.
    callbacks : sequence of skorch callbacks
        Of the user; those of the first call stay.

    Returns
    -------
    trained : TrainedMembers

    Raises
    ------
    ValueError
        If the networks, the optimiser or the device would change, the net has
        snapshots, or the schedule has run through.
    """
    events = _events(X, y, settings, "X", "y")
    n_steps, width = batch_shape(
        max(len(member.rows) for member in members), settings.batch_size
    )
    group = Group(events, events, tuple(members), n_steps, width)
    with one_thread():
        net = _continued(net, settings, group, own_callbacks(callbacks, 0, 1))
        _check_schedule(net)
        for _ in net.proceed(group, 1):
            pass
    return _trained(net, settings, [_group_result(net, group)])


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


def member_states(net: MemberNet) -> list[State]:
    """Return the state of each member: of its first network, without snapshots."""
    rule = net.settings.snapshots
    firsts = slice(None, None, 1 if rule is None else rule.n_snapshots)
    state = {
        name: value[firsts].cpu().numpy()
        for name, value in net.module_.state_dict().items()
    }
    n_members = len(next(iter(state.values())))
    return [{name: v[k] for name, v in state.items()} for k in range(n_members)]


def _events(
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
    table = np.asarray(X, dtype=np.float32, order="C")
    target = np.asarray(y, dtype=np.float32 if settings.n_outputs == 1 else np.int64)
    n_columns = settings.n_numeric + len(settings.embeddings)
    if table.shape != (len(target), n_columns):
        msg = (
            f"`{name}` must have a row for each of the {len(target)} values of "
            f"`{name_of_y}` and the {n_columns} columns of the settings, got the shape "
            f"{table.shape}. Correct `n_numeric`, `embeddings` or the events."
        )
        raise ValueError(msg)
    return Events(table, target)


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
    kernel = settings.kernel
    pairs = () if kernel is None else zip(kernel.px, kernel.py, strict=True)
    torn = [pair for pair in pairs if inputs[pair[0]] != inputs[pair[1]]]
    if torn:
        msg = (
            f"`inputs` of member {member} must hide both components of a momentum or "
            f"none, since rotations mix them, got the columns {torn[0]!r} apart. Hide "
            "them together, or train without `kernel`."
        )
        raise ValueError(msg)


def _net(
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


def _train(settings: TrainingSettings, group: Group) -> _GroupResult:
    """Train one group to its end, perhaps in another process."""
    net = _net(settings, group, ())
    with one_thread():
        net.begin(group)
        for _ in net.proceed(group, net.max_epochs):
            pass
    return _group_result(net, group)


def _group_result(net: MemberNet, group: Group) -> _GroupResult:
    """Return what a net has learnt, and let it forget its events."""
    judge = net.__dict__.pop("judge_")
    best = judge.best
    # A frozen member has run on in the batch, but what it did there is not its own.
    n_evaluations = np.where(best.frozen, best.frozen_at, len(net.history))
    best_evaluation = best.epoch if group.validation else n_evaluations
    state, weights = net.module_.state_dict(), np.ones((len(best_evaluation), 1))
    if judge.album is not None:
        state, weights = judge.album.develop(state, best_evaluation)
    return _GroupResult(
        state={name: value.cpu().numpy().copy() for name, value in state.items()},
        rows=[{k: v for k, v in row.items() if k != "batches"} for row in net.history],
        best_evaluation=best_evaluation,
        n_evaluations=n_evaluations,
        best_loss=judge.best_loss,
        network_weights=weights,
        callbacks=net.callbacks_,
    )


def _joined(
    settings: TrainingSettings, groups: Sequence[Group], results: Sequence[_GroupResult]
) -> TrainedMembers:
    """Return all members in one net, in the states that the groups kept."""
    members = [member for group in groups for member in group.members]
    # With snapshots a member is several networks in a row, all of which have its mask.
    networks = np.repeat(np.arange(len(members)), results[0].network_weights.shape[1])
    net = MemberNet(
        settings,
        [members[k].network_seed for k in networks],
        [members[k].inputs for k in networks],
    )
    net.initialize().verbose = 0
    state = {
        name: torch.from_numpy(np.concatenate([r.state[name] for r in results]))
        for name in results[0].state
    }
    net.module_.load_state_dict(state)
    return _trained(net, settings, results)


def _trained(
    net: MemberNet, settings: TrainingSettings, results: Sequence[_GroupResult]
) -> TrainedMembers:
    histories = []
    for result in results:
        for k, n in enumerate(result.n_evaluations):
            rows = result.rows[:n]
            rate = settings.evaluations_per_epoch
            histories.append([_evaluation(row, k, rate) for row in rows])
    return TrainedMembers(
        net=net,
        histories=histories,
        best_evaluation=np.concatenate([r.best_evaluation for r in results]),
        n_evaluations=np.concatenate([r.n_evaluations for r in results]),
        best_loss=np.concatenate([r.best_loss for r in results]),
        network_weights=np.concatenate([r.network_weights for r in results]),
        callbacks=[r.callbacks for r in results],
    )


def _evaluation(row: dict[str, Any], k: int, evaluations_per_epoch: int) -> Evaluation:
    """Return the part of a row of skorch's history that belongs to one member."""

    def own(name: str) -> float:
        return row[name][k] if name in row else float("nan")

    momentum = row["momentum"]
    return Evaluation(
        epoch=row["epoch"] / evaluations_per_epoch,
        train_loss=own("train_losses"),
        valid_loss=own("valid_losses"),
        valid_score=own("valid_scores"),
        average_loss=own("average_losses"),
        learning_rate=row["learning_rate"],
        momentum=float("nan") if momentum is None else momentum,
    )


def _continued(
    before: MemberNet | None,
    settings: TrainingSettings,
    group: Group,
    callbacks: Sequence[tuple[str, Any]],
) -> MemberNet:
    """Return a net to train on: a new one, or a copy of the one before."""
    if before is None:
        net = _net(settings, group, callbacks)
        net.begin(group)
        return net
    if before.settings.snapshots is not None:
        msg = (
            "`partial_fit` must go on from one network of each member, got several: "
            f"the last `fit` had snapshots={before.settings.snapshots!r}. Go on with "
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
    if not hasattr(net, "generators_"):  # the net comes from a whole training
        net.callbacks = list(callbacks)
        net.initialize_callbacks()
        net.draw_from(group.members)
    net.adopt(settings)
    return net


def _check_schedule(net: MemberNet) -> None:
    schedule, max_epochs = net.settings.schedule, net.settings.max_epochs
    endless = schedule is constant or isinstance(schedule, CyclicSchedule)
    if not endless and net.passes_ >= max_epochs:
        msg = (
            f"`max_epochs` must be more than the {net.passes_} passes that `schedule` "
            f"has run through, got {max_epochs!r}. Raise it, or set "
            'schedule="constant" to go on.'
        )
        raise ValueError(msg)


def _label(part: slice) -> str:
    if part.stop - part.start == 1:
        return f"member {part.stop}"
    return f"members {part.start + 1}-{part.stop}"
