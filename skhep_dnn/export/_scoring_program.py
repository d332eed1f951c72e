"""The program of a fitted classifier, with what it must be told about its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._messages import shown
from skhep_dnn._tables import plain_table
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._lowering.cuts import (
    cut_label,
    cut_response,
    is_selected,
    score_of_signal,
    signal_score,
)
from skhep_dnn.export._lowering.lowering import (
    Column,
    InputColumn,
    Inputs,
    Lowering,
    Scores,
    Table,
)
from skhep_dnn.export._lowering.rules import REASONS, SCORE_RULES, TRANSFORM_RULES
from skhep_dnn.export._model_inputs import VECTOR, InputSpec, input_arrays
from skhep_dnn.export._program.program import DType, Program, Step, Value
from skhep_dnn.export._scored_by import layers
from skhep_dnn.model_selection import SignificanceThresholdClassifier

__all__ = [
    "Cut",
    "Precision",
    "ResponseMethod",
    "ScoringProgram",
    "scoring_program",
]

NUMBERS = ("run", "event")
Precision = Literal["auto", "float32", "float64"]
ResponseMethod = Literal["predict_proba", "decision_function"]


@dataclass(frozen=True)
class Cut:
    """Which events are selected: those whose score is not below a threshold.

    Attributes
    ----------
    threshold : float
        The smallest score of a selected event.
    response_method : {"predict_proba", "decision_function"}
        What the score is.
    """

    threshold: float
    response_method: ResponseMethod = "predict_proba"


@dataclass(frozen=True)
class ScoringProgram:
    """The program of a fitted classifier.

    Attributes
    ----------
    program : Program
        From the inputs to "probability", of each class, "decision", "label", the
        position of the class that is predicted, of models of folds "fold", and with a
        cut "selected".
    inputs : tuple of InputSpec
        What comes in: the columns that are used, in their order, and event numbers.
    classes : list
        Labels of the classes.
    signal : tuple of int
        Positions of the signal among them; none of several classes without one.
    cut : Cut or None
        Which events are selected.
    as_vector : bool
        Whether all columns come in as one vector.
    """

    program: Program
    inputs: tuple[InputSpec, ...]
    classes: list[Any]
    signal: tuple[int, ...]
    cut: Cut | None
    as_vector: bool = False

    @property
    def has_folds(self) -> bool:
        """Whether the event number selects a model."""
        return "fold" in self.program.outputs

    def arrays(
        self, X: Any, event_number: ArrayLike | None = None
    ) -> dict[str, NDArray[Any]]:
        """Return the inputs for some events.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Their numbers, where they come beside the table.

        Returns
        -------
        arrays : dict of str to ndarray of shape (n_samples, size)
        """
        arrays = input_arrays(self.inputs, plain_table(X), event_number)
        if self.as_vector:
            return {VECTOR: np.concatenate(list(arrays.values()), axis=1)}
        return arrays


def scoring_program(
    model: Any,
    X: Any,
    *,
    event_number: ArrayLike | None = None,
    cut: Cut | None = None,
    pos_label: Any = None,
    dtype: Precision = "auto",
    wide: DType = "float64",
    as_vector: bool = False,
) -> ScoringProgram:
    """Return the program of a fitted classifier.

    Parameters
    ----------
    model : classifier
        Fitted.
    X : DataFrame or ndarray of shape (n_samples, n_features)
        Events with its columns; only their names and kinds are looked at.
    event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
        Event numbers, or run and event numbers, where they come beside the table.
    cut : Cut or None, default=None
        Which events are selected; None takes the cut of the classifier, if it has one.
    pos_label : label or list of labels, default=None
        The signal; None takes that of the cut of the classifier, or the second of two
        classes.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Kind of the numbers that come in. "auto" takes float32 where `X` is of float32,
        in which scikit-learn then computes, or where networks alone read the columns,
        and float64 otherwise.
    wide : {"float64", "float32"}, default="float64"
        Kind of numbers in which probabilities are combined.
    as_vector : bool, default=False
        Whether the columns come in as one vector, "events", and codes of categories as
        numbers in it; then no "label" and nothing "selected" comes out.

    Returns
    -------
    scoring : ScoringProgram

    Raises
    ------
    ExportError
        If a part of the model cannot be exported.
    """
    check_is_fitted(model)
    options = _Options(event_number, cut, pos_label, wide, as_vector)
    if dtype != "auto":
        return _lowered(model, X, dtype, options)
    trial = _lowered(model, X, "float64", options)
    if not _is_float32(X, trial.inputs) and not _reads_float32_alone(trial.program):
        return trial
    return _lowered(model, X, "float32", options)


class _Options(NamedTuple):
    """What a program is made with; the arguments of `scoring_program`."""

    event_number: ArrayLike | None
    cut: Cut | None
    pos_label: Any
    wide: DType
    as_vector: bool


def _lowered(model: Any, X: Any, dtype: DType, options: _Options) -> ScoringProgram:
    program = Program("model")
    inputs, beside = Inputs(program, dtype), Inputs(program, "int64")
    n_columns = X.shape[1]
    names = None
    if isinstance(X, pd.DataFrame):
        names = tuple(str(name) for name in X.columns)
    columns = tuple(InputColumn(inputs, i) for i in range(n_columns))
    numbers = _numbers_beside(options.event_number)
    given: tuple[Column, ...] = tuple(
        InputColumn(beside, i) for i in range(len(numbers))
    )
    lowering = Lowering(SCORE_RULES, TRANSFORM_RULES, options.wide, given, REASONS)
    scores = lowering.scores(model, Table(program, columns, names))
    classes = np.asarray(model.classes_).tolist()
    cutting = _what_cuts(model)
    is_signal = _signal_classes(cutting, classes, options.pos_label)
    cut, selected = _selection(cutting, scores, is_signal, options.cut)
    program.outputs["probability"] = scores.probability
    program.outputs["decision"] = scores.decision
    if scores.fold is not None:
        program.outputs["fold"] = scores.fold
    if not options.as_vector:
        program.outputs |= _labels(scores, is_signal, cut, selected)
    known = dict(enumerate(names or [f"x{i}" for i in range(n_columns)]))
    if options.as_vector:
        specs = _declared_as_vector(inputs, known)
    else:
        specs = [
            InputSpec(
                known[i], program.inputs[known[i]].dtype, i, inputs.categories.get(i)
            )
            for i in inputs.declare(known)
        ]
    if scores.fold is not None and beside.used:
        told = {i: _free(name, known.values()) for i, name in enumerate(numbers)}
        specs += [InputSpec(told[i], "int64", None) for i in beside.declare(told)]
    signal = tuple(np.flatnonzero(is_signal).tolist())
    return ScoringProgram(
        program.simplify(), tuple(specs), classes, signal, cut, options.as_vector
    )


def _what_cuts(model: Any) -> SignificanceThresholdClassifier | None:
    """Return what has chosen a cut: the classifier, or one that it is made of."""
    for one in layers(model):
        if isinstance(one, SignificanceThresholdClassifier):
            return one
    return None


def _selection(
    cutting: SignificanceThresholdClassifier | None,
    scores: Scores,
    is_signal: NDArray[np.bool_],
    cut: Cut | None,
) -> tuple[Cut | None, Value | None]:
    """Return the cut that is asked for, or that of the classifier, and what passes."""
    if cut is not None:
        if not is_signal.any():
            msg = (
                "`pos_label` must name the signal where there are more than two "
                "classes and a threshold, got None. Pass its label."
            )
            raise ValueError(msg)
        score = score_of_signal(scores, is_signal, cut.response_method)
    elif cutting is not None:
        cut = Cut(float(cutting.best_threshold_), cut_response(cutting))
        score = signal_score(cutting, scores)
    else:
        return None, None
    return cut, is_selected(score, cut.threshold)


def _labels(
    scores: Scores,
    is_signal: NDArray[np.bool_],
    cut: Cut | None,
    selected: Value | None,
) -> dict[str, Value]:
    """Return the most probable class, by the cut if there is one, and what passes."""
    if cut is None or selected is None:
        return {"label": scores.probability.program.argmax(scores.probability)}
    label = cut_label(scores, is_signal, selected, cut.response_method)
    return {"label": label, "selected": selected}


def _signal_classes(
    cutting: SignificanceThresholdClassifier | None, classes: list[Any], pos_label: Any
) -> NDArray[np.bool_]:
    """Return which classes are the signal: none of several where none is named."""
    if pos_label is None:
        if cutting is not None:
            return np.isin(classes, cutting._signal)
        return np.arange(len(classes)) == (1 if len(classes) == 2 else -1)
    named = pos_label if isinstance(pos_label, list | tuple) else [pos_label]
    is_signal = np.array([label in named for label in classes])
    if is_signal.sum() != len(named) or is_signal.all():
        msg = (
            f"`pos_label` must be one of the classes {shown(classes)}, or some but not "
            f"all of them, got {shown(pos_label)}. Correct it."
        )
        raise ValueError(msg)
    return is_signal


def _declared_as_vector(inputs: Inputs, names: Mapping[int, str]) -> list[InputSpec]:
    """Make one vector the input of the program, of which the columns are taken."""
    program, keys = inputs.program, sorted(inputs.used)
    columns = sorted({column for column, _ in keys})
    events = program.input(VECTOR, len(columns), inputs.dtype)
    for column, dtype in keys:
        value = inputs.used[column, dtype]
        place = {"positions": np.array([columns.index(column)])}
        number = value
        if dtype == "int64":
            if column not in inputs.categories:
                msg = (
                    "Event numbers must not come in as numbers of another kind, got "
                    f'{names[column]!r}. Leave the profile at "full".'
                )
                raise ExportError(msg)
            number = Value(program, 1, inputs.dtype)
            program.steps.insert(0, Step("cast", (number,), (value,)))
        program.steps.insert(0, Step("take", (events,), (number,), place))
    return [
        InputSpec(names[i], inputs.dtype, i, inputs.categories.get(i)) for i in columns
    ]


def _is_float32(X: Any, inputs: Sequence[InputSpec]) -> bool:
    """Tell whether all columns that come in as numbers are of float32."""
    if not isinstance(X, pd.DataFrame):
        return bool(X.dtype == np.float32)
    kinds = list(X.dtypes)
    return all(
        kinds[spec.column] == np.float32
        for spec in inputs
        if spec.column is not None and spec.dtype == "float64"
    )


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
