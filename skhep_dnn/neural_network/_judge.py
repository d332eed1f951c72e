"""Who is best: validation of the members, of their averages, and what is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skhep_dnn.neural_network._batches import ValidationBatches
from skhep_dnn.neural_network._best_epochs import BestEpochs
from skhep_dnn.neural_network._events import GroupData
from skhep_dnn.neural_network._schedules import ends_cycle
from skhep_dnn.neural_network._scoring import member_scores
from skhep_dnn.neural_network._snapshots import Album

if TYPE_CHECKING:
    from skhep_dnn.neural_network._averaging import RunningAverage
    from skhep_dnn.neural_network._net import MemberNet

__all__ = ["Judge"]

State = dict[str, Tensor]


class Judge:
    """Judges the members of a net during one training.

    Parameters
    ----------
    net : MemberNet
        The net, begun.
    data : GroupData
        Its events.

    Attributes
    ----------
    batches : ValidationBatches or None
        The validation events.
    best : BestEpochs
        The best state of each member: the running one, or its average.
    best_loss : ndarray of shape (n_members,)
        Validation loss of that state; nan before.
    album : Album or None
        Snapshots.
    average : RunningAverage or None
        The averages.
    """

    def __init__(self, net: "MemberNet", data: GroupData) -> None:
        self.net = net
        self.data = data
        self.batches: ValidationBatches | None = None
        if data.validation:
            self.batches = ValidationBatches(
                data.validation_events,
                data.validation,
                device=torch.device(net.device),
            )
        state = net.module_.state_dict()
        patience = None if self.batches is None else net.patience
        self.best = BestEpochs(state, patience, net.tol)
        self.best_loss = np.full(len(self.best.epoch), np.nan)
        self.album = None if net.snapshots is None else Album(net.snapshots)
        self.average: RunningAverage | None = None
        if net.averaging is not None:
            self.average = net.averaging.begin(state)
        self._live = net.module_.state_dict(keep_vars=True)  # making it costs a step

    @property
    def averages_steps(self) -> bool:
        """Whether the averages take in the state after each step."""
        return self.net.averaging is not None and self.net.averaging.each == "step"

    @torch.no_grad()
    def after_step(self) -> None:
        """Let the averages take in the state of a step."""
        if self.average is not None:
            self.average.update(self._live, None)

    @torch.no_grad()
    def evaluate(self) -> None:
        """Judge the members and their averages, and keep those that are the best."""
        net = self.net
        net._set_training(False)
        epoch = len(net.history)
        ends_unit = ends_cycle(net.schedule, epoch, net.evaluations_per_epoch)
        if ends_unit:
            self._take_in(epoch)
        if self.batches is not None:
            self._validate(self.batches)
            if ends_unit:
                self.best.end_unit(epoch)
        if self.album is not None:
            self.album.forget(self.best.epoch)

    def finish(self) -> None:
        """Set the module to the best states, or to the averages without validation."""
        state: State | None = self.best.state
        if self.batches is None:
            state = None if self.average is None else self.average.state()
        elif (self.best.epoch == 0).any():
            msg = (
                "`scoring` must give each member a finite score at least once, got "
                f"none for member {self.best.epoch.argmin()}. Validate on more events, "
                "or choose a score that is defined for them."
            )
            raise ValueError(msg)
        if state is not None:
            self.net.module_.load_state_dict(state)

    def _take_in(self, epoch: int) -> None:
        """Let snapshots and averages take in the running state."""
        state = self.net.module_.state_dict()
        if self.album is not None:
            self.album.take(epoch, state)
        if self.average is not None and not self.averages_steps:
            batches = self.batches
            losses = None if batches is None else partial(self._losses, batches)
            self.average.update(state, losses)

    def _validate(self, batches: ValidationBatches) -> None:
        """Judge the running states, and their averages once there are any."""
        net = self.net
        steps = net._steps(batches, net.validation_step, training=False)
        logit = torch.cat([step["y_pred"] for step in steps], 1)
        self._judge(batches, "valid", net.module_.state_dict(), logit)
        state = None if self.average is None else self.average.state()
        if state is not None:
            self._judge(batches, "average", state, self._logits(batches, state))
        is_best = min(net.history[:, "valid_loss"]) == net.history[-1, "valid_loss"]
        net.history.record("valid_loss_best", is_best)

    def _judge(
        self, batches: ValidationBatches, kind: str, state: State, logit: Tensor
    ) -> None:
        """Record loss and score of a state of each member; keep it where it is best."""
        net = self.net
        losses = net.criterion_(logit, batches.target, batches.weights)
        net._record(kind + "_loss", losses)
        value = losses = np.asarray(losses.numpy())
        if net.scorer is not None:
            logits = logit.cpu().double().numpy()
            scores = member_scores(net.scorer, logits, self.data.scored)
            net.history.record(kind + "_scores", scores.tolist())
            value = -scores
        improved = self.best.update(len(net.history), value, state)
        self.best_loss[improved] = losses[improved]

    def _losses(self, batches: ValidationBatches, state: State) -> NDArray[np.float64]:
        """Return the validation losses of any state."""
        logit = self._logits(batches, state)
        losses = self.net.criterion_(logit, batches.target, batches.weights)
        return np.asarray(losses.numpy())

    def _logits(self, batches: ValidationBatches, state: State) -> Tensor:
        """Return the logits of any state; callbacks do not hear of it."""
        with self._set_to(state):
            return torch.cat(
                [self.net.validation_step(batch)["y_pred"] for batch in batches], 1
            )

    @contextmanager
    def _set_to(self, state: State) -> Iterator[None]:
        """Let the module have another state in this block."""
        module = self.net.module_
        running = {name: value.clone() for name, value in module.state_dict().items()}
        module.load_state_dict(state)
        try:
            yield
        finally:
            module.load_state_dict(running)
