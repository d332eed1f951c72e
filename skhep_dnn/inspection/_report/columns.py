"""What each column says by itself, to the estimator, and to the other columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skhep_dnn.feature_selection import weighted_spearman
from skhep_dnn.feature_selection._columns import named_table
from skhep_dnn.inspection._importance_bars import PermutationImportanceDisplay
from skhep_dnn.inspection._permutation_importance import weighted_permutation_importance
from skhep_dnn.inspection._rank_correlation_map import RankCorrelationDisplay
from skhep_dnn.inspection._report.events import SignalEvents
from skhep_dnn.inspection._report.images import figure_texts, picture
from skhep_dnn.inspection._report.measures import Quoted, measured
from skhep_dnn.inspection._report.numbers import Measured, number, with_error
from skhep_dnn.inspection._report.page import Section, figures, paragraph, table
from skhep_dnn.metrics import separation_power

__all__ = ["columns_section"]

FloatArray = NDArray[np.float64]
Rows = NDArray[np.intp]

_MAX_BARS = 30
_MAX_CORRELATED = 16  # whose names can be read in a heat map
_N_REPEATS = 2
_N_REPLICAS = 50  # of the error of a separation: known to 10 per cent


def columns_section(quoted: Quoted) -> Section:
    """Return how much each column separates, and how much it is relied on."""
    signal, sample = quoted.signal, quoted.signal.sample
    rows = _some_rows(signal)
    X, weights = _taken(sample.test.X, rows), signal.weights[rows]
    importance = weighted_permutation_importance(
        sample.estimator,
        X,
        sample.test.y[rows],
        weights,
        n_repeats=_N_REPEATS,
        scoring=None if signal.proba is not None else "roc_auc",
        random_state=sample.options.seed,
    )
    separations = _separations(signal, X, rows)
    means, errors = importance.importances_mean, importance.errors
    order = np.argsort(-means, kind="stable").tolist()
    names = [importance.names[k] for k in order]
    values = {
        importance.names[k]: {
            "importance": measured(means[k], errors[k]),
            "separation": separations.get(importance.names[k]),
        }
        for k in order
    }
    html = paragraph(
        f"On {number(len(rows))} test events, drawn by the seed. The importance is the "
        f"fall of the score ({importance.scoring}) when a column gets the values of "
        "other events; the separation power is that of the column alone."
    )
    html += table(
        ("column", "importance", "separation power"),
        [[name, *map(_cell, values[name].values())] for name in names],
        filterable=True,
    )
    shown = [_importance_picture(importance, names), *_correlations(X, weights, names)]
    return Section("columns", "Columns", html + figures(shown), values)


def _cell(value: Measured | None) -> str:
    return "not of numbers" if value is None else with_error(**value)


def _some_rows(signal: SignalEvents) -> Rows:
    """Return at most `max_events` of the test events, of each class its share."""
    options, y = signal.sample.options, signal.sample.test.y
    if len(y) <= options.max_events:
        return np.arange(len(y))
    rng = np.random.RandomState(options.seed)
    chosen = []
    for label in np.unique(y):
        own = np.flatnonzero(y == label)
        n = max(2, round(len(own) * options.max_events / len(y)))
        chosen.append(rng.permutation(own)[:n])
    return np.sort(np.concatenate(chosen))


def _taken(X: Any, rows: Rows) -> Any:
    events, _ = named_table(X)
    return events.iloc[rows] if isinstance(events, pd.DataFrame) else events[rows]


def _numbers(X: Any) -> dict[str, FloatArray]:
    """Return the columns of numbers."""
    events, names = named_table(X)
    frame = events if isinstance(events, pd.DataFrame) else pd.DataFrame(events)
    kept = {}
    for k, name in enumerate(names):
        column = frame.iloc[:, k]
        if pd.api.types.is_numeric_dtype(column.dtype):
            kept[name] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return kept


def _separations(signal: SignalEvents, X: Any, rows: Rows) -> dict[str, Measured]:
    options = signal.sample.options
    found = {}
    for name, column in _numbers(X).items():
        result = separation_power(
            signal.is_signal[rows],
            column,
            signal.weights[rows],
            pos_label=True,
            n_replicas=min(_N_REPLICAS, options.n_replicas),
            random_state=options.seed,
        )
        found[name] = measured(result.value, result.error)
    return found


def _importance_picture(importance: Any, names: list[str]) -> str:
    means = dict(zip(importance.names, importance.importances_mean, strict=True))
    errors = dict(zip(importance.names, importance.errors, strict=True))
    first = ", ".join(f"{n} {with_error(means[n], errors[n])}" for n in names[:3])
    labels = figure_texts(importance.names)
    shown = Bunch(**{**importance, "names": labels})
    return picture(
        lambda: PermutationImportanceDisplay.from_importance(
            shown, max_features=min(_MAX_BARS, len(names))
        ),
        alt=f"Permutation importance of {len(names)} columns; the largest: {first}.",
        caption="Permutation importance: what the estimator relies on.",
    )


def _correlations(X: Any, weights: FloatArray, names: list[str]) -> list[str]:
    """Return the figure of the rank correlations of the most important columns."""
    numbers = _numbers(X)
    kept = [name for name in names if name in numbers][:_MAX_CORRELATED]
    if len(kept) < 2:
        return []
    columns = np.column_stack([numbers[name] for name in kept])
    correlation = np.asarray(weighted_spearman(columns, weights))
    others = np.abs(np.where(np.eye(len(kept), dtype=bool), np.nan, correlation))
    alt = f"Rank correlations of the {len(kept)} most important columns."
    if np.isfinite(others).any():
        i, j = np.unravel_index(np.nanargmax(others), others.shape)
        value = number(float(correlation[i, j]))
        alt = f"{alt} The largest is {value}, of {kept[i]} and {kept[j]}."
    return [
        picture(
            lambda: RankCorrelationDisplay.from_correlation(
                correlation, names=figure_texts(kept)
            ),
            alt=alt,
            caption=f"Rank correlations of the {len(kept)} most important columns, all "
            "classes together.",
        )
    ]
