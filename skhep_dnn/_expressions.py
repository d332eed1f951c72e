"""Selections on columns, such as "pt > 20 and abs(eta) < 2.5", parsed and not eval'd.

A text becomes tokens, these by recursive descent a program for a small stack machine.
Nothing of it is ever given to Python's own `eval` or to that of pandas: an expression
can read columns and compute with them, and do nothing else, so that one in a
configuration file of somebody else is harmless.

The grammar, from what binds least::

    condition  = conjunction {"or" conjunction}
    conjunction = negation {"and" negation}
    negation   = "not" negation | comparison
    comparison = sum {("<" | "<=" | ">" | ">=" | "==" | "!=") sum}
    sum        = product {("+" | "-") product}
    product    = signed {("*" | "/" | "%") signed}
    signed     = ("+" | "-") signed | power
    power      = primary ["**" signed]
    primary    = number | text | column | ("abs" | "sqrt") "(" condition ")"
               | "(" condition ")"
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skhep_dnn._arrays import without_mask
from skhep_dnn._messages import shown
from skhep_dnn._tables import names_remedy, plain_table
from skhep_dnn.exceptions import ExpressionError

__all__ = ["Expression", "parse_expression"]

# What a part of an expression is. A column may turn out to hold any of the others.
Kind = Literal["number", "condition", "text", "column"]

_TOKENS = re.compile(
    r"""\s*(?:
    (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<column>`[^`]+`)
    |(?P<name>[^\W\d]\w*)
    |(?P<text>'[^']*'|"[^"]*")
    |(?P<symbol><=|>=|==|!=|\*\*|[<>+\-*/%()])
    )""",
    re.VERBOSE,
)
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_COMPARABLE: tuple[Kind, ...] = ("number", "column", "text")
_WORDS = ("and", "or", "not")
_DEEPEST = 40  # each takes a dozen calls of Python's thousand

# What other languages write, and what it is here.
_REMEDIES = {
    "=": "Write `==` to compare.",
    "&": "Write `and`.",
    "|": "Write `or`.",
    "~": "Write `not`.",
    "!": "Write `not`.",
    "^": "Write `**` for a power.",
    "`": "Close the backquote after the name of the column.",
    "'": "Close the quote.",
    '"': "Close the quote.",
}
_OTHERWISE = (
    "Use columns, numbers, + - * / % **, comparisons, `and`, `or`, `not`, `abs`, "
    "`sqrt` and parentheses."
)


class _Token(NamedTuple):
    kind: str
    value: str
    position: int  # of its first character


class _Step(NamedTuple):
    """One instruction of the stack machine."""

    action: str
    value: Any
    position: int


@dataclass(frozen=True)
class Expression:
    """A parsed expression on columns.

    Made by `parse_expression`.

    Attributes
    ----------
    text : str
        The expression as it was written.
    columns : tuple of str
        Names of the columns that it reads, each once, in the order of the text.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn._expressions import parse_expression
    >>> region = parse_expression("20 < pt <= 50 and abs(eta) < 2.5")
    >>> region.columns
    ('pt', 'eta')
    >>> region.select({"pt": [10, 30, 50], "eta": [0.0, np.nan, -2.0]})
    array([False, False,  True])
    """

    text: str
    columns: tuple[str, ...]
    _steps: tuple[_Step, ...]
    _kind: Kind

    def select(self, table: Any) -> NDArray[np.bool_]:
        """Return which rows of a table meet the condition.

        Parameters
        ----------
        table : DataFrame or mapping of str to array-like of shape (n_samples,)
            The columns, of any number of rows.

        Returns
        -------
        selected : ndarray of shape (n_samples,), dtype bool
            A comparison with an undefined value (nan, None, NA) is False, and `not`
            turns that into True.

        Raises
        ------
        ExpressionError
            If the expression is a number, or the table lacks a column, or a column
            holds what cannot be used.
        """
        if self._kind not in {"condition", "column"}:
            msg = (
                f"An expression that selects must be a condition, got a {self._kind}. "
                "Compare it with something."
            )
            raise _error(self.text, 0, msg)
        values = _run(self, table)
        return _as_condition(values, self, 0).copy()

    def evaluate(self, table: Any) -> NDArray[Any]:
        """Return the value of each row of a table.

        Parameters
        ----------
        table : DataFrame or mapping of str to array-like of shape (n_samples,)
            The columns.

        Returns
        -------
        values : ndarray of shape (n_samples,), dtype float64 or bool
            Numbers, or whether the condition is met.

        Raises
        ------
        ExpressionError
            If the table lacks a column, or a column holds what cannot be used.
        """
        values = _run(self, table)
        if values.dtype == np.bool_:
            return values.copy()
        return _as_numbers(values, self, 0).astype(np.float64)


def parse_expression(text: str) -> Expression:
    """Return an expression on columns, ready to be evaluated on tables.

    Parameters
    ----------
    text : str
        Comparisons, which may be chained, of columns, numbers and texts in quotes;
        `+ - * / % **`, `abs`, `sqrt`, `and`, `or`, `not` and parentheses, which bind as
        in Python. A column whose name is not a word stands in backquotes.

    Returns
    -------
    expression : Expression

    Raises
    ------
    TypeError
        If it is not a str.
    ExpressionError
        If it cannot be understood; the message shows where.

    Examples
    --------
    >>> from skhep_dnn._expressions import parse_expression
    >>> expression = parse_expression("sqrt(px**2 + py**2) / `pt [GeV]`")
    >>> expression.evaluate({"px": [3.0], "py": [4.0], "pt [GeV]": [2.0]})
    array([2.5])
    """
    if not isinstance(text, str):
        msg = (
            f"An expression must be a str, got {type(text).__name__}. Write it in "
            'quotes, such as "pt > 20".'
        )
        raise TypeError(msg)
    return _Parser(text).parse()


class _Parser:
    """Recursive descent over the tokens; each method reads one rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.next = 0
        self.depth = 0
        self.steps: list[_Step] = []
        self.columns: dict[str, None] = {}

    def parse(self) -> Expression:
        if self.token.kind == "end":
            msg = "An expression must not be empty, got no symbol. Write one."
            raise _error(self.text, 0, msg)
        kind = self.condition()
        if self.token.kind != "end":
            self.refuse("an operator or the end")
        return Expression(self.text, tuple(self.columns), tuple(self.steps), kind)

    @property
    def token(self) -> _Token:
        return self.tokens[self.next]

    def take(self, *values: str) -> _Token | None:
        """Return the next token and step over it, if it is one of some."""
        token = self.token
        if token.kind in {"symbol", "name"} and token.value in values:
            self.next += 1
            return token
        return None

    def condition(self) -> Kind:
        return self.joined("or", lambda: self.joined("and", self.negation))

    def joined(self, word: str, part: Callable[[], Kind]) -> Kind:
        start = self.token.position
        kind = part()
        while (token := self.take(word)) is not None:
            self.must_be(kind, ("condition", "column"), word, start)
            start = self.token.position
            self.must_be(part(), ("condition", "column"), word, start)
            self.emit(word, None, token)
            kind = "condition"
        return kind

    def negation(self) -> Kind:
        token = self.take("not")
        if token is None:
            return self.comparison()
        start = self.token.position
        kind = self.deeper(self.negation)
        self.must_be(kind, ("condition", "column"), "not", start)
        self.emit("not", None, token)
        return "condition"

    def comparison(self) -> Kind:
        first = self.token
        kinds, signs = [self.sum()], []
        while (token := self.take(*_COMPARISONS)) is not None:
            signs.append(token.value)
            kinds.append(self.sum())
        if not signs:
            return kinds[0]
        for kind in kinds:
            self.must_be(kind, _COMPARABLE, "a comparison", first.position)
        if "text" in kinds and not set(signs) <= {"==", "!="}:
            msg = (
                "A text must be compared by `==` or `!=`, got another sign. Write the "
                "number without quotes, and a column in backquotes."
            )
            raise _error(self.text, first.position, msg)
        self.emit("compare", tuple(signs), first)
        return "condition"

    def sum(self) -> Kind:
        return self.operations(("+", "-"), self.product)

    def product(self) -> Kind:
        return self.operations(("*", "/", "%"), self.signed)

    def operations(self, signs: tuple[str, ...], part: Callable[[], Kind]) -> Kind:
        start = self.token.position
        kind = part()
        while (token := self.take(*signs)) is not None:
            self.must_be(kind, ("number", "column"), token.value, start)
            start = self.token.position
            self.must_be(part(), ("number", "column"), token.value, start)
            self.emit("arithmetic", token.value, token)
            kind = "number"
        return kind

    def signed(self) -> Kind:
        token = self.take("+", "-")
        if token is None:
            return self.power()
        kind = self.deeper(self.signed)
        self.must_be(kind, ("number", "column"), token.value, token.position)
        if token.value == "-":
            self.emit("negative", None, token)
        return "number"

    def power(self) -> Kind:
        start = self.token.position
        kind = self.primary()
        token = self.take("**")
        if token is None:
            return kind
        self.must_be(kind, ("number", "column"), "**", start)
        exponent = self.deeper(self.signed)
        self.must_be(exponent, ("number", "column"), "**", token.position)
        self.emit("arithmetic", "**", token)
        return "number"

    def primary(self) -> Kind:
        token = self.token
        if self.take("("):
            return self.closed(token)
        if token.kind == "name" and token.value not in _WORDS:
            self.next += 1
            opened = self.take("(")
            return self.function(token, opened) if opened else self.column(token)
        if token.kind not in {"number", "text", "column"}:
            self.refuse("a column, a number or a parenthesis")
        self.next += 1
        return self.constant(token)

    def function(self, name: _Token, opened: _Token) -> Kind:
        if name.value not in {"abs", "sqrt"}:
            msg = (
                f"A function must be `abs` or `sqrt`, got {name.value!r}. Make a "
                "column of it beforehand, and for a product write `*`."
            )
            raise _error(self.text, name.position, msg)
        kind = self.closed(opened)
        self.must_be(kind, ("number", "column"), name.value, name.position)
        self.emit(name.value, None, name)
        return "number"

    def closed(self, opened: _Token) -> Kind:
        """Read what is in parentheses, of which the first has been read."""
        kind = self.deeper(self.condition)
        if self.take(")") is None:
            self.refuse(f"`)`, for `(` at position {opened.position + 1},")
        return kind

    def column(self, token: _Token) -> Kind:
        name = token.value.strip("`")
        self.columns.setdefault(name)
        self.emit("column", name, token)
        return "column"

    def constant(self, token: _Token) -> Kind:
        if token.kind == "column":
            return self.column(token)
        if token.kind == "text":
            self.emit("constant", token.value[1:-1], token)
            return "text"
        # A whole number stays one: an event number may have more digits than a float.
        number = int(token.value) if token.value.isdecimal() else float(token.value)
        self.emit("constant", number, token)
        return "number"

    def emit(self, action: str, value: Any, token: _Token) -> None:
        self.steps.append(_Step(action, value, token.position))

    def deeper(self, rule: Callable[[], Kind]) -> Kind:
        self.depth += 1
        if self.depth > _DEEPEST:
            msg = (
                f"An expression must be nested at most {_DEEPEST} deep, got more. Take "
                "out parentheses, or make columns of parts of it."
            )
            raise _error(self.text, self.token.position, msg)
        kind = rule()
        self.depth -= 1
        return kind

    def must_be(
        self, kind: Kind, allowed: tuple[Kind, ...], what: str, position: int
    ) -> None:
        if kind not in allowed:
            wanted = "condition" if "condition" in allowed else "number"
            remedy = (
                "Compare it with something."
                if wanted == "condition"
                else "Join conditions by `and` and `or`, and compare numbers."
            )
            msg = f"`{what}` must be of a {wanted}, got a {kind}. {remedy}"
            raise _error(
                self.text, position, msg.replace("`a comparison`", "Each side")
            )

    def refuse(self, wanted: str) -> NoReturn:
        token = self.token
        got = "the end" if token.kind == "end" else repr(token.value)
        msg = f"There must be {wanted} here, got {got}. {_OTHERWISE}"
        raise _error(self.text, token.position, msg)


def _tokens(text: str) -> list[_Token]:
    tokens, position = [], 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKENS.match(text, position)
        if match is None:
            position += len(text[position:]) - len(text[position:].lstrip())
            symbol = text[position]
            remedy = _REMEDIES.get(symbol, _OTHERWISE)
            msg = f"An expression must have known symbols, got {symbol!r}. {remedy}"
            raise _error(text, position, msg)
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, match[kind], match.start(kind)))
        position = match.end()
    return [*tokens, _Token("end", "", end)]


def _error(text: str, position: int, message: str) -> ExpressionError:
    """Return an error that shows the place in the text, counted from 1."""
    line = " ".join(text.split("\n"))
    place = f"At position {position + 1}:\n  {line}\n  {' ' * position}^"
    return ExpressionError(f"{message} {place}")


def _run(expression: Expression, table: Any) -> NDArray[Any]:
    """Return what the steps leave on the stack, with one value for each row."""
    columns, n_rows = _read_columns(expression, table)
    stack: list[Any] = []
    # 0 / 0 and roots of negative numbers are undefined, which is what they become.
    with np.errstate(all="ignore"):
        for step in expression._steps:
            if step.action == "column":
                stack.append(columns[step.value])
            elif step.action == "constant":
                stack.append(step.value)
            else:
                _apply(step, stack, expression)
    return np.broadcast_to(np.asarray(stack.pop()), (n_rows,))


def _apply(step: _Step, stack: list[Any], expression: Expression) -> None:
    """Replace the operands on top of the stack by the result of one step."""
    if step.action == "compare":
        n_operands = len(step.value) + 1
        operands = stack[-n_operands:]
        del stack[-n_operands:]
        stack.append(_compared(operands, step, expression))
        return
    last = stack.pop()
    if step.action in {"and", "or"}:
        left = _as_condition(stack.pop(), expression, step.position)
        right = _as_condition(last, expression, step.position)
        stack.append(left & right if step.action == "and" else left | right)
    elif step.action == "not":
        stack.append(~_as_condition(last, expression, step.position))
    elif step.action == "arithmetic":
        left = _as_numbers(stack.pop(), expression, step.position)
        right = _as_numbers(last, expression, step.position)
        stack.append(_ARITHMETIC[step.value](left, right))
    else:
        number = _as_numbers(last, expression, step.position)
        stack.append(_FUNCTIONS[step.action](number.astype(np.float64)))


def _in_floats(operation: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    # Of small integer types a sum could overflow.
    return lambda x, y: operation(x.astype(np.float64), y.astype(np.float64))


def _remainder(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    if x.dtype.kind == y.dtype.kind == "i" and np.all(y != 0):
        return np.asarray(np.remainder(x, y))
    return np.asarray(np.remainder(x.astype(np.float64), y.astype(np.float64)))


_ARITHMETIC = {
    "+": _in_floats(np.add),
    "-": _in_floats(np.subtract),
    "*": _in_floats(np.multiply),
    "/": _in_floats(np.divide),
    "**": _in_floats(np.power),
    "%": _remainder,
}
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "negative": np.negative,
}


def _compared(operands: list[Any], step: _Step, expression: Expression) -> Any:
    result: Any = True
    for sign, left, right in zip(step.value, operands, operands[1:], strict=False):
        result = result & _pair_compared(sign, left, right, step.position, expression)
    return result


def _pair_compared(
    sign: str, left: Any, right: Any, position: int, expression: Expression
) -> Any:
    pair = [np.asarray(left), np.asarray(right)]
    are_text = [side.dtype.kind in "OU" for side in pair]
    if all(are_text) and sign in {"==", "!="}:
        left, right = (side.astype(object) for side in pair)
        defined = pd.notna(left) & pd.notna(right)
        equal = np.asarray(left == right, dtype=np.bool_)
        return (equal if sign == "==" else ~equal) & defined
    left, right = (_as_numbers(side, expression, position) for side in pair)
    defined = ~(np.isnan(left) | np.isnan(right))
    return _SIGNS[sign](left, right) & defined


_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def _as_condition(
    values: Any, expression: Expression, position: int
) -> NDArray[np.bool_]:
    found = np.asarray(values)
    if found.dtype != np.bool_:
        msg = (
            "A column that stands for a condition must hold True and False, got "
            f"{found.dtype}. Compare it with something, such as `== 1`."
        )
        raise _error(expression.text, position, msg)
    return found


def _as_numbers(values: Any, expression: Expression, position: int) -> NDArray[Any]:
    """Return whole numbers of 64 bits or floats."""
    found = np.asarray(values)
    if found.dtype.kind in "OU":
        msg = (
            "Texts must be compared with texts, by `==` or `!=`, got one where a "
            "number is needed. Put the text in quotes, or convert the column."
        )
        raise _error(expression.text, position, msg)
    if found.dtype.kind == "b":
        return found.astype(np.int64)
    if found.dtype.kind == "i":
        return found.astype(np.int64)
    return found if found.dtype.kind == "u" else found.astype(np.float64)


def _read_columns(
    expression: Expression, table: Any
) -> tuple[dict[str, NDArray[Any]], int]:
    if isinstance(table, Mapping):
        known: Any = table
        n_rows = max((len(np.atleast_1d(v)) for v in table.values()), default=0)
    else:
        known = plain_table(table)
        n_rows = len(known)
        if not isinstance(known, pd.DataFrame):
            if expression.columns:
                msg = (
                    "A table must have names for its columns, got an array. "
                    f"{names_remedy(known)}."
                )
                raise _error(expression.text, 0, msg)
            known = {}
    return {
        name: _column(expression, name, known, n_rows) for name in expression.columns
    }, n_rows


def _column(expression: Expression, name: str, table: Any, n_rows: int) -> NDArray[Any]:
    position = next(
        step.position
        for step in expression._steps
        if step.action == "column" and step.value == name
    )
    if name not in table:
        names = [str(known) for known in table]
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
        which = f"Did you mean {shown(near)}?" if near else f"Columns: {names[:20]!r}."
        msg = f"Names must be columns of the table, got {name!r}. {which}"
        raise _error(expression.text, position, msg)
    values = _plain_values(table[name])
    if values.shape != (n_rows,) or values.dtype.kind not in "biufOU":
        msg = (
            f"The column {name!r} must have one number, text or True or False for each "
            f"of {n_rows} events, got {values.dtype} of the shape {values.shape}. "
            "Convert it, and let its name stand for one column."
        )
        raise _error(expression.text, position, msg)
    return values


def _plain_values(column: Any) -> NDArray[Any]:
    """Return a column as bool, numbers with nan, or texts with None."""
    if np.ma.isMaskedArray(column):
        return np.asarray(without_mask(column))
    if np.ndim(column) != 1:
        return np.asarray(column)
    # Categories and nullable types of pandas show what they hold as objects.
    series = pd.Series(column)
    if not isinstance(series.dtype, np.dtype):
        series = series.astype(object)
    kind = pd.api.types.infer_dtype(series, skipna=True)
    if kind == "boolean":
        return np.asarray(series.eq(other=True).to_numpy(dtype=np.bool_))
    if kind in {"floating", "mixed-integer-float", "decimal"} or (
        kind == "integer" and series.isna().any()
    ):
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    if kind == "integer" and series.dtype == object:
        return series.to_numpy(dtype=np.int64)
    return series.to_numpy()
