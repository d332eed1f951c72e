"""The events of a report: checked once, scored once, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from skhep_dnn._messages import shown
from skhep_dnn._sklearn import _num_samples
from skhep_dnn._tables import column_position, native_events
from skhep_dnn._validation import (
    check_event_weights,
    check_labels,
    known_labels,
    signal_labels,
)
from skhep_dnn.feature_selection._columns import named_table
from skhep_dnn.inspection._display import check_fitted_classifier, signal_label
from skhep_dnn.inspection._report.parts import Answers, DecidedCut, decided_cut
from skhep_dnn.metrics import FigureOfMerit
from skhep_dnn.weights._class_sums import check_class_weights, scale_classes

__all__ = [
    "Events",
    "Options",
    "Sample",
    "SignalEvents",
    "check_sample",
    "checked_seed",
    "of_signals",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Options:
    """What a report is made with, besides the events.

    Parameters
    ----------
    figure_of_merit : FigureOfMerit
        The significance.
    threshold : float or None
        Cut of the user.
    blind : "cut", float or None
        From which score on data are hidden.
    signal_yield, background_yield : float or None
        Full yields of the test sample, in events.
    min_n_eff : float
        Effective background events that a chosen cut must leave.
    n_replicas : int
        Replicas of each bootstrap.
    max_events : int
        Events of figures of the columns.
    seed : int
        Of everything random.
    variations, normalisations : mapping or None, default=None
        Uncertainties that all bins of the score have in common.
    variables : sequence of str or int, or None, default=None
        Columns against which the efficiency of the cut is shown.
    """

    figure_of_merit: FigureOfMerit
    threshold: float | None
    blind: str | float | None
    signal_yield: float | None
    background_yield: float | None
    min_n_eff: float
    n_replicas: int
    max_events: int
    seed: int
    variations: Mapping[str, Any] | None = None
    normalisations: Mapping[str, Any] | None = None
    variables: Sequence[str | int] | None = None


@dataclass(frozen=True)
class Events:
    """A sample of simulated events.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        As the user passed it, in native byte order.
    y : ndarray of shape (n_samples,)
        Labels.
    weights : ndarray of shape (n_samples,)
        Physics weights, in events.
    """

    X: Any
    y: NDArray[Any]
    weights: FloatArray

    @cached_property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return named_table(self.X)[1]


@dataclass(frozen=True)
class Sample:
    """All that a report is about.

    Parameters
    ----------
    estimator : estimator
        Fitted classifier.
    classes : list
        Its labels.
    train, test : Events
        The two samples.
    has_weights : bool
        Whether they have weights.
    process : ndarray of shape (n_test,) or None
        Name of the process of each test event.
    data : array-like of shape (n_data, n_features) or None
        Observed events.
    stages : Mapping
        Other fitted classifiers, by the name of the stage they stand for.
    options : Options
        The rest.
    """

    estimator: BaseEstimator
    classes: list[Any]
    train: Events
    test: Events
    has_weights: bool
    process: NDArray[Any] | None
    data: Any
    stages: Mapping[str, BaseEstimator]
    options: Options


@dataclass(frozen=True)
class SignalEvents:
    """The events and scores of one signal against the rest.

    Parameters
    ----------
    sample : Sample
        Where they are from.
    pos_label : label or list of labels
        The signal.
    name : str
        What it is called.
    weights : ndarray of shape (n_test,)
        Of the test events, at the full yields where there are such.
    scores, train_scores : ndarray of shape (n_samples,)
        Larger for events more like the signal.
    data_scores : ndarray of shape (n_data,) or None
        The same of the observed events.
    proba, train_proba : ndarray of shape (n_samples,) or None
        Probabilities of the signal; None where the estimator knows none.
    decided : DecidedCut or None
        The cut that a part of the estimator has chosen.
    """

    sample: Sample
    pos_label: Any
    name: str
    weights: FloatArray
    scores: FloatArray
    train_scores: FloatArray
    data_scores: FloatArray | None
    proba: FloatArray | None
    train_proba: FloatArray | None
    decided: DecidedCut | None

    @cached_property
    def is_signal(self) -> BoolArray:
        """Which test events are signal."""
        return self._is_signal(self.sample.test.y)

    @cached_property
    def train_is_signal(self) -> BoolArray:
        """Which training events are signal."""
        return self._is_signal(self.sample.train.y)

    def _is_signal(self, y: NDArray[Any]) -> BoolArray:
        return np.isin(y, signal_labels(self.sample.classes, self.pos_label))


def check_sample(
    estimator: BaseEstimator,
    train: tuple[ArrayLike, ArrayLike, ArrayLike | None],
    test: tuple[ArrayLike, ArrayLike, ArrayLike | None],
    process: ArrayLike | None,
    data: ArrayLike | None,
    stages: Mapping[str, BaseEstimator] | None,
    options: Options,
) -> Sample:
    """Return checked events of a fitted classifier.

    Parameters
    ----------
    estimator, train, test, process, data, stages, options
        As in `Sample`; events as X, y and weights.

    Returns
    -------
    sample : Sample

    Raises
    ------
    ValueError
        If the estimator is no classifier, or lengths or labels are not as described.
    WeightsError
        If weights are unusable, or one sample alone has some.
    """
    check_fitted_classifier(estimator)
    for model in (stages or {}).values():
        check_fitted_classifier(model)
    _check_both_weighted(train[2], test[2])
    classes = np.asarray(estimator.classes_).tolist()
    events = _events(*test, classes, "test")
    for variable in options.variables or ():
        column_position(variable, events.columns, len(events.columns), "variables")
    return Sample(
        estimator=estimator,
        classes=classes,
        train=_events(*train, classes, "train"),
        test=events,
        has_weights=test[2] is not None,
        process=_check_process(process, len(events.y)),
        data=None if data is None else native_events(data),
        stages=dict(stages or {}),
        options=options,
    )


def of_signals(sample: Sample, pos_label: object) -> list[SignalEvents]:
    """Return the events of each signal: one of two classes, or each of several.

    Parameters
    ----------
    sample : Sample
        Checked events.
    pos_label : label, list of labels or None
        The signal; None takes ``classes_[1]`` of two, and each of more classes in turn.

    Returns
    -------
    signals : list of SignalEvents

    Raises
    ------
    ValueError
        If there is no such class, or a yield or a cut would be that of several
        signals.
    WeightsError
        If the weights of a signal, or of the rest, do not sum to more than 0.
    """
    if pos_label is None and len(sample.classes) > 2:
        _check_no_single_signal(sample)
        return [_of_signal(sample, label) for label in sample.classes]
    decided = decided_cut(sample.estimator)
    if pos_label is None and decided is not None:
        pos_label = decided.pos_label
    return [_of_signal(sample, signal_label(sample.estimator, pos_label))]


def _of_signal(sample: Sample, pos_label: Any) -> SignalEvents:
    options = sample.options
    decided = decided_cut(sample.estimator)
    labels = signal_labels(sample.classes, pos_label)
    if (
        decided is not None
        and signal_labels(sample.classes, decided.pos_label) != labels
    ):
        decided = None  # the cut of another signal
    answers = Answers(sample.estimator, pos_label, decided)
    is_signal = np.isin(sample.test.y, labels)
    check_class_weights(np.isin(sample.train.y, labels), sample.train.weights)
    weights = check_class_weights(is_signal, sample.test.weights)
    return SignalEvents(
        sample=sample,
        pos_label=pos_label,
        name=" + ".join(map(str, labels)),
        weights=scale_classes(
            is_signal, weights, options.signal_yield, options.background_yield
        ),
        scores=answers.score(sample.test.X),
        train_scores=answers.score(sample.train.X),
        data_scores=None if sample.data is None else answers.score(sample.data),
        proba=answers.probability(sample.test.X),
        train_proba=answers.probability(sample.train.X),
        decided=decided,
    )


def _events(
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    classes: list[Any],
    name: str,
) -> Events:
    events, labels = native_events(X), check_labels(y, f"y_{name}")
    n_samples = _num_samples(events)
    if len(labels) != n_samples:
        msg = (
            f"`y_{name}` must have one label for each of the {n_samples} events, got "
            f"{len(labels)}. Pass the labels of exactly the events in `X_{name}`."
        )
        raise ValueError(msg)
    unknown = [
        k for k in known_labels(labels, f"y_{name}").tolist() if k not in classes
    ]
    if unknown:
        msg = (
            f"`y_{name}` must have labels of the classes {shown(classes)}, got "
            f"{shown(unknown)}. Pass the labels that the estimator was fitted to."
        )
        raise ValueError(msg)
    weights = check_event_weights(sample_weight, n_samples, f"sample_weight_{name}")
    return Events(events, labels, weights)


def _check_both_weighted(train: ArrayLike | None, test: ArrayLike | None) -> None:
    if (train is None) == (test is None):
        return
    missing = "sample_weight_train" if train is None else "sample_weight_test"
    msg = (
        f"`{missing}` must be given, as the other sample has weights, got None: "
        "weighted and unweighted events have different distributions. Pass the "
        "weights of both samples, or of none."
    )
    raise ValueError(msg)


def _check_process(process: ArrayLike | None, n_samples: int) -> NDArray[Any] | None:
    if process is None:
        return None
    names = check_labels(process, "process")
    known_labels(names, "process")  # of one kind
    if len(names) != n_samples:
        msg = (
            f"`process` must have one name for each of the {n_samples} test events, "
            f"got {len(names)}. Pass the processes of exactly the events in `X_test`."
        )
        raise ValueError(msg)
    return names


def _check_no_single_signal(sample: Sample) -> None:
    options = sample.options
    of_one = {
        "threshold": options.threshold,
        "signal_yield": options.signal_yield,
        "background_yield": options.background_yield,
        "variations": options.variations,
    }
    given = [name for name, value in of_one.items() if value is not None]
    if given:
        msg = (
            f"`{given[0]}` must belong to one signal, got {of_one[given[0]]!r} for "
            f"each of the classes {shown(sample.classes)} in turn. Name the signal by "
            "`pos_label`, or leave it out."
        )
        raise ValueError(msg)


def checked_seed(random_state: int | np.random.RandomState | None) -> int:
    """Return a seed that can be written down.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        An integer is taken as it is; a seed is drawn from anything else.

    Returns
    -------
    seed : int
    """
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
