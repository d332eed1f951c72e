"""The program of a fitted classifier, with what it must be told about its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._arrays import native_order
from skhep_dnn._tables import native_events, table_column
from skhep_dnn.export._lowering.lowering import (
    Column,
    InputColumn,
    Inputs,
    Lowering,
    Table,
)
from skhep_dnn.export._lowering.rules import SCORE_RULES, TRANSFORM_RULES
from skhep_dnn.export._program.program import DType, Program
from skhep_dnn.model_selection._event_number import check_event_numbers

__all__ = ["InputSpec", "ScoringProgram", "input_values", "scoring_program"]

NUMBERS = ("run", "event")
Precision = Literal["auto", "float32", "float64"]


@dataclass(frozen=True)
class InputSpec:
    """One input of an exported model.

    Attributes
    ----------
    name : str
        Its name.
    dtype : {"float32", "float64", "int64"}
        Kind of its numbers; "int64" of event numbers and of codes of categories.
    column : int or None
        Position in the table of events; None of a number that comes beside it.
    categories : list or None
        Of a column of categories that are no numbers, what its codes 0, 1, ... mean;
        None stands for an undefined value.
    """

    name: str
    dtype: DType
    column: int | None
    categories: list[Any] | None = None


@dataclass(frozen=True)
class ScoringProgram:
    """The program of a fitted classifier.

    Attributes
    ----------
    program : Program
        From the inputs to "probability", of each class, "decision", and, of models of
        folds, "fold".
    inputs : tuple of InputSpec
        What comes in: the columns that are used, in their order, and event numbers.
    classes : list
        Labels of the classes.
    """

    program: Program
    inputs: tuple[InputSpec, ...]
    classes: list[Any]

    @property
    def has_folds(self) -> bool:
        """Whether the event number selects a model."""
        return "fold" in self.program.outputs

    def arrays(
        self, X: Any, event_number: ArrayLike | None = None
    ) -> dict[str, NDArray[Any]]:
        """Return the inputs for some events, each of shape (n_samples, 1).

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            All columns of the model.
        event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Their numbers, where they come beside the table.

        Returns
        -------
        arrays : dict of str to ndarray
        """
        table = native_events(X)
        if not hasattr(table, "shape"):
            table = np.asarray(table)
        numbers: dict[str, NDArray[np.int64]] = {}
        if event_number is not None:
            checked = check_event_numbers(event_number, "event_number")
            numbers = {"run": checked.run, "event": checked.event}
        arrays = {}
        for spec in self.inputs:
            if spec.column is None:
                values: NDArray[Any] = numbers[spec.name]
            else:
                values = input_values(table_column(table, spec.column), spec)
            arrays[spec.name] = values[:, np.newaxis]
        return arrays


def input_values(values: NDArray[Any], spec: InputSpec) -> NDArray[Any]:
    """Return the values of a column as the kind of numbers of an input.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        As they stand in a table.
    spec : InputSpec
        The input.

    Returns
    -------
    numbers : ndarray of shape (n_samples,)
        Of unknown categories the code that follows the last one.
    """
    if spec.categories is not None:
        codes = pd.Index(spec.categories).get_indexer(pd.Index(values))
        if None in spec.categories:
            codes[pd.isna(values)] = spec.categories.index(None)
        codes[codes < 0] = len(spec.categories)  # unknown
        return np.asarray(codes, dtype=np.int64)
    if spec.dtype == "int64":
        return check_event_numbers(values, spec.name).event
    return native_order(values).astype(spec.dtype)


def scoring_program(
    model: Any,
    X: Any,
    *,
    event_number: ArrayLike | None = None,
    dtype: Precision = "auto",
    wide: DType = "float64",
) -> ScoringProgram:
    """Return the program of a fitted classifier.

    Parameters
    ----------
    model : classifier
        Fitted.
    X : DataFrame or ndarray of shape (n_samples, n_features)
        Events with its columns; only their names are looked at.
    event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
        Event numbers, or run and event numbers, where they come beside the table.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Kind of the numbers that come in. "auto" takes float32 where networks alone read
        the columns, as they do in Python, and float64 otherwise.
    wide : {"float64", "float32"}, default="float64"
        Kind of numbers in which probabilities are combined.

    Returns
    -------
    scoring : ScoringProgram

    Raises
    ------
    ExportError
        If a part of the model cannot be exported.
    """
    check_is_fitted(model)
    if dtype == "auto":
        trial = _lowered(model, X, event_number, "float64", wide)
        dtype = "float32" if _reads_float32_alone(trial.program) else "float64"
        if dtype == "float64":
            return trial
    return _lowered(model, X, event_number, dtype, wide)


def _lowered(
    model: Any, X: Any, event_number: ArrayLike | None, dtype: DType, wide: DType
) -> ScoringProgram:
    program = Program("model")
    inputs, beside = Inputs(program, dtype), Inputs(program, "int64")
    n_columns = X.shape[1]
    names = None
    if isinstance(X, pd.DataFrame):
        names = tuple(str(name) for name in X.columns)
    columns = tuple(InputColumn(inputs, i) for i in range(n_columns))
    numbers = _numbers_beside(event_number)
    given: tuple[Column, ...] = tuple(
        InputColumn(beside, i) for i in range(len(numbers))
    )
    lowering = Lowering(SCORE_RULES, TRANSFORM_RULES, wide, given)
    scores = lowering.scores(model, Table(program, columns, names))
    program.outputs |= {
        "probability": scores.probability,
        "decision": scores.decision,
    }
    if scores.fold is not None:
        program.outputs["fold"] = scores.fold
    shown = dict(enumerate(names or [f"x{i}" for i in range(n_columns)]))
    used = inputs.declare(shown)
    specs = [
        InputSpec(shown[i], program.inputs[shown[i]].dtype, i, inputs.categories.get(i))
        for i in used
    ]
    if scores.fold is not None and beside.used:
        told = {i: _free(name, shown.values()) for i, name in enumerate(numbers)}
        specs += [InputSpec(told[i], "int64", None) for i in beside.declare(told)]
    classes = np.asarray(model.classes_).tolist()
    return ScoringProgram(program.simplify(), tuple(specs), classes)


def _numbers_beside(event_number: ArrayLike | None) -> tuple[str, ...]:
    if event_number is None:
        return ()
    return NUMBERS if np.ndim(event_number) == 2 else NUMBERS[1:]


def _free(name: str, taken: Any) -> str:
    return f"{name}_number" if name in taken else name


def _reads_float32_alone(program: Program) -> bool:
    """Tell whether all numbers that come in are made float32 before anything else."""
    coming = {v for v in program.inputs.values() if v.dtype == "float64"}
    for step in program.steps:
        if not coming.intersection(step.inputs):
            continue
        if step.operation in ("concatenate", "take"):
            coming.update(step.outputs)
        elif step.operation == "switch":
            if not all(_reads_float32_alone(p) for p in step.attributes["programs"]):
                return False
        elif step.operation != "cast" or step.outputs[0].dtype != "float32":
            return False
    return True
