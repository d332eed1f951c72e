import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import RocCurveDisplay
from sklearn.model_selection import cross_validate

from skhep_dnn.inspection import WeightedRocCurveDisplay
from skhep_dnn.metrics import bootstrap, weighted_roc_auc, weighted_roc_curve


def test_efficiencies_equal_brute_force(scored):
    y, score, weight = scored
    display = WeightedRocCurveDisplay.from_predictions(
        y, score, sample_weight=weight, random_state=0
    )
    for k in (0, 1, 700, 2999):
        selected = score >= display.thresholds[k]
        for label, efficiency in (
            ("s", display.signal_efficiency),
            ("b", display.background_efficiency),
        ):
            share = weight[selected & (y == label)].sum() / weight[y == label].sum()
            assert efficiency[k] == pytest.approx(share, abs=1e-12)
        w_b = weight[selected & (y == "b")]
        n_eff = w_b.sum() ** 2 / (w_b**2).sum() if len(w_b) else 0.0
        assert display.background_n_eff[k] == pytest.approx(n_eff, abs=1e-9)
    np.testing.assert_array_equal(
        display.line_.get_ydata(), 1 - display.background_efficiency
    )


def test_curve_equals_scikit_learn_for_positive_weights(scored):
    y, score, weight = scored
    weight = np.abs(weight)
    display = WeightedRocCurveDisplay.from_predictions(
        y, score, sample_weight=weight, n_replicas=0
    )
    reference = RocCurveDisplay.from_predictions(
        y, score, sample_weight=weight, pos_label="s", drop_intermediate=False
    )
    np.testing.assert_allclose(display.background_efficiency, reference.fpr, atol=1e-12)
    np.testing.assert_allclose(display.signal_efficiency, reference.tpr, atol=1e-12)
    assert display.roc_auc == pytest.approx(reference.roc_auc)


def test_area_and_error_are_in_the_legend(scored):
    y, score, weight = scored
    display = WeightedRocCurveDisplay.from_predictions(
        y, score, sample_weight=weight, name="mine", random_state=0, n_replicas=50
    )
    result = bootstrap("roc_auc", y, score, weight, n_replicas=50, random_state=0)
    assert display.roc_auc == weighted_roc_auc(y, score, weight) == result.value
    assert display.roc_auc_error == result.error
    assert display.line_.get_label() == f"mine (AUC = {result})"


def test_label_without_error_or_area(scored):
    y, score, weight = scored
    display = WeightedRocCurveDisplay.from_predictions(
        y, score, sample_weight=weight, n_replicas=0
    )
    assert display.roc_auc_error is None
    assert display.line_.get_label() == f"AUC = {display.roc_auc:.3f}"
    bare = WeightedRocCurveDisplay(
        background_efficiency=np.array([0.0, 1.0]),
        signal_efficiency=np.array([0.0, 1.0]),
    )
    assert bare.plot().ax_.get_legend() is None
    assert bare.plot(name="given").line_.get_label() == "given"
    assert bare.plot(rejection="inverse").line_.get_ydata()[1] == 1.0


def test_inverse_rejection_is_not_drawn_where_it_is_noise(scored):
    y, score, weight = scored
    display = WeightedRocCurveDisplay.from_predictions(
        y, score, sample_weight=weight, rejection="inverse", plot_chance_level=True
    )
    drawn = display.line_.get_ydata()
    known = display.background_n_eff >= 4
    positive = display.background_efficiency > 0
    np.testing.assert_array_equal(np.isfinite(drawn), known & positive)
    np.testing.assert_allclose(
        drawn[known], 1 / display.background_efficiency[known], rtol=1e-12
    )
    assert display.ax_.get_yscale() == "log"
    assert "1 / " in display.ax_.get_ylabel()
    display.figure_.canvas.draw()


def test_negative_weights_may_lead_outside_the_unit_square():
    display = WeightedRocCurveDisplay.from_predictions(
        ["b", "b", "s", "b", "s"],
        [0.1, 0.3, 0.3, 0.6, 0.8],
        sample_weight=[2, 1, 3, -1, 1],
        n_replicas=0,
    )
    assert display.background_efficiency.min() == -0.5
    assert display.ax_.get_ylim()[1] > 1.5


def test_curves_on_the_same_axes_differ_in_colour_and_dashes(scored):
    y, score, weight = scored
    options = {"sample_weight": weight, "n_replicas": 0}
    first = WeightedRocCurveDisplay.from_predictions(
        y, score, plot_chance_level=True, **options
    )
    second = WeightedRocCurveDisplay.from_predictions(
        y, score**3, ax=first.ax_, **options
    )
    assert second.ax_ is first.ax_
    assert first.chance_level_ is not None
    assert second.chance_level_ is None
    assert first.line_.get_color() != second.line_.get_color()
    assert first.line_.get_linestyle() != second.line_.get_linestyle()
    assert len(plt.get_fignums()) == 1


def test_style(scored):
    y, score, _ = scored
    display = WeightedRocCurveDisplay.from_predictions(
        y, score, n_replicas=0, c="black", ls=":", label="own"
    )
    assert display.line_.get_color() == "black"
    assert display.line_.get_linestyle() == ":"
    assert display.line_.get_label() == "own"


@pytest.mark.parametrize("pos_label", [None, "b"])
@pytest.mark.parametrize("response_method", ["auto", "predict_proba"])
def test_from_estimator_equals_from_predictions(
    classifier, toy_events, pos_label, response_method
):
    X, y, weight = toy_events
    of_estimator = WeightedRocCurveDisplay.from_estimator(
        classifier,
        X,
        y,
        sample_weight=weight,
        pos_label=pos_label,
        response_method=response_method,
        random_state=0,
    )
    score = (-1 if pos_label == "b" else 1) * classifier.decision_function(X)
    of_scores = WeightedRocCurveDisplay.from_predictions(
        y, score, sample_weight=weight, pos_label=pos_label, random_state=0
    )
    assert of_estimator.roc_auc == pytest.approx(of_scores.roc_auc)
    assert of_estimator.roc_auc_error == pytest.approx(of_scores.roc_auc_error)
    np.testing.assert_allclose(
        of_estimator.signal_efficiency, of_scores.signal_efficiency
    )


def test_unknown_rejection(scored):
    y, score, _ = scored
    with pytest.raises(ValueError, match=r"`rejection` must be one of .* got 'odds'"):
        WeightedRocCurveDisplay.from_predictions(
            y, score, rejection="odds", n_replicas=0
        )
    assert plt.get_fignums() == []


def test_the_bootstrap_band_has_the_binomial_error_of_the_background():
    rng = np.random.default_rng(0)
    y = np.repeat(["b", "s"], [500, 20_000])  # the signal has next to no error
    score = rng.normal(size=len(y)) + 1.0 * (y == "s")
    display = WeightedRocCurveDisplay.from_predictions(
        y, score, n_replicas=400, random_state=0
    )
    band = display.band
    efficiency = band.background_efficiency
    inside = (efficiency > 0.1) & (efficiency < 0.9)
    expected = np.sqrt(efficiency * (1 - efficiency) / 500)
    ratio = band.error[inside] / expected[inside]
    assert ratio.mean() == pytest.approx(1.0, abs=0.05)
    assert (abs(ratio - 1.0) < 0.2).all()


def test_the_band_is_around_the_curve_and_named_once(scored):
    y, score, weight = scored
    options = {"sample_weight": weight, "n_replicas": 20, "random_state": 0}
    first = WeightedRocCurveDisplay.from_predictions(y, score, name="one", **options)
    band = first.band
    (path,) = first.band_.get_paths()
    x, bounds = path.vertices[:, 0], path.vertices[:, 1]
    half = np.isclose(x, 0.5)
    value = 1 - np.interp(0.5, band.signal_efficiency, band.background_efficiency)
    error = np.interp(0.5, band.signal_efficiency, band.error)
    assert error > 0
    assert sorted(set(bounds[half])) == pytest.approx([value - error, value + error])
    second = WeightedRocCurveDisplay.from_predictions(
        y, score**3, name="two", ax=first.ax_, **options
    )
    texts = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert [text.split(" (")[0] for text in texts] == ["one", "two", "bootstrap error"]
    colors = [to_hex(band.get_facecolor()[0]) for band in (first.band_, second.band_)]
    assert colors == [first.line_.get_color().lower(), second.line_.get_color().lower()]
    assert first.plot(plot_band=False).band_ is None


def folds_of_toys():
    rng = np.random.default_rng(5)
    y = np.where(rng.random(2000) < 0.5, "s", "b")
    weight = rng.exponential(size=2000)
    weight[rng.random(2000) < 0.1] *= -1.0
    return y, rng.normal(size=2000) + (y == "s"), np.arange(2000) % 4 - 1, weight


def test_folds_have_their_mean_curve_and_its_spread():
    y, score, fold, weight = folds_of_toys()
    score[fold < 0] = np.nan  # events that were never left out
    display = WeightedRocCurveDisplay.from_folds(
        y, score, fold, sample_weight=weight, name="net"
    )
    curves, areas = [], []
    for k in range(3):
        rows = fold == k
        events = y[rows], score[rows], weight[rows]
        background, signal, _ = weighted_roc_curve(*events, pos_label="s")
        first = [(signal >= target).argmax() for target in (0.3, 0.6, 0.9)]
        curves.append(background[first])
        areas.append(weighted_roc_auc(*events, pos_label="s"))
    at = np.searchsorted(display.signal_efficiency, [0.3, 0.6, 0.9])
    mean, spread = np.mean(curves, axis=0), np.std(curves, axis=0, ddof=1)
    # Between two signal events the curve is a straight line.
    np.testing.assert_allclose(display.background_efficiency[at], mean, atol=0.01)
    np.testing.assert_allclose(display.band.error[at], spread, atol=0.01)
    assert display.roc_auc == pytest.approx(np.mean(areas))
    assert display.roc_auc_error == pytest.approx(np.std(areas, ddof=1))
    assert display.band_.get_label().startswith("spread of 3 folds")


def test_results_of_a_cross_validation_are_folds(toy_events):
    X, y, weight = toy_events
    results = cross_validate(
        LogisticRegression(), X, y, cv=3, return_estimator=True, return_indices=True
    )
    fold, score = np.empty(len(y), dtype=int), np.empty(len(y))
    tests = results["indices"]["test"]
    for k, (model, rows) in enumerate(zip(results["estimator"], tests, strict=True)):
        fold[rows], score[rows] = k, model.decision_function(X.iloc[rows])
    display = WeightedRocCurveDisplay.from_cv_results(
        results, X, y, sample_weight=weight
    )
    reference = WeightedRocCurveDisplay.from_folds(y, score, fold, sample_weight=weight)
    np.testing.assert_array_equal(display.band.error, reference.band.error)
    assert display.roc_auc == reference.roc_auc
    assert display.name == "LogisticRegression"
    assert display.pos_label == "s"
    with pytest.raises(ValueError, match=r"must have 'estimator' and 'indices', got"):
        WeightedRocCurveDisplay.from_cv_results({"estimator": []}, X, y)


@pytest.mark.parametrize(
    ("fold", "message"),
    [
        (np.zeros(2000), "`fold` must be a whole number for each event, got an array"),
        (np.zeros(2000, dtype=int), "`fold` must be of two folds or more.*got 1"),
        (np.zeros(3, dtype=int), "inconsistent numbers of samples"),
    ],
)
def test_wrong_folds_are_refused(fold, message):
    y, score, _, _ = folds_of_toys()
    with pytest.raises(ValueError, match=message):
        WeightedRocCurveDisplay.from_folds(y, score, fold)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("plot_chance_level", [False, True])
def test_inverse_rejection_fills_its_axes_and_stays_beside_the_legend(
    plot_chance_level,
):
    rng = np.random.default_rng(0)
    y = np.where(rng.random(20_000) < 0.5, "s", "b")
    score = rng.normal(size=20_000) + 1.5 * (y == "s")
    display = WeightedRocCurveDisplay.from_predictions(
        y,
        score,
        n_replicas=0,
        rejection="inverse",
        plot_chance_level=plot_chance_level,
        name="a network with a long name",
    )
    low, high = display.ax_.get_ylim()
    x, drawn = display.line_.get_data()
    assert 0.5 < low < 1.0
    assert np.nanmax(drawn) < high < 3.0 * np.nanmax(drawn)
    legend = display.ax_.get_legend().get_window_extent()
    points = display.ax_.transData.transform(np.column_stack([x, drawn]))
    behind = points[points[:, 0] >= legend.x0]
    assert len(behind)
    assert np.nanmax(behind[:, 1]) < legend.y0
