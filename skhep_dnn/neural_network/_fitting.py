"""The steps of `WeightedDNNClassifier.fit`: check, plan, train, store.

They stand beside the estimator so that its own file shows nothing but its interface.
"""

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, check_consistent_length, validate_data

from skhep_dnn._sklearn import _safe_indexing
from skhep_dnn._validation import check_event_weights
from skhep_dnn.exceptions import DivergenceWarning, WeightsError
from skhep_dnn.neural_network._batches import Events, MemberSample
from skhep_dnn.neural_network._inputs import ColumnEncoder
from skhep_dnn.neural_network._net import GroupData, MemberNet
from skhep_dnn.neural_network._schedules import SCHEDULES
from skhep_dnn.neural_network._splits import Targets, member_splits, weigh_members
from skhep_dnn.neural_network._training import (
    GroupPlan,
    GroupResult,
    group_slices,
    merge_states,
    train_groups,
)
from skhep_dnn.weights import training_weights_of_codes

if TYPE_CHECKING:
    from skhep_dnn.neural_network._classifier import WeightedDNNClassifier

__all__ = [
    "Sample",
    "check_columns",
    "check_explicit",
    "check_options",
    "check_sample",
    "plan_groups",
    "store",
    "train",
    "warn_of_divergence",
]

MAX_SEED = 2**31 - 1
SCALAR_LOSS_CALLBACKS = {
    "EpochScoring": "read `history_`, or score each epoch in an own callback",
    "BatchScoring": "read `history_`, or score each epoch in an own callback",
    "PassthroughScoring": "read `history_`: the losses are recorded there",
    "GradientNormClipping": "lower `learning_rate`: clipping must act on each member",
}
MEAN_LOSS_CALLBACKS = {
    "EarlyStopping": "use early_stopping=True, which stops each member by its own loss",
    "ReduceLROnPlateau": "use `schedule`",
}


@dataclass(frozen=True)
class Sample:
    """A checked sample: float32 columns, class codes and physics weights."""

    X: Any
    columns: NDArray[np.float32]
    targets: Targets


def check_options(model: "WeightedDNNClassifier", *, explicit: bool) -> None:
    """Check the conditions between parameters."""
    if explicit and model.cv is not None:
        msg = (
            "`cv` must be None when a validation sample is passed, got "
            f"{model.cv!r}. Leave out `X_val` or `cv`."
        )
        raise ValueError(msg)
    no_validation = not explicit and model.cv is None
    if no_validation and model.validation_fraction is None:
        _check_validation_is_not_needed(model)
    _check_layer_sizes(model.hidden_layer_sizes)
    for item in model.callbacks or []:
        _check_callback(item, model.n_members)


def check_sample(
    model: "WeightedDNNClassifier",
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    *,
    reset: bool,
) -> Sample:
    """Check events, labels and weights; set `classes_` where `reset` says so."""
    columns = check_columns(model, X, reset=reset)
    labels = column_or_1d(_check_given(y), warn=True)
    check_consistent_length(columns, labels)
    check_classification_targets(labels)
    if reset:
        model.classes_ = _two_classes(labels)
    codes = np.searchsorted(model.classes_, labels)
    codes = np.minimum(codes, 1)
    if (model.classes_[codes] != labels).any():
        msg = (
            f"`y_val` must hold the labels {model.classes_.tolist()!r}, got "
            f"{np.unique(labels)[:5].tolist()!r}. Use the same labels as in `y`."
        )
        raise ValueError(msg)
    weights = check_event_weights(sample_weight, len(labels))
    return Sample(X, columns, Targets(codes, model.classes_, weights))


def check_explicit(
    model: "WeightedDNNClassifier",
    X_val: ArrayLike | None,
    y_val: ArrayLike | None,
    sample_weight_val: ArrayLike | None,
) -> Sample | None:
    """Check the explicit validation sample, if there is one."""
    if X_val is None and y_val is None:
        if sample_weight_val is not None:
            msg = (
                "`sample_weight_val` must come with `X_val` and `y_val`, got it "
                "alone. Pass all three."
            )
            raise ValueError(msg)
        return None
    if X_val is None or y_val is None:
        missing = "X_val" if X_val is None else "y_val"
        msg = f"`{missing}` must not be None when the other is given. Pass both."
        raise ValueError(msg)
    return check_sample(model, X_val, y_val, sample_weight_val, reset=False)


def check_columns(
    model: "WeightedDNNClassifier", X: ArrayLike, *, reset: bool
) -> NDArray[np.float32]:
    """Return the columns of `X` as the network takes them; learn them if `reset`."""
    if model.categorical_features is None:
        if reset:
            model.n_categories_: list[int] = []
        return validate_data(
            model,
            X,
            reset=reset,
            dtype=np.float32,
            order="C",
            ensure_all_finite="allow-nan",
        )
    if not hasattr(X, "iloc"):
        X = check_array(X, dtype=None, ensure_all_finite=False, estimator=model)
    validate_data(model, X, reset=reset, skip_check_array=True)
    if reset:
        encoder = ColumnEncoder(model.categorical_features, model.missing_values)
        names = getattr(model, "feature_names_in_", None)
        model._encoder = encoder.fit(X, names)
        model.n_categories_ = encoder.n_categories
    return model._encoder.transform(X, model)


def plan_groups(
    model: "WeightedDNNClassifier",
    sample: Sample,
    explicit: Sample | None,
    random_state: np.random.RandomState,
) -> tuple[list[GroupPlan], pd.DataFrame]:
    """Split events among members, weigh them, and gather members in groups."""
    kept = np.flatnonzero(sample.targets.sample_weight)
    targets = sample.targets.take(kept)
    options = _weight_options(model)
    training_weights_of_codes(  # raises for the whole sample before any fold does
        targets.codes, targets.classes, targets.sample_weight, **options
    )
    seeds = random_state.randint(MAX_SEED, size=(model.n_members, 3))
    splits = member_splits(
        sample.X if len(kept) == len(sample.columns) else _safe_indexing(sample.X, kept),
        model.classes_[targets.codes],
        n_members=model.n_members,
        cv=model.cv,
        validation_fraction=None if explicit else model.validation_fraction,
        seeds=seeds[:, 0].tolist(),
        fold_seed=int(random_state.randint(MAX_SEED)),
    )
    held_out = None if explicit is None else explicit.targets
    weighed = weigh_members(splits, targets, options, held_out)
    training = [_in_rows(member, kept) for member in weighed.training]
    validation = weighed.validation
    events = _events(sample)
    validation_events = events
    if explicit is not None:
        validation_events = _events(explicit)
    else:
        validation = [_in_rows(member, kept) for member in validation]
    n_steps, width = _steps(training, model.batch_size)
    plans = []
    for part in _groups(model):
        data = GroupData(
            events=events,
            validation_events=validation_events,
            training=tuple(training[part]),
            validation=tuple(validation[part]),
            n_steps=n_steps,
            width=width,
            seeds=tuple(seeds[part, 2].tolist()),
        )
        settings = _settings(model, seeds[part, 1].tolist())
        first, last = part.start + 1, part.stop
        settings["label"] = f"members {first}-{last}" if last > first else f"member {first}"
        settings["bar_position"] = len(plans)
        plans.append(GroupPlan(settings, data))
    return plans, weighed.report


def train(model: "WeightedDNNClassifier", plans: list[GroupPlan]) -> list[GroupResult]:
    """Train the groups."""
    return train_groups(plans, callbacks=model.callbacks or [], n_jobs=model.n_jobs)


def store(
    model: "WeightedDNNClassifier", plans: list[GroupPlan], results: list[GroupResult]
) -> None:
    """Set the learned attributes from the trained groups."""
    seeds = [seed for plan in plans for seed in plan.settings["module__seeds"]]
    settings = {**plans[0].settings, "module__seeds": seeds, "verbose": 0}
    model.net_ = MemberNet(**settings).initialize()
    model.net_.module_.load_state_dict(merge_states(results))
    model.best_loss_ = np.concatenate([result.best_loss for result in results])
    model.best_epoch_ = np.concatenate([result.best_epoch for result in results])
    model.n_iter_ = np.concatenate([result.n_epochs for result in results])
    model.history_ = _history(results, model.best_epoch_)
    model.callbacks_ = [result.callbacks for result in results]
    model.member_weights_ = _member_weights(model)


def warn_of_divergence(
    model: "WeightedDNNClassifier", *, has_validation: bool
) -> None:
    """Warn if negative weights made the kept training loss negative."""
    last = model.history_.groupby("member")["train_loss"].last()
    if not has_validation and (last < 0.0).any():
        msg = (
            f"The training loss of member {last.idxmin()} must stay above zero, got "
            f"{last.min():.3g}: negative weights leave it unbounded below and the "
            "network follows them. Give a validation sample "
            "(`validation_fraction`, `cv` or `X_val`), whose best epoch is kept, or "
            'set negative_weights="zero" or "abs".'
        )
        warnings.warn(msg, DivergenceWarning, stacklevel=3)


def _check_validation_is_not_needed(model: "WeightedDNNClassifier") -> None:
    remedy = "Set `validation_fraction` or `cv`, or pass `X_val` and `y_val`."
    if model.early_stopping:
        msg = f"early_stopping=True must have a validation sample, got none. {remedy}"
        raise ValueError(msg)
    if model.member_weighting == "inverse_loss":
        msg = (
            'member_weighting="inverse_loss" must have a validation sample, got '
            f"none. {remedy}"
        )
        raise ValueError(msg)


def _check_layer_sizes(sizes: Any) -> None:
    if sizes is None:
        return
    widths = np.asarray(sizes)
    if widths.ndim != 1 or len(widths) == 0 or widths.dtype.kind not in "iu":
        msg = (
            "`hidden_layer_sizes` must be a sequence of whole numbers, got "
            f"{sizes!r}. Pass one width for each hidden layer."
        )
        raise ValueError(msg)
    if widths.min() < 1:
        msg = f"`hidden_layer_sizes` must be positive, got {sizes!r}. Raise them."
        raise ValueError(msg)


def _check_callback(item: Any, n_members: int) -> None:
    callback = item[1] if isinstance(item, tuple) else item
    kinds = callback.__mro__ if isinstance(callback, type) else type(callback).__mro__
    for name in (kind.__name__ for kind in kinds):
        remedy = SCALAR_LOSS_CALLBACKS.get(name)
        if n_members > 1:
            remedy = remedy or MEAN_LOSS_CALLBACKS.get(name)
        if remedy is not None:
            msg = (
                f"`callbacks` must act on members one by one, got {name}, which "
                f"assumes one loss for the whole net. Instead {remedy}."
            )
            raise ValueError(msg)


def _check_given(y: ArrayLike | None) -> ArrayLike:
    if y is None:
        msg = (
            "This WeightedDNNClassifier estimator requires y to be passed, but the "
            "target y is None. Pass one label for each event."
        )
        raise ValueError(msg)
    return y


def _two_classes(labels: NDArray[Any]) -> NDArray[Any]:
    classes = np.unique(labels)
    if len(classes) > 2:
        msg = (
            "Only binary classification is supported. The type of the target is "
            f"{type_of_target(labels)}. Reduce the labels to signal and background."
        )
        raise ValueError(msg)
    if len(classes) < 2:
        msg = (
            "`y` must contain two classes, got one class: "
            f"{classes.tolist()!r}. Pass events of signal and background."
        )
        raise WeightsError(msg)
    return classes


def _weight_options(model: "WeightedDNNClassifier") -> dict[str, Any]:
    return {
        "negative_weights": model.negative_weights,
        "max_weight": model.max_weight,
        "class_weight": model.class_weight,
        "signal_weight": model.signal_weight,
        "pos_label": model.pos_label,
    }


def _in_rows(member: MemberSample, kept: NDArray[np.int64]) -> MemberSample:
    return MemberSample(kept[member.index], member.weights)


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
    sizes = model.hidden_layer_sizes
    if sizes is None:
        sizes = [model.width] * model.n_layers
    n_columns = model.n_features_in_ - len(model.n_categories_)
    patience = model.n_iter_no_change
    if not model.early_stopping or model.schedule == "one_cycle":
        patience = None
    return {
        "module__n_numeric": n_columns,
        "module__missing_values": float(model.missing_values),
        "module__embeddings": [(n, max(1, n - 1)) for n in model.n_categories_],
        "module__hidden_layer_sizes": [int(size) for size in sizes],
        "module__activation": model.activation,
        "module__connection": model.connection,
        "module__dropout": model.dropout,
        "module__seeds": seeds,
        "optimizer": torch.optim.Adam,
        "optimizer__eps": model.optimizer_eps,
        "optimizer__fused": True,
        "lr": model.learning_rate,
        "schedule": SCHEDULES[model.schedule],
        "l1": model.l1,
        "l2": model.l2,
        "patience": patience,
        "tol": model.tol,
        "max_epochs": model.max_epochs,
        "device": _device(model.device),
        "verbose": int(model.verbose),
    }


def _history(
    results: list[GroupResult], best_epoch: NDArray[np.int64]
) -> pd.DataFrame:
    rows = []
    first = 0
    for result in results:
        for record in result.history:
            for k, train_loss in enumerate(record["train_losses"]):
                row = {
                    "member": first + k,
                    "epoch": record["epoch"],
                    "train_loss": train_loss,
                    "valid_loss": record.get("valid_losses", {k: np.nan})[k],
                    "learning_rate": record["learning_rate"],
                    "kept": record["epoch"] == best_epoch[first + k],
                }
                rows.append(row)
        first += len(result.best_loss)
    frame = pd.DataFrame(rows)
    return frame.sort_values(["member", "epoch"], ignore_index=True)


def _member_weights(model: "WeightedDNNClassifier") -> NDArray[np.float64]:
    if model.member_weighting == "uniform":
        return np.full(model.n_members, 1.0 / model.n_members)
    losses = model.best_loss_
    if (losses <= 0.0).any():
        msg = (
            'member_weighting="inverse_loss" must have positive validation losses, '
            f"got {losses.min():.3g} for member {losses.argmin()}. Use "
            'member_weighting="uniform".'
        )
        raise WeightsError(msg)
    return (1.0 / losses) / (1.0 / losses).sum()
