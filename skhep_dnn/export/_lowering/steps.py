"""Transformers of scikit-learn: scalers, imputers, encoders, selections, and more.

As scikit-learn does, a step computes in float32 where all its columns are float32, and
in double precision otherwise: a tree behind it then sees the same numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from skhep_dnn._messages import shown
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._lowering.categories import category_code
from skhep_dnn.export._lowering.curves import Curve, normal_quantile, piecewise_linear
from skhep_dnn.export._lowering.lowering import Column, Lowering, Table
from skhep_dnn.export._program.program import DType, Value

__all__ = [
    "columns_transformed",
    "encoded",
    "function_transformed",
    "imputed",
    "max_abs_scaled",
    "min_max_scaled",
    "missing_indicated",
    "pipeline_transformed",
    "polynomial",
    "power_transformed",
    "principal_components",
    "quantile_transformed",
    "robust_scaled",
    "selected",
    "standard_scaled",
    "united",
]

NEARLY_ZERO_POWER = 1e-8  # of a Box-Cox or Yeo-Johnson transformation
QUANTILE_BOUND = 1e-7  # BOUNDS_THRESHOLD of scikit-learn
# The smallest and the largest number that its quantiles of the normal law have.
NORMAL_RANGE = [
    float(ndtri(end))
    for end in (QUANTILE_BOUND - np.spacing(1), 1 - (QUANTILE_BOUND - np.spacing(1)))
]


# Steps of steps


def pipeline_transformed(lowering: Lowering, step: Any, table: Table) -> Table:
    """Return what a fitted pipeline of transformers makes of an event."""
    for _, inner in step.steps:
        if inner is not None and inner != "passthrough":
            table = lowering.transformed(inner, table)
    return table


def columns_transformed(lowering: Lowering, step: Any, table: Table) -> Table:
    """Return what a fitted `ColumnTransformer` makes of an event."""
    weights = step.transformer_weights or {}
    parts = []
    for name, inner, _ in step.transformers_:
        positions = [int(i) for i in step._transformer_to_input_indices[name]]
        if (isinstance(inner, str) and inner == "drop") or not positions:
            continue
        if table.names is not None and hasattr(step, "feature_names_in_"):
            # Where both have names, columns are found by them, as in Python.
            positions = [
                table.names.index(step.feature_names_in_[i]) for i in positions
            ]
        part = table.take(positions)
        if not isinstance(inner, str):
            part = lowering.transformed(inner, part)
        parts.append((name, _weighted(part, weights.get(name))))
    return _side_by_side(step, table, parts)


def united(lowering: Lowering, step: Any, table: Table) -> Table:
    """Return what a fitted `FeatureUnion` makes of an event."""
    weights = step.transformer_weights or {}
    parts = []
    for name, inner in step.transformer_list:
        if isinstance(inner, str) and inner == "drop":
            continue
        part = table
        if not isinstance(inner, str):
            part = lowering.transformed(inner, table)
        parts.append((name, _weighted(part, weights.get(name))))
    return _side_by_side(step, table, parts)


def _weighted(table: Table, weight: float | None) -> Table:
    if weight is None:
        return table
    x = table.vector(table.kind()) * weight
    return Table.of_vector(x, table.names, exact=table.exact)


def _side_by_side(step: Any, table: Table, parts: Sequence[tuple[str, Table]]) -> Table:
    columns: list[Column] = []
    names: list[str] | None = []
    for name, part in parts:
        columns += part.columns
        if part.names is None or names is None:
            names = None
            continue
        names += [
            _prefixed(step.verbose_feature_names_out, name, n) for n in part.names
        ]
    return Table(table.program, tuple(columns), None if names is None else tuple(names))


def _prefixed(verbose: Any, name: str, feature: str) -> str:
    """Return the name of a column after `ColumnTransformer` or `FeatureUnion`."""
    if callable(verbose):
        return str(verbose(name, feature))
    if isinstance(verbose, str):
        return verbose.format(transformer_name=name, feature_name=feature)
    return f"{name}__{feature}" if verbose else feature


def selected(lowering: Lowering, step: Any, table: Table) -> Table:  # noqa: ARG001
    """Return the columns that a fitted selection keeps."""
    return table.take(np.flatnonzero(step.get_support()).tolist())


# Scalers


def standard_scaled(lowering: Lowering, step: Any, table: Table) -> Table:  # noqa: ARG001
    """Return what a fitted `StandardScaler` makes of an event."""
    x = table.vector(table.kind())
    if step.with_mean:
        x = x - step.mean_
    if step.with_std:
        x = x / step.scale_
    return Table.of_vector(x, table.names, exact=table.exact)


def robust_scaled(lowering: Lowering, step: Any, table: Table) -> Table:  # noqa: ARG001
    """Return what a fitted `RobustScaler` makes of an event."""
    x = table.vector(table.kind())
    if step.with_centering:
        x = _in_double(x, lambda z: z - step.center_)
    if step.with_scaling:
        x = _in_double(x, lambda z: z / step.scale_)
    return Table.of_vector(x, table.names, exact=table.exact)


def min_max_scaled(lowering: Lowering, step: Any, table: Table) -> Table:  # noqa: ARG001
    """Return what a fitted `MinMaxScaler` makes of an event."""
    x = table.vector(table.kind())
    x = _in_double(x, lambda z: z * step.scale_)
    x = _in_double(x, lambda z: z + step.min_)
    if step.clip:
        x = _clipped(x, *step.feature_range)
    return Table.of_vector(x, table.names, exact=table.exact)


def max_abs_scaled(lowering: Lowering, step: Any, table: Table) -> Table:  # noqa: ARG001
    """Return what a fitted `MaxAbsScaler` makes of an event."""
    x = _in_double(table.vector(table.kind()), lambda z: z / step.scale_)
    if step.clip:
        x = _clipped(x, -1.0, 1.0)
    return Table.of_vector(x, table.names, exact=table.exact)


def _in_double(x: Value, formula: Callable[[Value], Value]) -> Value:
    """Return a formula of double precision, rounded to the kind of what comes in."""
    program = x.program
    return program.cast(formula(program.cast(x, "float64")), x.dtype)


def _clipped(x: Value, low: float, high: float) -> Value:
    """Return what is nearest to x from low to high; undefined stays undefined."""
    x = x.program.where(x < low, low, x)
    return x.program.where(x > high, high, x)


# Missing values


def imputed(lowering: Lowering, step: Any, table: Table) -> Table:  # noqa: ARG001
    """Return what a fitted `SimpleImputer` makes of an event."""
    program = table.program
    statistics = _numbers_of_imputer(step)
    kept = np.arange(len(statistics))
    if not step.keep_empty_features:
        kept = np.flatnonzero(~np.isnan(statistics))
    own = table.take(kept.tolist())
    x = own.vector(table.kind())
    x = program.where(_is_missing(x, step.missing_values), statistics[kept], x)
    if step.indicator_ is not None:
        marks = _marks(table, step.indicator_, x.dtype)
        x = program.concatenate([x, marks]) if marks is not None else x
    return Table.of_vector(x, _names_out(step, table), exact=table.exact)


def missing_indicated(lowering: Lowering, step: Any, table: Table) -> Table:  # noqa: ARG001
    """Return what a fitted `MissingIndicator` makes of an event."""
    marks = _marks(table, step, "float64")
    if marks is None:
        return Table(table.program, (), None if table.names is None else ())
    return Table.of_vector(marks, _names_out(step, table), exact=table.exact)


def _numbers_of_imputer(step: Any) -> NDArray[np.float64]:
    if not all(isinstance(value, Real) for value in np.ravel(step.statistics_)):
        msg = (
            "SimpleImputer must fill in numbers, got "
            f"{shown(np.asarray(step.statistics_).tolist()[:20])}. Code categories as "
            "numbers, or leave them to the classifier."
        )
        raise ExportError(msg)
    return np.asarray(step.statistics_, dtype=np.float64)


def _is_missing(x: Value, missing_values: Any) -> Value:
    if pd.isna(missing_values):
        return x.program.is_nan(x)
    return x.program.equal(x, float(missing_values))


def _marks(table: Table, indicator: Any, dtype: DType) -> Value | None:
    """Return 1 for each column that is missing and 0 for others, of marked columns."""
    columns = [int(i) for i in indicator.features_]
    if not columns:
        return None
    x = table.vector(table.kind())[columns]
    return table.program.cast(_is_missing(x, indicator.missing_values), dtype)


def _names_out(step: Any, table: Table) -> Sequence[str] | None:
    if table.names is None:
        return None
    return [str(name) for name in step.get_feature_names_out(list(table.names))]


# Categories


def encoded(lowering: Lowering, step: Any, table: Table) -> Table:  # noqa: ARG001
    """Return what a fitted `OneHotEncoder`, or another encoder, makes of an event.

    The encoder itself is asked what it makes of each category, and of one that it does
    not know; where that is an error, the result is undefined.
    """
    parts = []
    for k, categories in enumerate(step.categories_):
        code = category_code(table.program, table.columns[k], categories)
        parts.append(table.program.lookup(code, _rows_of_encoder(step, k)))
    x = table.program.concatenate(parts)
    return Table.of_vector(x, _names_out(step, table), exact=True)


def _rows_of_encoder(step: Any, column: int) -> NDArray[Any]:
    """Return what becomes of each category of a column, and of an unknown one."""
    categories = np.asarray(step.categories_[column])
    names = getattr(step, "feature_names_in_", range(len(step.categories_)))
    first = {
        name: np.repeat(known[:1], len(categories))
        for name, known in zip(names, step.categories_, strict=True)
    }
    ends = np.cumsum(_sizes_of_encoder(step))
    begin, end = (ends[column - 1] if column else 0), ends[column]

    def rows(values: NDArray[Any]) -> NDArray[Any]:
        cells = {n: known[: len(values)] for n, known in first.items()}
        cells[list(names)[column]] = values
        with warnings.catch_warnings():  # of unknown categories
            warnings.simplefilter("ignore")
            result = step.transform(pd.DataFrame(cells))
        if hasattr(result, "toarray"):
            result = result.toarray()
        dtype = "float32" if result_dtype(step) == np.float32 else "float64"
        return np.asarray(result)[:, begin:end].astype(dtype)

    table = rows(categories)
    if getattr(step, "handle_unknown", None) == "error":
        unknown = np.full_like(table[:1], np.nan)
    else:
        unknown = rows(_unknown(categories))
    return np.vstack([table, unknown])


def result_dtype(step: Any) -> Any:
    """Return the kind of numbers that an encoder writes."""
    return np.dtype(getattr(step, "dtype", np.float64))


def _sizes_of_encoder(step: Any) -> list[int]:
    """Return how many columns an encoder makes of each."""
    n = len(step.categories_)
    if hasattr(step, "_n_features_outs"):  # OneHotEncoder
        return list(step._n_features_outs)
    if getattr(step, "target_type_", None) == "multiclass":
        return [len(step.classes_)] * n
    return [1] * n


def _unknown(categories: NDArray[Any]) -> NDArray[Any]:
    """Return a value that is none of the categories, as an array of one."""
    known = categories[~pd.isna(categories)]
    if categories.dtype.kind in "biuf":
        return np.array([float(np.max(known, initial=0.0)) + 1.0])
    longest = max((len(str(value)) for value in known), default=0)
    return np.array(["_" * (longest + 1)], dtype=object)


# Formulas


def principal_components(lowering: Lowering, step: Any, table: Table) -> Table:  # noqa: ARG001
    """Return what a fitted `PCA` makes of an event."""
    kind = table.kind()
    axes = step.components_.T.astype(np.float64)
    start = -(step.mean_.astype(np.float64) @ axes)
    if step.whiten:
        scale = np.sqrt(step.explained_variance_)
        scale = np.maximum(scale, np.finfo(scale.dtype).eps)
        axes, start = axes / scale, start / scale
    x = table.program.dense(table.vector("float64"), axes, start)
    if step.components_.dtype == np.float64:
        kind = "float64"
    return Table.of_vector(
        table.program.cast(x, kind), _names_out(step, table), exact=False
    )


def polynomial(lowering: Lowering, step: Any, table: Table) -> Table:  # noqa: ARG001
    """Return what a fitted `PolynomialFeatures` makes of an event."""
    program, n = table.program, len(table.columns)
    x = table.vector(table.kind())
    factors = program.concatenate([x, program.constant([1.0], x.dtype)])
    powers = np.asarray(step.powers_)
    # Each product as a list of columns, filled up with that of ones.
    lists = [np.repeat(np.arange(n), row) for row in powers]
    degree = max(int(powers.sum(axis=1).max(initial=1)), 1)
    places = np.full((degree, len(powers)), n)
    for k, columns in enumerate(lists):
        places[: len(columns), k] = columns
    result = factors[places[0].tolist()]
    for row in places[1:]:
        result = result * factors[row.tolist()]
    # Of more than two factors, the order in which they are multiplied decides.
    exact = table.exact and degree <= 2
    return Table.of_vector(result, _names_out(step, table), exact=exact)


def quantile_transformed(lowering: Lowering, step: Any, table: Table) -> Table:  # noqa: ARG001
    """Return what a fitted `QuantileTransformer` makes of an event."""
    program, kind = table.program, table.kind()
    x = program.cast(table.vector(kind), "float64")
    quantiles = np.asarray(step.quantiles_, dtype=np.float64)
    curves = [Curve.of_points(q, step.references_) for q in quantiles.T]
    y = piecewise_linear(x, curves, 4.0 * float(np.finfo(kind).eps))
    bound = QUANTILE_BOUND if step.output_distribution == "normal" else 0.0
    low, high = quantiles[0], quantiles[-1]
    at_low, at_high = program.equal(x, low), program.equal(x, high)
    if bound:
        at_low, at_high = x - bound < low, x + bound > high
    y = program.where(at_high, 1.0, y)
    y = program.where(at_low, 0.0, y)
    if bound:
        y = normal_quantile(program.cast(program.cast(y, kind), "float64"))
        y = _clipped(y, *NORMAL_RANGE)
    return Table.of_vector(program.cast(y, kind), table.names, exact=False)


def power_transformed(lowering: Lowering, step: Any, table: Table) -> Table:
    """Return what a fitted `PowerTransformer` makes of an event."""
    program, kind = table.program, table.kind()
    x = program.cast(table.vector(kind), "float64")
    powers = np.asarray(step.lambdas_, dtype=np.float64)
    if step.method == "box-cox":
        y = _box_cox(x, powers)
    else:
        # Numbers of the other sign are replaced before, so that nothing is undefined.
        positive = _box_cox(program.where(x < 0.0, 0.0, x) + 1.0, powers)
        negative = _box_cox(1.0 - program.where(x > 0.0, 0.0, x), 2.0 - powers)
        y = program.where(x < 0.0, -negative, positive)
    result = Table.of_vector(program.cast(y, kind), table.names, exact=False)
    return (
        standard_scaled(lowering, step._scaler, result) if step.standardize else result
    )


def _box_cox(x: Value, powers: NDArray[np.float64]) -> Value:
    """Return `(x**power - 1) / power`, or the logarithm where the power is 0."""
    program = x.program
    logs = program.log(x)
    is_log = np.abs(powers) < NEARLY_ZERO_POWER
    safe = np.where(is_log, 1.0, powers)
    curve = (program.exp(logs * safe) - 1.0) / safe
    return program.where(program.constant(is_log), logs, curve)


def function_transformed(lowering: Lowering, step: Any, table: Table) -> Table:  # noqa: ARG001
    """Return what a `FunctionTransformer` of a known function makes of an event."""
    if step.func is None:
        return table
    formula = next((f for known, f in _FUNCTIONS if known is step.func), None)
    if formula is None or step.kw_args:
        names = ", ".join(f"np.{known.__name__}" for known, _ in _FUNCTIONS)
        name = getattr(step.func, "__name__", repr(step.func))
        msg = (
            "`func` of FunctionTransformer must be a function that can be exported, "
            f"without `kw_args`, got {name}. These can: {names}. Compute other columns "
            "before the model."
        )
        raise ExportError(msg)
    x = _in_double(table.vector(table.kind()), formula)
    exact = table.exact and step.func in _EXACT_FUNCTIONS
    return Table.of_vector(x, table.names, exact=exact)


def _log1p(x: Value) -> Value:
    """Return log(1 + x), precise for small x, too."""
    # Kahan: what rounding has made of 1 + x is undone to first order.
    program = x.program
    u = x + 1.0
    is_one = program.equal(u, 1.0)
    is_exact = program.equal(u - 1.0, x)
    logs = program.log(u)
    precise = logs * (x / (u - 1.0))
    return program.where(is_one, x, program.where(is_exact, logs, precise))


# Of these every library has the same bits.
_EXACT_FUNCTIONS = {np.abs, np.floor, np.negative, np.reciprocal, np.sqrt, np.square}

_FUNCTIONS: list[tuple[Any, Callable[[Value], Value]]] = [
    (np.abs, lambda x: x.program.elementwise("absolute", x)),
    (np.cos, lambda x: x.program.elementwise("cosine", x)),
    (np.exp, lambda x: x.program.exp(x)),
    (np.floor, lambda x: x.program.floor(x)),
    (np.log, lambda x: x.program.log(x)),
    (np.log10, lambda x: x.program.log(x) / np.log(10.0)),
    (np.log1p, _log1p),
    (np.log2, lambda x: x.program.log(x) / np.log(2.0)),
    (np.negative, lambda x: -x),
    (np.reciprocal, lambda x: 1.0 / x),
    (np.sin, lambda x: x.program.elementwise("sine", x)),
    (np.sqrt, lambda x: x.program.sqrt(x)),
    (np.square, lambda x: x * x),
    (np.tanh, lambda x: x.program.elementwise("hyperbolic_tangent", x)),
]
