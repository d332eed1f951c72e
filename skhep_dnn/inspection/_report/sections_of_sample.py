"""The sections that are about all classes: events, estimator, training, software."""

from __future__ import annotations

import inspect
import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from skhep_dnn.inspection._history import TrainingHistoryDisplay
from skhep_dnn.inspection._report.diagram import estimator_diagram
from skhep_dnn.inspection._report.events import Sample
from skhep_dnn.inspection._report.images import figure_text, figure_texts, picture
from skhep_dnn.inspection._report.measures import selected_yield
from skhep_dnn.inspection._report.numbers import (
    flattened,
    number,
    per_cent,
    with_error,
)
from skhep_dnn.inspection._report.page import (
    Section,
    figures,
    note,
    paragraph,
    subtitle,
    table,
)
from skhep_dnn.inspection._report.parts import last_part
from skhep_dnn.inspection._yield_confusion import YieldConfusionDisplay
from skhep_dnn.weights import effective_sample_size

__all__ = [
    "all_numbers",
    "classes_section",
    "configuration_section",
    "events_section",
    "software_section",
    "training_section",
    "warnings_section",
]

FloatArray = NDArray[np.float64]

_SOFTWARE = (
    "skhep-dnn",
    "scikit-learn",
    "torch",
    "skorch",
    "optuna",
    "numpy",
    "scipy",
    "pandas",
    "matplotlib",
)
_LONGEST = 300  # letters of a value of a parameter
_MAX_CLASSES = 12


def events_section(sample: Sample) -> Section:
    """Return how many events there are, and what their weights sum to."""
    rows, values = [], {}
    training = _training_n_eff(sample)
    for name, events in (("training", sample.train), ("test", sample.test)):
        values[name] = {
            str(label): _weight_summary(events.weights[events.y == label])
            for label in sample.classes
        }
        for label, entry in values[name].items():
            if name == "training":
                entry["n_eff_training"] = training[label]
            rows.append([f"{name}, class {label}", *_summary_cells(entry)])
    html = paragraph(
        f"{number(len(sample.train.y))} training and {number(len(sample.test.y))} test "
        f"events with {len(sample.test.columns)} columns. The effective number of "
        "events is that of the signed weights; beside it stands that of the weights "
        "which the training makes of them."
    )
    if not sample.has_weights:
        html += note("The events have no weights: each counts once.")
    html += table(_SUMMARY_HEADER, rows, caption="Events by sample and class")
    if sample.process is not None:
        by_process = {
            str(name): _weight_summary(sample.test.weights[sample.process == name])
            for name in np.unique(sample.process)
        }
        cells = [[name, *_summary_cells(entry)] for name, entry in by_process.items()]
        values["process"] = by_process
        html += table(_SUMMARY_HEADER, cells, caption="Test events by process")
    return Section("events", "Events", html, values)


_SUMMARY_HEADER = (
    "sample",
    "events",
    "sum of weights",
    "negative events",
    "their share of Σ|w|",
    "n_eff, signed",
    "n_eff, training",
)


def _weight_summary(weights: FloatArray) -> dict[str, Any]:
    negative = weights < 0
    size, below = np.abs(weights).sum(), np.abs(weights[negative]).sum()
    return {
        "n_events": len(weights),
        "sum_w": selected_yield(weights),
        "negative_fraction": float(negative.mean()) if len(weights) else np.nan,
        "negative_share": float(below / size) if size else np.nan,
        "n_eff": effective_sample_size(weights),
    }


def _summary_cells(entry: Mapping[str, Any]) -> list[str]:
    training = entry.get("n_eff_training")
    return [
        number(entry["n_events"]),
        with_error(**entry["sum_w"]),
        per_cent(entry["negative_fraction"]),
        per_cent(entry["negative_share"]),
        number(round(entry["n_eff"], 1)),
        "" if training is None else number(round(training, 1)),
    ]


def _training_n_eff(sample: Sample) -> dict[str, float]:
    """Return the effective events of the training weights: of a network, or of |w|."""
    events = sample.train
    report = getattr(last_part(sample.estimator).model, "weight_report_", None)
    if report is not None:
        own = report[report["sample"] == "training"].groupby("class")["n_eff"].mean()
        found = {str(label): float(value) for label, value in own.items()}
        if set(found) == {str(label) for label in sample.classes}:
            return found
    return {
        str(label): effective_sample_size(np.abs(events.weights[events.y == label]))
        for label in sample.classes
    }


def configuration_section(sample: Sample) -> Section:
    """Return the estimator, and which of its parameters are not the defaults."""
    changed = list(_changed_parameters(sample.estimator))
    html = estimator_diagram(sample.estimator)
    if changed:
        html += table(
            ("parameter", "value", "default"),
            [[name, _text(value), _text(default)] for name, value, default in changed],
            caption="Parameters that are not the defaults",
        )
    else:
        html += paragraph("All parameters have their default values.")
    names = sample.test.columns
    html += subtitle("Columns") + paragraph(", ".join(names))
    values = {
        "estimator": _text(sample.estimator),
        "parameters": {name: _text(value) for name, value, _ in changed},
        "columns": names,
        "classes": [str(label) for label in sample.classes],
    }
    return Section("configuration", "Configuration", html, values)


def _changed_parameters(estimator: BaseEstimator) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, value and default of what was set, in all parts."""
    every = estimator.get_params(deep=True)
    for name, value in every.items():
        path, _, own = name.rpartition("__")
        owner = every.get(path) if path else estimator
        if not hasattr(owner, "get_params") or own not in _defaults(owner):
            continue
        default = _defaults(owner)[own]
        is_part = hasattr(value, "get_params") or _holds_parts(value)
        if not is_part and repr(value) != repr(default):
            yield name, value, default


def _defaults(estimator: Any) -> dict[str, Any]:
    """Return the defaults of a constructor; what has none is what must be given."""
    parameters = inspect.signature(type(estimator).__init__).parameters
    return {
        name: "(none)" if entry.default is entry.empty else entry.default
        for name, entry in parameters.items()
    }


def _holds_parts(value: Any) -> bool:
    """Return whether a value is a list of steps, which have rows of their own."""
    if not isinstance(value, list | tuple):
        return False
    return any(
        isinstance(entry, tuple) and any(hasattr(e, "get_params") for e in entry)
        for entry in value
    )


def _text(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 2]} …"


def training_section(sample: Sample) -> Section | None:
    """Return how the networks were trained; None where there is no history."""
    model = last_part(sample.estimator).model
    history = getattr(model, "history_", None)
    needed = {"member", "epoch", "train_loss", "valid_loss", "learning_rate", "kept"}
    if history is None or not needed <= set(getattr(history, "columns", ())):
        return None
    kept = history[history["kept"].astype(bool)]
    values: dict[str, Any] = {
        "n_members": int(history["member"].nunique()),
        "n_epochs": int(history["epoch"].max()),
        "kept_epochs": sorted(int(epoch) for epoch in kept["epoch"]),
        "train_loss_kept": float(kept["train_loss"].mean()),
        "valid_loss_kept": float(kept["valid_loss"].mean()),
    }
    losses = ", ".join(
        f"{name} loss {number(values[key])}"
        for name, key in (
            ("training", "train_loss_kept"),
            ("validation", "valid_loss_kept"),
        )
        if math.isfinite(values[key])
    )
    losses = f"{losses}, mean over what was kept"
    alt = (
        f"Losses of {values['n_members']} networks against the epoch, up to epoch "
        f"{values['n_epochs']}: {losses}."
    )
    shown = picture(
        lambda: TrainingHistoryDisplay.from_history(
            history, name=figure_text(type(model).__name__)
        ),
        alt=alt,
        caption=f"Training of {type(model).__name__}: {losses}.",
    )
    return Section("training", "Training", figures([shown]), values)


def classes_section(sample: Sample) -> Section | None:
    """Return what events of several classes are taken for; None of two."""
    if not 2 < len(sample.classes) <= _MAX_CLASSES:
        return None
    predicted = np.asarray(sample.estimator.predict(sample.test.X))
    labels = figure_texts(sample.classes)
    named = dict(zip(sample.classes, labels, strict=True))

    def draw() -> YieldConfusionDisplay:
        return YieldConfusionDisplay.from_predictions(
            np.asarray([named[label] for label in sample.test.y.tolist()]),
            np.asarray([named[label] for label in predicted.tolist()]),
            sample_weight=sample.test.weights,
            labels=labels,
        )

    weights, y = sample.test.weights, sample.test.y
    right = {
        str(label): float(weights[(y == label) & (predicted == label)].sum())
        / float(weights[y == label].sum())
        for label in sample.classes
    }
    shares = ", ".join(f"{name} {per_cent(value)}" for name, value in right.items())
    shown = picture(
        draw,
        alt=f"Yields by true and predicted class; taken for what it is: {shares}.",
        caption="Yields of each true class in each predicted one, in events.",
    )
    return Section("classes", "Classes", figures([shown]), {"efficiency": right})


def warnings_section(messages: Sequence[str]) -> Section | None:
    """Return what was warned of while the report was made; None of nothing."""
    if not messages:
        return None
    html = "".join(note(message, warning=True) for message in messages)
    return Section("warnings", "Warnings", html, {"messages": list(messages)})


def software_section(sample: Sample) -> Section:
    """Return versions and seeds: what is needed to make the report again."""
    versions = {"python": platform.python_version()}
    versions |= {name: found for name in _SOFTWARE if (found := _version(name))}
    params = sample.estimator.get_params(deep=True)
    seeds = {
        name: _text(value)
        for name, value in params.items()
        if name.rpartition("__")[2] == "random_state"
    }
    seeds["(this report)"] = str(sample.options.seed)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    html = table(("software", "version"), versions.items(), caption="Software")
    html += table(("seed of", "value"), seeds.items(), caption="Seeds")
    html += paragraph(
        f"Made on {created}, {platform.system()} {platform.machine()}. A seed of None "
        "means that another fit gives other numbers."
    )
    values = {"versions": versions, "seeds": seeds, "created": created}
    return Section("software", "Software and seeds", html, values)


def all_numbers(values: Mapping[str, Any]) -> Section:
    """Return the table of all numbers, which can be filtered."""
    rows = [
        [path, value if isinstance(value, str) else number(value)]
        for path, value in flattened(values)
    ]
    html = paragraph(
        "Every number of this report by its path in the JSON. Type words to find some."
    )
    html += table(("number", "value"), rows, filterable=True)
    return Section("all-numbers", "All numbers", html, {})


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
