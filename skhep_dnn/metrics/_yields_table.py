"""How many events of each process are expected at each working point, with errors."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._signal_label import resolve_pos_label
from skhep_dnn.metrics._confusion import share_error
from skhep_dnn.metrics._process_events import processes_of_classes
from skhep_dnn.metrics._scan import WorkingPoint
from skhep_dnn.weights._class_sums import check_events

__all__ = ["YieldsTable", "yields_table"]

FloatArray = NDArray[np.float64]
Cut = float | WorkingPoint
Content = Literal["yields", "efficiencies", "n_eff"]

_ALL = "all events"
_SUM = ' class="sum"'
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


@dataclass(frozen=True, eq=False)
class YieldsTable:
    """Yields of each process at each working point, with Monte Carlo errors.

    Made by `yields_table`. `print` shows it, `to_frame` gives all numbers, and
    `to_html` and `to_latex` a table for a page or a paper, in which whatever is in the
    names of processes is text.

    Attributes
    ----------
    processes : list of str
        Names of the rows: signal processes, then "signal", background processes, then
        "background". A sum of one process alone is left out if it has that name.
    kinds : list of str
        "signal" or "background" for each row.
    is_sum : ndarray of shape (n_rows,), dtype bool
        Which rows are sums over all processes of a class.
    selections : list of str
        Names of the working points, from "all events" on.
    thresholds : ndarray of shape (n_selections,)
        Events with a score at or above it are selected; -inf selects all.
    yields, sum_w2 : ndarray of shape (n_rows, n_selections)
        Sums of weights, in events, and of squared weights, in events squared.
    n_events : ndarray of shape (n_rows, n_selections)
        Numbers of simulated events, unweighted.

    See Also
    --------
    skhep_dnn.inspection.YieldsTableDisplay : The table as a figure.

    Examples
    --------
    >>> from skhep_dnn.metrics import yields_table
    >>> table = yields_table(
    ...     ["b", "b", "b", "s"],
    ...     [0.1, 0.7, 0.8, 0.9],
    ...     [40.0, 9.0, 12.0, 0.5],
    ...     thresholds={"tight": 0.6},
    ...     process=["Z", "Z", "t_t", "H"],
    ... )
    >>> print(table)
                all events        tight
    H          0.50 ± 0.50  0.50 ± 0.50
    signal     0.50 ± 0.50  0.50 ± 0.50
    Z              49 ± 41    9.0 ± 9.0
    t_t            12 ± 12      12 ± 12
    background     61 ± 43      21 ± 15
    """

    processes: list[str]
    kinds: list[str]
    is_sum: NDArray[np.bool_]
    selections: list[str]
    thresholds: FloatArray
    yields: FloatArray
    sum_w2: FloatArray
    n_events: NDArray[np.int64]

    @property
    def error(self) -> FloatArray:
        """Monte Carlo errors of the yields, in events."""
        return np.sqrt(self.sum_w2)

    @property
    def n_eff(self) -> FloatArray:
        """Numbers of effective events; 0 without events."""
        n_eff = np.zeros(self.yields.shape)
        return np.divide(self.yields**2, self.sum_w2, out=n_eff, where=self.sum_w2 > 0)

    @property
    def efficiency(self) -> FloatArray:
        """Yields over those of all events; nan where the latter are not above 0."""
        share = np.full(self.yields.shape, np.nan)
        total = np.broadcast_to(self.yields[:, :1], share.shape)
        return np.divide(self.yields, total, out=share, where=total > 0)

    @property
    def efficiency_error(self) -> FloatArray:
        """Monte Carlo errors of the efficiencies, of a part of a whole."""
        shape = self.yields.shape
        return share_error(
            self.efficiency,
            self.sum_w2,
            np.broadcast_to(self.sum_w2[:, :1], shape),
            np.broadcast_to(self.yields[:, :1], shape),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return all numbers with a row for each process and working point.

        Returns
        -------
        frame : pandas.DataFrame
            Columns "selection", "threshold", "process", "kind", "is_sum", "yield",
            "error", "n_eff", "n_events", "efficiency" and "efficiency_error".
        """
        n_rows, n_selections = self.yields.shape
        numbers = {
            "yield": self.yields,
            "error": self.error,
            "n_eff": self.n_eff,
            "n_events": self.n_events,
            "efficiency": self.efficiency,
            "efficiency_error": self.efficiency_error,
        }
        return pd.DataFrame(
            {
                "selection": np.repeat(np.array(self.selections, dtype=object), n_rows),
                "threshold": np.repeat(self.thresholds, n_rows),
                "process": self.processes * n_selections,
                "kind": self.kinds * n_selections,
                "is_sum": np.tile(self.is_sum, n_selections),
                **{name: values.T.ravel() for name, values in numbers.items()},
            }
        )

    def cells(self, content: Content = "yields") -> NDArray[np.str_]:
        """Return the rounded numbers as texts, with two digits of the error.

        Parameters
        ----------
        content : {"yields", "efficiencies", "n_eff"}, default="yields"
            Yields in events, efficiencies in per cent, each with its error, or numbers
            of effective events.

        Returns
        -------
        cells : ndarray of str of shape (n_rows, n_selections)

        Raises
        ------
        ValueError
            If `content` is unknown.
        """
        if content == "n_eff":
            return np.array([[_spaced(x, 0) for x in row] for row in self.n_eff])
        if content == "yields":
            values, errors = self.yields, self.error
        elif content == "efficiencies":
            values, errors = 100.0 * self.efficiency, 100.0 * self.efficiency_error
        else:
            msg = (
                "`content` must be 'yields', 'efficiencies' or 'n_eff', got "
                f"{content!r}. Choose one of them."
            )
            raise ValueError(msg)
        return np.array(
            [
                [_cell(*pair) for pair in zip(*row, strict=True)]
                for row in zip(values.tolist(), errors.tolist(), strict=True)
            ]
        )

    def to_html(self, content: Content = "yields") -> str:
        """Return the table in HTML, with names escaped.

        Parameters
        ----------
        content : {"yields", "efficiencies", "n_eff"}, default="yields"
            As in `cells`.

        Returns
        -------
        text : str
            A table of class "yields", whose sums are rows of class "sum".
        """
        head = "".join(
            f'<th scope="col">{html.escape(s)}</th>' for s in self.selections
        )
        rows = [
            f"<tr{' class=' + chr(34) + 'sum' + chr(34) if is_sum else ''}>"
            f'<th scope="row">{html.escape(name)}</th>'
            + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
            + "</tr>"
            for name, cells, is_sum in zip(
                self.processes, self.cells(content), self.is_sum, strict=True
            )
        ]
        return "\n".join(
            [
                '<table class="yields">',
                f'<thead><tr><th scope="col">process</th>{head}</tr></thead>',
                "<tbody>",
                *rows,
                "</tbody>",
                "</table>",
            ]
        )

    def to_latex(self, content: Content = "yields") -> str:
        r"""Return the table in LaTeX, with names escaped.

        Parameters
        ----------
        content : {"yields", "efficiencies", "n_eff"}, default="yields"
            As in `cells`.

        Returns
        -------
        text : str
            A `tabular` with the rules of the package ``booktabs``.
        """
        head = " & ".join(["process", *(f"{_latex(s)}" for s in self.selections)])
        lines = [
            rf"\begin{{tabular}}{{l{'r' * len(self.selections)}}}",
            r"\toprule",
            rf"{head} \\",
            r"\midrule",
        ]
        last = len(self.processes) - 1
        for k, cells in enumerate(self.cells(content)):
            numbers = [_latex_number(cell) for cell in cells]
            lines.append(" & ".join([_latex(self.processes[k]), *numbers]) + r" \\")
            if k < last and self.kinds[k + 1] != self.kinds[k]:
                lines.append(r"\midrule")
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])

    def __str__(self) -> str:
        """Return the yields as a table of text."""
        names = ["", *self.processes]
        columns = [
            [name, *column]
            for name, column in zip(self.selections, self.cells().T, strict=True)
        ]
        width = max(map(len, names))
        widths = [max(map(len, column)) for column in columns]
        return "\n".join(
            name.ljust(width)
            + "".join(
                "  " + column[k].rjust(w)
                for column, w in zip(columns, widths, strict=True)
            )
            for k, name in enumerate(names)
        )


def yields_table(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    thresholds: Cut | Sequence[Cut] | Mapping[str, Cut] | None = None,
    process: ArrayLike | None = None,
    pos_label: object = None,
) -> YieldsTable:
    """Yields of each process above thresholds on the score, with Monte Carlo errors.

    Weights are taken as they are; scale those of a test sample to the full yields
    first, by `skhep_dnn.weights.scale_to_yields`.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes, or of more with `pos_label`.
    y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
        Scores, or of more than two classes `predict_proba`, of which the sum over the
        signal classes is the score.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, in events, negative ones too; None counts every event once.
    thresholds : float, WorkingPoint, or sequence or mapping of them, default=None
        Cuts: events with a score at or above it are selected. The keys of a mapping
        are their names. None, and the first column in any case, selects all events.
    process : array-like of shape (n_samples,), default=None
        Name of the process of each event; None has a row for each class.
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes; None takes the larger one
        of two.

    Returns
    -------
    table : YieldsTable

    Raises
    ------
    ValueError
        If labels, scores or processes cannot be used, a process has events of both
        classes or a threshold is nan.
    WeightsError
        If the weights of a class do not sum to more than 0.

    Warns
    -----
    AssumedSignalWarning
        If `pos_label` is None and the labels are texts that do not say which of them
        is the signal.

    See Also
    --------
    significance_scan : Finds working points.
    skhep_dnn.inspection.YieldsTableDisplay : The table as a figure.

    Examples
    --------
    >>> from skhep_dnn.metrics import yields_table
    >>> table = yields_table(
    ...     ["b", "b", "b", "s"], [0.1, 0.7, 0.8, 0.9], thresholds=[0.75]
    ... )
    >>> table.to_frame()[["selection", "process", "yield", "error", "efficiency"]]
           selection     process  yield     error  efficiency
    0     all events      signal    1.0  1.000000    1.000000
    1     all events  background    3.0  1.732051    1.000000
    2  score >= 0.75      signal    1.0  1.000000    1.000000
    3  score >= 0.75  background    1.0  1.000000    0.333333
    """
    pos_label = resolve_pos_label(y_true, pos_label)
    is_signal, scores, weights = check_events(y_true, y_score, sample_weight, pos_label)
    names, of_class = processes_of_classes(is_signal, weights, process)
    selections = {_ALL: -math.inf} | _named_thresholds(thresholds)
    rows, kinds, is_sum, members = [], [], [], []
    for kind, in_class in (("signal", is_signal), ("background", ~is_signal)):
        own = [(name, False, names == name) for name in of_class[kind]]
        if of_class[kind] != [kind]:
            own.append((kind, True, in_class))
        rows += [name for name, _, _ in own]
        is_sum += [total for _, total, _ in own]
        members += [events for _, _, events in own]
        kinds += [kind] * len(own)
    selected = np.array([scores >= cut for cut in selections.values()])

    def sums(values: FloatArray) -> FloatArray:
        return np.array([selected[:, own] @ values[own] for own in members])

    return YieldsTable(
        processes=rows,
        kinds=kinds,
        is_sum=np.array(is_sum),
        selections=list(selections),
        thresholds=np.array(list(selections.values())),
        yields=sums(weights),
        sum_w2=sums(np.square(weights)),
        n_events=sums((weights != 0.0).astype(np.float64)).astype(np.int64),
    )


def _named_thresholds(
    thresholds: Cut | Sequence[Cut] | Mapping[str, Cut] | None,
) -> dict[str, float]:
    if thresholds is None:
        return {}
    if isinstance(thresholds, Mapping):
        named: Mapping[Any, float] = {
            str(name): _threshold(cut) for name, cut in thresholds.items()
        }
    else:
        several = isinstance(thresholds, Sequence | np.ndarray)
        given: Any = thresholds if several else [thresholds]
        cuts = [_threshold(cut) for cut in given]
        named = {f"score >= {cut:.4g}": cut for cut in cuts}
        if len(named) < len(cuts):
            named = {f"score >= {cut!r}": cut for cut in cuts}
    if _ALL in named:
        msg = (
            f"`thresholds` must not be called {_ALL!r}, got it as a name: it is the "
            "first column. Choose another name."
        )
        raise ValueError(msg)
    return dict(named)


def _threshold(cut: Cut) -> float:
    value = float(getattr(cut, "threshold", cut))  # type: ignore[arg-type]
    if math.isnan(value):
        msg = (
            "`thresholds` must be numbers, got nan, which is what a choice of a cut "
            "returns where no cut is admissible. Choose another cut, or leave it out."
        )
        raise ValueError(msg)
    return value


def _cell(value: float, error: float) -> str:
    """Return value and error with two digits of the error, or what is left of it."""
    if math.isnan(value):
        return "undefined"
    if not error > 0.0:
        return "0" if value == 0.0 else f"{value:.4g}"
    digits = 1 - math.floor(math.log10(error))
    if round(error, digits) >= 10.0 ** (2 - digits):  # 9.96 is 10, not 10.0
        digits -= 1
    places = max(0, digits)
    rounded = (round(number, digits) for number in (value, error))
    return " ± ".join(_spaced(number, places) for number in rounded)


def _spaced(number: float, places: int) -> str:
    return f"{number:,.{places}f}".replace(",", " ")


def _latex(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in text)


def _latex_number(cell: str) -> str:
    """Return a cell as a formula, with thin spaces between thousands."""
    parts = [part.replace(" ", r"\,") for part in cell.split(" ± ")]
    return cell if cell == "undefined" else "$" + r" \pm ".join(parts) + "$"
