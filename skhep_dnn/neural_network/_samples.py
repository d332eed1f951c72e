"""The samples that a fit gets: events, labels, weights and groups, checked."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length

from skhep_dnn._sklearn import _safe_indexing
from skhep_dnn._tables import check_table
from skhep_dnn._validation import check_event_weights
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.neural_network._inputs import ColumnEncoder

if TYPE_CHECKING:
    from skhep_dnn.neural_network._ensemble import NetworkEnsemble

__all__ = [
    "Sample",
    "Targets",
    "check_explicit",
    "check_more",
    "check_training",
]


@dataclass(frozen=True)
class Targets:
    """Classes and physics weights of a sample.

    Attributes
    ----------
    codes : ndarray of shape (n_samples,)
        Position of each event's class in `classes`.
    classes : ndarray of shape (n_classes,)
        Class labels.
    sample_weight : ndarray of shape (n_samples,)
        Physics weights.
    """

    codes: NDArray[np.intp]
    classes: NDArray[Any]
    sample_weight: NDArray[np.float64]

    def take(self, index: NDArray[np.int64]) -> "Targets":
        """Return some of the events."""
        return Targets(self.codes[index], self.classes, self.sample_weight[index])


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
    groups : ndarray of shape (n_samples,) or None
        Events of one group stay on one side of a split.
    is_weighted : bool
        Whether weights were passed.
    present : ndarray of bool of shape (n_passed,)
        Which of the events that were passed have a weight.
    """

    X: Any
    columns: NDArray[np.float32]
    targets: Targets
    groups: NDArray[Any] | None
    is_weighted: bool
    present: NDArray[np.bool_]

    @property
    def has_negative(self) -> bool:
        """Whether there are events of negative weight."""
        return bool((self.targets.sample_weight < 0.0).any())

    def found(self, passed: ArrayLike) -> NDArray[np.int64]:
        """Return where the present ones of some events that were passed lie here."""
        index = np.asarray(passed)
        if index.dtype.kind == "b":
            index = np.flatnonzero(index)
        return (np.cumsum(self.present) - 1)[index[self.present[index]]]


def check_training(
    model: "NetworkEnsemble",
    X: ArrayLike,
    y: ArrayLike | None,
    sample_weight: ArrayLike | None,
    groups: ArrayLike | None = None,
) -> Sample:
    """Check the training sample; learn its columns, categories and classes."""
    X = check_table(model, X, reset=True)
    sample = _present_events(X, y, sample_weight, groups, suffix="")
    encoder = ColumnEncoder(
        model.categorical_features, model.missing_values, model.handle_unknown
    )
    model.encoder_ = encoder.fit(sample.X, getattr(model, "feature_names_in_", None))
    model.classes_ = sample.targets.classes
    model.augmenter_ = _fitted_augmenter(model, sample.X)
    return _with_columns(sample, model)


def check_more(
    model: "NetworkEnsemble",
    X: ArrayLike,
    y: ArrayLike | None,
    sample_weight: ArrayLike | None,
    groups: ArrayLike | None = None,
    *,
    suffix: str = "",
) -> Sample:
    """Check further events of the classes, columns and categories that are known."""
    X = check_table(model, X, reset=False)
    sample = _present_events(
        X, y, sample_weight, groups, suffix=suffix, classes=model.classes_
    )
    return _with_columns(sample, model)


def check_explicit(
    model: "NetworkEnsemble",
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
    sample = check_more(model, X_val, y_val, sample_weight_val, suffix="_val")
    got = model.classes_[np.unique(sample.targets.codes)].tolist()
    if len(got) < len(model.classes_):
        msg = (
            f"`y_val` must hold the labels {model.classes_.tolist()!r}, got {got!r}. "
            "Use the same labels as in `y`."
        )
        raise ValueError(msg)
    return sample


def _fitted_augmenter(model: "NetworkEnsemble", X: Any) -> Any:
    if model.augmenter is None:
        return None
    augmenter = clone(model.augmenter)
    if np.isnan(augmenter.missing_values):  # the classifier knows the marker
        augmenter.set_params(missing_values=model.missing_values)
    return augmenter.fit(X)


def _present_events(
    X: Any,
    y: ArrayLike | None,
    sample_weight: ArrayLike | None,
    groups: ArrayLike | None,
    *,
    suffix: str,
    classes: NDArray[Any] | None = None,
) -> Sample:
    """Return the events whose weight is not zero; their columns are still empty."""
    known, codes = _check_labels(y, f"y{suffix}", classes)
    check_consistent_length(X, codes)
    weights = check_event_weights(sample_weight, len(codes), f"sample_weight{suffix}")
    labels_of_groups = None if groups is None else column_or_1d(groups)
    check_consistent_length(X, labels_of_groups)
    present = weights != 0.0
    if not present.all():
        X = _safe_indexing(X, np.flatnonzero(present))
        codes, weights = codes[present], weights[present]
        if labels_of_groups is not None:
            labels_of_groups = labels_of_groups[present]
    return Sample(
        X=X,
        columns=np.empty((0, 0), dtype=np.float32),
        targets=Targets(codes, known, weights),
        groups=labels_of_groups,
        is_weighted=sample_weight is not None,
        present=present,
    )


def _with_columns(sample: Sample, model: "NetworkEnsemble") -> Sample:
    return replace(sample, columns=model.encoder_.transform(sample.X, model))


def _check_labels(
    y: ArrayLike | None, name: str, classes: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the classes, which may be known already, and the code of each event."""
    if y is None:
        msg = (
            "This WeightedDNNClassifier estimator requires y to be passed, but the "
            "target y is None. Pass one label for each event."
        )
        raise ValueError(msg)
    if isinstance(y, pd.Series):  # of nullable integers, which become floats otherwise
        y = y.to_numpy()
    labels = column_or_1d(y, warn=True)
    assert_all_finite(labels, input_name=name)
    check_classification_targets(labels)
    got, codes = np.unique(labels, return_inverse=True)
    if classes is not None:
        return classes, _codes_of_known(got, classes, name)[codes]
    if len(got) < 2:
        msg = (
            f"`{name}` must contain two classes or more, got one class: "
            f"{got.tolist()!r}. Pass events of signal and background."
        )
        raise WeightsError(msg)
    return got, codes


def _codes_of_known(
    got: NDArray[Any], classes: NDArray[Any], name: str
) -> NDArray[np.intp]:
    known = {label: code for code, label in enumerate(classes.tolist())}
    unknown = [label for label in got.tolist() if label not in known]
    if unknown:
        msg = (
            f"`{name}` must hold the labels {classes.tolist()!r}, got {unknown[:5]!r}. "
            "Use the same labels as in `y`."
        )
        raise ValueError(msg)
    return np.array([known[label] for label in got.tolist()], dtype=np.intp)
