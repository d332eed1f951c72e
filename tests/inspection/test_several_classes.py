"""Figures of several classes: the numbers drawn, labels, axes that are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from sklearn.linear_model import LinearRegression, LogisticRegression

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.inspection import (
    DiscriminantDisplay,
    OutputNodesDisplay,
    ReliabilityDisplay,
    SignificanceScanDisplay,
    WeightedRocCurveDisplay,
    YieldConfusionDisplay,
)
from skhep_dnn.metrics import confusion_by_yields, reliability_curve

CLASSES = ["W", "Z", "top"]
DISPLAYS = [OutputNodesDisplay, ReliabilityDisplay, YieldConfusionDisplay]


@pytest.fixture
def events():
    rng = np.random.default_rng(0)
    y = rng.choice(CLASSES, size=900)
    X = pd.DataFrame(rng.normal(size=(900, 2)), columns=["a", "b"])
    X["a"] += 1.5 * (y == "W")
    X["b"] += 1.5 * (y == "top")
    weights = rng.exponential(size=900) * np.where(y == "W", 1000.0, 0.1)
    weights[rng.random(900) < 0.1] *= -1.0
    return X, y, weights


@pytest.fixture
def model(events):
    X, y, _ = events
    return LogisticRegression().fit(X, y)


def answer(model, X, display):
    return (
        model.predict(X) if display is YieldConfusionDisplay else model.predict_proba(X)
    )


@pytest.mark.parametrize("display", DISPLAYS)
def test_an_estimator_is_drawn_as_its_answers(events, model, display):
    X, y, weights = events
    of_model = display.from_estimator(model, X, y, sample_weight=weights)
    given = display.from_predictions(
        y, answer(model, X, display), sample_weight=weights
    )
    pictures = []
    for drawn in (of_model, given):
        drawn.figure_.canvas.draw()
        pictures.append(np.asarray(drawn.figure_.canvas.buffer_rgba()).copy())
    assert np.array_equal(*pictures)
    with pytest.raises(
        ValueError, match="`estimator` must be a classifier, got Linear"
    ):
        display.from_estimator(LinearRegression(), X, y)


@pytest.mark.parametrize("display", DISPLAYS)
def test_axes_that_are_given_are_used_and_a_second_plot_is_equal(
    events, model, display
):
    X, y, weights = events
    figure, axes = plt.subplots(1, 2)
    drawn = display.from_estimator(model, X, y, sample_weight=weights, ax=axes[0])
    assert drawn.figure_ is figure
    assert drawn.plot() is drawn
    assert drawn.figure_ is not figure
    placed = plt.figure().add_axes((0.2, 0.2, 0.7, 0.7))
    assert drawn.plot(placed).figure_ is placed.figure


def test_cells_are_yields_or_shares_with_errors(events, model):
    X, y, weights = events
    y_pred = model.predict(X)
    table = confusion_by_yields(y, y_pred, weights, labels=CLASSES[::-1])
    display = YieldConfusionDisplay.from_predictions(
        y, y_pred, sample_weight=weights, labels=CLASSES[::-1]
    )
    assert np.array_equal(display.image_.get_array(), table.share("true"))
    value, error = display.text_[2, 2].get_text().replace(" ", "").split("\n±")
    assert float(value) == pytest.approx(table.yields[2, 2], rel=0.01)
    assert float(error) == pytest.approx(table.error[2, 2], rel=0.1)
    assert "events" in display.ax_.get_xlabel()
    assert [t.get_text() for t in display.ax_.get_yticklabels()] == CLASSES[::-1]
    for normalize in ("true", "pred", "all"):
        drawn = YieldConfusionDisplay(confusion=table).plot(normalize=normalize)
        assert np.array_equal(drawn.image_.get_array(), table.share(normalize))
        value, error = drawn.text_[1, 0].get_text().split("\n± ")
        assert float(value) == pytest.approx(table.share(normalize)[1, 0], abs=0.006)
        assert float(error) == pytest.approx(
            table.share_error(normalize)[1, 0], rel=0.1
        )
    with pytest.raises(ValueError, match="`normalize` must be"):
        display.plot(normalize="rows")


def test_cells_without_events_and_without_a_share_say_so():
    display = YieldConfusionDisplay.from_predictions(["a", "b"], ["a", "a"])
    assert display.text_[0, 1].get_text() == "0"
    display.plot(normalize="pred")
    assert display.text_[1, 1].get_text() == "undefined"
    # Dark text on light cells, light text on dark ones.
    display.plot(normalize="true")
    assert display.text_[0, 0].get_color() == "white"
    assert display.text_[0, 1].get_color() == "black"


@pytest.mark.parametrize("density", [True, False])
def test_each_node_shows_each_true_class(events, model, density):
    X, y, weights = events
    proba = model.predict_proba(X)
    display = OutputNodesDisplay.from_predictions(
        y, proba, sample_weight=weights, bins=4, density=density
    )
    assert len(display.axes_) == 3
    for column, node in enumerate(CLASSES):
        for label in CLASSES:
            own = y == label
            content, edges = np.histogram(
                proba[own, column], 4, (0.0, 1.0), weights=weights[own]
            )
            w2, _ = np.histogram(proba[own, column], edges, weights=weights[own] ** 2)
            scale = 4 / content.sum() if density else 1.0
            heights, *_ = display.steps_[node][label].get_data()
            assert heights == pytest.approx(scale * content)
            histogram = display.histograms[node][label]
            assert histogram.error == pytest.approx(np.sqrt(w2))
            filled = display.steps_[node][label].get_facecolor()[3] > 0
            assert filled == (node == label)
    assert display.axes_[1].get_xlabel() == "probability of Z"
    assert display.axes_[0].get_ylabel() == ("density" if density else "events per bin")
    legend = display.axes_[0].get_legend()
    assert [t.get_text() for t in legend.get_texts()] == CLASSES


def test_nodes_take_given_panels_many_classes_and_styles(events, model):
    X, y, weights = events
    _, axes = plt.subplots(1, 3)
    display = OutputNodesDisplay.from_estimator(
        model, X, y, sample_weight=weights, ax=axes, log=True, linewidth=3.0
    )
    assert list(display.axes_) == list(axes)
    assert axes[0].get_yscale() == "log"
    assert display.steps_["W"]["Z"].get_linewidth() == 3.0
    with pytest.raises(ValueError, match=r"`ax` must be one axes, or 3, .* got 2"):
        display.plot(axes[:2])
    rng = np.random.default_rng(0)
    many = OutputNodesDisplay.from_predictions(
        np.arange(400) % 7, rng.dirichlet(np.ones(7), size=400), bins=[0, 0.5, 1]
    )
    assert len(many.axes_) == 7
    two = OutputNodesDisplay.from_predictions(
        np.arange(40) % 2 == 0, rng.dirichlet(np.ones(2), size=40)
    )
    assert len(two.axes_) == 2


def test_points_are_those_of_the_curve(events, model):
    X, y, weights = events
    proba = model.predict_proba(X)
    display = ReliabilityDisplay.from_predictions(
        y, proba, sample_weight=weights, n_bins=5
    )
    assert list(display.points_) == CLASSES
    for label in CLASSES:
        curve = reliability_curve(y, proba, weights, pos_label=label, n_bins=5)
        line, _, (bars,) = display.points_[label].lines
        seen = np.isfinite(curve.share)
        assert np.array_equal(line.get_xdata(), curve.probability[seen])
        assert np.array_equal(line.get_ydata(), curve.share[seen])
        heights = [segment[:, 1] for segment in bars.get_segments()]
        assert np.ptp(heights, axis=1) == pytest.approx(2 * curve.error[seen])
        n_eff, *_ = display.n_eff_[label].get_data()
        assert n_eff[seen] == pytest.approx(curve.n_eff[seen])
    assert "equal yields" in display.ax_.get_ylabel()
    xlabel = display.ax_n_eff_.get_xlabel()
    assert xlabel == "predicted probability (balanced prior)"
    physical = ReliabilityDisplay.from_predictions(
        y, proba, sample_weight=weights, class_weight=None, pos_label=["W", "Z"]
    )
    assert list(physical.points_) == ["signal (W, Z)"]
    assert "at the expected yields" in physical.ax_.get_ylabel()
    two = ReliabilityDisplay.from_predictions(y == "W", proba[:, 0], name="net")
    assert list(two.points_) == ["net"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda y, p: OutputNodesDisplay.from_predictions(y, p[:, :2]),
            r"shape \(900, 3\), a column for each of \['W', 'Z', 'top'\]",
        ),
        (
            lambda y, p: OutputNodesDisplay.from_predictions(y, p + 1.0),
            "must be probabilities",
        ),
        (
            lambda y, p: OutputNodesDisplay.from_predictions(y, p, bins=0),
            "`bins` must be a number of at least 1",
        ),
        (
            lambda y, p: OutputNodesDisplay.from_predictions(y, p, bins=[1, 0]),
            "`bins` must be at least two finite edges",
        ),
        (
            lambda y, p: ReliabilityDisplay.from_predictions(y, p, name="net"),
            "`name` must be left out for a curve of each class",
        ),
    ],
)
def test_wrong_input_is_refused(events, model, call, message):
    X, y, _ = events
    with pytest.raises(ValueError, match=message):
        call(y, model.predict_proba(X))
    negative = np.where(y == "Z", -1.0, 1.0)
    with pytest.raises(WeightsError, match="class 'Z'"):
        OutputNodesDisplay.from_estimator(model, X, y, sample_weight=negative)


SCORES = [DiscriminantDisplay, SignificanceScanDisplay, WeightedRocCurveDisplay]


@pytest.mark.parametrize("labels", ["Z", ["W", "top"]])
@pytest.mark.parametrize("display", SCORES)
def test_figures_of_scores_take_the_signal_against_all_others(
    events, model, display, labels
):
    X, y, weights = events
    options = {} if display is DiscriminantDisplay else {"n_replicas": 2}
    drawn = display.from_estimator(
        model, X, y, sample_weight=weights, pos_label=labels, name="lr", **options
    )
    is_signal = np.isin(CLASSES, labels)
    proba = model.predict_proba(X)
    logit = np.log(proba[:, is_signal].sum(1)) - np.log(proba[:, ~is_signal].sum(1))
    expected = display.from_predictions(
        np.isin(y, labels), logit, sample_weight=weights, name="lr", **options
    )
    if display is DiscriminantDisplay:
        assert drawn.signal.content == pytest.approx(expected.signal.content)
        assert drawn.background.error == pytest.approx(expected.background.error)
        text = ", ".join(np.atleast_1d(labels))
        assert drawn.class_names["signal"] == f"signal ({text})"
    elif display is SignificanceScanDisplay:
        assert drawn.scan.z == pytest.approx(expected.scan.z, nan_ok=True)
    else:
        assert drawn.roc_auc == pytest.approx(expected.roc_auc)
        of_all = display.from_predictions(
            y, proba, sample_weight=weights, pos_label=labels, **options
        )
        assert of_all.roc_auc == pytest.approx(expected.roc_auc)
    by_sum = display.from_estimator(
        model,
        X,
        y,
        sample_weight=weights,
        pos_label=labels,
        response_method="predict_proba",
        **options,
    )
    given = display.from_predictions(
        y, proba, sample_weight=weights, pos_label=labels, **options
    )
    assert type(by_sum) is type(given)
    with pytest.raises(ValueError, match=r"got 3: .* Name the signal, or several"):
        display.from_estimator(model, X, y, sample_weight=weights)


@pytest.mark.parametrize("display", SCORES)
def test_errors_of_curves_of_several_classes(events, model, display):
    X, y, weights = events
    if display is DiscriminantDisplay:
        halves = slice(None, None, 2), slice(1, None, 2)
        test, train = halves
        drawn = display.from_estimator(
            model,
            X[test],
            y[test],
            sample_weight=weights[test],
            X_train=X[train],
            y_train=y[train],
            sample_weight_train=weights[train],
            pos_label=["Z", "top"],
        )
        assert drawn.signal_train.sum_w == pytest.approx(drawn.signal.sum_w)
        return
    drawn = display.from_estimator(
        model, X, y, sample_weight=abs(weights), pos_label=["Z", "top"], n_replicas=5
    )
    assert drawn.figure_ is not None
