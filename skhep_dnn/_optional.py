"""Optional libraries: imported where they are needed, by extras of this package."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["import_optional"]


def import_optional(name: str, purpose: str, extra: str) -> ModuleType:
    """Import an optional library, or say how to get it.

    Parameters
    ----------
    name : str
        The module, such as "pyarrow.parquet".
    purpose : str
        What it is needed for.
    extra : str
        The extra of this package that brings it.

    Returns
    -------
    module : module

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        library = name.partition(".")[0]
        msg = (
            f"{library} must be installed to {purpose}, got none ({error}). Install it "
            f'with `pip install "skhep-dnn[{extra}]"`.'
        )
        raise ImportError(msg) from error
