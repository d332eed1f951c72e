"""The score by process, beside the data as far as these may be looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.inspection._histogram import WeightedHistogram
from skhep_dnn.inspection._report.events import SignalEvents
from skhep_dnn.inspection._report.figures_of_signal import named_labels
from skhep_dnn.inspection._report.images import drawn_picture, figure_texts
from skhep_dnn.inspection._report.measures import Quoted, measured, selected_yield
from skhep_dnn.inspection._report.numbers import number, with_error
from skhep_dnn.inspection._report.page import Section, figures, paragraph, table
from skhep_dnn.inspection._stacked_discriminant import StackedDiscriminantDisplay

__all__ = ["process_names", "processes_section"]

_SMALL_SHARE = 0.05  # of the signal in all, below which it is seen on no linear axis


def processes_section(quoted: Quoted) -> Section | None:
    """Return stacked yields by score; None without processes and without data."""
    signal = quoted.signal
    if signal.sample.process is None and signal.data_scores is None:
        return None
    limit = np.inf if signal.data_scores is None else _blind_from(quoted)
    picture, display = drawn_picture(
        lambda: _display(signal, limit),
        alt=lambda shown: _alt(signal, shown, limit),
        caption="Expected yields of the test events by process, with the Monte Carlo "
        "error of their sum"
        + (" and observed events." if signal.data_scores is not None else "."),
    )
    bins = _bins(display)
    values: dict[str, Any] = {"bins": bins}
    html = figures([picture])
    if display.data is not None:
        values["blind_from"] = limit
        # Without those that are hidden: a total would give their number away.
        seen = f"{number(float(np.nansum(display.data)))} observed events"
        text = f"{seen}; none is hidden."
        if np.isfinite(limit):
            text = f"{seen} in the bins below a score of {number(limit)}; those from "
            text += "there on are hidden, and were not counted."
        html = paragraph(text) + html
        html += table(("score", "expected", "observed"), map(_row, bins))
    title = "Processes and data" if display.data is not None else "Processes"
    return Section("processes", title, html, values)


def process_names(signal: SignalEvents) -> NDArray[Any]:
    """Return the process of each test event; one of both classes is two of them."""
    is_signal, process = signal.is_signal, signal.sample.process
    if process is None:
        return named_labels(signal)[0].astype(object)
    names = np.array([str(name) for name in process.tolist()], dtype=object)
    both = set(names[is_signal]) & set(names[~is_signal])
    for name in both:
        for kind, own in (("signal", is_signal), ("background", ~is_signal)):
            names[(names == name) & own] = f"{name} ({kind})"
    return names


def _display(signal: SignalEvents, limit: float) -> StackedDiscriminantDisplay:
    found, codes = np.unique(process_names(signal), return_inverse=True)
    names = np.asarray(figure_texts(found.tolist()), dtype=object)[codes]
    own = signal.weights[signal.is_signal].sum()
    return StackedDiscriminantDisplay.from_predictions(
        signal.is_signal,
        signal.scores,
        sample_weight=signal.weights,
        process=names,
        data=signal.data_scores,
        blind=None if np.isinf(limit) else limit,
        log=bool(own < _SMALL_SHARE * signal.weights.sum()),
        pos_label=True,
    )


def _bins(display: StackedDiscriminantDisplay) -> list[dict[str, Any]]:
    stacked: dict[str, WeightedHistogram] = {**display.signals, **display.backgrounds}
    edges = next(iter(stacked.values())).edges.tolist()
    edges[0], edges[-1] = -np.inf, np.inf
    found = []
    for k in range(len(edges) - 1):
        observed = None
        if display.data is not None and np.isfinite(display.data[k]):
            observed = int(display.data[k])
        parts = {
            name: measured(h.content[k], h.error[k]) for name, h in stacked.items()
        }
        total = measured(
            sum(part["value"] for part in parts.values()),
            np.sqrt(sum(part["error"] ** 2 for part in parts.values())),
        )
        found.append(
            {
                "low": edges[k],
                "high": edges[k + 1],
                "expected": total,
                "observed": observed,
                "processes": parts,
            }
        )
    return found


def _row(entry: dict[str, Any]) -> list[str]:
    observed = entry["observed"]
    return [
        f"{number(entry['low'])} to {number(entry['high'])}",
        with_error(**entry["expected"]),
        "hidden" if observed is None else number(observed),
    ]


def _alt(
    signal: SignalEvents, display: StackedDiscriminantDisplay, limit: float
) -> str:
    names = process_names(signal)
    yields = ", ".join(
        f"{name} {with_error(**selected_yield(signal.weights[names == name]))}"
        for name in np.unique(names)
    )
    text = f"Stacked distribution of the score, in events: {yields}."
    if display.data is None:
        return text
    seen = number(float(np.nansum(display.data)))
    where = "" if np.isinf(limit) else f" below a score of {number(limit)}"
    return f"{text} Observed{where}: {seen} events."


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
