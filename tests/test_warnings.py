"""A warning points at the line of the user by whatever path it is reached."""

import inspect
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import StandardScaler

import skhep_dnn
from skhep_dnn import BoostedDNN, WeightedDNNClassifier
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.exceptions import (
    FoldYieldWarning,
    IgnoredParameterWarning,
    LowStatisticsWarning,
    MeanCombinationWarning,
    UndefinedSignificanceWarning,
    UnscoredEventsWarning,
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
from skhep_dnn.model_selection import (
    OptunaSearchCV,
    SignificanceThresholdClassifier,
    cross_validate_pooled,
)
from skhep_dnn.pipeline import WeightedPipeline, make_weighted_pipeline

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


def scaled_column():
    return ColumnTransformer([("scale", StandardScaler(), ["a"])])


def column_pipeline(last=None):
    last = Scaler() if last is None else last
    return WeightedPipeline([("columns", scaled_column()), ("last", last)])


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
    "made": lambda: make_weighted_pipeline(scaled_column(), Scaler()),
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


# --- once, however many clones are fitted ---------------------------------------------


def in_search(model):
    name = model.steps[-1][0]
    search = GridSearchCV(model, {f"{name}__C": [0.1, 1.0]}, cv=3)
    search.fit(X, Y, sample_weight=WEIGHT)


def in_cross_validation(model):
    cross_val_score(model, X, Y, cv=4, params={"sample_weight": WEIGHT})


def in_own_cross_validation(model):
    cross_validate_pooled(model, X, Y, WEIGHT, cv=3, n_replicas=0)


def in_own_search(model):
    name = model.steps[-1][0]
    search = OptunaSearchCV(
        model, {f"{name}__C": (0.1, 1.0)}, n_trials=3, cv=2, random_state=0
    )
    search.fit(X, Y, sample_weight=WEIGHT)


def in_bagging(model):
    BaggingClassifier(model, n_estimators=3, random_state=0).fit(
        X.to_numpy(), Y, sample_weight=WEIGHT
    )


def fitted_twice(model):
    model.fit(X, Y, sample_weight=WEIGHT)
    clone(model).fit(X, Y, sample_weight=WEIGHT)


OUTER = [
    in_search,
    in_cross_validation,
    in_own_cross_validation,
    in_own_search,
    in_bagging,
    fitted_twice,
]


def told_by(category, call):
    """Return how often a call warns."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return sum(warning.category is category for warning in caught)


def by_position(last):
    """Pipeline whose columns are found in arrays, too."""
    columns = ColumnTransformer([("scale", StandardScaler(), [0])])
    return columns, last


@pytest.mark.parametrize("outer", OUTER)
def test_steps_without_weights_are_told_once(outer):
    columns, last = by_position(LogisticRegression())
    written = WeightedPipeline([("columns", columns), ("last", last)])
    assert told_by(UnweightedStepWarning, lambda: outer(written)) == 1
    with pytest.warns(UnweightedStepWarning, match=r"\['scale'\] of the step"):
        made = make_weighted_pipeline(*by_position(LogisticRegression()))
    assert told_by(UnweightedStepWarning, lambda: outer(made)) == 0


def test_a_pipeline_that_was_changed_warns_again():
    with pytest.warns(UnweightedStepWarning):
        made = make_weighted_pipeline(*by_position(LogisticRegression()))
    other = ColumnTransformer([("other", StandardScaler(), [0])])
    made.set_params(columntransformer=other)
    with pytest.warns(UnweightedStepWarning, match=r"\['other'\] of the step"):
        made.fit(X.to_numpy(), Y, sample_weight=WEIGHT)


def test_what_was_told_goes_along_with_a_pickle():
    with pytest.warns(UnweightedStepWarning):
        made = make_weighted_pipeline(*by_position(LogisticRegression()))
    pickle.loads(pickle.dumps(made)).fit(X.to_numpy(), Y, sample_weight=WEIGHT)


def test_a_pipeline_is_silent_where_weights_are_routed():
    with config_context(enable_metadata_routing=True), warnings.catch_warnings():
        warnings.simplefilter("error")
        make_weighted_pipeline(*by_position(LogisticRegression()))


def network(**changes):
    """Network that trains in no time."""
    return WeightedDNNClassifier(
        n_layers=1, width=2, max_epochs=2, random_state=0, **changes
    )


@pytest.mark.parametrize(
    ("category", "options", "message"),
    [
        (
            IgnoredParameterWarning,
            {"early_stopping": True, "validation_fraction": 0.3},
            r"got OneCycle\(.*whose only cycle always runs to its end",
        ),
        (
            IgnoredParameterWarning,
            {
                "early_stopping": True,
                "validation_fraction": 0.3,
                "schedule": "cosine_restarts",
                "n_iter_no_change": 2,
            },
            r"n_iter_no_change=2 cycles of CosineRestarts.* in 2 passes",
        ),
        (UnscoredEventsWarning, {"cv": 5}, "got 1 for 5 folds: 4 of them stay nan"),
    ],
)
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
def test_parameters_of_a_network_are_told_once(category, options, message):
    with pytest.warns(category, match=message) as caught:
        network(**options).fit(X, Y)
    assert [w.filename for w in caught if w.category is category] == [__file__]
    model = network(**options)

    def outer():
        cross_val_score(model, X, Y, cv=3)
        GridSearchCV(model, {"width": [2]}, cv=2).fit(X, Y)

    assert told_by(category, outer) == 1
    ensemble = BoostedDNN(network(**options), n_estimators=2, random_state=0)
    assert told_by(category, lambda: ensemble.fit(X, Y)) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"early_stopping": True, "validation_fraction": 0.3, "schedule": "constant"},
        {
            "early_stopping": True,
            "validation_fraction": 0.3,
            "schedule": "linear_cycles",
            "n_iter_no_change": 2,
            "max_epochs": 4,
        },
        {"cv": 3, "n_members": 3},
        {"cv": 3, "validate_on_fold": True},
    ],
)
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
def test_parameters_that_have_an_effect_are_not_warned_of(options):
    model = network().set_params(**options)
    assert told_by(IgnoredParameterWarning, lambda: model.fit(X, Y)) == 0
    assert told_by(UnscoredEventsWarning, lambda: clone(model).fit(X, Y)) == 0


def test_a_mean_of_fold_models_is_told_once():
    model = CrossFitClassifier(LogisticRegression(), cv=2)
    outer = lambda: cross_val_score(model, X, Y, cv=3)  # noqa: E731
    assert told_by(MeanCombinationWarning, outer) == 1
    model = SignificanceThresholdClassifier(
        LogisticRegression(), cv=2, n_replicas=0, min_n_eff=1.0
    )
    assert told_by(MeanCombinationWarning, outer) == 1


def test_unknown_yields_are_told_once():
    assert told_by(FoldYieldWarning, searched) == 1
    assert told_by(FoldYieldWarning, cross_validated) == 1


@pytest.mark.slow
def test_workers_do_not_repeat_what_was_told(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(IN_WORKERS)
    for made, expected in (("made", 1), ("written", 2)):
        command = [sys.executable, str(script), made]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=HERE
        )
        # Of a pipeline written out each of the two workers tells it once, at most.
        n_told = done.stderr.count("UnweightedStepWarning: ")
        assert 1 <= n_told <= expected


HERE = {**os.environ, "PYTHONPATH": str(Path(skhep_dnn.__file__).parents[1])}
IN_WORKERS = """
import sys
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import StandardScaler
from skhep_dnn.model_selection import cross_validate_pooled
from skhep_dnn.pipeline import WeightedPipeline, make_weighted_pipeline

if __name__ == "__main__":
    y = np.tile([0, 1], 50)
    X = np.linspace(-1.0, 1.0, 100)[:, np.newaxis] + y[:, np.newaxis]
    w = np.ones(100)
    columns = ColumnTransformer([("scale", StandardScaler(), [0])])
    if sys.argv[1] == "made":
        model = make_weighted_pipeline(columns, LogisticRegression())
    else:
        steps = [("columns", columns), ("logisticregression", LogisticRegression())]
        model = WeightedPipeline(steps)
    values = {"logisticregression__C": [0.1, 1.0, 10.0]}
    cross_val_score(model, X, y, cv=6, params={"sample_weight": w}, n_jobs=2)
    cross_validate_pooled(model, X, y, w, cv=6, n_replicas=0, n_jobs=2)
    if sys.argv[1] == "made":  # these fit in this process, too
        GridSearchCV(model, values, cv=3, n_jobs=2).fit(X, y, sample_weight=w)
        BaggingClassifier(model, n_estimators=4, n_jobs=2).fit(X, y, sample_weight=w)
"""
