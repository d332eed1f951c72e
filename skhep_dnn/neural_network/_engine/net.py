"""The skorch net that trains a group of members.

skorch gives callbacks, history, checkpoints and devices; its epoch loop is replaced by
a lean one that knows members, weights and best epochs. One turn of the generator
`MemberNet.proceed` ends with one evaluation, so that several groups can train in
lockstep.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping
from skorch.history import History
from skorch.utils import get_map_location
from torch import Tensor
from tqdm.auto import tqdm

from skhep_dnn.neural_network._engine.batches import (
    Batch,
    TrainingBatches,
    ValidationBatches,
    as_tensor,
)
from skhep_dnn.neural_network._engine.callbacks import note_copies
from skhep_dnn.neural_network._engine.data import Group, Member
from skhep_dnn.neural_network._engine.judge import Judge, validation_logit
from skhep_dnn.neural_network._engine.scaling import learn_scaling
from skhep_dnn.neural_network._engine.settings import TrainingSettings
from skhep_dnn.neural_network._engine.torch_settings import engine_settings
from skhep_dnn.neural_network._losses import MemberLoss
from skhep_dnn.neural_network._networks.network import MemberNetwork
from skhep_dnn.neural_network._optimizers import (
    add_penalties,
    clip_member_norms,
    current_momentum,
)
from skhep_dnn.neural_network._schedules import apply_schedule, constant

__all__ = ["MemberNet"]

# What `initialize` makes, and what is set before each use.
_MADE = {
    "_learnt",
    "criterion_",
    "generators_",
    "history_",
    "module_",
    "optimizer_",
}


class MemberNet(NeuralNet):
    """A skorch net whose module, losses and best epochs have a member axis.

    What skorch calls an epoch is what lies between two evaluations: a whole pass over
    the training events, or the part of one. When skorch's EarlyStopping ends the
    training, the callbacks after it are not told of the last epoch's end.

    Parameters
    ----------
    settings : TrainingSettings
        What the members share.
    seeds : sequence of int
        Seed of the initial weights of each member.
    masks : sequence of ndarray of bool or None, default=None
        For each member the columns that it sees; None for all.
    callbacks : sequence of (str, callback), default=()
        Callbacks of skorch, the net's own.
    label : str, default=""
        Title of the progress bar.
    bar_position : int, default=0
        Line of the progress bar.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        seeds: Sequence[int],
        masks: Sequence[NDArray[np.bool_] | None] | None = None,
        *,
        callbacks: Sequence[tuple[str, Any]] = (),
        label: str = "",
        bar_position: int = 0,
    ) -> None:
        networks = {**settings.networks, "seeds": list(seeds), "masks": masks}
        super().__init__(
            MemberNetwork,
            criterion=MemberLoss,
            criterion__loss=settings.rules.loss,
            criterion__label_smoothing=settings.label_smoothing,
            lr=settings.learning_rate,
            max_epochs=settings.max_epochs,
            batch_size=1,  # of the datasets that callbacks get: rows of batches
            callbacks=list(callbacks),
            device=settings.device,
            verbose=settings.verbose,
            **settings.optimisation,
            optimizer__param_groups=_groups(settings),
            **{f"module__{name}": value for name, value in networks.items()},
        )
        self.settings = settings
        self.label = label
        self.bar_position = bar_position

    def __deepcopy__(self, memo: dict[int, Any]) -> MemberNet:
        """Copy the net; its callbacks share with the copies what they hold on to."""
        note_copies([*self.callbacks, *getattr(self, "callbacks_", ())], memo)
        with engine_settings():
            new = memo[id(self)] = object.__new__(type(self))
            state: Any = self.__getstate__()
            new.__setstate__(deepcopy(state, memo))
        return new

    def __getstate__(self) -> dict[str, Any]:
        """Return the state in arrays and plain values.

        That of skorch holds a pickle, which would run whatever stands in it wherever a
        net is read, by formats without pickle as well. What `__init__` and
        `initialize` make of the settings is made anew.
        """
        arguments = {
            "settings": self.settings,
            "seeds": list(self.module__seeds),
            "masks": self.module__masks,
            "label": self.label,
            "bar_position": self.bar_position,
        }
        made = ({*vars(MemberNet(**arguments))} | _MADE) - {"callbacks", "verbose"}
        others = {name: v for name, v in vars(self).items() if name not in made}
        state: dict[str, Any] = {"arguments": arguments, "others": others}
        if self.initialized_:
            state["module"] = _arrays(self.module_.state_dict())
            state["optimizer"] = _arrays(self.optimizer_.state_dict())
            state["history"] = [dict(row) for row in self.history]
        if hasattr(self, "generators_"):
            state["generators"] = [
                (g.initial_seed(), g.get_state().numpy()) for g in self.generators_
            ]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make a net of its state, one that can be trained, wherever that is done."""
        if "arguments" not in state:
            msg = (
                "A net must be stored as arrays and plain values, got the state of "
                "skorch, which holds a pickle. Train the model anew, or load it with "
                "the version of skhep_dnn that has stored it."
            )
            raise ValueError(msg)
        if not isinstance(state["arguments"]["settings"], TrainingSettings):
            msg = (
                "A net must be stored with TrainingSettings, got "
                f"{type(state['arguments']['settings']).__name__}. The file was made "
                "by hand: do not use it."
            )
            raise TypeError(msg)
        with engine_settings():
            MemberNet.__init__(self, **state["arguments"])
            self.verbose = 0
            device = state["arguments"]["settings"].device
            self.device = self._check_device(device, get_map_location(device))
            if "module" in state:
                self._initialize_from(state)
            if "generators" in state:
                self.generators_ = [self._generator(*g) for g in state["generators"]]
            self.__dict__.update(state["others"])

    def _initialize_from(self, state: Mapping[str, Any]) -> None:
        self.initialize()
        self.module_.load_state_dict(_tensors(state["module"]))
        self.optimizer_.load_state_dict(_tensors(state["optimizer"]))
        self.history_ = History(state["history"])

    def _generator(self, seed: int, state: NDArray[np.uint8]) -> torch.Generator:
        """Return a generator in a state, or at its beginning on another device."""
        generator = torch.Generator(torch.device(self.device)).manual_seed(seed)
        if len(generator.get_state()) == len(state):
            generator.set_state(torch.from_numpy(state.copy()))
        return generator

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        return []

    def get_params_for_optimizer(
        self, prefix: str, named_parameters: Iterable[tuple[str, Tensor]]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the groups of parameters: first that which callbacks look at."""
        args, kwargs = super().get_params_for_optimizer(prefix, named_parameters)
        *own, others = args[0]
        return ([others, *own], *args[1:]), kwargs

    def begin(self, group: Group) -> None:
        """Draw the initial weights and learn the scaling, or take both as given."""
        self.initialize()
        known = [self._start_from(k, m.start) for k, m in enumerate(group.members)]
        learn_scaling(self.module_, group, known)
        self.draw_from(group.members)

    def _start_from(
        self, member: int, start: Mapping[str, NDArray[Any]] | None
    ) -> NDArray[np.bool_]:
        """Set one member to a state; return of which columns it brings the scaling."""
        state, n_numeric = self.module_.state_dict(), self.settings.n_numeric
        if start is None:
            return np.zeros(n_numeric, dtype=np.bool_)
        shapes = {name: tuple(value.shape[1:]) for name, value in state.items()}
        if {name: np.shape(value) for name, value in start.items()} != shapes:
            msg = (
                "`start` must be the state of a member of the same networks, got other "
                "names or shapes. Take it from members that were trained with the "
                "same shape of networks."
            )
            raise ValueError(msg)
        for name, value in state.items():
            value[member] = as_tensor(np.asarray(start[name]))
        # nan stands for what the other member did not see: the identity until learnt.
        inputs = self.module_.inputs
        inputs.center[member].nan_to_num_(nan=0.0)
        inputs.inverse_scale[member].nan_to_num_(nan=1.0)
        return ~np.isnan(start["inputs.center"][0, :n_numeric])

    def draw_from(self, members: Sequence[Member]) -> None:
        """Begin the random numbers of the members, and the schedule."""
        device = torch.device(self.device)
        seeds = [member.order_seed for member in members]
        self.generators_ = [torch.Generator(device).manual_seed(s) for s in seeds]
        self.passes_ = 0

    def adopt(self, settings: TrainingSettings) -> None:
        """Take over settings that do not change what has been learnt."""
        self.settings = settings
        self.lr, self.max_epochs = settings.learning_rate, settings.max_epochs
        self.verbose = settings.verbose
        of_groups = [group for _, group in _groups(settings)]
        groups = zip(self.optimizer_.param_groups, [{}, *of_groups], strict=True)
        for group, own in groups:
            for name, value in settings.optimisation.items():
                if name.startswith("optimizer__"):
                    group[name.removeprefix("optimizer__")] = value
            group.update(own)
        self.criterion_.loss = settings.rules.loss
        self.criterion_.label_smoothing = settings.label_smoothing
        self.module_.set_dropout(settings.networks["dropout"])
        apply_schedule(self.optimizer_, self.lr, 1.0, None)

    def proceed(self, group: Group, n_passes: int) -> Iterator[int]:
        """Train on, one evaluation for each turn of the iterator; yield its number."""
        train, valid = self._training_batches(group), self._validation_batches(group)
        scores = [m.score for m in group.members if m.score is not None]
        self.judge_ = Judge(
            self.module_,
            self.criterion_,
            self.settings,
            valid,
            scores if scores else None,
            group.first,
        )
        shared = {"dataset_train": train, "dataset_valid": valid}
        self.notify("on_train_begin", X=group.events.X, y=group.events.y)
        with self._progress_bar(n_passes) as bar:
            for sum_w, batches in self._parts(train, n_passes):
                self.notify("on_epoch_begin", **shared)
                self.train_on(batches, sum_w)
                self._evaluate(valid)
                asked_to_stop = self._end_epoch(shared)
                bar.set_postfix(self._losses_to_show())
                bar.update()
                yield len(self.history)
                if asked_to_stop or self.has_ended:
                    break
        self.judge_.finish()
        self.notify("on_train_end", X=group.events.X, y=group.events.y)

    def train_on(self, batches: Iterable[Batch], sum_w: Tensor) -> None:
        """Take one step for each batch; record the mean weighted loss of a member.

        A member with fewer events than another one may have none in a last part of a
        pass: its loss is that of the part before.
        """
        self._set_training(True)
        total: Tensor | float = 0.0
        for step in self._steps(batches, self.train_step):
            total = total + step["member_loss"]
        losses = torch.as_tensor(total, dtype=torch.float32).cpu().double() / sum_w
        # With several evaluations in a pass a small member may have no events in the
        # last part, nothing but padding.
        empty = sum_w == 0.0
        if empty.any():
            before = self.history[-2, "train_losses"]
            losses[empty] = torch.tensor(before, dtype=torch.float64)[empty]
        self.judge_.check_finite(losses.numpy(), "train_loss", len(self.history))
        self._record("train_loss", losses.numpy())

    def train_step(self, batch: Batch, **_params: Any) -> dict[str, Tensor]:
        """Take one optimiser step of every member."""
        self._apply_schedule()
        for parameter in self._learnt:
            parameter.grad = None  # cheaper than zeros, and what the optimiser skips
        logit = batch.with_offset(
            self.module_.from_scaled(batch.inputs, batch.random_bytes, batch.weight)
        )
        member_loss = self.criterion_(logit, batch.target, batch.weight)
        # The gradient of each member is that of its own sum of weighted losses, over
        # the width of the batch: members share nothing, so one pass backward does for
        # all. Not over the sum of the weights, which may be zero or negative; their
        # mean of `|w|` is one over the whole training.
        member_loss.backward(torch.full_like(member_loss, 1.0 / batch.weight.shape[1]))
        settings = self.settings
        if settings.l1 > 0.0 or settings.l2 > 0.0:
            add_penalties(self.module_.penalised(), settings.l1, settings.l2)
        if settings.clip_norm is not None:
            gradients = [p.grad for p in self._learnt if p.grad is not None]
            clip_member_norms(gradients, settings.clip_norm)
        if self._has_hook("on_grad_computed"):
            named = list(self.module_.named_parameters())
            self.notify(
                "on_grad_computed", named_parameters=named, batch=batch, training=True
            )
        self.optimizer_.step()
        if self.judge_.averages_steps:
            self.judge_.after_step()
        return {"member_loss": member_loss.detach(), "y_pred": logit}

    def validation_step(self, batch: Batch, **_params: Any) -> dict[str, Tensor]:
        """Return the logits of one batch, of the mean over variants of the events."""
        return {"y_pred": validation_logit(self.module_, batch)}

    def _training_batches(self, group: Group) -> TrainingBatches:
        return TrainingBatches(
            group.events,
            group.training,
            n_steps=group.n_steps,
            width=group.width,
            prepare=torch.no_grad()(self.module_.inputs),
            kernel=self.module_.kernel,
            n_hidden=self.module_.n_dropped,
            generators=self.generators_,
            device=torch.device(self.device),
        )

    def _validation_batches(self, group: Group) -> ValidationBatches | None:
        if not group.validation:
            return None
        device = torch.device(self.device)
        return ValidationBatches(
            group.validation_events, group.validation, device=device
        )

    def _parts(
        self, train: TrainingBatches, n_passes: int
    ) -> Iterator[tuple[Tensor, Iterator[Batch]]]:
        for _ in range(n_passes):
            self._step, self._n_steps = 0, train.n_steps
            yield from train.parts(self.settings.evaluations_per_epoch)
            self.passes_ += 1

    def _steps(
        self, batches: Iterable[Batch], step: Any, n_validated: int | None = None
    ) -> Iterator[dict[str, Tensor]]:
        """Yield the result of each step, with skorch's hooks around it.

        In validation `n_validated` is the number of all events of a member.
        """
        self._learnt = list(self.module_.parameters())
        if not self._has_hook("on_batch_begin") and not self._has_hook("on_batch_end"):
            yield from map(step, batches)
            return
        training, n_batches = n_validated is None, 0
        for batch in batches:
            self.notify("on_batch_begin", batch=batch, training=training)
            result = step(batch)
            result["loss"] = self._record_batch(batch, result, n_validated)
            self.notify("on_batch_end", batch=batch, training=training, **result)
            n_batches += 1
            yield result
        phase = "train" if training else "valid"
        self.history.record(f"{phase}_batch_count", n_batches)

    @torch.no_grad()
    def _record_batch(
        self, batch: Batch, result: Mapping[str, Tensor], n_validated: int | None
    ) -> Tensor:
        """Record the loss of a batch of each member; return their mean.

        It is the sum of weights times losses over the number of events. Weights of
        validation, whose sum is one, count with a mean of one, as those of training do.
        """
        phase, size = "train", batch.weight.shape[1]
        if n_validated is None:
            losses = result["member_loss"] / size
        else:
            phase = "valid"
            sums = self.criterion_(result["y_pred"], batch.target, batch.weight)
            losses = sums * (n_validated / size)
        mean = losses.mean()
        self.history.record_batch(f"{phase}_loss", mean.item())
        self.history.record_batch(f"{phase}_losses", losses.tolist())
        self.history.record_batch(f"{phase}_batch_size", size)
        return mean

    def _apply_schedule(self) -> None:
        schedule = self.settings.rules.schedule
        if schedule is constant:
            return  # so that a callback may set the learning rate
        epoch = self.passes_ + self._step / self._n_steps
        self._step += 1
        factor, momentum = schedule(epoch, self.settings.max_epochs)
        apply_schedule(self.optimizer_, self.lr, factor, momentum)

    @torch.no_grad()
    def _evaluate(self, valid: ValidationBatches | None) -> None:
        """Let the judge see the state after this part of a pass; record what it says.

        The running members predict here, not in the judge, since callbacks hear of
        their batches.
        """
        self._set_training(False)
        logit = None
        if valid is not None:
            n_events = valid.index.shape[1]
            steps = self._steps(valid, self.validation_step, n_events)
            logit = torch.cat([step["y_pred"] for step in steps], 1)
        for name, values in self.judge_.evaluate(len(self.history), logit).items():
            if name.endswith("_losses"):
                self._record(name.removesuffix("es"), values)
            else:
                self.history.record(name, values.tolist())
        self.record_best()

    def record_best(self) -> None:
        """Record whether the mean losses of this evaluation are the lowest so far."""
        for name in ("train_loss", "valid_loss"):
            if name in self.history[-1]:
                *before, last = self.history[:, name]
                is_best = last < min(before, default=float("inf"))
                self.history.record(f"{name}_best", is_best)

    @property
    def has_ended(self) -> bool:
        """Whether all members have ended; None has before the training begins."""
        return hasattr(self, "judge_") and bool(self.judge_.best.frozen.all())

    def _record(self, name: str, losses: NDArray[np.float64]) -> None:
        """Record the losses of all members, and their mean for callbacks and bars."""
        self.history.record(name, float(losses.mean()))
        self.history.record(name + "es", losses.tolist())
        if not self.history[-1]["batches"]:
            self.history.new_batch()  # skorch's Checkpoint looks for the last batch
            self.history.record_batch(name, float(losses.mean()))

    def _end_epoch(self, shared: dict[str, Any]) -> bool:
        """Notify the callbacks; tell whether skorch's EarlyStopping wants to stop."""
        self.history.record("epoch", len(self.history))
        self.history.record("learning_rate", self.optimizer_.param_groups[0]["lr"])
        momentum = current_momentum(self.optimizer_)
        if momentum is not None:
            self.history.record("momentum", momentum)
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

    def _progress_bar(self, n_passes: int) -> tqdm[None]:
        rate = self.settings.evaluations_per_epoch
        return tqdm(
            total=n_passes * rate,
            desc=self.label,
            unit="epoch" if rate == 1 else "evaluation",
            position=self.bar_position,
            disable=not self.verbose,
        )


def _arrays(value: Any) -> Any:
    """Return nested dicts and lists with arrays in place of tensors."""
    if isinstance(value, Mapping):
        return {name: _arrays(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_arrays(part) for part in value]
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else value


def _tensors(value: Any) -> Any:
    """Return nested dicts and lists with tensors in place of arrays, as copies."""
    if isinstance(value, Mapping):
        return {name: _tensors(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_tensors(part) for part in value]
    return torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value


def _groups(settings: TrainingSettings) -> list[tuple[str, dict[str, Any]]]:
    """Return the parameters that have settings of their own, as skorch takes them.

    Factors of the inputs take larger steps, and do not decay: they begin at 1.
    """
    factor = settings.scale_learning_rate
    if factor is None or settings.n_numeric == 0:
        return []
    own = {"lr": settings.learning_rate * factor, "lr_factor": factor}
    return [("numbers.factor", {**own, "weight_decay": 0.0})]
