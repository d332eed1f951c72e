"""Trees of several libraries, put together one by one; and the columns they look at."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn.export._lowering.categories import category_code
from skhep_dnn.export._lowering.lowering import Column, Table
from skhep_dnn.export._program.program import DType, TreeEnsemble, Value

__all__ = ["BETWEEN", "TreeBuilder", "TreeColumns"]

LEFT, RIGHT, BETWEEN = 0.0, 1.0, 0.5
# Rounding of a number that a few functions have computed, in other languages. It is
# four digits of float32, where numbers of events are near to each other.
ROUNDING: dict[str, float] = {"float64": 2.0**-40, "float32": 2.0**-21}


class TreeBuilder:
    """Trees that are added one after the other.

    Parameters
    ----------
    start : array-like of shape (n_outputs,)
        Added to the sums of the leaves.
    """

    def __init__(self, start: ArrayLike) -> None:
        self.start = np.atleast_1d(np.asarray(start, dtype=np.float64))
        self._trees: list[dict[str, NDArray[Any]]] = []
        self._outputs: list[int] = []
        self._n_nodes = 0
        self._n_leaves = 0

    def add(
        self,
        output: int,
        *,
        features: ArrayLike,
        thresholds: ArrayLike,
        left: ArrayLike,
        right: ArrayLike,
        missing_left: ArrayLike,
        values: ArrayLike,
    ) -> None:
        """Add a tree.

        Parameters
        ----------
        output : int
            To which its (first) value is added.
        features : array-like of shape (n_nodes,)
            Column of each node, -1 of a leaf; the root comes first.
        thresholds, left, right, missing_left : array-like of shape (n_nodes,)
            As in `TreeEnsemble`, with nodes numbered in this tree; of leaves they do
            not matter.
        values : array-like of shape (n_nodes,) or (n_nodes, n_values)
            What a leaf adds; of other nodes it does not matter.
        """
        columns = np.asarray(features, dtype=np.int64)
        is_leaf = columns < 0
        limits = np.asarray(thresholds, dtype=np.float64)
        rows = self._n_leaves + np.cumsum(is_leaf) - 1
        below = [
            np.asarray(way, dtype=np.int64) + self._n_nodes for way in (left, right)
        ]
        numbers = np.asarray(values, dtype=np.float64).reshape(len(columns), -1)
        self._trees.append(
            {
                "features": np.where(is_leaf, -1, columns),
                "thresholds": np.where(is_leaf, 0.0, limits),
                "left": np.where(is_leaf, rows, below[0]),
                "right": np.where(is_leaf, 0, below[1]),
                "missing_left": np.asarray(missing_left, dtype=bool) & ~is_leaf,
                "values": numbers[is_leaf],
            }
        )
        self._outputs.append(output)
        self._n_nodes += len(columns)
        self._n_leaves += int(is_leaf.sum())

    def ensemble(self) -> TreeEnsemble:
        """Return all trees; one leaf of zeros if there are none."""
        if not self._trees:
            self.add(
                0,
                features=[-1],
                thresholds=[0.0],
                left=[0],
                right=[0],
                missing_left=[False],
                values=[0.0],
            )
        sizes = [len(tree["features"]) for tree in self._trees]
        joined = {
            name: np.concatenate([tree[name] for tree in self._trees])
            for name in self._trees[0]
        }
        return TreeEnsemble(
            roots=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64),
            outputs=np.array(self._outputs, dtype=np.int64),
            start=self.start,
            **joined,
        )


class TreeColumns:
    """The columns that trees look at: those of a table, and those made of them.

    A set of categories is a column that is 0 of its members, 1 of other known
    categories, and undefined of anything else: a tree with a threshold between them
    sends each event where it belongs.

    Parameters
    ----------
    table : Table
        What comes in.
    dtype : {"float64", "float32"}
        Kind of numbers in which the library compares.
    """

    def __init__(self, table: Table, dtype: DType = "float64") -> None:
        self.table = table
        self.dtype = dtype
        self._places: dict[Hashable, int] = {}
        self._numbers: list[tuple[int, Callable[[], Value]]] = []
        self._sets: dict[int, list[tuple[int, Sequence[int]]]] = {}
        self._categories: dict[int, tuple[NDArray[Any], Sequence[int], Column]] = {}

    def number(self, column: int) -> Value:
        """Return a column of the table, in double precision."""
        program = self.table.program
        x = program.cast(self.table.columns[column].number, self.dtype)
        return program.cast(x, "float64")

    def room(self, column: int, thresholds: ArrayLike) -> Callable[[Any], Any]:
        """Return how much a value may differ from that in Python, by the threshold.

        A threshold can be the value of an event of the training. Where a step has
        computed the column, by sines and other functions, the last digits of that value
        differ from language to language: the threshold is moved by this much, so that
        the event goes where it went.
        """
        known = self.table.columns[column]
        values = np.asarray(thresholds, dtype=np.float64)
        values = np.abs(values[np.isfinite(values)])
        digit = 0.0 if known.exact else ROUNDING[known.dtype]
        # A sum near zero has the rounding of its parts, not its own.
        typical = float(np.median(values)) if len(values) else 0.0

        def room(threshold: Any) -> Any:
            size = np.maximum(np.abs(threshold), typical)
            return digit * np.where(np.isfinite(size), size, 0.0)

        return room

    def place(self, column: int) -> int:
        """Return the place of a column of the table."""
        return self.made(column, lambda: self.number(column))

    def made(self, key: Hashable, make: Callable[[], Value]) -> int:
        """Return the place of a column that is made when it is first asked for."""
        if key not in self._places:
            self._places[key] = len(self._places)
            self._numbers.append((self._places[key], make))
        return self._places[key]

    def set_categories(
        self,
        column: int,
        categories: ArrayLike,
        known: Sequence[int],
        made: Column | None = None,
    ) -> None:
        """Tell the categories of a column, and the positions of those that are known.

        A position that is not known counts as undefined, as any other value does. A
        column that is made of the one of the table can take its place.
        """
        values = self.table.columns[column] if made is None else made
        self._categories[column] = (np.asarray(categories), known, values)

    def place_of_set(self, column: int, members: Sequence[int]) -> int:
        """Return the place of a set of categories, given by their positions."""
        key = (column, tuple(members))
        if key not in self._places:
            self._places[key] = len(self._places)
            self._sets.setdefault(column, []).append((self._places[key], members))
        return self._places[key]

    def vector(self) -> Value:
        """Return all columns."""
        program = self.table.program
        if not self._places:  # no tree has a node
            return self.number(0)
        values = [make() for _, make in self._numbers]
        places = [place for place, _ in self._numbers]
        for column, sets in self._sets.items():
            categories, known, of = self._categories[column]
            rows = np.full((len(categories) + 1, len(sets)), np.nan)
            rows[list(known)] = RIGHT
            for k, (place, members) in enumerate(sets):
                rows[list(members), k] = LEFT
                places.append(place)
            code = category_code(program, of, categories)
            values.append(program.lookup(code, rows))
        return program.concatenate(values)[np.argsort(places).tolist()]
