"""The only door to private names of scikit-learn.

Everything the package takes from a module with a leading underscore, or under a name
with one, passes through here, so that a new release of scikit-learn has one file to
break.
"""

from sklearn.base import _fit_context
from sklearn.metrics._scorer import _Scorer
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in

__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "_Scorer",
    "_check_feature_names_in",
    "_fit_context",
]
