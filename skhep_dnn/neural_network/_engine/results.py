"""What a training has learnt: of a group, of all members, at each evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from skhep_dnn.neural_network._engine.data import Group, check_table
from skhep_dnn.neural_network._engine.judge import Judge
from skhep_dnn.neural_network._engine.net import MemberNet
from skhep_dnn.neural_network._engine.prediction import ensemble_logits
from skhep_dnn.neural_network._engine.settings import TrainingSettings
from skhep_dnn.neural_network._engine.torch_settings import engine_settings

__all__ = [
    "Evaluation",
    "GroupResult",
    "History",
    "TrainedMembers",
    "evaluation_of",
    "group_result",
    "group_so_far",
    "join_members",
    "member_states",
    "trained_members",
]

State = dict[str, NDArray[np.float32]]


class Evaluation(NamedTuple):
    """What was seen of one member at one evaluation.

    Parameters
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

    See Also
    --------
    train_members : Has an example of histories, which are lists of these.

    Examples
    --------
    >>> from skhep_dnn.neural_network import Evaluation
    >>> seen = Evaluation(2.0, 0.41, 0.44, float("nan"), float("nan"), 5e-3, 0.9)
    >>> seen.epoch, seen.valid_loss
    (2.0, 0.44)
    """

    epoch: float
    train_loss: float
    valid_loss: float
    valid_score: float
    average_loss: float
    learning_rate: float
    momentum: float


History = list[Evaluation]


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
        The callbacks of each group; one that is there once is in all lists.

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
    >>> bool((trained.part([1]).logits(X) == trained.logits(X, members=[1])).all())
    True
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
        X: ArrayLike,
        members: Sequence[int] | None = None,
        n_jobs: int | None = None,
        *,
        rows: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float64]:
        """Logit of the mean probability of some members.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            Events, in the columns of the training; float32 in C order is not copied.
        members : sequence of int, default=None
            Which members are averaged, with equal weights; None for all of them.
        n_jobs : int, default=None
            Number of threads.
        rows : ndarray of shape (n_rows,), default=None
            Which of the events are predicted, copied block by block; None for all.

        Returns
        -------
        logits : ndarray of shape (n_samples,) or (n_samples, n_classes)
            With several classes of each against the rest.

        Raises
        ------
        ValueError
            If `X` has other columns, or there are no such members.
        """
        table = check_table(X, self.net.settings.n_columns)
        n_members = len(self.histories)
        chosen = range(n_members) if members is None else members
        self._check_positions(chosen)
        weights = np.zeros(n_members)
        weights[list(chosen)] = 1.0
        of_networks = (weights / weights.sum())[:, np.newaxis] * self.network_weights
        return ensemble_logits(
            self.net.module_, table, of_networks.ravel(), n_jobs, rows=rows
        )

    def state(self, member: int) -> State:
        """Parameters and scaling of one member, from which another may start.

        Parameters
        ----------
        member : int
            Its position in the sequence that was passed.

        Returns
        -------
        state : dict of str to ndarray
            Of its best state, without snapshots; a copy. The scaling of columns that
            the member did not see is nan.
        """
        return member_states(self.net)[member]

    def part(self, members: Sequence[int]) -> TrainedMembers:
        """Some of the members, as if the others had never been there.

        Parameters
        ----------
        members : sequence of int
            Their positions in the sequence that was passed, each once.

        Returns
        -------
        part : TrainedMembers
            With a net of these networks alone, which shares no memory with this one,
            and the callbacks of all groups.

        Raises
        ------
        ValueError
            If there are no such members, or one is named twice.
        """
        self._check_positions(members)
        chosen, n_snapshots = list(members), self.network_weights.shape[1]
        if len(set(chosen)) < len(chosen):
            msg = f"`members` must name each member once, got {chosen!r}. Leave it out."
            raise ValueError(msg)
        rows = np.add.outer(np.multiply(chosen, n_snapshots), np.arange(n_snapshots))
        networks, seeds = rows.ravel().tolist(), self.net.module__seeds
        masks = self.net.module__masks
        state = self.net.module_.state_dict()
        net = _net_in_state(
            self.net.settings,
            [seeds[k] for k in networks],
            None if masks is None else [masks[k] for k in networks],
            {name: value[networks] for name, value in state.items()},
        )
        return TrainedMembers(
            net=net,
            histories=[self.histories[k] for k in chosen],
            best_evaluation=self.best_evaluation[chosen],
            n_evaluations=self.n_evaluations[chosen],
            best_loss=self.best_loss[chosen],
            network_weights=self.network_weights[chosen],
            callbacks=self.callbacks,
        )

    def _check_positions(self, members: Sequence[int]) -> None:
        n_members = len(self.histories)
        if len(members) == 0 or not set(members) <= set(range(n_members)):
            msg = (
                f"`members` must be positions from 0 to {n_members - 1}, one or more, "
                f"got {list(members)!r}. Count the members from 0."
            )
            raise ValueError(msg)


class GroupResult(NamedTuple):
    """What a group has learnt, as it comes back from a process."""

    state: State
    rows: list[dict[str, Any]]
    best_evaluation: NDArray[np.int64]
    n_evaluations: NDArray[np.int64]
    best_loss: NDArray[np.float64]
    network_weights: NDArray[np.float64]
    callbacks: list[tuple[str, Any]]


def group_result(net: MemberNet, group: Group) -> GroupResult:
    """Return what a net has learnt, and let it forget its events."""
    judge = net.__dict__.pop("judge_")
    return _result_of(net, judge, group, net.module_.state_dict())


def group_so_far(net: MemberNet, group: Group) -> GroupResult:
    """Return what a net would have learnt if its training ended now; it goes on."""
    return _result_of(net, net.judge_, group, net.judge_.kept())


def _result_of(
    net: MemberNet, judge: Judge, group: Group, state: Mapping[str, torch.Tensor]
) -> GroupResult:
    best = judge.best
    # A frozen member has run on in the batch, but what it did there is not its own.
    n_evaluations = np.where(best.frozen, best.frozen_at, len(net.history))
    best_evaluation = best.epoch if group.validation else n_evaluations
    weights = np.ones((len(best_evaluation), 1))
    if judge.album is not None:
        state, weights = judge.album.develop(dict(state), best_evaluation)
    return GroupResult(
        state={name: value.cpu().numpy().copy() for name, value in state.items()},
        rows=[{k: v for k, v in row.items() if k != "batches"} for row in net.history],
        best_evaluation=best_evaluation.copy(),
        n_evaluations=n_evaluations,
        best_loss=judge.best_loss.copy(),
        network_weights=weights,
        callbacks=net.callbacks_,
    )


def join_members(
    settings: TrainingSettings, groups: Sequence[Group], results: Sequence[GroupResult]
) -> TrainedMembers:
    """Return all members in one net, in the states that the groups kept."""
    members = [member for group in groups for member in group.members]
    # With snapshots a member is several networks in a row, all of which have its mask.
    networks = np.repeat(np.arange(len(members)), results[0].network_weights.shape[1])
    state = {
        name: torch.from_numpy(np.concatenate([r.state[name] for r in results]))
        for name in results[0].state
    }
    net = _net_in_state(
        settings,
        [members[k].network_seed for k in networks],
        [members[k].inputs for k in networks],
        state,
    )
    return trained_members(net, settings, results)


def _net_in_state(
    settings: TrainingSettings,
    seeds: Sequence[int],
    masks: Sequence[NDArray[np.bool_] | None] | None,
    state: dict[str, torch.Tensor],
) -> MemberNet:
    """Return a net that has nothing but networks in a known state."""
    with engine_settings():
        net = MemberNet(settings, seeds, masks)
        net.initialize().verbose = 0
        net.module_.load_state_dict(state)
    return net


def trained_members(
    net: MemberNet, settings: TrainingSettings, results: Sequence[GroupResult]
) -> TrainedMembers:
    histories = []
    for result in results:
        for k, n in enumerate(result.n_evaluations):
            rows = result.rows[:n]
            rate = settings.evaluations_per_epoch
            histories.append([evaluation_of(row, k, rate) for row in rows])
    return TrainedMembers(
        net=net,
        histories=histories,
        best_evaluation=np.concatenate([r.best_evaluation for r in results]),
        n_evaluations=np.concatenate([r.n_evaluations for r in results]),
        best_loss=np.concatenate([r.best_loss for r in results]),
        network_weights=np.concatenate([r.network_weights for r in results]),
        callbacks=[r.callbacks for r in results],
    )


def evaluation_of(
    row: dict[str, Any], k: int, evaluations_per_epoch: int
) -> Evaluation:
    """Return the part of a row of skorch's history that belongs to one member."""

    def own(name: str) -> float:
        return row[name][k] if name in row else float("nan")

    return Evaluation(
        epoch=row["epoch"] / evaluations_per_epoch,
        train_loss=own("train_losses"),
        valid_loss=own("valid_losses"),
        valid_score=own("valid_scores"),
        average_loss=own("average_losses"),
        learning_rate=row["learning_rate"],
        momentum=row.get("momentum", float("nan")),
    )


def member_states(net: MemberNet) -> list[State]:
    """Return the state of each member: of its first network, without snapshots."""
    rule, module = net.settings.rules.snapshots, net.module_
    firsts = slice(None, None, 1 if rule is None else rule.n_snapshots)
    state = {
        name: value[firsts].cpu().numpy().copy()
        for name, value in module.state_dict().items()
    }
    if module.hidden_columns is not None:
        hidden = module.hidden_columns[firsts].cpu().numpy()
        for name in ("inputs.center", "inputs.inverse_scale"):
            state[name][hidden] = np.nan
    n_members = len(next(iter(state.values())))
    return [{name: v[k] for name, v in state.items()} for k in range(n_members)]
