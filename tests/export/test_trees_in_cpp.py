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

from skhep_dnn.export._scoring_program import scoring_program
from tests.export.cpp_models import needs_compiler, outputs_of_program
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
