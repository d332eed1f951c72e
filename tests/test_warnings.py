"""A warning points at the line of the user by whatever path it is reached."""

import inspect
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import StandardScaler

from skhep_dnn.exceptions import (
    FoldYieldWarning,
    LowStatisticsWarning,
    UndefinedSignificanceWarning,
    UnweightedStepWarning,
)
from skhep_dnn.metrics import (
    SignificanceAt,
    ams,
    ams_score,
    asimov_significance,
    binned_significance,
    bootstrap,
    make_significance_scorer,
    max_significance_score,
    paired_bootstrap,
    s_over_sqrt_b,
    s_over_sqrt_sb,
    significance_scan,
    threshold_at_efficiency,
    threshold_at_maximum,
    threshold_top_fraction,
)
from skhep_dnn.pipeline import make_weighted_pipeline

Y = np.tile(["b", "s"], 50)
X = pd.DataFrame({"a": np.linspace(-1.0, 1.0, 100) + (Y == "s")})
WEIGHT = np.where(Y == "s", 0.1, 1.0)
MODEL = LogisticRegression().fit(X, Y)
SCAN = significance_scan(Y, X["a"], WEIGHT)
YIELDS = {"signal_yield": 5.0, "background_yield": 50.0}


def undefined(_y_true, _y_score, sample_weight):
    return np.nan


def scored(**options):
    scorer = make_significance_scorer(**options)
    return lambda: scorer(MODEL, X, Y, sample_weight=WEIGHT)


def searched():
    scorer = make_significance_scorer("asimov", at=0.5, min_n_eff=0)
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, scoring=scorer, cv=2)
    search.fit(X, Y, sample_weight=WEIGHT)


def cross_validated():
    scorer = make_significance_scorer(unit_weights=True, min_n_eff=0)
    cross_val_score(LogisticRegression(), X, Y, scoring=scorer, cv=2)


def column_pipeline():
    columns = ColumnTransformer([("scale", StandardScaler(), ["a"])])
    return make_weighted_pipeline(columns, Scaler())


class Scaler(TransformerMixin, BaseEstimator):
    """A last step that transforms."""

    def fit(self, X, y=None, sample_weight=None):  # noqa: ARG002
        """Learn nothing."""
        return self

    def transform(self, X):
        """Change nothing."""
        return X


UNDEFINED = {
    "ams": lambda: ams(1.0, -1.0),
    "ams_score": lambda: ams_score([0, 1], [0, 0], b_reg=0.0),
    "asimov_significance": lambda: asimov_significance(1.0, 0.0),
    "binned_significance": lambda: binned_significance([1.0], [0.0]),
    "max_significance_score": lambda: max_significance_score([0, 1], [0.1, 0.2]),
    "s_over_sqrt_b": lambda: s_over_sqrt_b(1.0, 0.0),
    "s_over_sqrt_sb": lambda: s_over_sqrt_sb(1.0, -1.0),
    "SignificanceAt": lambda: SignificanceAt(9.0)([0, 1], [0.1, 0.2]),
    "bootstrap, nominal": lambda: bootstrap(
        SignificanceAt(2.0, kind="s_over_sqrt_b"), Y, X["a"] * 0.0
    ),
    "threshold_at_efficiency": lambda: threshold_at_efficiency(
        significance_scan([0, 1], [0.2, 0.1]), background=0.5
    ),
    "threshold_at_maximum": lambda: threshold_at_maximum(SCAN, min_n_eff=1e9),
    "threshold_top_fraction": lambda: threshold_top_fraction(SCAN, min_score=9.0),
    "scorer, maximum": scored(at="max", min_n_eff=1e9, **YIELDS),
    "scorer, selection": scored(
        kind="asimov", at=9.0, response_method="decision_function", **YIELDS
    ),
}
LOW = {
    "bootstrap": lambda: bootstrap(undefined, Y, X["a"], n_replicas=2),
    "paired_bootstrap": lambda: paired_bootstrap(
        undefined, Y, X["a"], X["a"], n_replicas=2
    ),
    "scorer, binned": scored(min_n_eff=1e9, **YIELDS),
    "scorer, selection": scored(at=0.5, min_n_eff=1e9, **YIELDS),
}
FOLD = {
    "scorer": scored(min_n_eff=0),
    "search": searched,
    "cross-validation": cross_validated,
}
UNWEIGHTED = {
    "fit": lambda: column_pipeline().fit(X, Y, sample_weight=WEIGHT),
    "fit_transform": lambda: column_pipeline().fit_transform(
        X, Y, sample_weight=WEIGHT
    ),
}


@pytest.mark.parametrize(
    ("category", "call"),
    [
        pytest.param(category, call, id=f"{category.__name__}-{name}")
        for category, calls in (
            (UndefinedSignificanceWarning, UNDEFINED),
            (LowStatisticsWarning, LOW),
            (FoldYieldWarning, FOLD),
            (UnweightedStepWarning, UNWEIGHTED),
        )
        for name, call in calls.items()
    ],
)
def test_a_warning_points_at_the_line_of_the_user(category, call):
    with (
        config_context(enable_metadata_routing=False),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        call()
    seen = [warning for warning in caught if warning.category is category]
    assert seen
    lines, first = inspect.getsourcelines(call)
    for warning in seen:
        assert warning.filename == __file__
        assert first <= warning.lineno < first + len(lines)
