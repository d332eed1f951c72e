"""Systematic variations of a sample: other weights of its events, or other events.

A choice of bins and a workspace take them alike, by name: an array of weights, a
`VariedSample`, or a pair of these for up and down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._messages import shown
from skhep_dnn._tables import plain_table
from skhep_dnn._validation import (
    check_event_weights,
    check_labels,
    check_numbers,
    check_signal,
    known_labels,
    signal_labels,
)

__all__ = [
    "FilledSample",
    "VariedSample",
    "check_normalisations",
    "check_variations",
    "relative_shifts",
    "whole_sample",
]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class VariedSample:
    """Events with a systematic variation, scored by the model of the nominal ones.

    What is None is that of the nominal event in the same row, so that the same events
    with shifted columns need their new scores alone. Processes of which there are no
    varied events, such as all others where one has another generator, stay nominal;
    without `process` that goes by class.

    Attributes
    ----------
    y_score : array-like of shape (n_varied,) or (n_varied, n_scores)
        Scores of the varied events.
    sample_weight : array-like of shape (n_varied,), default=None
        Their physics weights.
    y_true : array-like of shape (n_varied,), default=None
        Their labels.
    process : array-like of shape (n_varied,), default=None
        Their processes.
    X : DataFrame or mapping of str to array-like, default=None
        Their columns, for regions.

    See Also
    --------
    skhep_dnn.ensemble.CrossFitClassifier : Scores a varied event by the model that
        scored the nominal one.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import VariedSample, optimal_binning
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 5000)
    >>> x = rng.normal(size=10_000) + 2.0 * (y == "s")
    >>> w = np.where(y == "s", 0.01, 1.0)
    >>> scale = VariedSample(1.03 * x + 0.05), VariedSample(0.97 * x - 0.05)
    >>> binned = optimal_binning(y, x, w, n_bins=4, variations={"scale": scale})
    >>> binned.n_bins
    4
    """

    y_score: ArrayLike
    _: KW_ONLY
    sample_weight: ArrayLike | None = None
    y_true: ArrayLike | None = None
    process: ArrayLike | None = None
    X: Any = None


@dataclass(frozen=True)
class FilledSample:
    """Events with all that belongs to them, checked.

    Attributes
    ----------
    is_signal : ndarray of shape (n_samples,), dtype bool
        Which events are signal.
    scores : ndarray of shape (n_samples,) or (n_samples, n_scores)
        Their scores.
    weights : ndarray of shape (n_samples,)
        Their weights.
    process : ndarray of shape (n_samples,) or None
        Their processes.
    X : DataFrame or None
        Their columns.
    signal : list
        Labels of the signal.
    by_label : bool
        Whether the labels stand for the processes.
    """

    is_signal: NDArray[np.bool_]
    scores: FloatArray
    weights: FloatArray
    process: NDArray[Any] | None
    X: pd.DataFrame | None
    signal: list[Any]
    by_label: bool = False

    @classmethod
    def checked(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        sample_weight: ArrayLike | None,
        pos_label: object,
        process: ArrayLike | None,
        X: Any = None,
    ) -> FilledSample:
        """Return events of the user, each part with its own message."""
        is_signal = check_signal(y_true, pos_label)
        n_samples = len(is_signal)
        labels = check_labels(y_true)
        return cls(
            is_signal,
            _check_scores(y_score, n_samples, "y_score"),
            check_event_weights(sample_weight, n_samples),
            None if process is None else _check_process(process, n_samples, "process"),
            None if X is None else _check_columns(X, n_samples, "X"),
            signal_labels(known_labels(labels), pos_label),
        )

    @property
    def groups(self) -> NDArray[Any]:
        """Process of each event, or its class where there are no processes."""
        return self.is_signal if self.process is None else self.process

    def take(self, rows: NDArray[np.bool_]) -> FilledSample:
        """Return some of the events."""
        return replace(
            self,
            is_signal=self.is_signal[rows],
            scores=self.scores[rows],
            weights=self.weights[rows],
            process=None if self.process is None else self.process[rows],
            X=None if self.X is None else self.X.loc[rows],
        )

    def followed_by(self, others: FilledSample) -> FilledSample:
        """Return these events and then others."""
        process = X = None
        if self.process is not None and others.process is not None:
            process = np.concatenate([self.process, others.process])
        if self.X is not None and others.X is not None:
            X = pd.concat([self.X, others.X], ignore_index=True)
        return replace(
            self,
            is_signal=np.concatenate([self.is_signal, others.is_signal]),
            scores=np.concatenate([self.scores, others.scores]),
            weights=np.concatenate([self.weights, others.weights]),
            process=process,
            X=X,
        )


def check_variations(
    variations: Mapping[str, Any] | None, nominal: FilledSample
) -> dict[str, tuple[FilledSample, FilledSample | None]]:
    """Return up and down of each variation as whole samples.

    Parameters
    ----------
    variations : mapping of str to variation or pair of variations, or None
        A variation is an array of the weights of all nominal events, or a
        `VariedSample`; one alone is up, and None for down mirrors it.
    nominal : FilledSample
        The nominal events, whose parts stand where a variation has none.

    Returns
    -------
    variations : dict of str to (FilledSample, FilledSample or None)

    Raises
    ------
    TypeError
        If the variations are no mapping.
    ValueError
        If one does not belong to the nominal events and is not whole by itself.
    """
    if variations is None:
        return {}
    if not isinstance(variations, Mapping):
        msg = (
            "`variations` must be a mapping of names, got "
            f'{type(variations).__name__}. Pass a dict: {{"scale": (up, down)}}.'
        )
        raise TypeError(msg)
    checked = {}
    for name, variation in variations.items():
        pair = variation if isinstance(variation, tuple) else (variation, None)
        if len(pair) != 2:
            msg = (
                f"`variations[{name!r}]` must be (up, down), got {len(pair)} entries. "
                "Pass weights or a VariedSample for each, or one alone."
            )
            raise ValueError(msg)
        up, down = (
            None if side is None else _whole(side, f"variations[{name!r}]", nominal)
            for side in pair
        )
        if up is None:
            msg = (
                f"`variations[{name!r}]` must have a variation up, got None. Pass the "
                "one that there is first: its mirror image is the other."
            )
            raise ValueError(msg)
        checked[str(name)] = (up, down)
    return checked


def whole_sample(data: VariedSample, name: str) -> FilledSample:
    """Return recorded events, which have neither labels nor processes.

    Parameters
    ----------
    data : VariedSample
        Scores, columns where regions need them, and weights where there are some.
    name : str
        What messages call them.

    Returns
    -------
    sample : FilledSample

    Raises
    ------
    TypeError
        If it is no `VariedSample`.
    ValueError
        If a part is unusable.
    """
    if not isinstance(data, VariedSample):
        msg = (
            f"`{name}` must be a VariedSample, got {type(data).__name__}. Pass "
            "VariedSample(y_score), with `X` where there are regions."
        )
        raise TypeError(msg)
    n_samples = len(np.asarray(data.y_score))
    return FilledSample(
        np.zeros(n_samples, dtype=np.bool_),
        _check_scores(data.y_score, n_samples, f"{name}.y_score"),
        check_event_weights(data.sample_weight, n_samples, f"{name}.sample_weight"),
        None,
        None if data.X is None else _check_columns(data.X, n_samples, f"{name}.X"),
        [],
    )


def _whole(side: Any, name: str, nominal: FilledSample) -> FilledSample:
    if not isinstance(side, VariedSample):
        weights = check_event_weights(side, len(nominal.weights), name)
        return replace(nominal, weights=weights)
    n_samples = len(np.asarray(side.y_score))
    _check_complete(side, n_samples, name, nominal)
    scores = _check_scores(side.y_score, n_samples, f"{name}.y_score")
    if scores.shape[1:] != nominal.scores.shape[1:]:
        msg = (
            f"`{name}.y_score` must have the scores of the nominal sample, got the "
            f"shape {scores.shape} beside {nominal.scores.shape}. Score it by the same "
            "models."
        )
        raise ValueError(msg)
    parts: dict[str, Any] = {"scores": scores}
    if side.y_true is not None:
        labels = check_labels(side.y_true, f"{name}.y_true")
        _must_match(labels, n_samples, f"{name}.y_true")
        parts["is_signal"] = np.isin(labels, nominal.signal)
        if nominal.by_label:
            parts["process"] = labels
    if side.sample_weight is not None:
        parts["weights"] = check_event_weights(
            side.sample_weight, n_samples, f"{name}.sample_weight"
        )
    has_process = nominal.process is not None and not nominal.by_label
    if side.process is not None and has_process:
        parts["process"] = _check_process(side.process, n_samples, f"{name}.process")
    if side.X is not None and nominal.X is not None:
        parts["X"] = _check_columns(side.X, n_samples, f"{name}.X")
    varied = replace(nominal, **parts)
    absent = ~np.isin(nominal.groups, varied.groups)
    return varied.followed_by(nominal.take(absent)) if absent.any() else varied


def _check_complete(
    side: VariedSample, n_samples: int, name: str, nominal: FilledSample
) -> None:
    """Refuse a sample with other events whose parts cannot be the nominal ones."""
    parts = {"y_true": side.y_true, "sample_weight": side.sample_weight}
    if nominal.process is not None and not nominal.by_label:
        parts["process"] = side.process
    if nominal.X is not None:
        parts["X"] = side.X
    missing = [part for part, value in parts.items() if value is None]
    if missing and n_samples != len(nominal.weights):
        msg = (
            f"`{name}` must have the {len(nominal.weights)} events of the nominal "
            f"sample, or all that belongs to its own, got {n_samples} scores without "
            f"{missing}. Pass these to VariedSample."
        )
        raise ValueError(msg)


def check_normalisations(
    normalisations: Mapping[str, Any] | None, process: NDArray[Any] | None
) -> dict[str, float | dict[Any, float]]:
    """Return relative uncertainties of the normalisation, of all or by process.

    Parameters
    ----------
    normalisations : mapping of str to float or to mapping of process to float, or None
        One standard deviation, relative to the yield.
    process : ndarray of shape (n_samples,) or None
        Processes of the events.

    Returns
    -------
    normalisations : dict

    Raises
    ------
    TypeError
        If they are no mapping.
    ValueError
        If a size is not above 0 and finite, or a process is not known.
    """
    if normalisations is None:
        return {}
    if not isinstance(normalisations, Mapping):
        msg = (
            "`normalisations` must be a mapping of names, got "
            f'{type(normalisations).__name__}. Pass a dict, such as {{"lumi": 0.02}}.'
        )
        raise TypeError(msg)
    known = set() if process is None else set(process.tolist())
    checked: dict[str, float | dict[Any, float]] = {}
    for name, sizes in normalisations.items():
        if not isinstance(sizes, Mapping):
            checked[str(name)] = _check_size(sizes, name)
            continue
        unknown = [key for key in sizes if key not in known]
        if unknown:
            msg = (
                f"`normalisations[{name!r}]` must name processes of the events, got "
                f"{shown(unknown)}. Known are {shown(sorted(known, key=str))}: pass "
                "`process`, or correct the names."
            )
            raise ValueError(msg)
        checked[str(name)] = {
            key: _check_size(size, name) for key, size in sizes.items()
        }
    return checked


def relative_shifts(
    sizes: float | Mapping[Any, float], sample: FilledSample
) -> FloatArray:
    """Return the relative change of the weight of each event.

    Parameters
    ----------
    sizes : float or mapping of process to float
        One standard deviation of a normalisation.
    sample : FilledSample
        The events.

    Returns
    -------
    shifts : ndarray of shape (n_samples,)
        0 for events of processes that are not named.
    """
    if not isinstance(sizes, Mapping):
        return np.full(len(sample.weights), float(sizes))
    shifts = np.zeros(len(sample.weights))
    for process, size in sizes.items():
        shifts[sample.process == process] = size
    return shifts


def _check_size(size: Any, name: object) -> float:
    value = float(size)
    if not 0.0 < value < 1.0:
        msg = (
            f"`normalisations[{name!r}]` must be a relative uncertainty between 0 and "
            f"1, got {value!r}. Pass 0.1 for 10 %."
        )
        raise ValueError(msg)
    return value


def _check_scores(y_score: ArrayLike, n_samples: int, name: str) -> FloatArray:
    scores = check_numbers(y_score, name)
    if scores.ndim == 2 and scores.shape[1] == 1:
        scores = scores[:, 0]
    if scores.ndim not in {1, 2} or len(scores) != n_samples or scores.size == 0:
        msg = (
            f"`{name}` must have one score, or a row of them, for each of the "
            f"{n_samples} events, got the shape {scores.shape}. Score the same events."
        )
        raise ValueError(msg)
    if np.isnan(scores).any():
        msg = (
            f"`{name}` must not contain nan, got {int(np.isnan(scores).sum())}. Check "
            "the classifier's input for undefined values."
        )
        raise ValueError(msg)
    return scores


def _check_columns(X: Any, n_samples: int, name: str) -> pd.DataFrame:
    """Return the columns of events as a DataFrame with a fresh index."""
    table = pd.DataFrame(dict(X)) if isinstance(X, Mapping) else plain_table(X)
    if not isinstance(table, pd.DataFrame):
        table = pd.DataFrame(table)
    if len(table) != n_samples:
        msg = (
            f"`{name}` must have a row for each of the {n_samples} events, got "
            f"{len(table)}. Pass the columns of the same events."
        )
        raise ValueError(msg)
    return table.reset_index(drop=True)


def _check_process(process: ArrayLike, n_samples: int, name: str) -> NDArray[Any]:
    return np.asarray(_must_match(check_labels(process, name), n_samples, name))


def _must_match(values: NDArray[Any], n_samples: int, name: str) -> NDArray[Any]:
    if len(values) != n_samples:
        msg = (
            f"`{name}` must have one entry for each of the {n_samples} events, got "
            f"{len(values)}. Pass that of the same events."
        )
        raise ValueError(msg)
    return values
