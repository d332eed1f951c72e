"""The stages of an analysis: tuning, selection, cut; each with a row and a figure.

They are found inside of the estimator, or passed as the classifiers that stood at the
end of each. A stage with out-of-fold scores is judged by these, others by the test
events.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skhep_dnn._logits import probabilities, signal_logit
from skhep_dnn._validation import signal_labels
from skhep_dnn.inspection._discriminant import DiscriminantDisplay
from skhep_dnn.inspection._display import signal_label
from skhep_dnn.inspection._elimination_path import EliminationDisplay
from skhep_dnn.inspection._report.cut import choose_cut
from skhep_dnn.inspection._report.events import SignalEvents
from skhep_dnn.inspection._report.figures_of_signal import figure_names, spoken_scores
from skhep_dnn.inspection._report.images import figure_text, picture
from skhep_dnn.inspection._report.measures import Quoted
from skhep_dnn.inspection._report.numbers import Measured, number, with_error
from skhep_dnn.inspection._report.page import Section, figures, paragraph, table
from skhep_dnn.inspection._report.parts import Answers, Part, decided_cut, parts_of

__all__ = ["stages_section", "training_scores"]

FloatArray = NDArray[np.float64]

_MOST_ROWS = 100
_OUT_OF_FOLD = ("best_oof_decision_function_", "oof_decision_function_")


@dataclass(frozen=True)
class _Stage:
    """What a stage decided, and the events that judge it.

    Attributes
    ----------
    name : str
        What it is called.
    decision : str
        What it decided.
    judged : SignalEvents or None
        Scores of its classifier; None of what scores nothing.
    on : str
        Which events these are.
    tables, pictures : list of str
        Further HTML.
    numbers : dict
        Further numbers.
    """

    name: str
    decision: str
    judged: SignalEvents | None = None
    on: str = ""
    tables: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)


def stages_section(quoted: Quoted) -> Section | None:
    """Return a row and a figure of each stage; None where there is one alone."""
    signal = quoted.signal
    stages = [*_passed_stages(signal), *_found_stages(signal)]
    if not stages:
        return None
    stages.append(_Stage("final estimator", _columns_text(signal), signal, "test"))
    rows, values, shown, further = [], {}, [], []
    for stage in stages:
        found = _judged(stage)
        rows.append([stage.name, stage.decision, stage.on, *map(_cell, found.values())])
        values[stage.name] = {"decision": stage.decision, **found, **stage.numbers}
        is_repeated = stage.judged is signal and stage is not stages[-1]
        shown += (
            stage.pictures if is_repeated else _discriminant(stage) + stage.pictures
        )
        further += stage.tables
    html = paragraph(
        "One row for each stage. Each is judged by the scores of its own classifier, a "
        "selection by the classifier that was fitted to its columns, "
        "at the cut of the final estimator where it is the same score, and else at the "
        "cut that each half of the events gets from the other half. Parts that are "
        "judged by the score of the final estimator share its figure. Stages on the "
        "same events have errors in common."
    )
    header = ("stage", "decision", "events", "AUC", "balanced log-loss", "significance")
    html += table(header, rows) + figures(shown) + "".join(further)
    return Section("stages", "Stages", html, values)


def _judged(stage: _Stage) -> dict[str, Measured | None]:
    if stage.judged is None:
        return {"roc_auc": None, "balanced_log_loss": None, "significance": None}
    quoted = Quoted(stage.judged, choose_cut(stage.judged))
    return {
        "roc_auc": quoted.area,
        "balanced_log_loss": quoted.log_loss,
        "significance": None if quoted.cut is None else quoted.significance,
    }


def _cell(value: Measured | None) -> str:
    return "" if value is None else with_error(**value)


def _discriminant(stage: _Stage) -> list[str]:
    signal = stage.judged
    if signal is None:
        return []
    rest, name = figure_names(signal)
    return [
        picture(
            lambda: DiscriminantDisplay.from_predictions(
                np.where(signal.is_signal, name, rest),
                signal.scores,
                sample_weight=signal.weights,
                pos_label=name,
                name=figure_text(stage.name),
            ),
            alt=f"Distribution of the score of the stage {stage.name}, {stage.on} "
            f"events: {spoken_scores(signal)}.",
            caption=f"{stage.name}: score of the {stage.on} events.",
        )
    ]


def _columns_text(signal: SignalEvents) -> str:
    return f"{len(signal.sample.test.columns)} columns come in"


def _passed_stages(signal: SignalEvents) -> Iterator[_Stage]:
    """Yield the stages that the user named, scored on the test events."""
    for name, model in signal.sample.stages.items():
        decided = decided_cut(model)
        answers = Answers(model, signal_label(model, signal.pos_label))
        test = signal.sample.test.X
        judged = replace(
            signal,
            scores=answers.score(test),
            proba=answers.probability(test),
            decided=decided,
        )
        if decided is not None:
            judged = replace(judged, scores=Answers(model, None, decided).score(test))
        yield _Stage(str(name), type(model).__name__, _without_cut(judged), "test")


def _without_cut(signal: SignalEvents) -> SignalEvents:
    """Return events whose cut is not that of the user, which is on another score."""
    options = replace(signal.sample.options, threshold=None)
    return replace(signal, sample=replace(signal.sample, options=options))


def _found_stages(signal: SignalEvents) -> Iterator[_Stage]:
    """Yield the stages inside of the estimator, from the first to the last."""
    for part in parts_of(signal.sample.estimator):
        if hasattr(part.model, "cv_results_"):
            yield _search(part, signal)
        elif hasattr(part.model, "get_support"):
            yield _selection(part, signal)
        elif hasattr(part.model, "best_threshold_"):
            yield _threshold(part, signal)
        elif hasattr(part.model, "oof_decision_function_"):
            yield _Stage(part.name, "", *_out_of_fold(part, signal))


def _search(part: Part, signal: SignalEvents) -> _Stage:
    """Return the stage of a search: the best trial, its score, and all the others."""
    model = part.model
    results = {str(key): list(v) for key, v in model.cv_results_.items()}
    n_trials = len(next(iter(results.values())))
    best = getattr(model, "best_params_", {})
    text = ", ".join(f"{name} = {value!r}" for name, value in best.items())
    score = float(getattr(model, "best_score_", np.nan))
    judged, on = _out_of_fold(part, signal)
    return _Stage(
        part.name,
        f"best of {n_trials}: {text}; score {number(score)}",
        judged,
        on,
        tables=[_trials(part.name, results)],
        numbers={
            "n_candidates": n_trials,
            "best_params": {name: repr(value) for name, value in best.items()},
            "best_score": score,
        },
    )


def _trials(name: str, results: dict[str, list[Any]]) -> str:
    """Return the table of what a search tried, the best first."""
    ranks = next((v for k, v in results.items() if k.startswith("rank_test_")), None)
    order = list(range(len(next(iter(results.values())))))
    if ranks is not None:
        order.sort(key=lambda k: ranks[k])
    scored = ("pooled_test_", "mean_test_", "std_test_", "rank_test_")
    columns = [c for c in results if c.startswith(scored)]
    parameters = [c for c in results if c.startswith("param_")]
    rows = [
        [
            place,
            *(_entry(results[c][k]) for c in parameters),
            *(_entry(results[c][k]) for c in columns),
        ]
        for place, k in enumerate(order[:_MOST_ROWS], start=1)
    ]
    header = ["place", *(c.removeprefix("param_") for c in parameters), *columns]
    shown = f", the best {_MOST_ROWS}" if len(order) > _MOST_ROWS else ""
    return table(header, rows, caption=f"{name}: what was tried{shown}")


def _entry(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    is_number = isinstance(value, int | float | np.number)
    return number(float(value)) if is_number else str(value)


def _selection(part: Part, signal: SignalEvents) -> _Stage:
    """Return the stage of a selector: which columns were kept, and why.

    What was fitted to these columns judges it, which is what the estimator ends with.
    """
    support = np.asarray(part.model.get_support())
    kept = f"{support.sum()} of {len(support)} columns kept"
    values: dict[str, Any] = {"support": support}
    iterations = getattr(part.model, "iterations_", None)
    if not isinstance(iterations, pd.DataFrame):
        return _Stage(part.name, kept, signal, "test", numbers=values)
    chosen = iterations[iterations["selected"]]
    best, error = chosen[["difference", "error"]].iloc[0]
    change = with_error(float(best), float(error))
    header = ["dropped", "n_features", "score", "difference", "error", "accepted"]
    rows = [
        ["(none)" if k == 0 else row["dropped"], *(_entry(row[c]) for c in header[1:])]
        for k, (_, row) in enumerate(iterations.iterrows())
    ]
    path = picture(
        lambda: EliminationDisplay.from_path(
            iterations.assign(dropped=iterations["dropped"].map(_figure_name))
        ),
        alt=f"{part.name}: {kept}; change of the score {change}.",
        caption=f"{part.name}: change of the score with each column that was dropped.",
    )
    return _Stage(
        part.name,
        f"{kept}; change of the score {change}",
        signal,
        "test",
        tables=[table(header, rows, caption=f"{part.name}: what was dropped")],
        pictures=[path],
        numbers=values,
    )


def _figure_name(name: Any) -> Any:
    return figure_text(name) if isinstance(name, str) else name


def _threshold(part: Part, signal: SignalEvents) -> _Stage:
    """Return the stage that chose the cut."""
    cut = float(part.model.best_threshold_)
    values: dict[str, Any] = {"threshold": cut}
    text = f"cut at {number(cut)}"
    crossed = getattr(part.model, "cross_fitted_", None)
    if crossed is not None:
        values["cross_fitted_significance"] = crossed.value
        text = f"{text}; cross-fitted significance {number(crossed.value)}"
    return _Stage(part.name, text, signal, "test", numbers=values)


def _out_of_fold(part: Part, signal: SignalEvents) -> tuple[SignalEvents | None, str]:
    """Return training events with out-of-fold scores, if these are of such events."""
    sample = signal.sample
    known = [name for name in _OUT_OF_FOLD if hasattr(part.model, name)]
    found = getattr(part.model, known[0]) if known else None
    if found is None or len(found) != len(sample.train.y):
        return (signal, "test") if part.predicts else (None, "")
    scores = _signal_decision(np.asarray(found, dtype=float), part.model, signal)
    tested = np.isfinite(scores)
    events = replace(
        sample.train,
        X=None,
        y=sample.train.y[tested],
        weights=sample.train.weights[tested],
    )
    judged = replace(
        _without_cut(signal),
        sample=replace(_without_cut(signal).sample, test=events),
        weights=events.weights,
        scores=scores[tested],
        proba=None,
        decided=None,
    )
    return judged, "training, out-of-fold"


def training_scores(
    signal: SignalEvents,
) -> tuple[FloatArray, NDArray[np.bool_], str]:
    """Return scores of training events: out-of-fold ones where a part has them.

    Parameters
    ----------
    signal : SignalEvents
        The events and their scores.

    Returns
    -------
    scores : ndarray of shape (n_rows,)
        Of the chosen events.
    rows : ndarray of shape (n_train,), dtype bool
        Which training events these are.
    origin : str
        Which scores these are, as the end of a sentence.
    """
    parts = [part for part in parts_of(signal.sample.estimator) if part.predicts]
    for part in parts[-1:]:  # whose score is that of the estimator
        known = [name for name in _OUT_OF_FOLD if hasattr(part.model, name)]
        found = getattr(part.model, known[0]) if known else None
        is_same_score = signal.decided is None and hasattr(
            part.model, "decision_function"
        )
        if found is None or len(found) != len(signal.train_scores) or not is_same_score:
            continue
        scores = _signal_decision(np.asarray(found, dtype=float), part.model, signal)
        rows = np.isfinite(scores)
        return scores[rows], rows, "the out-of-fold scores of the training events"
    rows = np.ones(len(signal.train_scores), dtype=np.bool_)
    return signal.train_scores, rows, "the training events"


def _signal_decision(
    decisions: FloatArray, model: Any, signal: SignalEvents
) -> FloatArray:
    """Return out-of-fold decisions as scores of the signal."""
    classes = np.asarray(model.classes_).tolist()
    own = signal_labels(classes, signal.pos_label)
    if decisions.ndim == 1:
        return decisions if own == classes[1:] else -decisions
    shares = probabilities(decisions)
    return signal_logit(shares, np.isin(classes, own))
