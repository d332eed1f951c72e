"""Who is best: validation of the members, of their averages, and what is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skhep_dnn.neural_network._batches import ValidationBatches
from skhep_dnn.neural_network._best_epochs import BestEpochs
from skhep_dnn.neural_network._events import GroupData
from skhep_dnn.neural_network._schedules import CyclicSchedule
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
    album : Album
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
        self.album = Album()
        self.average: RunningAverage | None = None
        if net.averaging is not None:
            self.average = net.averaging.begin(state)

    @property
    def averages_steps(self) -> bool:
        """Whether the averages take in the state after each step."""
        return self.net.averaging is not None and self.net.averaging.each == "step"

    def after_step(self) -> None:
        """Let the averages take in the state of a step."""
        if self.average is not None:
            self.average.update(self.net.module_.state_dict(), None)

    @torch.no_grad()
    def evaluate(self) -> None:
        """Judge the members and their averages, and keep those that are the best."""
        net = self.net
        net._set_training(False)
        epoch, ends_unit = len(net.history), self._ends_unit()
        if ends_unit and net.snapshots is not None:
            self.album.take(epoch, net.module_.state_dict())
        if self.batches is not None:
            value = self._validate(self.batches, "valid")
            self.best.update(epoch, value, net.module_.state_dict())
        self._evaluate_average(epoch, ends_unit=ends_unit)
        if self.batches is not None:
            best = min(net.history[:, "valid_loss"]) == net.history[-1, "valid_loss"]
            net.history.record("valid_loss_best", best)
            if ends_unit:
                self.best.end_unit(epoch)

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

    def _evaluate_average(self, epoch: int, *, ends_unit: bool) -> None:
        if self.average is None:
            return
        if ends_unit and not self.averages_steps:
            losses = None if self.batches is None else self._losses
            self.average.update(self.net.module_.state_dict(), losses)
        state = self.average.state()
        if state is not None and self.batches is not None:
            with self._set_to(state):
                value = self._validate(self.batches, "average")
            self.best.update(epoch, value, state)

    def _validate(self, batches: ValidationBatches, prefix: str) -> NDArray[np.float64]:
        """Record loss and score of each member; return what should be small."""
        net = self.net
        steps = net._steps(batches, net.validation_step, training=False)
        logit = torch.cat([step["y_pred"] for step in steps], 1)
        losses = net.criterion_(logit, batches.target, batches.weights)
        net._record(prefix + "_loss", losses)
        if net.scorer is None:
            return np.asarray(losses.numpy())
        scores = member_scores(
            net.scorer, logit.cpu().double().numpy(), self.data.scored
        )
        net.history.record(prefix + "_scores", scores.tolist())
        return -scores

    def _losses(self, state: State) -> NDArray[np.float64]:
        """Return the validation losses of any state."""
        net, batches = self.net, self.batches
        assert batches is not None
        with self._set_to(state):
            logits = [net.validation_step(batch)["y_pred"] for batch in batches]
        logit = torch.cat(logits, 1)
        return np.asarray(
            net.criterion_(logit, batches.target, batches.weights).numpy()
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

    def _ends_unit(self) -> bool:
        """Whether this evaluation ends a cycle; each does without cycles."""
        net = self.net
        if not isinstance(net.schedule, CyclicSchedule):
            return True
        now = len(net.history) / net.evaluations_per_epoch
        before = now - 1 / net.evaluations_per_epoch
        return net.schedule.cycles_done(now) > net.schedule.cycles_done(before)
