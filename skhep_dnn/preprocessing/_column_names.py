"""Names and positions by which columns are declared."""

from collections.abc import Sequence
from numbers import Integral

__all__ = ["Column", "ColumnNames"]

Column = str | int


class ColumnNames:
    """Names and positions of the columns of a table.

    Parameters
    ----------
    names : sequence of str or None
        Names, if the columns have any.
    n_columns : int
        Number of columns.
    """

    def __init__(self, names: Sequence[str] | None, n_columns: int) -> None:
        self.names = None if names is None else [str(name) for name in names]
        self.n_columns = n_columns

    def __str__(self) -> str:
        if self.names is None:
            return f"{self.n_columns} columns without names"
        return f"the columns {self.names!r}"

    def position(self, column: Column, parameter: str) -> int:
        """Return the position of a declared column."""
        is_position = isinstance(column, Integral) and not isinstance(column, bool)
        if not is_position and not isinstance(column, str):
            msg = (
                f"Columns in `{parameter}` must be names or positions, got {column!r}. "
                "Pass a str or an int."
            )
            raise TypeError(msg)
        known: Sequence[Column] = self.names or []
        if is_position:
            known = range(self.n_columns)
        if column not in known:
            msg = (
                f"Columns in `{parameter}` must be in `X`, got {column!r}, but `X` has "
                f"{self} (n_features = {self.n_columns}). Correct the name or the "
                "position, or leave the column out."
            )
            raise ValueError(msg)
        return known.index(column)

    def label(self, position: int) -> str:
        """Return the name of a column, or its position."""
        return str(position) if self.names is None else self.names[position]
