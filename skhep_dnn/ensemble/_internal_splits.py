"""Which parts of an estimator split the rows that `fit` gets, and by which parameter.

Copies of one event would then stand on both sides of that split, and what is decided
on it (when to stop, which candidate is best) is decided on events that were seen. The
answer is read off the parameters of an estimator and of all its parts: an estimator of
this package names those that split its rows in a class attribute `_splits_rows_by`,
others are known by the names that they use.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from sklearn.multioutput import ClassifierChain, RegressorChain
from sklearn.svm import SVC, NuSVC

__all__ = ["SplittingPart", "keeps_groups", "splitting_parts"]

AUTO_ROWS = 10_000  # HistGradientBoosting* stops early by itself with more rows
_TURN_AROUND = (
    "Put what splits around the SymmetryAveragedClassifier, not inside: events are "
    "then split before they are copied."
)
_NO_DEFAULT_FOLDS = (ClassifierChain, RegressorChain)  # where cv=None means no split


@dataclass(frozen=True)
class SplittingPart:
    """A part of an estimator that splits its rows.

    Attributes
    ----------
    estimator : estimator
        The part, or the estimator itself.
    parameter : str
        The parameter that makes it split.
    setting : str
        The same with its path and value.
    remedy : str
        What to do instead.
    """

    estimator: Any
    parameter: str
    setting: str
    remedy: str


def splitting_parts(estimator: Any, n_rows: int) -> list[SplittingPart]:
    """Return all parts of an estimator that split the rows of a fit.

    Parameters
    ----------
    estimator : estimator
        With or without parts; not changed.
    n_rows : int
        Number of rows, copies included.

    Returns
    -------
    parts : list of SplittingPart
    """
    found = []
    for path, part in _walk(estimator):
        params = part.get_params(deep=False)
        declares = hasattr(part, "_splits_rows_by")
        for rule in _DECLARED_RULES if declares else _RULES:
            split = rule(part, params, n_rows)
            if split is not None:
                name, remedy = split
                shown = f"{path}{name}={params[name]!r}"
                found.append(SplittingPart(part, name, shown, remedy))
    return found


def keeps_groups(estimator: Any) -> bool:
    """Return whether the folds of an estimator respect groups, if it gets them.

    Parameters
    ----------
    estimator : estimator
        One whose `fit` takes `groups`.

    Returns
    -------
    keeps : bool
        False for a splitter that knows no groups and for an iterable of rows.
    """
    cv = getattr(estimator, "cv", None)
    if cv is None or isinstance(cv, Integral):
        return True
    if not hasattr(cv, "get_metadata_routing"):
        return False
    return cv.get_metadata_routing().split.requests.get("groups") is True


def _walk(estimator: Any) -> Iterator[tuple[str, Any]]:
    """Yield an estimator and its parts, with the prefix of their parameters."""
    yield "", estimator
    for path, value in sorted(estimator.get_params(deep=True).items()):
        if hasattr(value, "get_params") and not isinstance(value, type):
            yield f"{path}__", value


_Found = tuple[str, str] | None
_Params = Mapping[str, Any]


def _stops_early(part: Any, params: _Params, n_rows: int) -> _Found:  # noqa: ARG001
    """Early stopping on rows held out; with validation_fraction=None on all rows."""
    stops = params.get("early_stopping", False)
    is_on = n_rows > AUTO_ROWS if isinstance(stops, str) else bool(stops)
    if is_on and params.get("validation_fraction", 0.1) is not None:
        return "early_stopping", "Set early_stopping=False."
    return None


def _counts_no_change(part: Any, params: _Params, n_rows: int) -> _Found:  # noqa: ARG001
    """Early stopping that is switched on by a patience: GradientBoosting*."""
    patience = params.get("n_iter_no_change")
    if "early_stopping" not in params and patience is not None:
        return "n_iter_no_change", "Set n_iter_no_change=None."
    return None


def _holds_out(part: Any, params: _Params, n_rows: int) -> _Found:  # noqa: ARG001
    """A validation sample that is drawn from the rows."""
    name = "validation_fraction"
    if name in part._splits_rows_by and params[name] is not None:
        return name, f"Set {name}=None."
    return None


def _declares_folds(part: Any, params: _Params, n_rows: int) -> _Found:  # noqa: ARG001
    """Folds of an estimator for which cv=None means none."""
    if "cv" in part._splits_rows_by and params["cv"] is not None:
        return "cv", _TURN_AROUND
    return None


def _has_folds(part: Any, params: _Params, n_rows: int) -> _Found:  # noqa: ARG001
    if "cv" not in params or isinstance(params["cv"], str):  # "prefit"
        return None
    if params["cv"] is None and isinstance(part, _NO_DEFAULT_FOLDS):
        return None
    return "cv", _TURN_AROUND


def _calibrates(part: Any, params: _Params, n_rows: int) -> _Found:  # noqa: ARG001
    if isinstance(part, (SVC, NuSVC)) and params.get("probability") is True:
        remedy = (
            "Set probability=False and put a CalibratedClassifierCV around the "
            "SymmetryAveragedClassifier."
        )
        return "probability", remedy
    return None


def _scores_out_of_bag(part: Any, params: _Params, n_rows: int) -> _Found:  # noqa: ARG001
    if params.get("oob_score", False):
        return "oob_score", "Set oob_score=False."
    return None


def _splits_for_skorch(part: Any, params: _Params, n_rows: int) -> _Found:  # noqa: ARG001
    if params.get("train_split") is not None:
        return "train_split", "Set train_split=None."
    return None


def _copies_again(part: Any, params: _Params, n_rows: int) -> _Found:  # noqa: ARG001
    """A SymmetryAveragedClassifier inside, which would take copies for events."""
    if getattr(part, "_copies_rows", False):
        return "n_copies", "Declare all transformations in one augmenter."
    return None


_DECLARED_RULES = (_holds_out, _declares_folds)
_RULES = (
    _stops_early,
    _counts_no_change,
    _has_folds,
    _calibrates,
    _scores_out_of_bag,
    _splits_for_skorch,
    _copies_again,
)
