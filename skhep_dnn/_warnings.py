"""Where does a warning point: at the line of the user, however deep it arises."""

import inspect
import os
import warnings
from pathlib import Path

import joblib
import sklearn

__all__ = ["warn_caller"]

# This package, and the tools through which a user calls it: a search its scorer, say.
_NOT_THE_USER = tuple(
    str(Path(module).parent) + os.sep
    for module in (__file__, joblib.__file__, sklearn.__file__)
)


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn at the line that called into this package, or into scikit-learn before it.

    A fixed `stacklevel` is right for one path of calls only, and most warnings can be
    reached by several.

    Parameters
    ----------
    message : str
        What was expected, what came and how to mend it.
    category : type
        The class of the warning.

    Warns
    -----
    category
        Always.
    """
    stacklevel = 1
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_NOT_THE_USER):
        frame = frame.f_back
        stacklevel += 1
    warnings.warn(message, category, stacklevel=stacklevel)
