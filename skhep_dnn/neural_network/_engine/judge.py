"""Who is best: validation of the members, of their averages, and what is kept.

Members train on as one batch, although each has its own best evaluation and its own
end. So nothing is ever taken out of the batch: the best state of a member is copied
aside when it appears, and a member that is frozen, since its patience has ended or
somebody has stopped it, only loses the right to replace it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skhep_dnn.exceptions import NonFiniteLossError
from skhep_dnn.neural_network._averaging import RunningAverage
from skhep_dnn.neural_network._engine.batches import Batch, ValidationBatches
from skhep_dnn.neural_network._engine.data import Score
from skhep_dnn.neural_network._engine.settings import TrainingSettings
from skhep_dnn.neural_network._losses import MemberLoss
from skhep_dnn.neural_network._networks.network import (
    MemberNetwork,
    mean_logit,
    variant_logits,
)
from skhep_dnn.neural_network._schedules import ends_cycle
from skhep_dnn.neural_network._snapshots import Album

__all__ = ["BestEpochs", "Judge", "validation_logit"]

State = dict[str, Tensor]
Verdict = dict[str, NDArray[np.float64]]


class Judge:
    """Judges the members of a group during one training.

    Parameters
    ----------
    module : MemberNetwork
        The members; set to their best states in the end.
    criterion : MemberLoss
        Their loss.
    settings : TrainingSettings
        Patience, averages, snapshots and cycles.
    batches : ValidationBatches or None
        The validation events.
    scores : sequence of callable or None, default=None
        Judge the logits of each member in place of its loss; None: the loss.
    first : int, default=0
        Number of the first member, for messages.

    Attributes
    ----------
    best : BestEpochs
        The best state of each member: the running one, or its average.
    best_loss : ndarray of shape (n_members,)
        Validation loss of that state; nan before.
    album : Album or None
        Snapshots.
    average : RunningAverage or None
        The averages.
    """

    def __init__(
        self,
        module: MemberNetwork,
        criterion: MemberLoss,
        settings: TrainingSettings,
        batches: ValidationBatches | None,
        scores: Sequence[Score] | None = None,
        first: int = 0,
    ) -> None:
        self.module = module
        self.criterion = criterion
        self.settings = settings
        self.batches = batches
        self.scores = scores
        self.first = first
        state = module.state_dict()
        patience = None if batches is None else settings.patience
        self.best = BestEpochs(state, patience, settings.tol)
        self.best_loss = np.full(len(self.best.epoch), np.nan)
        rule, snapshots = settings.rules.averaging, settings.rules.snapshots
        self.album = None if snapshots is None else Album(snapshots)
        self.average: RunningAverage | None = None
        if rule is not None:
            self.average = rule.begin(state)
        self.averages_steps = rule is not None and rule.each == "step"
        # The same tensors as the parameters, for averages after each step: making the
        # dictionary anew costs as much as a step of a small network.
        self._live = module.state_dict(keep_vars=True)

    @torch.no_grad()
    def after_step(self) -> None:
        """Let the averages take in the state of a step."""
        if self.average is not None:
            self.average.update(self._live, None)

    @torch.no_grad()
    def evaluate(self, number: int, logit: Tensor | None) -> Verdict:
        """Judge the members and their averages, and keep those that are the best.

        Parameters
        ----------
        number : int
            Number of the evaluation, from 1.
        logit : Tensor of shape (n_members, n_events) or None
            Logits of the running members for the validation events, with one more
            axis for several classes; None without a validation sample.

        Returns
        -------
        verdict : dict of str to ndarray of shape (n_members,)
            What was found: "valid_losses" and, as far as they were computed,
            "valid_scores", "average_losses" and "average_scores".
        """
        # With a schedule in cycles the state is worth something at the end of one
        # only, where the learning rate is lowest: there the averages and snapshots
        # are taken, and the patience counts. The best state may be any.
        settings = self.settings
        ends_unit = ends_cycle(
            settings.rules.schedule, number, settings.evaluations_per_epoch
        )
        if ends_unit:
            self._take_in(number)
        verdict: Verdict = {}
        if self.batches is not None and logit is not None:
            verdict = self._validate(number, self.batches, logit)
            if ends_unit:
                self.best.end_unit(number)
        if self.album is not None:
            self.album.forget(self.best.epoch)
        return verdict

    @torch.no_grad()
    def stop(self, member: int, number: int) -> None:
        """Freeze one member after an evaluation, in its best state.

        Without a validation sample that is the running one, or its average.
        """
        average = None if self.average is None else self.average.state()
        state = self.module.state_dict() if average is None else average
        self.best.stop(member, number, state)

    def finish(self) -> None:
        """Set the module to the best states, or to the averages without validation."""
        if self.batches is not None and (self.best.epoch == 0).any():
            msg = (
                "`scoring` must give each member a finite score at least once, got "
                f"none for member {self.first + self.best.epoch.argmin()}. Validate on "
                "more events, or choose a score that is defined for them."
            )
            raise ValueError(msg)
        self.module.load_state_dict(self.kept())

    def kept(self) -> State:
        """Return the state that each member would keep if it ended now."""
        # With a validation sample every member has its own best state. Without one
        # nothing is chosen: it is the last state, its average, or that of the stop.
        if self.batches is not None:
            return self.best.state
        average = None if self.average is None else self.average.state()
        last = self.module.state_dict() if average is None else average
        return self._with_stopped(last)

    def _with_stopped(self, last: State) -> State:
        """Return a state in which the members that were stopped have kept theirs."""
        stopped = np.flatnonzero(self.best.frozen)
        if len(stopped) == 0:
            return last
        mixed = {name: value.clone() for name, value in last.items()}
        for name, value in mixed.items():
            value[stopped] = self.best.state[name][stopped]
        return mixed

    def _take_in(self, number: int) -> None:
        """Let snapshots and averages take in the running state."""
        state = self.module.state_dict()
        if self.album is not None:
            self.album.take(number, state)
        if self.average is not None and not self.averages_steps:
            batches = self.batches
            losses = None if batches is None else partial(self._losses, batches)
            self.average.update(state, losses)

    def _validate(
        self, number: int, batches: ValidationBatches, logit: Tensor
    ) -> Verdict:
        """Judge the running states, and their averages once there are any.

        The averages come second and win only where they are strictly better.
        """
        running = self.module.state_dict()
        verdict = self._judge(number, batches, "valid", running, logit)
        average = None if self.average is None else self.average.state()
        if average is not None:
            logit = self._logits(batches, average)
            verdict |= self._judge(number, batches, "average", average, logit)
        return verdict

    def _judge(
        self,
        number: int,
        batches: ValidationBatches,
        kind: str,
        state: State,
        logit: Tensor,
    ) -> Verdict:
        """Return loss and score of a state of each member; keep it where it is best."""
        losses = np.asarray(self.criterion(logit, batches.target, batches.weights))
        self.check_finite(losses, f"{kind}_loss", number)
        # `best` looks for the lowest value: a loss, or minus a score. The loss is
        # recorded in any case; `best_loss` is that of the state with the best score.
        verdict, value = {f"{kind}_losses": losses}, losses
        if self.scores is not None:
            scores = self._scores_of(logit, batches.n_events)
            verdict[f"{kind}_scores"], value = scores, -scores
        improved = self.best.update(number, value, state)
        self.best_loss[improved] = losses[improved]
        return verdict

    def _scores_of(self, logit: Tensor, n_events: Sequence[int]) -> NDArray[np.float64]:
        """Return the score of each member, on its own events without the filling."""
        logits, scores = logit.cpu().double().numpy(), np.full(len(logit), np.nan)
        for k, score in enumerate([] if self.scores is None else self.scores):
            # Nobody asks for a frozen member, whose logits may have become anything.
            if not self.best.frozen[k]:
                scores[k] = score(logits[k, : n_events[k]])
        return scores

    def check_finite(self, losses: NDArray[np.float64], name: str, number: int) -> None:
        """Refuse losses of running members that are nan or infinite.

        Parameters
        ----------
        losses : ndarray of shape (n_members,)
            The losses; those of frozen members do not matter.
        name : str
            What they are, for the message.
        number : int
            Number of the evaluation.

        Raises
        ------
        NonFiniteLossError
            If one is not finite.
        """
        broken = ~np.isfinite(losses) & ~self.best.frozen
        if broken.any():
            member = self.first + np.flatnonzero(broken)[0]
            epoch = number / self.settings.evaluations_per_epoch
            msg = (
                f"The loss must stay finite, got {losses[broken][0]} as {name} of "
                f"member {member} in epoch {epoch:g}. Lower `learning_rate`, raise "
                "`optimizer_eps`, or check the inputs and weights for extreme values."
            )
            raise NonFiniteLossError(msg)

    def _losses(self, batches: ValidationBatches, state: State) -> NDArray[np.float64]:
        """Return the validation losses of any state."""
        logit = self._logits(batches, state)
        return np.asarray(self.criterion(logit, batches.target, batches.weights))

    def _logits(self, batches: ValidationBatches, state: State) -> Tensor:
        """Return the logits of any state; callbacks do not hear of it."""
        with self._set_to(state):
            parts = [validation_logit(self.module, batch) for batch in batches]
        return torch.cat(parts, 1)

    @contextmanager
    def _set_to(self, state: State) -> Iterator[None]:
        """Let the module have another state in this block."""
        # Copies: `state_dict` shares its memory with the module that is loaded into.
        module = self.module
        running = {name: value.clone() for name, value in module.state_dict().items()}
        module.load_state_dict(state)
        try:
            yield
        finally:
            module.load_state_dict(running)


class BestEpochs:
    """Best evaluation of each member, kept beside the running networks.

    A member whose patience has ended, or that was stopped, is frozen: it keeps running
    in the batch, but its best state no longer changes.

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
        Whether the member has ended.
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
        # One copy for each member that improved: the others keep their own best.
        for k in np.flatnonzero(improved):
            for name, running in state.items():
                self.state[name][k].copy_(running[k])
        self.value[improved] = value[improved]
        self.epoch[improved] = epoch
        # The best state is the best by however little. Only the patience asks for
        # more than `tol`, counted from the last value that was that much better: a
        # slow fall in many small steps does not wait for ever.
        clearly = value < self._reference - self.tol
        self._reference[clearly] = value[clearly]
        self._improved |= clearly
        return np.asarray(improved)

    def end_unit(self, epoch: int) -> None:
        """Freeze the members whose patience ends with this unit of time."""
        # A unit with one improvement anywhere in it has not been waited through.
        self._waited = np.where(self._improved, 0, self._waited + 1)
        self._improved[:] = False
        if self.patience is not None:
            ended = (self._waited >= self.patience) & ~self.frozen
            self.frozen_at[ended] = epoch
            self.frozen |= ended

    def stop(self, member: int, epoch: int, state: dict[str, Tensor]) -> None:
        """Freeze one member: in its best state, or in this one if it has none."""
        if self.frozen[member]:
            return
        if self.epoch[member] == 0:
            for name, value in state.items():
                self.state[name][member].copy_(value[member])
            self.epoch[member] = epoch
        self.frozen[member], self.frozen_at[member] = True, epoch


def validation_logit(module: MemberNetwork, batch: Batch) -> Tensor:
    """Return the logits of raw inputs: of the mean over the variants of an event."""
    return batch.with_offset(mean_logit(variant_logits(module, batch.inputs)))
