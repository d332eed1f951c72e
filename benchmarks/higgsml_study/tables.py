"""Figures of the study averaged over repeats, with two errors; and tables of them.

The error of a value is that of other events of the same kind (bootstrap), which
dominates it; all rows have it in common. The error of a difference to the baseline is
that of the same bootstrap replicas for both rows (paired). Beside either stands the
standard error over the repeats, which are other trainings (and in the challenge's split
other validation events); it needs two repeats. The cut of a repeat is the same in all
replicas. Times are ratios to the baseline within each fit of the same events, with the
standard error over folds and repeats.
"""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.higgsml_study.metrics import FIGURES

__all__ = ["Row", "as_json", "frame_of", "markdown", "summary_of", "write_tables"]

DIGITS = {"AUC": 4, "log-loss": 4}


@dataclass(frozen=True, eq=False)
class Row:
    """One row of the study.

    Attributes
    ----------
    measured : list of Measured
        Its figures of each repeat.
    seconds, ratios : dict of str to ndarray
        Times of "training" and "inference" of each fit, and relative to the baseline.
    """

    measured: list
    seconds: dict
    ratios: dict

    @property
    def names(self):
        """Names of the figures, in the order of the columns."""
        return [name for name in FIGURES if name in self.measured[0].results]

    def values(self, figure):
        """Return the value of each repeat."""
        return np.array([m.results[figure].value for m in self.measured])

    def replicas(self, figure):
        """Return the replicas, averaged over the repeats."""
        return np.mean([m.results[figure].replicas for m in self.measured], axis=0)

    def difference(self, other, figure):
        """Return the difference to another row with paired error, and over repeats."""
        values = self.values(figure) - other.values(figure)
        replicas = self.replicas(figure) - other.replicas(figure)
        return values.mean(), np.nanstd(replicas, ddof=1), standard_error(values)

    def gain(self, other, figure):
        """Return the relative gain on another row, in percent, with paired error."""
        sign = -100.0 if figure == "log-loss" else 100.0
        value, reference = self.values(figure).mean(), other.values(figure).mean()
        ratio = value / reference
        replicas = self.replicas(figure) - ratio * other.replicas(figure)
        error = 100.0 * np.nanstd(replicas, ddof=1) / reference  # to first order
        return sign * (ratio - 1.0), error


def standard_error(values):
    """Return the standard error of a mean; nan for a single value."""
    n = len(values)
    return float(np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else float("nan")


def summary_of(rows, parents):
    """Return all numbers of the study by row and figure."""
    return {
        name: _row_summary(row, rows["baseline"], parents.get(name), rows)
        for name, row in rows.items()
    }


def _row_summary(row, baseline, parent, rows):
    figures = {figure: _figure_summary(row, baseline, figure) for figure in row.names}
    if parent in rows:
        for figure, content in figures.items():
            gain = row.gain(rows[parent], figure)
            content["gain upon, %"], content["gain error, %"] = gain
    times = {
        f"{phase} time": {
            "value": ratios.mean(),
            "error": standard_error(ratios),
            "seconds": row.seconds[phase].mean(),
        }
        for phase, ratios in row.ratios.items()
    }
    return {
        "upon": parent if parent in rows else None,
        **figures,
        **times,
        "sub-samples": [m.n_subsamples for m in row.measured],
        "background n_eff": [round(m.n_eff, 1) for m in row.measured],
    }


def _figure_summary(row, baseline, figure):
    values = row.values(figure)
    difference, paired, over_repeats = row.difference(baseline, figure)
    return {
        "value": values.mean(),
        "error": np.nanstd(row.replicas(figure), ddof=1),
        "error over repeats": standard_error(values),
        "difference": difference,
        "paired error": paired,
        "difference over repeats": over_repeats,
    }


def frame_of(summary):
    """Return the numbers as a table with one column for each of them."""
    flat = {
        name: {
            f"{figure} {part}" if part else figure: number
            for figure, content in row.items()
            for part, number in _parts(content)
        }
        for name, row in summary.items()
    }
    return pd.DataFrame.from_dict(flat, orient="index").rename_axis("row")


def _parts(content):
    if isinstance(content, dict):
        return content.items()
    if isinstance(content, list):
        content = " ".join(f"{number:g}" for number in content)
    return [("", content)]


def markdown(summary):
    """Return three tables: values, differences to the baseline, and relative gains."""
    figures = [name for name in FIGURES if name in summary["baseline"]]
    tables = (_values, _differences, _gains)
    return "\n\n".join("\n".join(table(summary, figures)) for table in tables)


def _values(summary, figures):
    times = ["training time", "inference time"]
    yield from _head(["value ± events", *figures, "sub-samples", "n_eff", *times])
    for name, row in summary.items():
        cells = [_plus_minus(row[f], "value", "error", _digits(f)) for f in figures]
        cells.append(_span(row["sub-samples"]))
        cells.append(f"{np.mean(row['background n_eff']):.0f}")
        cells += [_plus_minus(row[time], "value", "error", 2) for time in times]
        yield _line([name, *cells])


def _differences(summary, figures):
    yield from _head(["minus baseline ± paired (repeats)", *figures])
    for name, row in summary.items():
        if name != "baseline":
            yield _line([name, *(_difference(row[f], _digits(f)) for f in figures)])


def _gains(summary, figures):
    yield from _head(["relative gain, %", "upon", *figures])
    for name, row in summary.items():
        if row["upon"] is not None:
            cells = [
                _plus_minus(row[f], "gain upon, %", "gain error, %", 2, "+")
                for f in figures
            ]
            yield _line([name, row["upon"], *cells])


def _head(cells):
    return _line(cells), _line(["---"] * len(cells))


def _digits(figure):
    return DIGITS.get(figure, 3)


def _line(cells):
    return f"| {' | '.join(cells)} |"


def _span(numbers):
    low, high = min(numbers), max(numbers)
    return f"{low}" if low == high else f"{low}-{high}"


def _plus_minus(content, value, error, digits, sign=""):
    text = f"{content[value]:{sign}.{digits}f}"
    if np.isfinite(content[error]):
        text += f" ± {content[error]:.{digits}f}"
    return text


def _difference(content, digits):
    text = _plus_minus(content, "difference", "paired error", digits, "+")
    over_repeats = content["difference over repeats"]
    return f"{text} ({over_repeats:.{digits}f})" if np.isfinite(over_repeats) else text


def as_json(content):
    """Return numbers in nested dictionaries as one line; null where undefined."""
    return json.dumps(_defined(content), allow_nan=False)


def _defined(content):
    if isinstance(content, dict):
        return {key: _defined(part) for key, part in content.items()}
    if isinstance(content, float):  # numpy's, too
        return float(content) if np.isfinite(content) else None
    return content


def write_tables(summary, folder):
    """Write the numbers as `study.json`, `study.csv` and `study.md`."""
    (folder / "study.json").write_text(as_json(summary) + "\n", encoding="utf-8")
    frame_of(summary).to_csv(folder / "study.csv")
    (folder / "study.md").write_text(markdown(summary) + "\n", encoding="utf-8")
