"""The numbers of one signal against the rest: merits, yields, data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.inspection._binning import score_edges
from skhep_dnn.inspection._report.events import SignalEvents
from skhep_dnn.inspection._report.measures import (
    Quoted,
    Selected,
    selected_yield,
)
from skhep_dnn.inspection._report.numbers import Measured, number, with_error
from skhep_dnn.inspection._report.page import Section, note, paragraph, table

__all__ = [
    "MERITS",
    "data_section",
    "metrics_section",
    "yields_section",
]

BoolArray = NDArray[np.bool_]

MERITS = {
    "asimov": "Asimov significance",
    "ams": "AMS",
    "s_over_sqrt_b": "s / √b",
    "s_over_sqrt_sb": "s / √(s + b)",
}
_DATA_BINS = 12


def metrics_section(quoted: Quoted) -> Section:
    """Return the figures of merit on the test events, with errors."""
    signal, cut = quoted.signal, quoted.cut
    merit = signal.sample.options.figure_of_merit
    name = MERITS[merit.kind]
    found: dict[str, tuple[str, Measured | None]] = {
        "roc_auc": ("area under the ROC curve", quoted.area),
        "balanced_log_loss": ("balanced log-loss (a coin: 0.693)", quoted.log_loss),
        "separation": ("separation power of the score", quoted.separation),
        "significance_of_all": (f"{name} without a cut", quoted.significance_of_all),
    }
    if quoted.selected is not None:
        found["significance"] = (f"{name} at the cut", quoted.significance)
        found |= _at_cut(quoted, quoted.selected)
    html = paragraph(
        f"Signal: {signal.name}. Errors are those of the statistics of the test "
        "events, at fixed yields of the classes: in closed form, of the separation by "
        f"{signal.sample.options.n_replicas} weighted bootstrap replicas. The spread "
        "over trainings is not in them."
    )
    html += _cut_note(quoted)
    known = {key: (text, v) for key, (text, v) in found.items() if v is not None}
    rows = [[text, with_error(**v)] for text, v in known.values()]
    html += table(("figure of merit", "test events"), rows)
    html += paragraph(_yields_note(signal))
    values: dict[str, Any] = {key: value for key, (_, value) in known.items()}
    values["figure_of_merit"] = {"name": name, **asdict(merit)}
    values["cut"] = None if cut is None else cut.to_dict()
    return Section("metrics", "Figures of merit", html, values)


def _cut_note(quoted: Quoted) -> str:
    if quoted.cut is not None:
        return paragraph(f"The cut is {quoted.cut}, {quoted.cut.origin}.")
    return note(
        "There is no cut: no threshold leaves "
        f"{quoted.signal.sample.options.min_n_eff:g} effective background events in "
        "each half of the test events. Pass `threshold=`, or more events.",
        warning=True,
    )


def _at_cut(
    quoted: Quoted, selected: BoolArray
) -> dict[str, tuple[str, Measured | None]]:
    weights, own = quoted.signal.weights, quoted.signal.is_signal
    return {
        "s": ("selected signal, in events", selected_yield(weights[own & selected])),
        "b": (
            "selected background, in events",
            selected_yield(weights[~own & selected]),
        ),
        "signal_efficiency": ("signal efficiency", quoted.signal_efficiency),
        "background_efficiency": (
            "background efficiency",
            quoted.background_efficiency,
        ),
        "rejection": ("rejection, 1 / background efficiency", quoted.rejection),
    }


def _yields_note(signal: SignalEvents) -> str:
    options = signal.sample.options
    if options.signal_yield is None and options.background_yield is None:
        return (
            "Significances are those of the yields of the test events as they are "
            "weighted. If these are a part of all events, pass `signal_yield=` and "
            "`background_yield=`."
        )
    return "Test events are scaled to the yields that were given to the report."


def yields_section(quoted: Quoted) -> Section:
    """Return yield, efficiency and effective events of each process."""
    signal, selected = quoted.signal, quoted.selected
    rows, values = [], {}
    for name, kind, own in _groups(signal):
        weights = signal.weights[own]
        total = selected_yield(weights)
        row = [name, kind, number(len(weights)), with_error(**total)]
        values[name] = {"class": kind, "n_events": len(weights), "yield": total}
        if selected is not None:
            found = Selected(weights, selected[own])
            values[name] |= found.to_dict()
            row += found.cells()
        rows.append(row)
    header = ["process", "class", "events", "yield"]
    if selected is not None:
        header += ["selected events", "selected yield", "efficiency", "n_eff"]
    html = paragraph("Yields of the test events, with Monte Carlo errors.")
    return Section("yields", "Yields", html + table(header, rows), values)


def _groups(signal: SignalEvents) -> list[tuple[str, str, BoolArray]]:
    """Return name, class and events of each process, and of both classes."""
    groups = []
    process = signal.sample.process
    for name in [] if process is None else np.unique(process).tolist():
        own = process == name
        kinds = set(signal.is_signal[own].tolist())
        kind = "signal" if kinds == {True} else "background"
        groups.append((str(name), "both" if len(kinds) == 2 else kind, own))
    taken = {name for name, _, _ in groups}
    for kind, own in (("signal", signal.is_signal), ("background", ~signal.is_signal)):
        name = f"all {kind}"
        while name in taken:  # a process may be called so
            name += "*"
        groups.append((name, kind, own))
    return groups


def data_section(quoted: Quoted) -> Section | None:
    """Return observed and expected events by score, where data may be looked at."""
    signal = quoted.signal
    if signal.data_scores is None:
        return None
    edges = score_edges(_DATA_BINS, [(signal.scores, np.abs(signal.weights))])
    edges = np.concatenate([[-np.inf], edges[1:-1], [np.inf]])
    limit = _blind_from(quoted)
    rows, values = [], []
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        expected = selected_yield(signal.weights[_inside(signal.scores, low, high)])
        observed = None
        if high <= limit:
            observed = int(_inside(signal.data_scores, low, high).sum())
        values.append(
            {"low": low, "high": high, "expected": expected, "observed": observed}
        )
        text = "hidden" if observed is None else number(observed)
        rows.append([f"{number(low)} to {number(high)}", with_error(**expected), text])
    hidden = f"Hidden from a score of {number(limit)} on."
    html = paragraph(
        f"{number(len(signal.data_scores))} observed events. "
        + ("None is hidden." if np.isinf(limit) else hidden)
    )
    html += table(("score", "expected", "observed"), rows, filterable=False)
    return Section("data", "Data", html, {"blind_from": limit, "bins": values})


def _inside(scores: NDArray[np.float64], low: float, high: float) -> BoolArray:
    """Return which scores are from the lower edge on and below the upper one."""
    return (scores >= low) & ((scores < high) | np.isposinf(high))


def _blind_from(quoted: Quoted) -> float:
    """Return the score from which on data are hidden; infinity shows all."""
    blind = quoted.signal.sample.options.blind
    if blind is None:
        return float("inf")
    if not isinstance(blind, str):
        return float(blind)
    if quoted.cut is None:
        msg = (
            "`blind` must be a score or None where there is no cut, got 'cut'. Pass "
            "the score from which on data are hidden, or None to show all."
        )
        raise ValueError(msg)
    return min(quoted.cut.values)
