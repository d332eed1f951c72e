"""What all members of a training have in common: their shape and how they train."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from math import inf, isnan
from numbers import Integral
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.neural_network._activations import activation_names
from skhep_dnn.neural_network._averaging import (
    AVERAGES,
    Average,
    StochasticWeightAverage,
)
from skhep_dnn.neural_network._engine.torch_settings import torch_device
from skhep_dnn.neural_network._losses import LOSSES, Loss
from skhep_dnn.neural_network._networks.inputs import SCALINGS
from skhep_dnn.neural_network._networks.network import (
    CONNECTIONS,
    MemberNetwork,
    azimuths_of,
)
from skhep_dnn.neural_network._networks.shapes import (
    SplitLayout,
    hidden_widths,
    layer_dropout,
    numbers_of_columns,
)
from skhep_dnn.neural_network._numeric_embedding import (
    NumericEmbedding,
    named_embedding,
)
from skhep_dnn.neural_network._optimizers import OPTIMIZERS, optimizer_settings
from skhep_dnn.neural_network._schedules import (
    SCHEDULES,
    OneCycle,
    Schedule,
    ends_cycle,
)
from skhep_dnn.neural_network._snapshots import SNAPSHOTS, Snapshots
from skhep_dnn.preprocessing._symmetry_kernel import SymmetryKernel

__all__ = ["Rules", "TrainingSettings", "check_same_networks"]


class Rules(NamedTuple):
    """What the names of loss, schedule, average and snapshots stand for."""

    loss: Loss
    schedule: Schedule
    averaging: Average | None
    snapshots: Snapshots | None


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Settings that all members of a training share.

    The first ones are the shape of the networks, the others how they are trained. They
    have the names and the defaults of the parameters of `WeightedDNNClassifier`, where
    they are described at length. A name such as "one_cycle" is replaced by what it
    stands for, so that settings are equal however they were written.

    Parameters
    ----------
    n_numeric : int
        Number of columns of numbers; those of category codes follow.
    embeddings : sequence of (int, int), default=()
        For each column of codes the number of categories and that of numbers that
        stand for one of them.
    hidden_layer_sizes : sequence of int, default=(64, 64, 64, 64)
        Outputs of each hidden layer.
    missing_values : float or None, default=None
        Value that marks an undefined entry besides nan.
    numeric_scaling : {"standard", "robust", "quantile"}, default="robust"
        How numbers are scaled.
    scale_learning_rate : float or None, default=20.0
        Step size, in units of `learning_rate`, of a learnt factor of each number; None
        for no factors.
    numeric_embedding : {"periodic", "piecewise_linear"}, PeriodicEmbedding, \
            PiecewiseLinearEmbedding or None, default="periodic"
        What stands for a number in the networks.
    activation : str or sequence of str, default="swish"
        Activation of all hidden layers, or of each.
    connection : {"plain", "dense", "residual"}, default="dense"
        What a hidden layer sees.
    dropout : float or sequence of float, default=0.4
        Probability to drop a hidden output in training, of all layers or of each.
    batch_norm : bool, default=False
        Whether the input of each activation is normalised over the batch.
    n_outputs : int, default=1
        Logits of an event: 1 for two classes, else one for each class.
    split : SplitLayout or None, default=None
        A second path for some of the inputs, as the classifier makes it.
    kernel : SymmetryKernel or None, default=None
        Transformations of the raw columns under which nothing changes, as a fitted
        `SymmetryAugmenter` makes it.
    loss : {"cross_entropy", "focal"} or callable, default="cross_entropy"
        Loss of each event.
    label_smoothing : float, default=0.0
        Share of each event that counts, in training, for all classes alike.
    l1, l2 : float, default=0.0
        Factors of the sums of `|w|` and of `w**2`.
    clip_norm : float or None, default=None
        Largest norm of the gradients of one member.
    optimizer : {"adam", "adamw", "rmsprop", "sgd"}, default="adam"
        Optimiser.
    learning_rate : float, default=5e-3
        Step size; the highest one of a schedule.
    beta_1 : float, default=0.9
        Decay of the mean gradient.
    beta_2 : float, default=0.999
        Decay of the mean squared gradient.
    optimizer_eps : float, default=1e-3
        Added to the root of that mean.
    momentum : float, default=0.9
        Momentum of sgd.
    nesterov : bool, default=True
        Whether sgd looks ahead.
    weight_decay : float, default=0.0
        Decoupled decay of adamw.
    schedule : {"constant", "one_cycle", "cosine_restarts", "linear_cycles"} or \
            callable, default="one_cycle"
        Course of the learning rate.
    averaging : {"ema", "swa"}, Average or None, default=None
        Averages of the parameters.
    snapshots : {"sse", "fge"}, Snapshots or None, default=None
        Earlier states that are averaged in prediction.
    batch_size : int, default=256
        Largest number of events in a batch of one member.
    max_epochs : int, default=20
        Number of passes.
    evaluations_per_epoch : int, default=1
        Number of evaluations in a pass.
    early_stopping : bool, default=False
        Whether a member ends when it has not improved for `n_iter_no_change`; not
        under `OneCycle`.
    n_iter_no_change : int, default=10
        Patience, in evaluations or cycles.
    tol : float, default=0.0
        Improvement that ends the waiting.
    device : str, default="cpu"
        Torch device, or "auto" for an accelerator where there is one.
    verbose : int, default=0
        1 shows a progress bar for each group.

    Raises
    ------
    ValueError
        If a name is unknown, a number too small, layers do not fit each other,
        `averaging` would never begin, or `label_smoothing` comes with a loss that needs
        the batch.

    See Also
    --------
    train_members : Trains members with these settings.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from skhep_dnn.neural_network import FocalLoss, TrainingSettings
    >>> settings = TrainingSettings(n_numeric=4, hidden_layer_sizes=[16, 8])
    >>> settings.hidden_layer_sizes
    (16, 8)
    >>> settings == replace(settings, loss=FocalLoss(gamma=1.0))
    False
    """

    n_numeric: int
    embeddings: Sequence[tuple[int, int]] = ()
    hidden_layer_sizes: Sequence[int] = (64, 64, 64, 64)
    missing_values: float | None = None
    numeric_scaling: Literal["standard", "robust", "quantile"] = "robust"
    scale_learning_rate: float | None = 20.0
    numeric_embedding: (
        Literal["periodic", "piecewise_linear"] | NumericEmbedding | None
    ) = "periodic"
    activation: str | Sequence[str] = "swish"
    connection: Literal["plain", "dense", "residual"] = "dense"
    dropout: float | Sequence[float] = 0.4
    batch_norm: bool = False
    n_outputs: int = 1
    split: SplitLayout | None = None
    kernel: SymmetryKernel | None = None
    loss: Literal["cross_entropy", "focal"] | Loss = "cross_entropy"
    label_smoothing: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    clip_norm: float | None = None
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam"
    learning_rate: float = 5e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    optimizer_eps: float = 1e-3
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 0.0
    schedule: (
        Literal["constant", "one_cycle", "cosine_restarts", "linear_cycles"] | Schedule
    ) = "one_cycle"
    averaging: Literal["ema", "swa"] | Average | None = None
    snapshots: Literal["sse", "fge"] | Snapshots | None = None
    batch_size: int = 256
    max_epochs: int = 20
    evaluations_per_epoch: int = 1
    early_stopping: bool = False
    n_iter_no_change: int = 10
    tol: float = 0.0
    device: str = "cpu"
    verbose: int = 0

    def __post_init__(self) -> None:
        """Say everything in one way, and refuse what contradicts itself."""
        marker = self.missing_values
        self._set(
            embeddings=tuple((int(n), int(size)) for n, size in self.embeddings),
            hidden_layer_sizes=tuple(hidden_widths(self.hidden_layer_sizes, 1, 1, 0.0)),
            activation=_tuple(self.activation),
            dropout=_tuple(self.dropout),
            missing_values=None if marker is None or isnan(marker) else marker,
            numeric_embedding=named_embedding(self.numeric_embedding),
            loss=_named("loss", self.loss, LOSSES),
            schedule=_named("schedule", self.schedule, SCHEDULES),
            averaging=_named("averaging", self.averaging, AVERAGES),
            snapshots=_named("snapshots", self.snapshots, SNAPSHOTS),
            device=torch_device(self.device),
        )
        self._check_choices()
        activation_names(self.activation, len(self.hidden_layer_sizes))
        layer_dropout(self.dropout, len(self.hidden_layer_sizes))
        _check_layers(self.hidden_layer_sizes, self.connection)
        _check_smoothing(self.label_smoothing, self.rules.loss)
        _check_average(self.rules, self.max_epochs, self.evaluations_per_epoch)

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _check_choices(self) -> None:
        for name, known in (
            ("connection", CONNECTIONS),
            ("numeric_scaling", SCALINGS),
            ("optimizer", OPTIMIZERS),
        ):
            value = getattr(self, name)
            if value not in known:
                msg = f"`{name}` must be among {known!r}, got {value!r}. Choose one."
                raise ValueError(msg)
        rate = self.scale_learning_rate
        if rate is not None and not 0.0 < rate < inf:
            msg = (
                "`scale_learning_rate` must be positive, or None for no factors, got "
                f"{rate!r}. Correct it."
            )
            raise ValueError(msg)
        least = dict.fromkeys(
            ("n_outputs", "batch_size", "max_epochs", "evaluations_per_epoch"), 1
        )
        least["n_numeric"] = 0 if self.embeddings else 1
        for name, lowest in least.items():
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < lowest:
                msg = f"`{name}` must be an int from {lowest}, got {value!r}. Raise it."
                raise ValueError(msg)

    @property
    def rules(self) -> Rules:
        """Loss, schedule, average and snapshots, as the engine calls them."""
        return Rules(
            cast("Loss", self.loss),
            cast("Schedule", self.schedule),
            cast("Average | None", self.averaging),
            cast("Snapshots | None", self.snapshots),
        )

    @property
    def n_columns(self) -> int:
        """Number of columns of the events: numbers and codes."""
        return self.n_numeric + len(self.embeddings)

    @property
    def columns_of_numbers(self) -> NDArray[np.intp]:
        """To which column of numbers each input belongs that stands for one."""
        embedding = named_embedding(self.numeric_embedding)
        size = 1 if embedding is None else embedding.size
        azimuths = azimuths_of(
            self.kernel, self.numeric_scaling, self.scale_learning_rate, embedding
        )
        return numbers_of_columns(self.n_numeric, size, azimuths)

    @property
    def n_inputs(self) -> int:
        """Numbers that come into the first layers: of numbers and of categories."""
        return len(self.columns_of_numbers) + sum(size for _, size in self.embeddings)

    @property
    def patience(self) -> int | None:
        """Evaluations or cycles without improvement that end a member; None: never."""
        if not self.early_stopping or isinstance(self.schedule, OneCycle):
            return None
        return self.n_iter_no_change

    @property
    def may_stop_early(self) -> bool:
        """Whether the patience can end a member before the training ends.

        Its first evaluation or cycle is an improvement, and then as many follow without
        one as the patience lasts.
        """
        before_the_last = self.max_epochs * self.evaluations_per_epoch - 1
        patience = self.patience
        return patience is not None and patience < _n_units(
            self.rules.schedule, before_the_last, self.evaluations_per_epoch
        )

    @property
    def networks(self) -> dict[str, Any]:
        """What makes the networks what they are: the parameters of `MemberNetwork`."""
        names = signature(MemberNetwork).parameters
        values = {name: getattr(self, name) for name in names if hasattr(self, name)}
        n_layers = len(self.hidden_layer_sizes)
        values["activation"] = activation_names(self.activation, n_layers)
        values["dropout"] = layer_dropout(self.dropout, n_layers)
        if self.missing_values is None:
            values["missing_values"] = float("nan")
        return values

    @property
    def optimisation(self) -> dict[str, Any]:
        """Class and parameters of the optimiser, as skorch takes them."""
        return optimizer_settings(
            self.optimizer,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            eps=self.optimizer_eps,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
        )


def _tuple(value: Any) -> Any:
    """Return a sequence as a tuple of plain values, and anything else as it is."""
    return tuple(np.asarray(value).tolist()) if np.ndim(value) > 0 else value


def _named(parameter: str, value: Any, known: Mapping[str, Any]) -> Any:
    """Return what a name stands for, and anything else as it is."""
    if not isinstance(value, str):
        return value
    if value not in known:
        msg = (
            f"`{parameter}` must be among {list(known)!r} if it is a name, got "
            f"{value!r}. Choose one of them."
        )
        raise ValueError(msg)
    return known[value]


def _check_layers(widths: Sequence[int], connection: str) -> None:
    if connection == "residual" and len(set(widths)) > 1:
        msg = (
            'connection="residual" must have hidden layers of equal width, got '
            f"{list(widths)!r}. Make them equal, or use another connection."
        )
        raise ValueError(msg)


def _check_smoothing(label_smoothing: float, loss: Loss) -> None:
    """Refuse to smooth the labels of a loss that has no terms of single events."""
    if label_smoothing > 0.0 and getattr(loss, "needs_batch", False):
        msg = (
            "`label_smoothing` must be 0 with a loss that needs the batch, got "
            f"{label_smoothing!r}. Leave it out."
        )
        raise ValueError(msg)


def _check_average(rules: Rules, max_epochs: int, evaluations_per_epoch: int) -> None:
    """Check that there is something to average before the training ends."""
    rule = rules.averaging
    if not isinstance(rule, StochasticWeightAverage):
        return
    n_evaluations = max_epochs * evaluations_per_epoch
    n_units = _n_units(rules.schedule, n_evaluations, evaluations_per_epoch)
    if rule.start > n_units:
        msg = (
            "`averaging` must begin before the training ends, got "
            f"start={rule.start!r} of {n_units} evaluations that count: all, or "
            "one for each cycle of `schedule`. Lower it, or raise `max_epochs` or "
            "`evaluations_per_epoch`."
        )
        raise ValueError(msg)


def _n_units(schedule: Schedule, n_evaluations: int, evaluations_per_epoch: int) -> int:
    """Return how many of the first evaluations count: all, or one in each cycle."""
    numbers = range(1, n_evaluations + 1)
    return sum(ends_cycle(schedule, n, evaluations_per_epoch) for n in numbers)


def check_same_networks(
    before: TrainingSettings, settings: TrainingSettings, n_before: int, n_members: int
) -> None:
    """Refuse to go on with networks of another shape than the present ones.

    Dropout may change: it learns nothing and leaves every shape as it is.
    """
    old, new = before.networks, settings.networks
    changed = [name for name in new if repr(new[name]) != repr(old[name])]
    changed = [name for name in changed if name != "dropout"]
    if n_members != n_before:
        changed.append("n_members")
    if changed:
        msg = (
            "A training that goes on must have the networks that it began with, got "
            f"another {', '.join(changed)}. Set them back, or start anew: with `fit` "
            "and warm_start=False."
        )
        raise ValueError(msg)
