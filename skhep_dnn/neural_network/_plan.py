"""The plan of a training: who trains on what, with which weights, in which group."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from skhep_dnn.neural_network._activations import activation_names
from skhep_dnn.neural_network._architecture import (
    embedding_width,
    hidden_widths,
    layer_dropout,
)
from skhep_dnn.neural_network._batches import Events, MemberSample
from skhep_dnn.neural_network._checks import Sample
from skhep_dnn.neural_network._losses import LOSSES
from skhep_dnn.neural_network._net import GroupData
from skhep_dnn.neural_network._optimizers import optimizer_settings
from skhep_dnn.neural_network._schedules import SCHEDULES, OneCycle
from skhep_dnn.neural_network._splits import (
    MemberEvents,
    Split,
    member_splits,
    weigh_members,
)
from skhep_dnn.neural_network._training import GroupPlan, group_slices
from skhep_dnn.weights import _training_weights

if TYPE_CHECKING:
    from skhep_dnn.neural_network._classifier import WeightedDNNClassifier

__all__ = ["Plan", "plan_groups"]

MAX_SEED = 2**31 - 1


class Plan(NamedTuple):
    """The plan of a fit.

    Attributes
    ----------
    groups : list of GroupPlan
        The groups to train.
    report : DataFrame
        Yields and effective events of all samples.
    untouched : list of ndarray
        Rows that each member neither trains nor validates on.
    """

    groups: list[GroupPlan]
    report: pd.DataFrame
    untouched: list[NDArray[np.int64]]


def plan_groups(
    model: "WeightedDNNClassifier",
    sample: Sample,
    explicit: Sample | None,
    random_state: np.random.RandomState,
) -> Plan:
    """Split events among members, weigh them, and gather members in groups.

    Each member has three seeds: of its validation split, its initial weights, and
    its event order and dropout.
    """
    # In this order a larger ensemble contains the smaller one of the same seed.
    fold_seed = int(random_state.randint(MAX_SEED))
    seeds = random_state.randint(MAX_SEED, size=(model.n_members, 3))
    splits = member_splits(
        sample.X,
        sample.targets.classes[sample.targets.codes],
        n_members=model.n_members,
        cv=model.cv,
        position=sample.position,
        validation_fraction=model.validation_fraction,
        seeds=seeds[:, 0].tolist(),
        fold_seed=fold_seed,
    )
    members = _weigh(model, sample, splits, explicit)
    n_steps, width = _steps(members.training, model.batch_size)
    events = _events(sample)
    plans = []
    for number, part in enumerate(_groups(model)):
        data = GroupData(
            events=events,
            validation_events=events if explicit is None else _events(explicit),
            training=tuple(members.training[part]),
            validation=tuple(members.validation[part]),
            n_steps=n_steps,
            width=width,
            seeds=tuple(seeds[part, 2].tolist()),
        )
        settings = _settings(model, seeds[part, 1].tolist())
        settings |= {"label": _label(part), "bar_position": number}
        plans.append(GroupPlan(settings, data))
    return Plan(plans, members.report, _untouched(splits, len(sample.columns)))


def _untouched(splits: list[Split], n_samples: int) -> list[NDArray[np.int64]]:
    """Return the events that each member neither trains nor validates on."""
    rows = []
    for train, valid in splits:
        is_free = np.ones(n_samples, dtype=np.bool_)
        is_free[train] = False
        if valid is not None:
            is_free[valid] = False
        rows.append(np.flatnonzero(is_free))
    return rows


def _weigh(
    model: "WeightedDNNClassifier",
    sample: Sample,
    splits: list[Split],
    explicit: Sample | None,
) -> MemberEvents:
    options: dict[str, Any] = {
        "negative_weights": model.negative_weights,
        "max_weight": model.max_weight,
        "class_weight": model.class_weight,
        "signal_weight": model.signal_weight,
        "pos_label": model.pos_label,
    }
    targets = sample.targets
    # What is wrong with the whole sample is said of the whole, before any fold.
    _training_weights(targets.codes, targets.classes, targets.sample_weight, **options)
    held_out = None if explicit is None else explicit.targets
    return weigh_members(splits, targets, options, held_out)


def _events(sample: Sample) -> Events:
    return Events(sample.columns, sample.targets.codes.astype(np.float32))


def _steps(training: list[MemberSample], batch_size: int) -> tuple[int, int]:
    """Return steps and batch width that fit the largest member, in equal batches."""
    largest = max(len(member.index) for member in training)
    n_steps = -(-largest // batch_size)
    return n_steps, -(-largest // n_steps)


def _groups(model: "WeightedDNNClassifier") -> list[slice]:
    if _device(model.device) == "cpu":
        return group_slices(model.n_members)
    return [slice(0, model.n_members)]


def _device(name: str) -> str:
    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _settings(model: "WeightedDNNClassifier", seeds: list[int]) -> dict[str, Any]:
    patience: int | None = model.n_iter_no_change
    schedule, loss = model.schedule, model.loss
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
        "patience": patience,
        "tol": model.tol,
        "max_epochs": model.max_epochs,
        "device": _device(model.device),
        "verbose": int(model.verbose),
    }


def _module_settings(
    model: "WeightedDNNClassifier", seeds: list[int]
) -> dict[str, Any]:
    widths = hidden_widths(
        model.hidden_layer_sizes, model.n_layers, model.width, model.width_growth
    )
    n_categories = model.encoder_.n_categories
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
        "seeds": seeds,
    }
    return {f"module__{name}": value for name, value in settings.items()}


def _label(part: slice) -> str:
    if part.stop - part.start == 1:
        return f"member {part.stop}"
    return f"members {part.start + 1}-{part.stop}"
