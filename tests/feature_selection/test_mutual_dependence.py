import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.linear_model import LinearRegression

from skhep_dnn.feature_selection import mutual_dependence


@pytest.fixture(name="X")
def table():
    """A sum of two features, its parts with noise, and a feature on its own."""
    rng = np.random.default_rng(0)
    x, y, noise, alone = rng.normal(size=(4, 1500))
    return pd.DataFrame({"x": x, "y": y, "sum": x + y + 0.5 * noise, "alone": alone})


def test_closed_form_of_a_linear_regression(X):
    result = mutual_dependence(X, estimator=LinearRegression(), random_state=0)
    # 1 - Var(noise) / Var(sum); the part is predicted from the sum and the other part.
    truth = {"sum": 1 - 0.25 / 2.25, "x": 1 - 0.2, "y": 1 - 0.2, "alone": 0.0}
    for name, value in truth.items():
        assert result.dependence[name] == pytest.approx(value, abs=0.03)
    # A permuted regressor of coefficient 1 adds twice its variance, over that of x + y.
    contributions = result.contributions.loc["sum"]
    assert contributions["x"] == pytest.approx(2 / 2.25, abs=0.1)
    assert contributions["alone"] == pytest.approx(0.0, abs=0.01)
    assert np.isnan(contributions["sum"])


def test_default_regressor_finds_what_depends(X):
    result = mutual_dependence(X, max_events=1000, cv=2, random_state=0)
    assert result.dependence["sum"] > 0.7
    assert result.dependence["alone"] < 0.1
    contributions = result.contributions.loc["sum", ["x", "y"]]
    assert (contributions > 5 * result.contributions.loc["sum", "alone"]).all()
    lines = str(result).splitlines()
    assert lines[1].split()[0] == "sum"
    assert lines[-1].split()[0] == "alone"
    assert np.isnan(np.diagonal(result.contributions)).all()


def test_weights_decide_and_signs_do_not(X):
    weight = np.where(np.arange(1500) < 750, 1.0, 1e-3)
    X.loc[750:, "x"] = 0.0
    linear = {"estimator": LinearRegression(), "random_state": 0}
    unit = mutual_dependence(X, **linear).dependence["y"]
    weighted = mutual_dependence(X, weight, **linear).dependence["y"]
    assert weighted == pytest.approx(0.8, abs=0.04)
    assert unit < 0.7
    weight[::3] *= -1
    signed = mutual_dependence(X, weight, **linear).dependence["y"]
    assert signed == weighted


def test_weight_zero_equals_absent(X):
    weight = np.ones(1500)
    weight[::5] = 0.0
    linear = {"estimator": LinearRegression(), "random_state": 0}
    zero = mutual_dependence(X, weight, **linear)
    absent = mutual_dependence(X[weight > 0.0], **linear)
    pd.testing.assert_series_equal(zero.dependence, absent.dependence)


def test_undefined_targets_are_left_out_and_inputs_are_not(X):
    X["flag"] = np.where(np.arange(1500) % 3 == 0, np.nan, X["x"])
    marked = X.fillna(-999.0)
    options = {"max_events": 400, "cv": 2, "random_state": 0}
    result = mutual_dependence(marked, missing_values=-999.0, **options)
    assert result.dependence["flag"] > 0.9
    pd.testing.assert_series_equal(
        result.dependence, mutual_dependence(X, **options).dependence
    )


def test_same_seed_same_result_for_any_number_of_jobs(X):
    options = {"max_events": 200, "cv": 2}
    one = mutual_dependence(X, random_state=1, **options)
    with parallel_config("threading"):
        two = mutual_dependence(X, n_jobs=2, random_state=1, **options)
    pd.testing.assert_frame_equal(one.contributions, two.contributions)
    other = mutual_dependence(X, random_state=2, **options)
    assert not other.contributions.equals(one.contributions)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda X: X[["x"]], {}, r"at least two features, got 1\. Pass"),
        (lambda X: X, {"cv": 1}, r"`cv` must be .* at least 2, got 1\. Take"),
        (lambda X: X, {"max_events": 2}, r"`max_events` must be .* 3, got 2\. Take"),
        (
            lambda X: X.assign(y=np.nan),
            {},
            r"defined in at least 3 events, got 0 for 'y'\. Leave",
        ),
    ],
)
def test_wrong_arguments(X, change, options, message):
    with pytest.raises(ValueError, match=message):
        mutual_dependence(change(X), **options)
