"""Trees, curves, categories and blends in C++."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.export import to_cpp
from skhep_dnn.export._scoring_program import scoring_program
from skhep_dnn.model_selection import EventNumberKFold
from tests.export.cpp_models import (
    needs_compiler,
    outputs_of_header,
    outputs_of_program,
)
from tests.export.test_blends import blend_of_the_issue
from tests.export.test_trees import events


def models():
    """Return models and their tables, by name."""
    X, y, _ = events(3)
    X, y = X[:2000], y[:2000]
    table = pd.DataFrame(X, columns=["pt", "eta", "phi", "mass"])
    table["kind"] = np.resize(["e", "mu", "tau", None], len(X)).astype(object)
    trees = HistGradientBoostingClassifier(max_iter=5, categorical_features=["kind"])
    forest = RandomForestClassifier(4, max_depth=5, random_state=0)
    voting = VotingClassifier([("f", forest), ("g", forest)], voting="soft")
    isotonic = CalibratedClassifierCV(forest, method="isotonic", cv=2)
    whole = np.nan_to_num(X)
    quantiles = QuantileTransformer(n_quantiles=20, output_distribution="normal")
    # Equal values meet knots of the quantiles, though the step before rounds.
    steps = [
        StandardScaler(),
        PolynomialFeatures(2, include_bias=False),
        PowerTransformer(),
        quantiles,
    ]
    return {
        "categories": (trees.fit(table, y), table),
        "voting": (voting.fit(X, y), X),
        "isotonic": (isotonic.fit(X.astype(np.float32), y), X.astype(np.float32)),
        "steps": (make_pipeline(*steps, LogisticRegression()).fit(whole, y), whole),
        "one of several": (
            make_pipeline(OneHotEncoder(), forest).fit(table[["kind"]], y),
            table[["kind"]],
        ),
    }


@needs_compiler
@pytest.mark.parametrize(
    "name", ["categories", "voting", "isotonic", "steps", "one of several"]
)
def test_models_in_cpp(name, tmp_path):
    model, X = models()[name]
    scoring = scoring_program(model, X)
    found = outputs_of_program(scoring.program, scoring.arrays(X), tmp_path)
    expected = model.predict_proba(X)
    np.testing.assert_allclose(found["probability"], expected, rtol=0, atol=1e-9)


@needs_compiler
def test_the_blend_of_an_analysis_in_cpp(tmp_path):
    X, y, w = events()
    table = pd.DataFrame(X[:3000], columns=["pt", "eta", "phi", "mass"])
    table["event"] = np.random.default_rng(0).integers(0, 2**40, len(table))
    folds = EventNumberKFold(2)
    model = CrossFitClassifier(blend_of_the_issue(), cv=folds, event_number="event")
    model.fit(table, y[:3000], sample_weight=np.abs(w[:3000]))
    to_cpp(model, tmp_path / "blend.hpp", table)
    scoring = scoring_program(model, table)
    arrays = scoring.arrays(table)
    found = outputs_of_header(tmp_path / "blend.hpp", scoring, arrays, tmp_path)
    np.testing.assert_array_equal(found["fold"], model.fold_numbers(table))
    expected = model.predict_proba(table)
    np.testing.assert_allclose(found["probability"], expected, rtol=0, atol=1e-6)
