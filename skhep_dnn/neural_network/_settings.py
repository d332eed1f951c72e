"""From the parameters of the estimator to the settings of the engine."""

from typing import TYPE_CHECKING, Any

import torch

from skhep_dnn._tables import column_position
from skhep_dnn.neural_network._activations import activation_names
from skhep_dnn.neural_network._architecture import (
    embedding_width,
    hidden_widths,
    layer_dropout,
)
from skhep_dnn.neural_network._averaging import AVERAGES
from skhep_dnn.neural_network._losses import LOSSES
from skhep_dnn.neural_network._member_weights import WeightRules
from skhep_dnn.neural_network._optimizers import optimizer_settings
from skhep_dnn.neural_network._schedules import SCHEDULES, OneCycle
from skhep_dnn.neural_network._scoring import as_scorer
from skhep_dnn.neural_network._snapshots import SNAPSHOTS
from skhep_dnn.neural_network._split import SplitLayout
from skhep_dnn.neural_network._splits import SplitRules
from skhep_dnn.preprocessing._symmetry_kernel import SymmetryKernel

if TYPE_CHECKING:
    from skhep_dnn.neural_network._ensemble import NetworkEnsemble

__all__ = [
    "check_networks_kept",
    "net_settings",
    "split_rules",
    "torch_device",
    "weight_rules",
]

MAY_CHANGE = {"module__dropout", "module__seeds"}


def net_settings(model: "NetworkEnsemble", seeds: list[int]) -> dict[str, Any]:
    """Return the parameters of a `MemberNet` with one member for each seed."""
    patience: int | None = model.n_iter_no_change
    schedule, loss = model.schedule, model.loss
    averaging, snapshots = model.averaging, model.snapshots
    if isinstance(schedule, str):
        schedule = SCHEDULES[schedule]
    if not model.early_stopping or isinstance(schedule, OneCycle):
        patience = None
    return {
        **_module_settings(model, seeds),
        **optimizer_settings(
            model.optimizer,
            beta_1=model.beta_1,
            beta_2=model.beta_2,
            eps=model.optimizer_eps,
            momentum=model.momentum,
            nesterov=model.nesterov,
            weight_decay=model.weight_decay,
        ),
        "criterion__loss": LOSSES[loss] if isinstance(loss, str) else loss,
        "criterion__label_smoothing": model.label_smoothing,
        "lr": model.learning_rate,
        "schedule": schedule,
        "l1": model.l1,
        "l2": model.l2,
        "clip_norm": model.clip_norm,
        "evaluations_per_epoch": model.evaluations_per_epoch,
        "scorer": as_scorer(model.scoring, len(model.classes_)),
        "patience": patience,
        "tol": model.tol,
        "averaging": AVERAGES[averaging] if isinstance(averaging, str) else averaging,
        "snapshots": SNAPSHOTS[snapshots] if isinstance(snapshots, str) else snapshots,
        "max_epochs": model.max_epochs,
        "device": torch_device(model.device),
        "verbose": int(model.verbose),
    }


def check_networks_kept(before: dict[str, Any], settings: dict[str, Any]) -> None:
    """Refuse to go on with networks of another shape than the present ones."""
    changed = [
        name.removeprefix("module__")
        for name, value in settings.items()
        if name.startswith("module__")
        and name not in MAY_CHANGE
        and repr(value) != repr(before[name])  # nan is not equal to itself
    ]
    if len(settings["module__seeds"]) != len(before["module__seeds"]):
        changed.append("n_members")
    if changed:
        msg = (
            "A training that goes on must have the networks that it began with, got "
            f"another {', '.join(changed)}. Set them back, or start anew: with `fit` "
            "and warm_start=False."
        )
        raise ValueError(msg)


def weight_rules(model: "NetworkEnsemble") -> WeightRules:
    """Return how the training weights are made."""
    return WeightRules(
        negative_weights=model.negative_weights,
        max_weight=model.max_weight,
        class_weight=model.class_weight,
        signal_weight=model.signal_weight,
        pos_label=model.pos_label,
    )


def split_rules(model: "NetworkEnsemble") -> SplitRules:
    """Return how the members split the events."""
    return SplitRules(
        cv=model.cv,
        validate_on_fold=model.validate_on_fold,
        validation_fraction=model.validation_fraction,
        stratify=model.stratify,
    )


def torch_device(name: str) -> str:
    """Return the name of a device; "auto" means an accelerator where there is one."""
    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _kernel(model: "NetworkEnsemble") -> SymmetryKernel | None:
    """Return the transformations of the columns in the order of the network."""
    if model.augmenter_ is None:
        return None
    encoder = model.encoder_
    kernel: SymmetryKernel = model.augmenter_.kernel(
        [*encoder.numeric_, *encoder.categorical_]
    )
    return kernel


def _split(model: "NetworkEnsemble") -> SplitLayout | None:
    """Return where the columns of both paths lie among the embedded inputs."""
    rule = model.feature_groups
    if rule is None:
        return None
    names = getattr(model, "feature_names_in_", None)
    known = None if names is None else names.tolist()
    wide = {
        column_position(column, known, model.n_features_in_, "feature_groups")
        for column in rule.wide
    }
    places = _places(model)
    deep = [c for c in places if c not in wide or rule.kind == "semi"]
    if not deep:
        msg = (
            "`feature_groups` must leave columns to the hidden layers, got all of them "
            'as wide ones. Name fewer, or take kind="semi".'
        )
        raise ValueError(msg)
    activation = model.activation
    return SplitLayout(
        rule.kind,
        tuple(i for c in deep for i in places[c]),
        tuple(i for c in places if c in wide for i in places[c]),
        rule.width,
        activation if isinstance(activation, str) else activation[0],
    )


def _places(model: "NetworkEnsemble") -> dict[int, range]:
    """Return where each column of `X` lies among the embedded inputs."""
    encoder = model.encoder_
    sizes = [embedding_width(n, model.embedding_size) for n in encoder.n_categories]
    places, first = {}, 0
    for column, size in zip(
        [*encoder.numeric_, *encoder.categorical_],
        [*[1] * len(encoder.numeric_), *sizes],
        strict=True,
    ):
        places[column] = range(first, first + size)
        first += size
    return places


def _module_settings(model: "NetworkEnsemble", seeds: list[int]) -> dict[str, Any]:
    widths = hidden_widths(
        model.hidden_layer_sizes, model.n_layers, model.width, model.width_growth
    )
    n_categories = model.encoder_.n_categories
    n_classes = len(model.classes_)
    settings = {
        "n_numeric": model.n_features_in_ - len(n_categories),
        "missing_values": float(model.missing_values),
        "embeddings": [
            (n, embedding_width(n, model.embedding_size)) for n in n_categories
        ],
        "hidden_layer_sizes": widths,
        "activation": activation_names(model.activation, len(widths)),
        "connection": model.connection,
        "dropout": layer_dropout(model.dropout, len(widths)),
        "batch_norm": model.batch_norm,
        "n_outputs": 1 if n_classes == 2 else n_classes,
        "split": _split(model),
        "kernel": _kernel(model),
        "seeds": seeds,
    }
    return {f"module__{name}": value for name, value in settings.items()}
