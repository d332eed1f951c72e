"""Curves of one number: lines between knots, and quantiles of the normal law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.export._lowering.tree_building import TreeBuilder
from skhep_dnn.export._program.program import TreeEnsemble, Value

__all__ = ["Curve", "normal_quantile", "piecewise_linear"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Lines between knots, constant outside of them; it may jump at a knot.

    Attributes
    ----------
    knots : ndarray of shape (n_knots,), dtype float64
        In rising order, all different.
    below, at, above : ndarray of shape (n_knots,), dtype float64
        Value on the left of a knot, at it, and on its right.
    """

    knots: Array
    below: Array
    at: Array
    above: Array

    @classmethod
    def of_points(cls, x: Array, y: Array) -> Curve:
        """Return the curve through points, with the mean of y where x are equal."""
        knots, first = np.unique(x, return_index=True)
        last = np.append(first[1:], len(x)) - 1
        return cls(knots, y[first], (y[first] + y[last]) / 2.0, y[last])

    def rows(self, tolerance: float) -> Array:
        """Return what is needed in each interval: (n_knots + 1, 8).

        Interval i ends at, and includes, knot i. A row has the knot where it ends, the
        value there, and how near a number must be to be at it; the same of the knot
        where it starts; and of the line inside the value at the start and the slope.
        """
        n = len(self.knots)
        slopes = np.zeros(n + 1)
        with np.errstate(divide="ignore", over="ignore"):
            slopes[1:n] = (self.below[1:] - self.above[:-1]) / np.diff(self.knots)
        near = tolerance * np.abs(self.knots).max()
        nearness = np.where(self.below == self.above, 0.0, near)
        places = np.column_stack([self.knots, self.at, nearness])
        ends = np.vstack([places, places[-1]])
        starts = np.vstack([places[0], places])
        values = np.concatenate([self.below[:1], self.above])
        return np.column_stack([ends, starts, values, slopes])


def piecewise_linear(
    x: Value, curves: Sequence[Curve], tolerance: float = 0.0
) -> Value:
    """Return the value of a curve for each number, undefined of undefined ones.

    Parameters
    ----------
    x : Value
        In double precision.
    curves : sequence of Curve
        One for each number.
    tolerance : float, default=0.0
        How near to a knot at which the curve jumps a number is at it, relative to the
        largest knot: what was computed before may differ in the last digits.

    Returns
    -------
    y : Value
    """
    program = x.program
    low = np.array([curve.knots[0] for curve in curves])
    high = np.array([curve.knots[-1] for curve in curves])
    # Comparisons keep what is undefined, other than minimum and maximum.
    x = program.where(x < low, program.constant(low), x)
    x = program.where(x > high, program.constant(high), x)
    places = program.cast(program.trees(x, _intervals(curves)), "int64")
    results = []
    for k, curve in enumerate(curves):
        row = program.lookup(places[k], curve.rows(tolerance))
        y = row[6] + row[7] * (x[k] - row[3])
        for first in (3, 0):
            knot, value, nearness = row[first], row[first + 1], row[first + 2]
            distance = program.elementwise("absolute", x[k] - knot)
            y = program.where(distance > nearness, y, value)
        results.append(program.where(program.is_nan(x[k]), x[k], y))
    return program.concatenate(results)


def _intervals(curves: Sequence[Curve]) -> TreeEnsemble:
    """Return trees that find, by bisection, how many knots are less than a number."""
    builder = TreeBuilder(np.zeros(len(curves)))
    for k, curve in enumerate(curves):
        n = len(curve.knots)
        # A node is a range of answers; a range of one is a leaf.
        ranges, left, right = [(0, n)], [0], [0]
        for node in range(2 * n + 1):
            low, high = ranges[node]
            if low < high:
                middle = (low + high) // 2
                left[node], right[node] = len(ranges), len(ranges) + 1
                ranges += [(low, middle), (middle + 1, high)]
                left += [0, 0]
                right += [0, 0]
        lows, highs = np.array(ranges).T
        is_leaf = lows == highs
        middles = np.minimum((lows + highs) // 2, n - 1)
        builder.add(
            k,
            features=np.where(is_leaf, -1, k),
            thresholds=curve.knots[middles],
            left=left,
            right=right,
            missing_left=np.zeros(len(lows), dtype=bool),
            values=lows,
        )
    return builder.ensemble()


# Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied
# Statistics 37 (1988) 477, PPND16: numerators and denominators, constant first.
_CENTRE = (
    (
        3.3871328727963666080e0,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ),
    (
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ),
)
_MIDDLE = (
    (
        1.42343711074968357734e0,
        4.63033784615654529590e0,
        5.76949722146069140550e0,
        3.64784832476320460504e0,
        1.27045825245236838258e0,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ),
    (
        1.0,
        2.05319162663775882187e0,
        1.67638483018380384940e0,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ),
)
_TAIL = (
    (
        6.65790464350110377720e0,
        5.46378491116411436990e0,
        1.78482653991729133580e0,
        2.96560571828504891230e-1,
        2.65321895265761230930e-2,
        1.24266094738807843860e-3,
        2.71155556874348757815e-5,
        2.01033439929228813265e-7,
    ),
    (
        1.0,
        5.99832206555887937690e-1,
        1.36929880922735805310e-1,
        1.48753612908506148525e-2,
        7.86869131145613259100e-4,
        1.84631831751005468180e-5,
        1.42151175831644588870e-7,
        2.04426310338993978564e-15,
    ),
)


def normal_quantile(p: Value) -> Value:
    """Return the quantiles of the normal law, infinite at 0 and 1.

    Parameters
    ----------
    p : Value
        Probabilities, in double precision.

    Returns
    -------
    x : Value
    """
    program = p.program
    q = p - 0.5
    centre = q * _rational(0.180625 - q * q, _CENTRE)
    side = program.where(q > 0.0, 1.0 - p, p)
    r = program.sqrt(-program.log(side))
    tail = program.where(
        r > 5.0, _rational(r - 5.0, _TAIL), _rational(r - 1.6, _MIDDLE)
    )
    tail = program.where(side > 0.0, tail, np.inf)
    tail = program.where(q > 0.0, tail, -tail)
    is_centre = ~(program.elementwise("absolute", q) > 0.425)
    x = program.where(is_centre, centre, tail)
    return program.where(program.is_nan(p), p, x)


def _rational(x: Value, coefficients: tuple[tuple[float, ...], ...]) -> Value:
    parts = []
    for row in coefficients:
        total = x * row[-1] + row[-2]
        for coefficient in row[-3::-1]:
            total = total * x + coefficient
        parts.append(total)
    return parts[0] / parts[1]
