"""The numbers of one signal against the rest: merits, yields."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.inspection._report.events import SignalEvents
from skhep_dnn.inspection._report.measures import (
    MERITS,
    Quoted,
    Selected,
    measured,
    selected_yield,
)
from skhep_dnn.inspection._report.numbers import Measured, number, with_error
from skhep_dnn.inspection._report.page import Section, note, paragraph, table
from skhep_dnn.inspection._report.processes import process_names
from skhep_dnn.metrics import significance_scan, threshold_at_efficiency, yields_table

__all__ = [
    "metrics_section",
    "working_points_section",
    "yields_section",
]

BoolArray = NDArray[np.bool_]

_EFFICIENCIES = (0.8, 0.5, 0.2)


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


def working_points_section(quoted: Quoted) -> Section:
    """Return yields of each process at some signal efficiencies."""
    signal = quoted.signal
    scan = significance_scan(
        signal.is_signal, signal.scores, signal.weights, pos_label=True
    )
    cuts = {
        f"{100 * share:.0f} % of the signal": threshold_at_efficiency(
            scan, signal=share
        )
        for share in _EFFICIENCIES
    }
    found = yields_table(
        signal.is_signal,
        signal.scores,
        signal.weights,
        thresholds=cuts,
        process=process_names(signal),
        pos_label=True,
    )
    rows = [
        [name, *cells]
        for name, cells in zip(found.processes, found.cells().tolist(), strict=True)
    ]
    header = ["process", *found.selections]
    html = paragraph("Yields of the test events, with Monte Carlo errors.")
    html += table(header, rows)
    values = {
        selection: {
            "threshold": found.thresholds[k],
            "yields": {
                name: measured(found.yields[i, k], found.error[i, k])
                for i, name in enumerate(found.processes)
            },
        }
        for k, selection in enumerate(found.selections)
    }
    return Section("working_points", "Working points", html, values)


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
