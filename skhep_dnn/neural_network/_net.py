"""The skorch net that trains a group of members.

skorch gives callbacks, history, checkpoints and devices; its epoch loop is replaced by
a lean one that knows members, weights and best epochs. One turn of the generator
`MemberNet.proceed` ends with one evaluation, so that several groups can train in
lockstep.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping
from torch import Tensor
from tqdm.auto import tqdm

from skhep_dnn.exceptions import NonFiniteLossError
from skhep_dnn.neural_network._averaging import Average
from skhep_dnn.neural_network._batches import Batch, TrainingBatches
from skhep_dnn.neural_network._events import GroupData
from skhep_dnn.neural_network._judge import Judge
from skhep_dnn.neural_network._losses import MemberLoss
from skhep_dnn.neural_network._modules import MemberNetwork
from skhep_dnn.neural_network._optimizers import (
    add_penalties,
    clip_member_norms,
    current_momentum,
)
from skhep_dnn.neural_network._scaling import learn_scaling
from skhep_dnn.neural_network._schedules import Schedule, apply_schedule, constant
from skhep_dnn.neural_network._scoring import Scorer
from skhep_dnn.neural_network._snapshots import Snapshots
from skhep_dnn.neural_network._variants import mean_logit, variant_logits

__all__ = ["MemberNet"]


class MemberNet(NeuralNet):
    """A skorch net whose module, losses and best epochs have a member axis.

    What skorch calls an epoch is what lies between two evaluations: a whole pass over
    the training events, or the part of one. When skorch's EarlyStopping ends the
    training, the callbacks after it are not told of the last epoch's end.

    Parameters
    ----------
    module : type of torch.nn.Module
        The network; its `module__*` parameters are passed by keyword.
    schedule : callable
        Learning-rate factor and momentum by passes done and planned.
    l1, l2 : float
        Factors of the sums of absolute values and of squares of the weights.
    clip_norm : float or None
        Largest norm of one member's gradients; None does not clip.
    evaluations_per_epoch : int
        Number of evaluations in a pass.
    scorer : callable or None
        Judges the members; None: the validation loss.
    patience : int or None
        Evaluations without improvement after which a member stops.
    tol : float
        Decrease of the loss, or increase of the score, that counts as one.
    averaging : Average or None
        How the parameters are averaged.
    snapshots : Snapshots or None
        Which earlier states multiply the members.
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
        evaluations_per_epoch: int = 1,
        scorer: Scorer | None = None,
        patience: int | None = None,
        tol: float = 0.0,
        averaging: Average | None = None,
        snapshots: Snapshots | None = None,
        label: str = "",
        bar_position: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(module, criterion=MemberLoss, **kwargs)
        self.batch_size = 1  # of the datasets that callbacks get: rows of batches
        self.schedule = schedule
        self.l1 = l1
        self.l2 = l2
        self.clip_norm = clip_norm
        self.evaluations_per_epoch = evaluations_per_epoch
        self.scorer = scorer
        self.patience = patience
        self.tol = tol
        self.averaging = averaging
        self.snapshots = snapshots
        self.label = label
        self.bar_position = bar_position

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        return []

    def begin(self, data: GroupData, state: dict[str, Tensor] | None = None) -> None:
        """Draw the initial weights and learn the scaling, or take both from `state`."""
        self.initialize()
        if state is None:
            learn_scaling(self.module_.inputs, self.module_.n_numeric, data)
        else:
            self.module_.load_state_dict(state)
        self.draw_from(data.seeds)

    def draw_from(self, seeds: Sequence[int]) -> None:
        """Begin the random numbers of the members, and the schedule."""
        device = torch.device(self.device)
        self.generators_ = [torch.Generator(device).manual_seed(s) for s in seeds]
        self.passes_ = 0

    def adopt(self, settings: dict[str, Any]) -> None:
        """Take over settings that do not change what has been learnt."""
        for name, value in settings.items():
            if name.startswith("optimizer__"):
                for group in self.optimizer_.param_groups:
                    group[name.removeprefix("optimizer__")] = value
            elif "__" not in name:
                setattr(self, name, value)
        self.criterion_.loss = settings["criterion__loss"]
        self.criterion_.label_smoothing = settings["criterion__label_smoothing"]
        self.module_.set_dropout(settings["module__dropout"])
        apply_schedule(self.optimizer_, self.lr, 1.0, None)

    def proceed(self, data: GroupData, n_passes: int) -> Iterator[int]:
        """Train on, one evaluation for each turn of the iterator; yield its number."""
        train, self.judge_ = self._training_batches(data), Judge(self, data)
        shared = {"dataset_train": train, "dataset_valid": self.judge_.batches}
        self.notify("on_train_begin", X=data.events.X, y=data.events.y)
        with self._progress_bar(n_passes) as bar:
            for sum_w, batches in self._parts(train, n_passes):
                self.notify("on_epoch_begin", **shared)
                self.train_on(batches, sum_w)
                self.judge_.evaluate()
                asked_to_stop = self._end_epoch(shared)
                bar.set_postfix(self._losses_to_show())
                bar.update()
                yield len(self.history)
                if asked_to_stop or self.judge_.best.frozen.all():
                    break
        self.judge_.finish()
        self.notify("on_train_end", X=data.events.X, y=data.events.y)

    def train_on(self, batches: Iterable[Batch], sum_w: Tensor) -> None:
        """Take one step for each batch; record the mean weighted loss of a member.

        A member with fewer events than another one may have none in a last part of a
        pass: its loss is that of the part before.
        """
        self._set_training(True)
        total: Tensor | float = 0.0
        for step in self._steps(batches, self.train_step, training=True):
            total = total + step["member_loss"]
        losses = torch.as_tensor(total).cpu().double() / sum_w
        empty = sum_w == 0.0
        if empty.any():
            before = self.history[-2, "train_losses"]
            losses[empty] = torch.tensor(before, dtype=torch.float64)[empty]
        self._record("train_loss", losses)

    def train_step(self, batch: Batch, **_params: Any) -> dict[str, Tensor]:
        """Take one optimiser step of every member."""
        self._apply_schedule()
        for parameter in self._learnt:
            parameter.grad = None
        logit = self.module_.from_scaled(batch.inputs, batch.random_bytes, batch.weight)
        member_loss = self.criterion_(logit, batch.target, batch.weight)
        member_loss.backward(torch.full_like(member_loss, 1.0 / batch.weight.shape[1]))
        if self.l1 > 0.0 or self.l2 > 0.0:
            add_penalties(self.module_.penalised(), self.l1, self.l2)
        if self.clip_norm is not None:
            gradients = [p.grad for p in self._learnt if p.grad is not None]
            clip_member_norms(gradients, self.clip_norm)
        if self._has_hook("on_grad_computed"):
            named = list(self.module_.named_parameters())
            self.notify("on_grad_computed", named_parameters=named, batch=batch)
        self.optimizer_.step()
        if self.judge_.averages_steps:
            self.judge_.after_step()
        loss = member_loss.detach()
        return {"loss": loss.sum(), "member_loss": loss, "y_pred": logit}

    def validation_step(self, batch: Batch, **_params: Any) -> dict[str, Tensor]:
        """Return the logits of one batch, of the mean over variants of the events."""
        return {"y_pred": mean_logit(variant_logits(self.module_, batch.inputs))}

    def _training_batches(self, data: GroupData) -> TrainingBatches:
        return TrainingBatches(
            data.events,
            data.training,
            n_steps=data.n_steps,
            width=data.width,
            prepare=torch.no_grad()(self.module_.inputs),
            kernel=self.module_.kernel,
            n_hidden=self.module_.n_dropped,
            generators=self.generators_,
            device=torch.device(self.device),
        )

    def _parts(
        self, train: TrainingBatches, n_passes: int
    ) -> Iterator[tuple[Tensor, Iterator[Batch]]]:
        for _ in range(n_passes):
            self._step, self._n_steps = 0, train.n_steps
            yield from train.parts(self.evaluations_per_epoch)
            self.passes_ += 1

    def _steps(
        self, batches: Iterable[Batch], step: Any, *, training: bool
    ) -> Iterator[dict[str, Tensor]]:
        """Yield the result of each step, with skorch's hooks around it."""
        self._learnt = list(self.module_.parameters())
        hooked = self._has_hook("on_batch_begin") or self._has_hook("on_batch_end")
        for batch in batches:
            if hooked:
                self.notify("on_batch_begin", batch=batch, training=training)
            result = step(batch)
            if hooked:
                self.notify("on_batch_end", batch=batch, training=training, **result)
            yield result

    def _apply_schedule(self) -> None:
        if self.schedule is constant:
            return  # so that a callback may set the learning rate
        epoch = self.passes_ + self._step / self._n_steps
        self._step += 1
        factor, momentum = self.schedule(epoch, self.max_epochs)
        apply_schedule(self.optimizer_, self.lr, factor, momentum)

    def _record(self, name: str, member_loss: Tensor) -> None:
        losses = member_loss.numpy()
        broken = ~np.isfinite(losses) & ~self.judge_.best.frozen
        if broken.any():
            epoch = len(self.history) / self.evaluations_per_epoch
            msg = (
                f"The loss must stay finite, got {losses[broken][0]} as {name} of "
                f"member {np.flatnonzero(broken)[0]} in epoch {epoch:g}. "
                "Lower `learning_rate`, raise `optimizer_eps`, or check the inputs "
                "and weights for extreme values."
            )
            raise NonFiniteLossError(msg)
        self.history.record(name, float(losses.mean()))
        self.history.record(name + "es", losses.tolist())
        if not self.history[-1]["batches"]:
            self.history.new_batch()  # skorch's Checkpoint looks for the last batch
        self.history.record_batch(name, float(losses.mean()))

    def _end_epoch(self, shared: dict[str, Any]) -> bool:
        """Notify the callbacks; tell whether skorch's EarlyStopping wants to stop."""
        self.history.record("epoch", len(self.history))
        self.history.record("learning_rate", self.optimizer_.param_groups[0]["lr"])
        self.history.record("momentum", current_momentum(self.optimizer_))
        try:
            self.notify("on_epoch_end", **shared)
        except KeyboardInterrupt:  # its way of saying so
            stoppers = [c for _, c in self.callbacks_ if isinstance(c, EarlyStopping)]
            if any(stopper.misses_ >= stopper.patience for stopper in stoppers):
                return True
            raise
        return False

    def _has_hook(self, name: str) -> bool:
        return any(
            getattr(type(callback), name) is not getattr(Callback, name)
            for _, callback in self.callbacks_
        )

    def _losses_to_show(self) -> dict[str, str]:
        last = self.history[-1]
        shown = ("train_loss", "valid_loss")
        return {name: f"{last[name]:.4f}" for name in shown if name in last}

    def _progress_bar(self, n_passes: int) -> "tqdm[None]":
        return tqdm(
            total=n_passes * self.evaluations_per_epoch,
            desc=self.label,
            unit="epoch" if self.evaluations_per_epoch == 1 else "evaluation",
            position=self.bar_position,
            disable=not self.verbose,
        )
