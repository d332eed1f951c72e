"""A table that an estimator has learnt: kept as plain columns, shown as a DataFrame.

Tools that store models without pickle, such as skops, know arrays and lists, but no
DataFrame.
"""

from __future__ import annotations

from typing import Any, Self, overload

import numpy as np
import pandas as pd

__all__ = ["LearntTable"]


class LearntTable:
    """Attribute of a class that takes a DataFrame, keeps columns and gives it back.

    Each reading makes a new DataFrame: to change it changes nothing in the estimator.

    Examples
    --------
    >>> class Model:
    ...     report_ = LearntTable()
    >>> model = Model()
    >>> model.report_ = pd.DataFrame({"fold": [0, 1], "class": ["b", "s"]})
    >>> model.report_
       fold class
    0     0     b
    1     1     s
    >>> sorted(vars(model)["_columns_of_report_"])
    ['columns', 'index', 'index_name']
    """

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn the name of the attribute."""
        self.name = name
        self.kept_as = f"_columns_of_{name}"

    @overload
    def __get__(self, model: None, owner: type) -> Self: ...

    @overload
    def __get__(self, model: object, owner: type) -> pd.DataFrame: ...

    def __get__(self, model: object | None, owner: type) -> Self | pd.DataFrame:
        """Return the table."""
        if model is None:
            return self
        kept = vars(model).get(self.kept_as)
        if kept is None:
            msg = f"{owner.__name__!r} object has no attribute {self.name!r}"
            raise AttributeError(msg)
        index = pd.RangeIndex(range(*kept["index"]), name=kept["index_name"])
        return pd.DataFrame(kept["columns"], index=index)

    def __set__(self, model: object, table: pd.DataFrame) -> None:
        """Keep a table whose rows are numbered."""
        index: Any = table.index
        vars(model)[self.kept_as] = {
            "columns": {name: _plain(table[name]) for name in table.columns},
            "index": [index.start, index.stop, index.step],
            "index_name": index.name,
        }


def _plain(column: pd.Series[Any]) -> Any:
    """Return a copy of numbers as an array, and of anything else as a list."""
    values = column.to_numpy()
    return np.array(values) if values.dtype.kind in "biuf" else column.tolist()
