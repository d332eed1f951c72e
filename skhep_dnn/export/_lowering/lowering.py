"""What all rules need that turn a fitted model into a program: tables, scores, a key.

A rule takes a fitted estimator and a table of values, and writes its steps into the
program. Rules call each other through `Lowering`, which knows them all, so that a model
of models is written down from the outside in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn._tables import column_positions
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._lowering.rounding import is_rounded_alike
from skhep_dnn.export._program.program import DType, Program, Step, Value

__all__ = [
    "Column",
    "InputColumn",
    "Inputs",
    "Lowering",
    "MadeColumn",
    "ScoreRule",
    "Scores",
    "Table",
    "TransformRule",
    "qualified",
]


class Inputs:
    """The columns of the table that comes in, each of the kind that is asked for.

    Parameters
    ----------
    program : Program
        Where they come in.
    dtype : {"float32", "float64"}
        Kind of the numbers.

    Attributes
    ----------
    used : dict of (int, str) to Value
        The columns that were asked for, each as numbers, as whole numbers, or both.
    categories : dict of int to list
        The categories of columns that come in as positions among them.
    """

    def __init__(self, program: Program, dtype: DType) -> None:
        self.program = program
        self.dtype = dtype
        self.categories: dict[int, list[Any]] = {}
        self.used: dict[tuple[int, DType], Value] = {}

    def value(self, column: int, dtype: DType) -> Value:
        """Return a column as numbers, or as a whole number."""
        key = (column, dtype)
        if key not in self.used:
            self.used[key] = Value(self.program, 1, dtype)
        return self.used[key]

    def code(self, column: int, categories: list[Any]) -> Value:
        """Return the position of the value of a column among some, which comes in."""
        if self.categories.setdefault(column, categories) != categories:
            msg = (
                "Categories that are no numbers must be the same in all models of one "
                f"file, got two lists for column {column}. Train them on events of all "
                "categories, or code them as numbers."
            )
            raise ExportError(msg)
        return self.value(column, "int64")

    def declare(self, names: Mapping[int, str]) -> list[int]:
        """Make the columns that are used the inputs of the program, in their order.

        Returns
        -------
        columns : list of int
            Those that are used.
        """
        used = sorted({column for column, _ in self.used})
        for column in used:
            whole = self.used.get((column, "int64"))
            number = None
            if self.dtype != "int64":
                number = self.used.get((column, self.dtype))
            coming = whole if whole is not None else self.value(column, self.dtype)
            self.program.inputs[names[column]] = coming
            if whole is not None and number is not None:
                if column in self.categories:
                    msg = (
                        "Categories that are no numbers must not be used as numbers, "
                        f"got both for {names[column]!r}. Code them as numbers."
                    )
                    raise ExportError(msg)
                self.program.steps.insert(0, Step("cast", (whole,), (number,)))
        return used


@dataclass(frozen=True)
class InputColumn:
    """A column of the table that comes in.

    Attributes
    ----------
    inputs : Inputs
        The table.
    position : int
        Which of its columns it is.
    exact : bool
        Whether it has the same bits as in Python.
    """

    inputs: Inputs
    position: int
    exact: bool = True

    @property
    def dtype(self) -> DType:
        """Kind of its numbers."""
        return self.inputs.dtype

    @property
    def number(self) -> Value:
        """Its value, as a number."""
        return self.inputs.value(self.position, self.inputs.dtype)

    def whole_number(self, purpose: str) -> Value:  # noqa: ARG002 - as of the other
        """Return its value as a whole number of 64 bits."""
        return self.inputs.value(self.position, "int64")

    def code(self, categories: list[Any]) -> Value:
        """Return the position of its value among categories that are no numbers."""
        return self.inputs.code(self.position, categories)


@dataclass(frozen=True)
class MadeColumn:
    """A column that was computed.

    Attributes
    ----------
    number : Value
        Its value.
    told : bool or None
        Whether it has the same bits as in Python: a logarithm, say, may have not. None
        where it is computed in the same order, so that its operations decide.
    """

    number: Value
    told: bool | None = None

    @property
    def exact(self) -> bool:
        """Whether it has the same bits as in Python."""
        return is_rounded_alike(self.number) if self.told is None else self.told

    @property
    def dtype(self) -> DType:
        """Kind of its numbers."""
        return self.number.dtype

    def whole_number(self, purpose: str) -> Value:
        """Refuse to take a computed number for an exact one."""
        msg = (
            f"{purpose} must come in as a column, got one that a step before has made, "
            "in which it may have lost digits. Put the pipeline into the "
            "`CrossFitClassifier`, not before it."
        )
        raise ExportError(msg)

    def code(self, categories: list[Any]) -> Value:
        """Refuse categories that are no numbers."""
        msg = (
            "Categories that are no numbers must come in as a column, got one that a "
            f"step before has made, of {len(categories)} categories. Code them as "
            "numbers."
        )
        raise ExportError(msg)


Column = InputColumn | MadeColumn


@dataclass(frozen=True)
class Table:
    """The columns of one event.

    Attributes
    ----------
    program : Program
        Program that they are in.
    columns : tuple of Column
        One after the other.
    names : tuple of str or None
        Their names, if there are any.
    """

    program: Program
    columns: tuple[Column, ...]
    names: tuple[str, ...] | None = None

    @classmethod
    def of_vector(
        cls, x: Value, names: Sequence[str] | None = None, *, exact: bool | None = None
    ) -> Table:
        """Return the table whose columns are the numbers of a vector."""
        columns = tuple(MadeColumn(x[i], exact) for i in range(x.size))
        return cls(x.program, columns, None if names is None else tuple(names))

    @property
    def exact(self) -> bool:
        """Whether all columns have the same bits as in Python."""
        return all(column.exact for column in self.columns)

    def take(self, positions: Sequence[int]) -> Table:
        """Return some of the columns."""
        names = None if self.names is None else tuple(self.names[i] for i in positions)
        return Table(self.program, tuple(self.columns[i] for i in positions), names)

    def without(self, positions: Sequence[int]) -> Table:
        """Return the other columns."""
        return self.take([i for i in range(len(self.columns)) if i not in positions])

    def vector(self, dtype: DType) -> Value:
        """Return all columns as one vector of one kind."""
        values = [column.number for column in self.columns]
        if len({value.dtype for value in values}) == 1:
            return self.program.cast(self.program.concatenate(values), dtype)
        return self.program.concatenate([self.program.cast(v, dtype) for v in values])

    def kind(self) -> DType:
        """Return the kind that holds all columns: single precision if they all do."""
        narrow = all(column.dtype == "float32" for column in self.columns)
        return "float32" if narrow else "float64"

    def replace(self, positions: Sequence[int], x: Value) -> Table:
        """Return the table in which a vector stands in the place of some columns."""
        columns = list(self.columns)
        for k, i in enumerate(positions):
            columns[i] = MadeColumn(x[k])
        return Table(self.program, tuple(columns), self.names)

    def positions(self, columns: Any, parameter: str) -> list[int]:
        """Return where columns are that are given by name, position or mask."""
        names = None if self.names is None else list(self.names)
        return column_positions(columns, names, len(self.columns), parameter)


@dataclass(frozen=True)
class Scores:
    """What a classifier says of one event.

    Attributes
    ----------
    probability : Value
        Of each class. The small ones are precise, too: they are not 1 minus others.
    decision : Value
        Decision function: of two classes one number, else one for each.
    fold : Value or None
        Which of the models of folds has said it, if one has.
    """

    probability: Value
    decision: Value
    fold: Value | None = None


@dataclass(frozen=True)
class Lowering:
    """The rules, and what they need to know of what comes out.

    Attributes
    ----------
    score_rules, transform_rules : mapping of str to callable
        Rules for classifiers and for steps before one, by the name of the class.
    wide : {"float64", "float32"}
        Kind of numbers in which probabilities are combined.
    event_number : tuple of Column
        Event numbers, or run and event numbers, that come in beside the table.
    reasons : mapping of str to str
        Why a class cannot be exported, by its name.
    conditions : list of Value
        What must hold of an event that a step does not refuse.
    """

    score_rules: Mapping[str, ScoreRule]
    transform_rules: Mapping[str, TransformRule]
    wide: DType = "float64"
    event_number: tuple[Column, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    conditions: list[Value] = field(default_factory=list)

    def scores(self, model: Any, table: Table) -> Scores:
        """Return what a fitted classifier says of an event: nan if it is refused."""
        n_known = len(self.conditions)
        rule = self._rule(self.score_rules, model, "classifier")
        scores: Scores = rule(self, model, table)
        for condition in self.conditions[n_known:]:
            # That of a model of one fold is in the program of the fold.
            if condition.program is scores.probability.program:
                scores = _where(condition, scores)
        return scores

    def require(self, condition: Value) -> None:
        """Give an event no score for which a condition does not hold."""
        self.conditions.append(condition)

    def transformed(self, step: Any, table: Table) -> Table:
        """Return what a fitted transformer makes of an event."""
        rule = self._rule(self.transform_rules, step, "transformer")
        return rule(self, step, table)

    def _rule(self, rules: Mapping[str, Any], part: Any, kind: str) -> Any:
        name = qualified(type(part))
        if name in self.reasons:
            msg = (
                f"The {kind} must be of a class that can be exported, got "
                f"{type(part).__name__}: {self.reasons[name]}"
            )
            raise ExportError(msg)
        if name not in rules:
            known = ", ".join(sorted(key.rpartition(".")[2] for key in rules))
            msg = (
                f"The {kind} must be of a class that can be exported, got {name}. "
                f"These can: {known}. Of a subclass nobody knows what it does "
                "differently. Other steps of scikit-learn go through skl2onnx: see "
                "`register_skl2onnx_converters`."
            )
            raise ExportError(msg)
        return rules[name]

    # Arithmetic that several rules share.

    def of_logit(self, logit: Value) -> Scores:
        """Return the scores of the logit of the second of two classes."""
        p = logit.program
        return Scores(p.concatenate([p.sigmoid(-logit), p.sigmoid(logit)]), logit)

    def of_probability(self, probability: Value) -> Scores:
        """Return the scores of probabilities, each as precise as it can be."""
        p, n = probability.program, probability.size
        if n == 2:
            logs = p.log(probability)
            return Scores(probability, logs[1] - logs[0])
        rest = p.dense(probability, 1.0 - np.eye(n))
        return Scores(probability, p.log(probability) - p.log(rest))

    def softmax(self, scores: Value) -> Value:
        """Return the softmax of scores."""
        p = scores.program
        powers = p.exp(scores - p.max(scores))
        return powers / p.sum(powers)

    def mean(
        self, probabilities: Sequence[Value], weights: Sequence[float] | NDArray[Any]
    ) -> Value:
        """Return a weighted mean of probabilities."""
        parts = [
            probability * float(weight)
            for probability, weight in zip(probabilities, weights, strict=True)
        ]
        return reduce(add, parts)


ScoreRule = Callable[[Lowering, Any, Table], Scores]
TransformRule = Callable[[Lowering, Any, Table], Table]


def qualified(kind: type) -> str:
    """Return the name of a class with that of its module."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _where(condition: Value, scores: Scores) -> Scores:
    """Return scores that are nan where a condition does not hold."""
    p = condition.program
    return replace(
        scores,
        probability=p.where(condition, scores.probability, np.nan),
        decision=p.where(condition, scores.decision, np.nan),
    )
