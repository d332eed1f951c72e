"""Models of folds: the fold of an event by its number, and the model of that fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._lowering.lowering import (
    Column,
    InputColumn,
    Inputs,
    Lowering,
    Scores,
    Table,
)
from skhep_dnn.export._lowering.means import mean_scores
from skhep_dnn.export._program.program import DType, Program, Step, Value
from skhep_dnn.model_selection._event_number import ROUND_CONSTANTS, P, Q
from skhep_dnn.model_selection._event_number_kfold import EventNumberKFold

__all__ = ["cross_fit_scores", "fold_of_event", "number_columns"]


def cross_fit_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted `CrossFitClassifier` says of an event."""
    inputs, numbers = number_columns(lowering, model, table)
    if model.combine_ == "mean":
        parts_of_mean = [lowering.scores(one, inputs) for one in model.estimators_]
        return mean_scores(lowering, parts_of_mean, model._models.response)
    fold = fold_of_event(model.cv_, numbers)
    kinds = {column.dtype for column in inputs.columns}
    dtype: DType = kinds.pop() if len(kinds) == 1 else "float64"
    parts = []
    for k, estimator in enumerate(model.estimators_):
        part = Inputs(Program(f"fold_{k}"), dtype)
        columns = tuple(
            InputColumn(part, i, column.exact)
            for i, column in enumerate(inputs.columns)
        )
        own = Table(part.program, columns, inputs.names)
        scores = lowering.scores(estimator, own)
        part.program.outputs["probability"] = scores.probability
        part.program.outputs["decision"] = scores.decision
        parts.append(part)
    arguments = _hand_over(inputs, parts)
    programs = [part.program.simplify() for part in parts]
    probability, decision = table.program.switch(fold, programs, arguments)
    return Scores(probability, decision, fold)


def number_columns(
    lowering: Lowering, model: Any, table: Table
) -> tuple[Table, tuple[Column, ...]]:
    """Return what the models of the folds see, and the columns of the numbers.

    Parameters
    ----------
    lowering : Lowering
        Knows the numbers that come in beside the table.
    model : CrossFitClassifier
        Fitted.
    table : Table
        All columns.

    Returns
    -------
    inputs : Table
        The columns without those of the numbers.
    numbers : tuple of Column
        Of event numbers, or of run and event numbers; empty if there are none.
    """
    if model.event_number is None:
        return table, lowering.event_number
    given = model.event_number
    given = [given] if isinstance(given, (int, str)) else list(given)
    positions = [table.positions([column], "event_number")[0] for column in given]
    return table.without(positions), tuple(table.columns[i] for i in positions)


def fold_of_event(rule: EventNumberKFold, numbers: tuple[Column, ...]) -> Value:
    """Return the fold of an event, as `EventNumberKFold.fold_numbers` does.

    Parameters
    ----------
    rule : EventNumberKFold
        The folds.
    numbers : tuple of Column
        Of event numbers, or of run and event numbers.

    Returns
    -------
    fold : Value
        A whole number.

    Raises
    ------
    ExportError
        If there are no numbers, or the folds are others.
    """
    if not numbers:
        msg = (
            "`event_number` must be passed, which selects the model of an event, got "
            "None. Pass the event numbers of `X`, or run and event numbers."
        )
        raise ExportError(msg)
    whole = [column.whole_number("Event numbers") for column in numbers]
    event, program = whole[-1], whole[-1].program
    if rule.rule == "modulo":
        return event % rule.n_splits
    run = whole[0] if len(whole) == 2 else program.constant([0])
    # As in `event_hash`: every product is below 2**62.
    h: Value = program.constant([rule.salt])
    words: list[Any] = [run % P, run % Q, event % P, event % Q, 0, 0]
    for word, constant in zip(words, ROUND_CONSTANTS, strict=True):
        x = (h + word + constant) % P
        fourth = x * x % P
        fourth = fourth * fourth % P
        h = fourth * x % P
    return h % rule.n_splits


def _hand_over(table: Table, parts: Sequence[Inputs]) -> list[Value]:
    """Return the vectors that the programs of all folds take, one of each kind.

    Each program is told where in them the columns are that it uses.
    """
    categories = {c: known for part in parts for c, known in part.categories.items()}
    keys = sorted({key for part in parts for key in part.used})
    vectors = []
    for dtype in sorted({dtype for _, dtype in keys}):
        columns = [column for column, kind in keys if kind == dtype]
        values = []
        for i in columns:
            column = table.columns[i]
            if dtype != "int64":
                values.append(table.program.cast(column.number, dtype))
            elif i in categories:
                values.append(column.code(categories[i]))
            else:
                values.append(column.whole_number("Whole numbers"))
        vectors.append(table.program.concatenate(values))
        for part in parts:
            x = part.program.input(f"x_{dtype}", len(columns), dtype)
            for place, i in enumerate(columns):
                value = part.used.get((i, dtype))
                if value is not None:
                    positions = {"positions": np.array([place])}
                    part.program.steps.insert(
                        0, Step("take", (x,), (value,), positions)
                    )
    return vectors
