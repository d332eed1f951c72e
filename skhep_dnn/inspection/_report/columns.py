"""What each column says by itself, to the estimator, and to the other columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from skhep_dnn.feature_selection import weighted_spearman
from skhep_dnn.feature_selection._columns import named_table
from skhep_dnn.inspection._correlation_map import CorrelationDisplay
from skhep_dnn.inspection._importance_bars import PermutationImportanceDisplay
from skhep_dnn.inspection._input_distributions import InputDistributionsDisplay
from skhep_dnn.inspection._permutation_importance import weighted_permutation_importance
from skhep_dnn.inspection._rank_correlation_map import RankCorrelationDisplay
from skhep_dnn.inspection._report.events import Sample, SignalEvents
from skhep_dnn.inspection._report.figures_of_signal import figure_names, named_labels
from skhep_dnn.inspection._report.images import figure_text, figure_texts, picture
from skhep_dnn.inspection._report.measures import Quoted, measured
from skhep_dnn.inspection._report.numbers import Measured, number, with_error
from skhep_dnn.inspection._report.page import Section, figures, paragraph, table
from skhep_dnn.inspection._report.parts import last_part
from skhep_dnn.inspection._separation_bars import SeparationDisplay
from skhep_dnn.metrics import SeparationPower, separation_power

__all__ = ["columns_section", "missing_value", "numbers_of", "some_rows", "taken"]

FloatArray = NDArray[np.float64]
Rows = NDArray[np.intp]

_MAX_BARS = 30
_MAX_CORRELATED = 16  # whose names can be read in a heat map
_MAX_INPUTS, _MAX_SCALED = 9, 4  # columns whose distributions are shown
_N_REPEATS = 2
_N_REPLICAS = 50  # of the error of a separation: known to 10 per cent


def columns_section(quoted: Quoted) -> Section:
    """Return how much each column separates, and how much it is relied on."""
    signal, sample = quoted.signal, quoted.signal.sample
    rows = some_rows(signal)
    X, weights = taken(sample.test.X, rows), signal.weights[rows]
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
            "separation": _measured(separations.get(importance.names[k])),
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
    shown = [_importance_picture(importance, names)]
    if separations:
        shown += [
            _separation_picture(separations),
            _inputs_picture(signal, X, rows, separations),
        ]
    shown += _correlations(signal, X, rows, names)
    return Section("columns", "Columns", html + figures(shown), values)


def _measured(power: SeparationPower | None) -> Measured | None:
    return None if power is None else measured(power.value, power.error)


def _cell(value: Measured | None) -> str:
    return "not of numbers" if value is None else with_error(**value)


def some_rows(signal: SignalEvents) -> Rows:
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


def taken(X: Any, rows: Rows) -> Any:
    events, _ = named_table(X)
    return events.iloc[rows] if isinstance(events, pd.DataFrame) else events[rows]


def numbers_of(X: Any, wanted: Sequence[str] | None = None) -> dict[str, FloatArray]:
    """Return the columns of numbers, or those of some names."""
    events, names = named_table(X)
    frame = events if isinstance(events, pd.DataFrame) else pd.DataFrame(events)
    kept = {}
    for k, name in enumerate(names):
        if wanted is not None and name not in wanted:
            continue
        column = frame.iloc[:, k]
        if pd.api.types.is_numeric_dtype(column.dtype):
            kept[name] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return kept


def missing_value(sample: Sample) -> float:
    """Return the number that marks undefined entries besides nan, if there is one."""
    value = getattr(last_part(sample.estimator).model, "missing_values", None)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return float("nan")


def _separations(
    signal: SignalEvents, X: Any, rows: Rows
) -> dict[str, SeparationPower]:
    options = signal.sample.options
    found = {}
    for name, column in numbers_of(X).items():
        found[name] = separation_power(
            signal.is_signal[rows],
            column,
            signal.weights[rows],
            pos_label=True,
            n_replicas=min(_N_REPLICAS, options.n_replicas),
            random_state=options.seed,
        )
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


def _separation_picture(separations: dict[str, SeparationPower]) -> str:
    ranked = sorted(separations, key=lambda name: -separations[name].value)
    first = ", ".join(f"{name} {separations[name]}" for name in ranked[:3])
    named = zip(figure_texts(list(separations)), separations.values(), strict=True)
    return picture(
        lambda: SeparationDisplay.from_separations(
            dict(named), max_features=min(_MAX_BARS, len(separations))
        ),
        alt=f"Separation power of {len(ranked)} columns; the largest: {first}.",
        caption="Separation power: what each column says by itself.",
    )


def _inputs_picture(
    signal: SignalEvents,
    X: Any,
    rows: Rows,
    separations: dict[str, SeparationPower],
) -> str:
    """Return the columns that separate best, of a network also as it scales them."""
    ranked = sorted(separations, key=lambda name: -separations[name].value)
    y, name = named_labels(signal)[0][rows], figure_names(signal)[1]
    scaled = _scaled_by_network(signal, ranked)
    best = scaled or ranked[:_MAX_INPUTS]

    def draw() -> InputDistributionsDisplay:
        if scaled:
            # Its labels are those of the network; figures show theirs.
            return InputDistributionsDisplay.from_estimator(
                signal.sample.estimator,
                X,
                signal.sample.test.y[rows],
                sample_weight=signal.weights[rows],
                columns=scaled,
                pos_label=signal.pos_label,
            )
        values = numbers_of(X, best)
        frame = pd.DataFrame(
            np.column_stack([values[n] for n in best]), columns=figure_texts(best)
        )
        return InputDistributionsDisplay.from_data(
            frame,
            y,
            sample_weight=signal.weights[rows],
            missing_values=missing_value(signal.sample),
            pos_label=name,
        )

    text = ", ".join(f"{n} {separations[n]}" for n in best)
    how = ", as they come in and as the network scales them" if scaled else ""
    return picture(
        draw,
        alt=f"Distributions of the {len(best)} columns that separate best{how}; their "
        f"separation powers: {text}.",
        caption=f"Signal and background of the {len(best)} columns that separate "
        f"best{how}, each class normalised.",
    )


def _scaled_by_network(signal: SignalEvents, ranked: list[str]) -> list[str]:
    """Return the best columns that a network scales; none if it sees others."""
    estimator = signal.sample.estimator
    model = last_part(estimator).model
    steps = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    encoder = getattr(model, "encoder_", None)
    if steps is not model or encoder is None or not hasattr(encoder, "numeric_"):
        return []
    is_frame = hasattr(model, "feature_names_in_")
    names = model.feature_names_in_.tolist() if is_frame else signal.sample.test.columns
    numeric = {names[k] for k in encoder.numeric_}
    # A name that is no formula would not be drawn as it is.
    return [n for n in ranked if n in numeric and figure_text(n) == n][:_MAX_SCALED]


def _correlations(
    signal: SignalEvents, X: Any, rows: Rows, names: list[str]
) -> list[str]:
    """Return linear correlations by class, and rank correlations of all events."""
    numbers = numbers_of(X)
    kept = [name for name in names if name in numbers][:_MAX_CORRELATED]
    if len(kept) < 2:
        return []
    columns = np.column_stack([numbers[name] for name in kept])
    columns[columns == missing_value(signal.sample)] = np.nan
    labels = figure_texts(kept)
    correlation = np.asarray(weighted_spearman(columns, signal.weights[rows]))
    return [
        picture(
            lambda: CorrelationDisplay.from_data(
                pd.DataFrame(columns, columns=labels),
                named_labels(signal)[0][rows],
                sample_weight=signal.weights[rows],
                pos_label=figure_names(signal)[1],
            ),
            alt=lambda shown: (
                f"Linear correlations of the {len(kept)} most important "
                "columns. "
                + " ".join(
                    _largest(
                        table.to_numpy(), list(table.columns), f"The largest of {kind}"
                    )
                    for kind, table in shown.correlation.items()
                )
            ),
            caption=f"Linear correlations of the {len(kept)} most important columns, "
            "by class.",
        ),
        picture(
            lambda: RankCorrelationDisplay.from_correlation(correlation, names=labels),
            alt=f"Rank correlations of the {len(kept)} most important columns. "
            + _largest(correlation, kept, "The largest"),
            caption=f"Rank correlations of the {len(kept)} most important columns, all "
            "classes together.",
        ),
    ]


def _largest(correlation: FloatArray, names: list[str], subject: str) -> str:
    """Return a sentence about the largest correlation of two columns."""
    others = np.abs(np.where(np.eye(len(names), dtype=bool), np.nan, correlation))
    if not np.isfinite(others).any():
        return f"{subject} is undefined."
    i, j = np.unravel_index(np.nanargmax(others), others.shape)
    value = number(float(correlation[i, j]))
    return f"{subject} is {value}, of {names[i]} and {names[j]}."
