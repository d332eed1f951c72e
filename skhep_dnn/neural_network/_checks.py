"""Checks of the options, events, labels and callbacks that a fit gets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_consistent_length

from skhep_dnn._sklearn import _safe_indexing
from skhep_dnn._validation import check_event_weights
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.neural_network._activations import activation_names
from skhep_dnn.neural_network._architecture import hidden_widths, layer_dropout
from skhep_dnn.neural_network._inputs import ColumnEncoder
from skhep_dnn.neural_network._splits import Targets
from skhep_dnn.neural_network._tables import check_table

if TYPE_CHECKING:
    from skhep_dnn.neural_network._classifier import WeightedDNNClassifier

__all__ = [
    "Sample",
    "check_explicit",
    "check_labels",
    "check_options",
    "check_table",
    "check_training",
]

SCALAR_LOSS_CALLBACKS = {
    "EpochScoring": "read `history_`, or score each epoch in an own callback",
    "BatchScoring": "read `history_`, or score each epoch in an own callback",
    "PassthroughScoring": "read `history_`: the losses are recorded there",
    "GradientNormClipping": "lower `learning_rate`: clipping must act on each member",
    "EarlyStopping": "use early_stopping=True, which stops each member by its own loss",
}


@dataclass(frozen=True)
class Sample:
    """A checked sample without its events of weight zero, which are absent.

    Attributes
    ----------
    X : array-like of shape (n_samples, n_features)
        The events as they were given.
    columns : ndarray of shape (n_samples, n_columns), dtype float32
        The events as the network takes them.
    targets : Targets
        Their classes and weights.
    position : ndarray of shape (n_passed,), dtype int64
        Where each event that was passed lies in this sample; -1 if it is absent.
    """

    X: Any
    columns: NDArray[np.float32]
    targets: Targets
    position: NDArray[np.int64]


def check_options(model: "WeightedDNNClassifier", *, explicit: bool) -> None:
    """Check the conditions between parameters."""
    if explicit:
        for name in ("cv", "validation_fraction"):
            if getattr(model, name) is not None:
                msg = (
                    f"`{name}` must be None when a validation sample is passed, got "
                    f"{getattr(model, name)!r}. Leave out `X_val` or `{name}`."
                )
                raise ValueError(msg)
    no_validation = not explicit and model.cv is None
    if no_validation and model.validation_fraction is None:
        _check_validation_is_not_needed(model)
    _check_architecture(model)
    for item in model.callbacks or []:
        _check_callback(item)
        _check_scheduler(item, model)


def check_labels(
    y: ArrayLike | None, name: str = "y"
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the two classes and the code of each event's class."""
    if y is None:
        msg = (
            "This WeightedDNNClassifier estimator requires y to be passed, but the "
            "target y is None. Pass one label for each event."
        )
        raise ValueError(msg)
    labels = column_or_1d(y, warn=True)
    assert_all_finite(labels, input_name=name)
    check_classification_targets(labels)
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) > 2:
        msg = (
            "Only binary classification is supported. The type of the target is "
            f"{type_of_target(labels)}. Reduce the labels to signal and background."
        )
        raise ValueError(msg)
    if len(classes) < 2:
        msg = (
            f"`{name}` must contain two classes, got one class: "
            f"{classes.tolist()!r}. Pass events of signal and background."
        )
        raise WeightsError(msg)
    return classes, codes


def check_training(
    model: "WeightedDNNClassifier",
    X: ArrayLike,
    y: ArrayLike | None,
    sample_weight: ArrayLike | None,
) -> Sample:
    """Check the training sample; learn its columns, categories and classes."""
    X = check_table(model, X, reset=True)
    X, targets, position = _present_events(X, y, sample_weight, suffix="")
    encoder = ColumnEncoder(model.categorical_features, model.missing_values)
    model.encoder_ = encoder.fit(X, getattr(model, "feature_names_in_", None))
    model.classes_ = targets.classes
    return Sample(X, model.encoder_.transform(X, model), targets, position)


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
    X = check_table(model, X_val, reset=False)
    X, targets, position = _present_events(X, y_val, sample_weight_val, suffix="_val")
    if (targets.classes != model.classes_).any():
        msg = (
            f"`y_val` must hold the labels {model.classes_.tolist()!r}, got "
            f"{targets.classes.tolist()!r}. Use the same labels as in `y`."
        )
        raise ValueError(msg)
    return Sample(X, model.encoder_.transform(X, model), targets, position)


def _present_events(
    X: Any, y: ArrayLike | None, sample_weight: ArrayLike | None, suffix: str
) -> tuple[Any, Targets, NDArray[np.int64]]:
    classes, codes = check_labels(y, f"y{suffix}")
    check_consistent_length(X, codes)
    weights = check_event_weights(sample_weight, len(codes), f"sample_weight{suffix}")
    rows = np.flatnonzero(weights)
    position = np.full(len(codes), -1)
    position[rows] = np.arange(len(rows))
    if len(rows) < len(codes):
        X = _safe_indexing(X, rows)
    return X, Targets(codes[rows], classes, weights[rows]), position


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


def _check_architecture(model: "WeightedDNNClassifier") -> None:
    widths = hidden_widths(
        model.hidden_layer_sizes, model.n_layers, model.width, model.width_growth
    )
    activation_names(model.activation, len(widths))
    layer_dropout(model.dropout, len(widths))
    if model.connection == "residual" and len(set(widths)) > 1:
        msg = (
            'connection="residual" must have hidden layers of equal width, got '
            f"{widths!r}. Make them equal, or use another connection."
        )
        raise ValueError(msg)


def _check_callback(item: Any) -> None:
    callback = item[1] if isinstance(item, tuple) else item
    kinds = callback.__mro__ if isinstance(callback, type) else type(callback).__mro__
    for name in (kind.__name__ for kind in kinds):
        remedy = SCALAR_LOSS_CALLBACKS.get(name)
        if remedy is not None:
            msg = (
                f"`callbacks` must act on members one by one, got {name}, which "
                f"assumes one loss for the whole net. Instead {remedy}."
            )
            raise ValueError(msg)


def _check_scheduler(item: Any, model: "WeightedDNNClassifier") -> None:
    """Let one only of the schedule and skorch's LRScheduler set the learning rate."""
    callback = item[1] if isinstance(item, tuple) else item
    kinds = callback.__mro__ if isinstance(callback, type) else type(callback).__mro__
    if "LRScheduler" not in [kind.__name__ for kind in kinds]:
        return
    if model.schedule != "constant":
        msg = (
            'schedule="constant" must be set beside the callback LRScheduler, got '
            f"schedule={model.schedule!r}, which sets the learning rate at each step. "
            "Keep one of the two."
        )
        raise ValueError(msg)
    policy = getattr(callback, "policy", None)
    name = policy if isinstance(policy, str) else getattr(policy, "__name__", "")
    if name == "ReduceLROnPlateau" and model.n_members > 1:
        msg = (
            "`callbacks` must act on members one by one, got ReduceLROnPlateau, which "
            f"acts on the mean loss of {model.n_members} members. Set n_members=1 or "
            "use `schedule`."
        )
        raise ValueError(msg)
