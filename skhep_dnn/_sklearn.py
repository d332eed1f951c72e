"""The only door to private names of scikit-learn.

Everything the package takes from a module with a leading underscore, or under a name
with one, passes through here, so that a new release of scikit-learn has one file to
break.
"""

from copy import copy
from typing import Any

from sklearn.base import _clone_parametrized, _fit_context
from sklearn.metrics._scorer import (
    _BaseScorer,
    _cached_call,
    _MultimetricScorer,
    _PassthroughScorer,
    _Scorer,
)
from sklearn.model_selection._search import (
    BaseSearchCV,
    _yield_masked_array_for_each_param,
)
from sklearn.pipeline import _name_estimators
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils._repr_html.estimator import _VisualBlock
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import (
    _check_feature_names_in,
    _check_method_params,
    _check_response_method,
    _num_samples,
)

__all__ = [
    "BaseSearchCV",
    "HasMethods",
    "Interval",
    "StrOptions",
    "_BaseScorer",
    "_MultimetricScorer",
    "_PassthroughScorer",
    "_Scorer",
    "_VisualBlock",
    "_cached_call",
    "_check_feature_names_in",
    "_check_method_params",
    "_check_response_method",
    "_fit_context",
    "_name_estimators",
    "_num_samples",
    "_routing_enabled",
    "_safe_indexing",
    "_safe_split",
    "_yield_masked_array_for_each_param",
    "clone_sharing",
]


def clone_sharing(estimator: Any, name: str) -> Any:
    """Return a clone of which one parameter is not cloned, but holds the same things.

    For a parameter that may be, or contain, a handle of something outside: the clone
    of a connection or of a trial would belong to nothing. To be called by
    `__sklearn_clone__`, and so by `sklearn.base.clone`.

    Parameters
    ----------
    estimator : estimator
        With or without a fit; not changed.
    name : str
        Its parameter; of a list the clone has a list of its own.

    Returns
    -------
    estimator : estimator
        Not fitted.
    """
    value, others = getattr(estimator, name), copy(estimator)
    setattr(others, name, None)
    new = _clone_parametrized(others)
    setattr(new, name, list(value) if isinstance(value, list) else value)
    return new
