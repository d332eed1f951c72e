"""Steps that select columns: those that they support, in their order."""

from __future__ import annotations

from typing import Any

import numpy as np

from skhep_dnn.export._lowering.lowering import Lowering, Table

__all__ = ["selected_columns"]


def selected_columns(_: Lowering, step: Any, table: Table) -> Table:
    """Return the columns that a fitted selector keeps."""
    return table.take(np.flatnonzero(step.get_support()).tolist())
