import re
from itertools import pairwise

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba
from scipy.special import expit

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.inspection import DiscriminantDisplay
from skhep_dnn.inspection._plotting import BACKGROUND_COLOR


def brute_force(score, weight, edges):
    content, error = [], []
    for low, high in pairwise(edges):
        inside = (score >= low) & (
            (score < high) | ((score == high) & (high == edges[-1]))
        )
        content.append(weight[inside].sum())
        error.append(np.sqrt((weight[inside] ** 2).sum()))
    return np.array(content), np.array(error)


def test_contents_and_errors_equal_brute_force(scored):
    y, score, weight = scored
    edges = [-1.0, -0.5, 0.3, 2.0, 2.5]
    display = DiscriminantDisplay.from_predictions(
        y, score, sample_weight=weight, bins=edges
    )
    for histogram, label in ((display.signal, "s"), (display.background, "b")):
        chosen = y == label
        content, error = brute_force(score[chosen], weight[chosen], edges)
        np.testing.assert_allclose(histogram.content, content, rtol=1e-12)
        np.testing.assert_allclose(histogram.error, error, rtol=1e-12)
        assert histogram.n_events == chosen.sum()
        for side, outside in enumerate((score < edges[0], score > edges[-1])):
            beyond = weight[chosen & outside]
            assert histogram.flow[side] == pytest.approx(beyond.sum())
            assert histogram.flow_error[side] == pytest.approx(np.linalg.norm(beyond))
        assert histogram.sum_w == pytest.approx(weight[chosen].sum())


def test_density_is_the_share_of_all_events_per_unit(scored):
    y, score, weight = scored
    display = DiscriminantDisplay.from_predictions(y, score, sample_weight=weight)
    for histogram in (display.signal, display.background):
        integral = (histogram.density * np.diff(histogram.edges)).sum()
        assert integral + sum(histogram.flow_share) == pytest.approx(1.0)
        np.testing.assert_allclose(
            histogram.density_error * histogram.content,
            histogram.density * histogram.error,
        )
    drawn = display.histograms_["signal"].get_data().values
    np.testing.assert_array_equal(drawn, display.signal.density)


def test_yields_are_drawn_in_events_per_unit(scored):
    y, score, weight = scored
    display = DiscriminantDisplay.from_predictions(
        y, score, sample_weight=weight, density=False
    )
    drawn = display.histograms_["background"].get_data().values
    width = np.diff(display.background.edges)
    np.testing.assert_allclose(drawn * width, display.background.content)
    band = display.bands_["background"].get_data()
    error = display.background.error / width
    np.testing.assert_allclose(band.values - drawn, error)
    np.testing.assert_allclose(drawn - band.baseline, error)
    assert display.ax_.get_ylabel() == "events / unit of score"
    error = np.sqrt((weight[y == "s"] ** 2).sum())
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert f"signal (s) test, {weight[y == 's'].sum():.1f} ± {error:.1f}" in texts


def test_training_sample_has_the_yields_of_the_test_sample(scored):
    y, score, weight = scored
    display = DiscriminantDisplay.from_predictions(
        y[:1000],
        score[:1000],
        sample_weight=weight[:1000],
        y_train=y[1000:],
        y_score_train=score[1000:],
        sample_weight_train=weight[1000:],
        density=False,
    )
    assert display.signal_train.sum_w == pytest.approx(display.signal.sum_w)
    train = y[1000:] == "b"
    content, error = brute_force(
        score[1000:][train], weight[1000:][train], display.background.edges
    )
    factor = display.background.sum_w / weight[1000:][train].sum()
    np.testing.assert_allclose(display.background_train.content, factor * content)
    np.testing.assert_allclose(display.background_train.error, factor * error)
    points, _, _ = display.points_["background"].lines
    filled = error > 0
    width = np.diff(display.background.edges)
    np.testing.assert_allclose(points.get_ydata(), (factor * content / width)[filled])
    assert "train scaled" in display.ax_.get_legend().get_title().get_text()


@pytest.mark.parametrize("density", [True, False])
def test_log_copes_with_bins_of_negative_content(density):
    display = DiscriminantDisplay.from_predictions(
        ["b", "b", "b", "s", "s"],
        [0.1, 0.2, 0.7, 0.6, 0.9],
        sample_weight=[4.0, 3.0, -1.0, 0.5, 0.5],
        bins=4,
        log=True,
        density=density,
    )
    assert display.background.content.min() == -1.0
    assert display.ax_.get_yscale() == "log"
    low, high = display.ax_.get_ylim()
    assert 0 < low < high < np.inf
    display.figure_.canvas.draw()


def test_pos_label_swaps_the_classes(scored):
    y, score, weight = scored
    display = DiscriminantDisplay.from_predictions(y, score, sample_weight=weight)
    swapped = DiscriminantDisplay.from_predictions(
        y, score, sample_weight=weight, pos_label="b"
    )
    np.testing.assert_array_equal(swapped.signal.content, display.background.content)
    assert swapped.pos_label == "b"


@pytest.mark.parametrize("pos_label", [None, "b"])
def test_from_estimator_equals_from_predictions(classifier, toy_events, pos_label):
    X, y, weight = toy_events
    sign = -1 if pos_label == "b" else 1
    of_estimator = DiscriminantDisplay.from_estimator(
        classifier,
        X[200:],
        y[200:],
        sample_weight=np.abs(weight[200:]),
        X_train=X[:200],
        y_train=y[:200],
        sample_weight_train=np.abs(weight[:200]),
        pos_label=pos_label,
    )
    score = sign * classifier.decision_function(X)
    of_scores = DiscriminantDisplay.from_predictions(
        y[200:],
        score[200:],
        sample_weight=np.abs(weight[200:]),
        y_train=y[:200],
        y_score_train=score[:200],
        sample_weight_train=np.abs(weight[:200]),
        pos_label=pos_label,
    )
    for name in ("signal", "background", "signal_train", "background_train"):
        first, second = getattr(of_estimator, name), getattr(of_scores, name)
        np.testing.assert_array_equal(first.edges, second.edges)
        np.testing.assert_array_equal(first.content, second.content)
        np.testing.assert_array_equal(first.error, second.error)
    assert of_estimator.name == "LogisticRegression"


def test_probabilities_have_an_axis_from_0_to_1(classifier, toy_events):
    X, y, _ = toy_events
    probability = DiscriminantDisplay.from_estimator(
        classifier, X, y, response_method="predict_proba", bins=10
    )
    assert probability.signal.edges[[0, -1]].tolist() == [0.0, 1.0]
    assert sum(probability.signal.flow) == 0.0
    transformed = DiscriminantDisplay.from_estimator(
        classifier, X, y, transform=expit, bins=10
    )
    np.testing.assert_array_equal(
        transformed.signal.content, probability.signal.content
    )


def test_outliers_are_counted_beside_the_bins(scored):
    y, score, _ = scored
    y[:2], score[:2] = "b", (np.inf, -1e9)
    display = DiscriminantDisplay.from_predictions(y, score)
    assert np.ptp(display.signal.edges) < 20
    assert display.signal.sum_w + display.background.sum_w == len(y)
    assert min(display.background.flow) >= 1.0


def test_a_long_tail_leaves_the_bins_to_what_matters(long_tail):
    y, score, weight = long_tail
    display = DiscriminantDisplay.from_predictions(y, score, sample_weight=weight)
    edges = display.signal.edges
    low, high = np.quantile(score[y == "s"], [0.05, 0.95])
    assert ((edges > low) & (edges < high)).sum() >= 9  # two of bins of equal width
    share = (display.background.content.sum() / display.background.sum_w).item()
    below = 1.0 - share - display.background.flow_share[1]
    assert display.background.flow_share[0] == pytest.approx(below)
    assert below > 0.2
    (text,) = display.flow_
    assert text.get_text() == rf"$\leftarrow$ {100 * below:.2g}% of background (b)"
    assert text.get_color() == BACKGROUND_COLOR
    legend = display.ax_.get_legend().get_window_extent()
    assert text.get_window_extent().y1 < legend.y0
    top = display.bands_["signal"].get_data().values.max()
    highest = display.ax_.transData.transform((0.0, top))[1]
    assert highest < text.get_window_extent().y0


def test_the_legend_names_the_classes(scored):
    y, score, weight = scored

    def entries(labels, **options):
        display = DiscriminantDisplay.from_predictions(
            labels, score, sample_weight=weight, **options
        )
        return [text.get_text() for text in display.ax_.get_legend().get_texts()]

    names = np.where(y == "s", "Higgs", "ttbar")
    assert entries(names, pos_label="Higgs")[1].startswith("signal (Higgs) test, N =")
    assert entries(y == "s")[0].startswith("background (False) test")
    plain = DiscriminantDisplay(
        **{
            kind: getattr(DiscriminantDisplay.from_predictions(y, score), kind)
            for kind in ("signal", "background")
        }
    ).plot()
    texts = [text.get_text() for text in plain.ax_.get_legend().get_texts()]
    assert texts[0].startswith("background test, N = ")


def test_drawing_on_given_axes_with_a_style(scored):
    y, score, weight = scored
    figure, axes = plt.subplots(1, 2)
    display = DiscriminantDisplay.from_predictions(
        y, score, sample_weight=weight, ax=axes[1], name="mine", lw=3, ec="black"
    )
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    assert display.histograms_["signal"].get_linewidth() == 3
    assert display.histograms_["signal"].get_edgecolor() == to_rgba("black")
    assert axes[1].get_legend().get_title().get_text() == "mine"
    assert display.plot(axes[0], name="other") is display
    assert axes[0].get_legend().get_title().get_text() == "other"
    assert display.ax_.get_xlabel() == "classifier score"
    assert display.ax_.get_ylabel() == "normalised events / unit of score"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"bins": 0}, ValueError, "`bins` must be a number of at least 1 or edges"),
        ({"bins": [0, 1, 1]}, ValueError, "in increasing order, got [0.0, 1.0, 1.0]"),
        ({"y_train": [0, 1]}, ValueError, "got its labels without its events"),
        ({"y_score_train": [0, 1]}, ValueError, "got its events without its labels"),
        (
            {"sample_weight_train": [1, 1]},
            ValueError,
            "`sample_weight_train` must come with a training sample",
        ),
        (
            {"sample_weight": [1, 2, 3], "y_train": [0, 1], "y_score_train": [0, 1]},
            ValueError,
            "`sample_weight_train` must be given",
        ),
        (
            {
                "sample_weight_train": [1, 2],
                "y_train": [0, 1],
                "y_score_train": [0, 1],
            },
            ValueError,
            "`sample_weight` must be given",
        ),
        ({"pos_label": 7}, ValueError, "`pos_label` must be one of the classes [0, 1]"),
        ({"sample_weight": [1, -1, 1]}, WeightsError, "got -1.0 for the background"),
        (
            {"transform": lambda score: score[:1]},
            ValueError,
            "`transform(y_score)` must have one score for each of the 3 events",
        ),
    ],
)
def test_errors(options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        DiscriminantDisplay.from_predictions([1, 0, 1], [0.1, 0.2, 0.3], **options)
    assert plt.get_fignums() == []
