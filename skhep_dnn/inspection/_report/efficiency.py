"""Does the cut on the score prefer some values of a column, and sculpt a mass, say."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn._tables import column_position
from skhep_dnn.inspection._efficiency import EfficiencyDisplay
from skhep_dnn.inspection._report.columns import (
    missing_value,
    numbers_of,
    some_rows,
    taken,
)
from skhep_dnn.inspection._report.events import SignalEvents
from skhep_dnn.inspection._report.figures_of_signal import figure_names, named_labels
from skhep_dnn.inspection._report.images import drawn_picture, figure_text
from skhep_dnn.inspection._report.measures import Quoted, measured
from skhep_dnn.inspection._report.numbers import number, with_error
from skhep_dnn.inspection._report.page import Section, figures, paragraph, table
from skhep_dnn.metrics import BinnedEfficiency, separation_power

__all__ = ["efficiency_section"]

BoolArray = NDArray[np.bool_]


def efficiency_section(quoted: Quoted) -> Section | None:
    """Return efficiencies against columns; None without a cut or columns of numbers."""
    selected = quoted.selected
    if selected is None:
        return None
    columns = _columns(quoted.signal)
    if not columns:
        return None
    shown, rows, values = [], [], {}
    for name, column in columns.items():
        html, display = _picture(quoted, selected, name, column)
        shown.append(html)
        values[name] = {k: _numbers(e) for k, e in display.efficiency.items()}
        for kind, entry in values[name].items():
            cells = (with_error(**entry["efficiency"]), with_error(**entry["spread"]))
            rows.append([name, kind, *cells, f"{entry['p_value']:.2g}"])
    html = paragraph(
        "The spread is by how much the efficiency of the cut varies over the events of "
        "a class, noise subtracted; the p-value is that of a flat efficiency. Where "
        "the background spreads, the cut sculpts the column."
    )
    header = ("column", "class", "efficiency", "spread", "p-value of a flat one")
    html += table(header, rows) + figures(shown)
    return Section("efficiency", "Efficiency against columns", html, values)


def _columns(signal: SignalEvents) -> dict[str, Any]:
    """Return the chosen columns, or the one that separates best on some events."""
    sample = signal.sample
    wanted = sample.options.variables
    if wanted is not None:
        names = sample.test.columns
        places = [column_position(v, names, len(names), "variables") for v in wanted]
        chosen = [names[k] for k in places]
    else:
        rows = some_rows(signal)
        powers = {
            name: separation_power(
                signal.is_signal[rows],
                column,
                signal.weights[rows],
                pos_label=True,
                n_replicas=2,
                random_state=0,
            ).value
            for name, column in numbers_of(taken(sample.test.X, rows)).items()
        }
        chosen = [max(powers, key=lambda name: powers[name])] if powers else []
    known = numbers_of(sample.test.X, chosen)
    missing = [name for name in chosen if name not in known]
    if missing:
        msg = (
            f"`variables` must name columns of numbers, got {missing[0]!r}. Name "
            "others, or leave it out."
        )
        raise ValueError(msg)
    return known


def _picture(
    quoted: Quoted, selected: BoolArray, name: str, column: Any
) -> tuple[str, EfficiencyDisplay]:
    signal = quoted.signal

    def draw() -> EfficiencyDisplay:
        display = EfficiencyDisplay.from_predictions(
            named_labels(signal)[0],
            # The cut may differ between the halves: on which side of its own?
            np.where(selected, 1.0, -1.0),
            column,
            threshold=0.0,
            sample_weight=signal.weights,
            missing_values=missing_value(signal.sample),
            pos_label=figure_names(signal)[1],
            name=figure_text(name),
        )
        legend = display.ax_.get_legend()
        if legend is not None:
            legend.set_title(f"score $\\geq$ {quoted.cut}")
        return display

    return drawn_picture(
        draw,
        alt=lambda shown: (
            f"Efficiency of the cut against {name}: "
            + "; ".join(
                f"{kind} {with_error(e.total, e.total_error)}, p-value of a flat one "
                f"{number(e.p_value)}"
                for kind, e in shown.efficiency.items()
            )
        ),
        caption=f"Efficiency of the cut against {name}, and the background before and "
        "after the cut.",
    )


def _numbers(efficiency: BinnedEfficiency) -> dict[str, Any]:
    return {
        "efficiency": measured(efficiency.total, efficiency.total_error),
        "spread": measured(efficiency.spread, efficiency.spread_error),
        "p_value": efficiency.p_value,
        "edges": efficiency.edges,
        "in_bins": efficiency.efficiency,
        "errors_in_bins": efficiency.error,
    }
