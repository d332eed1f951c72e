"""Training points over test histograms, their ratio, and what the legend says."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.linear_model import LinearRegression, LogisticRegression

from skhep_dnn.inspection import DiscriminantDisplay, OvertrainingDisplay

FEW = {"n_permutations": 49, "n_replicas": 10}


@pytest.fixture
def halves(toy_events):
    X, y, w = toy_events
    return (X[::2], y[::2], w[::2]), (X[1::2], y[1::2], w[1::2])


def drawn(classifier, halves, **options):
    (X, y, w), (X_test, y_test, w_test) = halves
    return OvertrainingDisplay.from_estimator(
        classifier, X, y, X_test, y_test, w, w_test, bins=5, **FEW, **options
    )


def test_histograms_are_those_of_the_discriminant(classifier, halves):
    (X, y, w), (X_test, y_test, w_test) = halves
    display = drawn(classifier, halves)
    reference = DiscriminantDisplay.from_estimator(
        classifier,
        *(X_test, y_test),
        sample_weight=w_test,
        X_train=X,
        y_train=y,
        sample_weight_train=w,
        bins=5,
    )
    for name in ("signal", "background", "signal_train", "background_train"):
        own, other = getattr(display, name), getattr(reference, name)
        np.testing.assert_array_equal(own.content, other.content)
        np.testing.assert_array_equal(own.error, other.error)


def test_ratios_and_their_errors(classifier, halves):
    display = drawn(classifier, halves)
    low, high = display.ax_ratio_.get_ylim()
    train, test = display.background_train, display.background
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = train.content / test.content
        error = np.abs(ratio) * np.hypot(
            train.error / train.content, test.error / test.content
        )
    seen = (test.content > 0) & (train.error > 0)
    inside = seen & (np.abs(ratio - 1.0) <= (high - low) / 2 / 1.08)
    points = display.ratios_["background"]
    np.testing.assert_allclose(points.lines[0].get_ydata(), ratio[inside])
    segments = points.lines[2][0].get_segments()
    half = [(segment[1, 1] - segment[0, 1]) / 2 for segment in segments]
    np.testing.assert_allclose(half, error[inside])
    triangles = [line for line in display.ax_ratio_.lines if line.get_marker() in "v^"]
    beyond = sum(len(line.get_xdata()) for line in triangles[:2])
    assert beyond == (seen & ~inside).sum()


def test_the_legend_begins_with_the_gap(classifier, halves):
    display = drawn(classifier, halves, response_method="predict_proba", name="mine")
    title = display.ax_.get_legend().get_title().get_text().splitlines()
    assert title[0] == "mine"
    assert title[1].startswith("AUC train $-$ test: ")
    assert title[2].startswith("log-loss train $-$ test: ")
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    p_value = display.test.samples["signal"].p_value
    assert f"train, permutation p = {p_value:.2g}" in texts
    assert "background (b) test" in texts
    assert display.ax_ratio_.get_ylabel() == "train / test"
    assert display.ax_ratio_.get_xlabel() == "classifier score"


def test_given_axes_and_a_second_plot(classifier, halves):
    figure, axes = plt.subplots(1, 2)
    display = drawn(classifier, halves, ax=axes[0])
    assert display.figure_ is figure
    assert len(figure.axes) == 3
    display.plot(axes[1], log=True, density=False)
    assert display.ax_.get_yscale() == "log"
    assert display.ax_.get_ylabel() == "events / unit of score"
    assert drawn(classifier, halves, transform=np.tanh).signal.edges[-1] <= 1.0


def test_same_seed_same_numbers(classifier, halves):
    numbers = [drawn(classifier, halves).test.samples_to_frame() for _ in range(2)]
    assert numbers[0].equals(numbers[1])


def test_errors(halves):
    (X, y, _), _ = halves
    with pytest.raises(ValueError, match="must be a binary classifier, got LinearReg"):
        OvertrainingDisplay.from_estimator(
            LinearRegression().fit(X, y == "s"), X, y, X, y
        )
    fitted = LogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match="`sample_weight_test` must be given"):
        OvertrainingDisplay.from_estimator(fitted, X, y, X, y, np.ones(len(y)))
