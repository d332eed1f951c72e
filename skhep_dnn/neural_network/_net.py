"""The skorch net that trains a group of members.

skorch gives callbacks, history, checkpoints and devices; its epoch loop is replaced by
a lean one that knows members, weights and best epochs. An epoch is one turn of the
generator `MemberNet.epochs`, so that several groups can train in lockstep.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor
from tqdm.auto import tqdm

from skhep_dnn.exceptions import NonFiniteLossError
from skhep_dnn.neural_network._batches import (
    Batch,
    Events,
    MemberSample,
    TrainingBatches,
    ValidationBatches,
)
from skhep_dnn.neural_network._inputs import weighted_statistics
from skhep_dnn.neural_network._losses import MemberLoss
from skhep_dnn.neural_network._modules import MemberNetwork
from skhep_dnn.neural_network._optimizers import clip_member_norms
from skhep_dnn.neural_network._schedules import Schedule, constant

__all__ = ["BestEpochs", "GroupData", "MemberNet"]


@dataclass(frozen=True)
class GroupData:
    """What one group of members trains and validates on.

    Attributes
    ----------
    events, validation_events : Events
        Events that the samples index; the second is the first but for an explicit
        validation sample.
    training, validation : tuple of MemberSample
        One for each member; `validation` is empty without a validation sample.
    n_steps, width : int
        Batches in an epoch and events of one member in a batch.
    seeds : tuple of int
        Seed of the event order and dropout of each member.
    """

    events: Events
    validation_events: Events
    training: tuple[MemberSample, ...]
    validation: tuple[MemberSample, ...]
    n_steps: int
    width: int
    seeds: tuple[int, ...]


class BestEpochs:
    """Best epoch of each member, kept beside the running networks.

    A member whose patience has ended is frozen: it keeps running in the batch, but
    its best state no longer changes.

    Parameters
    ----------
    state : dict of Tensor
        The running parameters, each with a leading member axis.
    patience : int or None
        Epochs without improvement after which a member is frozen; None: never.
    tol : float
        Decrease of the loss that counts as an improvement for the patience.
    """

    def __init__(
        self, state: dict[str, Tensor], patience: int | None, tol: float
    ) -> None:
        n_members = len(next(iter(state.values())))
        self.state = {name: value.clone() for name, value in state.items()}
        self.patience = patience
        self.tol = tol
        self.loss = np.full(n_members, np.inf)
        self.epoch = np.zeros(n_members, dtype=np.int64)
        self._reference = np.full(n_members, np.inf)
        self._waited = np.zeros(n_members, dtype=np.int64)
        self.frozen = np.zeros(n_members, dtype=np.bool_)
        self.frozen_at = np.zeros(n_members, dtype=np.int64)

    def update(
        self, epoch: int, loss: NDArray[np.float64], state: dict[str, Tensor]
    ) -> None:
        """Take in the validation losses of one epoch."""
        improved = (loss < self.loss) & ~self.frozen
        for k in np.flatnonzero(improved):
            for name, value in state.items():
                self.state[name][k].copy_(value[k])
        self.loss[improved] = loss[improved]
        self.epoch[improved] = epoch
        clearly = loss < self._reference - self.tol
        self._reference[clearly] = loss[clearly]
        self._waited = np.where(clearly, 0, self._waited + 1)
        if self.patience is not None:
            ended = (self._waited >= self.patience) & ~self.frozen
            self.frozen_at[ended] = epoch
            self.frozen |= ended


class MemberNet(NeuralNet):
    """A skorch net whose module, losses and best epochs have a member axis.

    Parameters
    ----------
    module : type of torch.nn.Module
        The network; its `module__*` parameters are passed by keyword.
    schedule : callable
        Learning-rate factor and momentum by progress.
    l1, l2 : float
        Factors of the sums of absolute values and of squares of the weights.
    clip_norm : float or None
        Largest norm of one member's gradients; None does not clip.
    patience : int or None
        Epochs without improvement after which a member stops.
    tol : float
        Decrease of the loss that counts as an improvement.
    label : str
        Title of the progress bar.
    bar_position : int
        Line of the progress bar.
    **kwargs
        Parameters of `skorch.NeuralNet`.
    """

    def __init__(
        self,
        module: type[torch.nn.Module] = MemberNetwork,
        *,
        schedule: Schedule = constant,
        l1: float = 0.0,
        l2: float = 0.0,
        clip_norm: float | None = None,
        patience: int | None = None,
        tol: float = 0.0,
        label: str = "",
        bar_position: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(module, criterion=MemberLoss, **kwargs)
        self.schedule = schedule
        self.l1 = l1
        self.l2 = l2
        self.clip_norm = clip_norm
        self.patience = patience
        self.tol = tol
        self.label = label
        self.bar_position = bar_position

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        return []

    def epochs(self, data: GroupData) -> Iterator[int]:
        """Train, one epoch for each turn of the iterator; yield its number from 1."""
        self.initialize()
        self._learn_inputs(data)
        train = self.get_iterator(data, training=True)
        valid = self.get_iterator(data, training=False)
        patience = self.patience if valid is not None else None
        self.best_ = BestEpochs(self.member_state(), patience, self.tol)
        self._steps_done, self._steps_planned = 0, data.n_steps * self.max_epochs
        shared = {"dataset_train": data, "dataset_valid": data}
        self.notify("on_train_begin", X=data.events.X, y=data.events.y)
        with self._progress_bar() as bar:
            for epoch in range(1, self.max_epochs + 1):
                self.notify("on_epoch_begin", **shared)
                self.run_single_epoch(train, True, "train", self.train_step)
                self.run_single_epoch(valid, False, "valid", self.validation_step)
                self._keep_best(epoch, has_validation=valid is not None)
                self.notify("on_epoch_end", **shared)
                bar.set_postfix(self._losses_to_show())
                bar.update()
                yield epoch
                if self.best_.frozen.all():
                    break
        if valid is not None:
            self._restore_best()
        self.notify("on_train_end", X=data.events.X, y=data.events.y)

    def get_iterator(
        self, dataset: GroupData, training: bool = False
    ) -> TrainingBatches | ValidationBatches | None:
        """Return the batches of the group."""
        prepare = torch.no_grad()(self.module_.inputs)
        device = torch.device(self.device)
        if training:
            return TrainingBatches(
                dataset.events,
                dataset.training,
                n_steps=dataset.n_steps,
                width=dataset.width,
                prepare=prepare,
                n_hidden=self.module_.n_dropped,
                generators=_generators(dataset.seeds, device),
                device=device,
            )
        if not dataset.validation:
            return None
        return ValidationBatches(
            dataset.validation_events,
            dataset.validation,
            prepare=prepare,
            device=device,
        )

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **_params: Any
    ) -> None:
        """Run one pass; record the mean weighted loss of each member."""
        if iterator is None:
            return
        self._set_training(training)
        hooked = self._has_hook("on_batch_begin") or self._has_hook("on_batch_end")
        total: Tensor | float = 0.0
        for batch in iterator:
            if hooked:
                self.history.new_batch()  # callbacks may record into it
                self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch)
            total = total + step["member_loss"]
            if hooked:
                self.notify("on_batch_end", batch=batch, training=training, **step)
        self._record(prefix + "_loss", torch.as_tensor(total).cpu() / iterator.sum_w)

    def train_step(self, batch: Batch, **_params: Any) -> dict[str, Tensor]:
        """Take one optimiser step of every member."""
        self._apply_schedule()
        self.optimizer_.zero_grad(set_to_none=True)
        logit = self.module_.from_scaled(batch.inputs, batch.random_bytes)
        member_loss = self.criterion_(logit, batch.target, batch.weight)
        (member_loss.sum() / batch.weight.shape[1]).backward()
        self._add_penalties()
        if self.clip_norm is not None:
            gradients = [p.grad for p in self.module_.parameters()]
            clip_member_norms(gradients, self.clip_norm)
        if self._has_hook("on_grad_computed"):
            named = list(self.module_.named_parameters())
            self.notify("on_grad_computed", named_parameters=named, batch=batch)
        self.optimizer_.step()
        return _step(member_loss.detach(), logit)

    @torch.no_grad()
    def validation_step(self, batch: Batch, **_params: Any) -> dict[str, Tensor]:
        """Return the weighted losses, summed in double precision."""
        logit = self.module_.from_scaled(batch.inputs)
        return _step(self.criterion_(logit, batch.target, batch.weight), logit)

    def member_state(self) -> dict[str, Tensor]:
        """Return the learnt parameters, each with a leading member axis."""
        return {name: p.detach() for name, p in self.module_.named_parameters()}

    def _learn_inputs(self, data: GroupData) -> None:
        """Set each member's scaling from its own training events."""
        inputs, n_numeric = self.module_.inputs, self.module_.n_numeric
        numbers = data.events.X[:, :n_numeric]
        for k, sample in enumerate(data.training):
            mean, scale = weighted_statistics(
                numbers, sample.index, np.abs(sample.weights), inputs.missing_values
            )
            inputs.set_statistics(k, torch.from_numpy(mean), torch.from_numpy(scale))

    def _apply_schedule(self) -> None:
        if self.schedule is constant:
            return  # so that a callback may set the learning rate
        factor, momentum = self.schedule(self._steps_done / self._steps_planned)
        self._steps_done += 1
        for group in self.optimizer_.param_groups:
            group["lr"] = self.lr * factor
            if momentum is not None and "betas" in group:
                group["betas"] = (momentum, group["betas"][1])
            elif momentum is not None and group["momentum"] > 0.0:
                group["momentum"] = momentum

    @torch.no_grad()
    def _add_penalties(self) -> None:
        """Add the gradients of `l1 * sum(|w|) + l2 * sum(w**2)` of each member."""
        if self.l1 == 0.0 and self.l2 == 0.0:
            return
        weights = self.module_.penalised()
        gradients = [weight.grad for weight in weights]
        if self.l2 > 0.0:
            torch._foreach_add_(gradients, weights, alpha=2.0 * self.l2)
        if self.l1 > 0.0:
            signs = torch._foreach_sign(weights)
            torch._foreach_add_(gradients, signs, alpha=self.l1)

    def _record(self, name: str, member_loss: Tensor) -> None:
        losses = member_loss.double().numpy()
        broken = ~np.isfinite(losses) & ~self.best_.frozen
        if broken.any():
            msg = (
                f"The loss must stay finite, got {losses[broken][0]} as {name} of "
                f"member {np.flatnonzero(broken)[0]} in epoch {len(self.history)}. "
                "Lower `learning_rate`, raise `optimizer_eps`, or check the inputs "
                "and weights for extreme values."
            )
            raise NonFiniteLossError(msg)
        self.history.record(name, float(losses.mean()))
        self.history.record(name + "es", losses.tolist())
        self.history.new_batch()  # skorch's Checkpoint looks for the last batch
        self.history.record_batch(name, float(losses.mean()))

    def _keep_best(self, epoch: int, *, has_validation: bool) -> None:
        self.history.record("epoch", epoch)
        self.history.record("learning_rate", self.optimizer_.param_groups[0]["lr"])
        if has_validation:
            losses = np.array(self.history[-1, "valid_losses"])
            best = min(self.history[:, "valid_loss"]) == self.history[-1, "valid_loss"]
            self.history.record("valid_loss_best", best)
            self.best_.update(epoch, losses, self.member_state())

    @torch.no_grad()
    def _restore_best(self) -> None:
        for name, parameter in self.module_.named_parameters():
            parameter.copy_(self.best_.state[name])

    def _has_hook(self, name: str) -> bool:
        return any(
            getattr(type(callback), name) is not getattr(Callback, name)
            for _, callback in self.callbacks_
        )

    def _losses_to_show(self) -> dict[str, str]:
        last = self.history[-1]
        shown = ("train_loss", "valid_loss")
        return {name: f"{last[name]:.4f}" for name in shown if name in last}

    def _progress_bar(self) -> "tqdm[None]":
        return tqdm(
            total=self.max_epochs,
            desc=self.label,
            unit="epoch",
            position=self.bar_position,
            disable=not self.verbose,
        )


def _step(member_loss: Tensor, logit: Tensor) -> dict[str, Tensor]:
    return {"loss": member_loss.sum(), "member_loss": member_loss, "y_pred": logit}


def _generators(seeds: Sequence[int], device: torch.device) -> list[torch.Generator]:
    return [torch.Generator(device).manual_seed(seed) for seed in seeds]
