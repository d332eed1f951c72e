"""Mean scores against a column: brute force, undefined entries, spread of members."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.inspection import WeightedPartialDependenceDisplay
from skhep_dnn.neural_network._member_predictions import probabilities_of_members

draw = WeightedPartialDependenceDisplay.from_estimator


@pytest.fixture
def events():
    rng = np.random.default_rng(0)
    y = np.where(rng.random(300) < 0.4, "s", "b")
    X = pd.DataFrame(rng.normal(size=(300, 3)), columns=["mass_GeV", "b", "c"])
    X["mass_GeV"] += y == "s"
    X["n"] = rng.integers(0, 3, size=300)
    weight = rng.exponential(size=300) * np.where(rng.random(300) < 0.1, -1.0, 1.0)
    return X, y, weight


def test_curves_are_weighted_means_by_brute_force(events):
    X, y, weight = events
    model = LogisticRegression().fit(X, y)
    display = draw(model, X, sample_weight=weight, n_values=6, max_events=None)
    assert [curve.label for curve in display.curves] == ["mass [GeV]", "b", "c", "n"]
    for name, curve, line in zip(X, display.curves, display.lines_, strict=True):
        for k, value in enumerate(curve.grid):
            score = model.predict_proba(X.assign(**{name: value}))[:, 1]
            mean = np.average(score, weights=weight)
            assert curve.mean[k] == pytest.approx(mean)
            spread = np.sqrt(np.sum((weight * (score - mean)) ** 2)) / weight.sum()
            assert curve.error[k] == pytest.approx(spread)
        np.testing.assert_array_equal(line.get_ydata(), curve.mean)
        assert curve.undefined_share == 0.0
    assert display.curves[3].grid.tolist() == [0.0, 1.0, 2.0]
    assert display.band == "events"
    logit = draw(model, X, columns=["b"], response_method="auto", n_values=3)
    slope = np.diff(logit.curves[0].mean) / np.diff(logit.curves[0].grid)
    np.testing.assert_allclose(slope, model.coef_[0, 1])
    assert logit.axes_[0].get_ylabel() == "mean decision function"


def test_with_labels_both_classes_count_alike(events):
    X, y, weight = events
    model = LogisticRegression().fit(X, y)
    curve = draw(model, X, y, sample_weight=weight, columns=["b"], n_values=4).curves[0]
    score = model.predict_proba(X.assign(b=curve.grid[1]))[:, 1]
    means = [np.average(score[y == c], weights=weight[y == c]) for c in "sb"]
    assert curve.mean[1] == pytest.approx(np.mean(means))


@pytest.mark.parametrize("mark", [np.nan, -999.0])
def test_undefined_entries_stay_and_have_a_line_of_their_own(events, mark):
    X, y, weight = events
    X = X.copy()
    X.loc[::3, "c"] = mark
    model = HistGradientBoostingClassifier(max_iter=5).fit(X, y)
    display = draw(
        model, X, sample_weight=weight, columns=["c"], missing_values=mark, n_values=3
    )
    curve, gone = display.curves[0], np.arange(300) % 3 == 0
    defined = X[~gone]
    for value, mean in zip(curve.grid, curve.mean, strict=True):
        score = model.predict_proba(defined.assign(c=value))[:, 1]
        assert mean == pytest.approx(np.average(score, weights=weight[~gone]))
    score = model.predict_proba(X[gone])[:, 1]
    assert curve.undefined == pytest.approx(np.average(score, weights=weight[gone]))
    share = weight[gone].sum() / weight.sum()
    assert curve.undefined_share == pytest.approx(share)
    assert display.undefined_[0].get_ydata()[0] == curve.undefined
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["mean", "stat. error", "events without a value", "events"]


def test_the_band_is_the_spread_of_models_or_members(events, split_model):
    X, y, weight = events
    models = [LogisticRegression(C=c).fit(X, y) for c in (0.001, 0.1, 10.0)]
    display = draw(models, X, sample_weight=weight, columns=["b"], n_values=4)
    curve = display.curves[0]
    means = [
        np.average(m.predict_proba(X.assign(b=curve.grid[2]))[:, 1], weights=weight)
        for m in models
    ]
    assert display.band == "models"
    assert curve.mean[2] == pytest.approx(np.mean(means))
    assert curve.error[2] == pytest.approx(np.std(means, ddof=1))

    network = split_model(None)
    columns = X.drop(columns="n").set_axis(["a", "b", "c"], axis=1)
    pipeline = make_pipeline(FunctionTransformer(), network)
    display = draw(pipeline, columns, columns=["a"], n_values=4)
    curve = display.curves[0]
    proba = probabilities_of_members(network, columns.assign(a=curve.grid[1]))
    assert display.band == "members"
    assert proba.shape == (2, 300, 2)
    of_all = network.predict_proba(columns.assign(a=curve.grid[1]))
    np.testing.assert_allclose(proba.mean(axis=0), of_all, atol=1e-6)
    means = proba[..., 1].mean(axis=1)
    assert curve.mean[1] == pytest.approx(means.mean())
    assert curve.error[1] == pytest.approx(means.std(ddof=1))


def test_events_are_drawn_with_a_seed_and_the_table_is_left_alone(events):
    X, y, _ = events
    model = LogisticRegression().fit(X.to_numpy(), y)
    kept = X.to_numpy().copy()
    first, second, other = (
        draw(model, kept, y, columns=[0], max_events=50, random_state=seed).curves[0]
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.mean, second.mean)
    assert (first.mean != other.mean[: len(first.mean)]).any()
    np.testing.assert_array_equal(kept, X.to_numpy())
    assert first.density[0].max() == 1.0


def test_axes_styles_and_errors(events):
    X, y, weight = events
    model = LogisticRegression().fit(X, y)
    _, axes = plt.subplots(1, 2)
    display = draw(model, X, columns=["b", "c"], ax=axes[1], c="red", n_values=3)
    assert display.figure_ is axes[1].figure
    assert display.lines_[0].get_color() == "red"
    assert display.plot().figure_ is not axes[1].figure
    with pytest.raises(ValueError, match="`estimator` must be fitted, got an empty"):
        draw([], X)
    with pytest.raises(ValueError, match="`n_values` must be an integer of at least 2"):
        draw(model, X, n_values=1)
    with pytest.raises(ValueError, match="`columns` must be one column or more"):
        draw(model, X, columns=[])
    X.loc[weight > 0.0, "c"] = np.nan
    with pytest.raises(WeightsError, match=r"in which a column is defined.*'c'"):
        draw(model, X, sample_weight=weight, columns=["c"], max_events=None)
