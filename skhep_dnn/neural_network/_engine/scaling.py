"""Scaling of the inputs of each member, from its own training events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from skhep_dnn.neural_network._engine.data import Group, Member
from skhep_dnn.neural_network._networks.inputs import N_KNOTS
from skhep_dnn.neural_network._networks.network import MemberNetwork
from skhep_dnn.neural_network._numeric_embedding import PiecewiseLinearEmbedding

__all__ = ["learn_scaling", "weighted_statistics"]

ROWS = 4096  # of a block: temporary arrays stay in the cache
MOST_EVENTS = 200_000  # that quantiles are taken from
FEW_VALUES = 32  # different ones of a column, whose median is one of many equal ones
LOWEST_LEVEL = 0.005  # whose normal quantile an extreme value gets
QUARTILES_OF_NORMAL = 1.3489795003921634  # their distance
EPSILON = float(np.finfo(np.float32).eps)


def learn_scaling(
    module: MemberNetwork,
    group: Group,
    known: Sequence[NDArray[np.bool_]],
) -> None:
    """Set each member's scaling, and edges of bins, from its own training events.

    Of a masked column nothing is learnt, not even its scale.

    Parameters
    ----------
    module : MemberNetwork
        The members.
    group : Group
        Events, and those of each member with their weights.
    known : sequence of ndarray of bool of shape (n_numeric,)
        For each member the columns whose scaling it brings along.

    Raises
    ------
    ValueError
        If a column that a member sees holds values that are infinite or too large.
    """
    inputs = module.inputs
    n_numeric = inputs.n_numeric
    for k, member in enumerate(group.members):
        before = group.members[k - 1] if k > 0 else None
        if before is not None and _same_events(member, before, known[k], known[k - 1]):
            _copy_scaling(module, k - 1, k)
            continue
        to_learn = ~known[k]
        if member.inputs is not None:
            to_learn &= member.inputs[:n_numeric]
        columns = np.flatnonzero(to_learn)
        if len(columns) > 0:
            _learn_member(module, group, k, columns)


def _learn_member(
    module: MemberNetwork, group: Group, k: int, columns: NDArray[np.intp]
) -> None:
    """Set one member's scaling of some columns."""
    member, inputs = group.members[k], module.inputs
    sizes = np.abs(member.weights)
    mean, scale = weighted_statistics(
        group.events.X, member.rows, sizes, inputs.missing_values, columns
    )
    broken = ~(np.isfinite(mean) & np.isfinite(scale))
    if broken.any():
        msg = (
            "`X` must hold finite numbers where they are defined, got infinite or "
            f"too large ones in column {columns[broken][0]} for member "
            f"{group.first + k}. Correct them, or replace them by nan."
        )
        raise ValueError(msg)
    is_scaled = ~np.isin(columns, inputs.unscaled)
    columns = columns[is_scaled]
    inputs.set_statistics(k, columns, mean[is_scaled], scale[is_scaled])
    if not _needs_quantiles(module):
        return
    drawn = _spread_sample(len(member.rows))
    rows, sizes = member.rows[drawn], sizes[drawn]
    for column in columns.tolist():
        x = group.events.X[rows, column].astype(np.float64)
        is_used = ~(np.isnan(x) | (x == np.float32(inputs.missing_values)))
        is_used &= sizes > 0.0
        if is_used.any():
            _learn_quantiles(module, k, column, x[is_used], sizes[is_used])


def _needs_quantiles(module: MemberNetwork) -> bool:
    """Tell whether something is learnt besides mean and standard deviation."""
    embeds_bins = module.numbers is not None and isinstance(
        module.numbers.embedding, PiecewiseLinearEmbedding
    )
    return embeds_bins or module.inputs.scaling != "standard"


def _learn_quantiles(
    module: MemberNetwork,
    member: int,
    column: int,
    x: NDArray[np.float64],
    w: NDArray[np.float64],
) -> None:
    """Set what follows from the quantiles of one column of a member.

    Its mean and standard deviation are known.
    """
    inputs, numbers = module.inputs, module.numbers
    order = np.argsort(x, kind="stable")
    x, sums = x[order], np.cumsum(w[order])
    where = np.array([column])
    # The median of a charge is one of its two values, which would enter as 0 and
    # say nothing: few values keep the mean and the standard deviation.
    by_quantiles = inputs.scaling == "quantile" or (
        inputs.scaling == "robust" and (np.diff(x) > 0.0).sum() >= FEW_VALUES
    )
    if by_quantiles:
        low, median, high = _quantiles(x, sums, np.array([0.25, 0.5, 0.75]))
        spread = (high - low) / QUARTILES_OF_NORMAL
        # Of a column that is one value in half of all events, the spread around it.
        if spread <= 10.0 * EPSILON * max(abs(low), abs(high)):
            share = np.diff(sums, prepend=0.0) / sums[-1]
            spread = np.sqrt(np.einsum("i,i,i->", share, x - median, x - median))
        if spread <= 10.0 * EPSILON * abs(median):
            spread = 1.0
        inputs.set_statistics(member, where, np.array([median]), np.array([spread]))
    if inputs.scaling == "quantile":
        levels = np.linspace(0.0, 1.0, N_KNOTS)
        # In the precision of the networks: knots that are equal there are one.
        places = inputs.scaled_column(
            member, column, _quantiles(x, sums, levels), bends=False
        )
        inputs.set_line(member, column, *_normal_line(places, levels))
    if numbers is not None and isinstance(numbers.embedding, PiecewiseLinearEmbedding):
        levels = np.linspace(0.0, 1.0, numbers.embedding.n_bins + 1)
        edges = inputs.scaled_column(member, column, _quantiles(x, sums, levels))
        numbers.set_edges(member, column, np.unique(edges))


def _normal_line(
    quantiles: NDArray[np.float64], levels: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the different quantiles, and the mean normal quantile of each."""
    normal = ndtri(np.clip(levels, LOWEST_LEVEL, 1.0 - LOWEST_LEVEL))
    knots, which, counts = np.unique(quantiles, return_inverse=True, return_counts=True)
    return knots, np.bincount(which, normal) / counts


def _quantiles(
    x: NDArray[np.float64], sums: NDArray[np.float64], levels: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the lowest of sorted values up to which there is a share of the weight."""
    places = np.searchsorted(sums, levels * sums[-1])
    return x[np.minimum(places, len(x) - 1)]


def _spread_sample(n_events: int) -> slice | NDArray[np.int64]:
    """Return at most 200 000 events, one drawn from each of as many equal parts.

    Neither the order of the events nor a period in it gives them a part of the column,
    and nothing is as long as the events are many.
    """
    if n_events <= MOST_EVENTS:
        return slice(None)
    part = n_events / MOST_EVENTS
    shifts = np.random.default_rng(0).random(MOST_EVENTS)
    drawn = ((np.arange(MOST_EVENTS) + shifts) * part).astype(np.int64)
    return np.minimum(drawn, n_events - 1)


def _same_events(
    member: Member,
    before: Member,
    known: NDArray[np.bool_],
    known_before: NDArray[np.bool_],
) -> bool:
    """Tell whether two members learn the same scaling: from the same arrays."""
    return (
        member.rows is before.rows
        and member.weights is before.weights
        and member.inputs is None
        and before.inputs is None
        and not (known.any() or known_before.any())
    )


def _copy_scaling(module: MemberNetwork, source: int, target: int) -> None:
    """Set the scaling of one member to that of another one."""
    buffers = dict(module.named_buffers())
    for name in buffers.keys() & module.state_dict().keys():
        if name.startswith(("inputs.", "numbers.")):
            buffers[name][target] = buffers[name][source]


def weighted_statistics(
    X: NDArray[np.float32],
    index: NDArray[np.int64],
    weights: NDArray[np.float64],
    missing_values: float,
    columns: NDArray[np.intp] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted mean and standard deviation of the defined values of each column.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Inputs; nan and `missing_values` are undefined.
    index : ndarray of shape (n_events,)
        Rows that count.
    weights : ndarray of shape (n_events,)
        Their weights, not negative.
    missing_values : float
        Value that marks an undefined entry besides nan.
    columns : ndarray of int or None, default=None
        Positions of the columns that count; None for all.

    Returns
    -------
    mean, scale : ndarray of shape (n_columns,)
        0 and 1 for a column without defined values, scale 1 for a constant one.
    """
    # Not as products of matrices, whose bits depend on the number of BLAS threads.
    if columns is None:
        columns = np.arange(X.shape[1])
    total, sums, squares = np.zeros((3, len(columns)))
    # Two passes: a variance from sums of squares loses its digits where the mean is
    # large against the spread, as of a mass or a run number.
    for x, w in _defined(X, index, weights, missing_values, columns):
        total += w.sum(axis=0)
        sums += np.einsum("ij,ij->j", w, x)
    total[total <= 0.0] = 1.0
    mean = sums / total
    for x, w in _defined(X, index, weights, missing_values, columns):
        deviation = x - mean
        squares += np.einsum("ij,ij,ij->j", w, deviation, deviation)
    scale = np.sqrt(squares / total)
    constant = scale <= 10.0 * EPSILON * np.abs(mean)
    return mean, np.where(constant, 1.0, scale)


def _defined(
    X: NDArray[np.float32],
    index: NDArray[np.int64],
    weights: NDArray[np.float64],
    missing_values: float,
    columns: NDArray[np.intp],
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield blocks of values and weights, both zero where a value is undefined."""
    for first in range(0, len(index), ROWS):
        part = slice(first, first + ROWS)
        # All columns of a few rows, then some of them: copies stay as small as a block.
        x = X[index[part]].take(columns, axis=1).astype(np.float64)
        defined = ~(np.isnan(x) | (x == np.float32(missing_values)))
        x[~defined] = 0.0
        yield x, defined * weights[part, np.newaxis]
