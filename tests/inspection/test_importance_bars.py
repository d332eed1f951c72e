import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from sklearn.utils import Bunch

from skhep_dnn.inspection import (
    PermutationImportanceDisplay,
    weighted_permutation_importance,
)
from skhep_dnn.inspection._plotting import NEUTRAL_COLOR


@pytest.fixture
def importance():
    means = np.array([0.02, -0.001, 0.3, 0.004])
    return Bunch(
        importances=np.repeat(means[:, np.newaxis], 6, axis=1),
        importances_mean=means,
        errors=np.array([0.001, 0.002, 0.01, np.nan]),
        names=["pt", "phi", "mass", "eta"],
        baseline_scores=np.array([-0.4, -0.5]),
        scoring="balanced_log_loss",
    )


def test_bars_are_sorted_with_errors_and_the_cut(importance):
    display = PermutationImportanceDisplay.from_importance(importance)
    ax = display.ax_
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["mass", "pt", "eta", "phi"]
    widths = [bar.get_width() for bar in display.bars_]
    assert widths == [0.3, 0.02, 0.004, -0.001]
    assert ax.get_ylim() == (3.6, -0.6)  # the largest on top
    colors = [to_hex(bar.get_facecolor()) for bar in display.bars_]
    assert colors[0] == colors[1] != colors[2] == colors[3]
    (errors,) = display.bars_.errorbar.lines[2]
    lengths = [np.ptp(segment[:, 0]) / 2 for segment in errors.get_segments()]
    np.testing.assert_allclose(lengths, [0.01, 0.001, 0.0, 0.002], atol=1e-12)
    assert display.cut_.get_xdata() == [0.005, 0.005]
    assert ax.get_xlabel() == "increase of the balanced log-loss (nats)"
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == [
        "cut at 0.005, grey below",
        "mean and error of 2 models, 3 permutations each",
    ]
    assert [text.get_text() for text in ax.texts][:2] == [
        "0.300 ± 0.010",
        "0.0200 ± 0.0010",
    ]


def test_no_digits_are_printed_of_what_is_negligible(importance):
    importance.importances_mean = np.array([0.3, 2e-6, -1e-4, 1e-4])
    importance.errors = np.array([0.01, 1e-6, 1e-5, 2e-3])
    display = PermutationImportanceDisplay.from_importance(importance)
    texts = [text.get_text() for text in display.ax_.texts]
    assert texts == ["0.300 ± 0.010", "0.0001 ± 0.0020", "below 0.0003", "below 0.0003"]


def test_numbers_stay_inside_the_axes(importance):
    display = PermutationImportanceDisplay.from_importance(importance)
    display.figure_.canvas.draw()
    frame = display.ax_.get_window_extent()
    for text in display.ax_.texts:
        assert text.get_window_extent().x1 < frame.x1


def test_options(importance):
    _, ax = plt.subplots()
    importance.scoring = "purity"
    display = PermutationImportanceDisplay.from_importance(
        importance, cut=None, max_features=2, ax=ax, color="red"
    )
    assert display.ax_ is ax
    assert display.cut_ is None
    assert len(display.bars_) == 2
    assert to_hex(display.bars_[0].get_facecolor()) == "#ff0000"
    assert ax.get_xlabel() == "decrease of purity"
    bare = display.plot(show_values=False)
    assert len(bare.ax_.texts) == 0


def test_from_estimator_equals_from_importance(classifier, toy_events):
    X, y, weight = toy_events
    options = {"groups": {"pair": ["a", "b"]}, "n_repeats": 2, "random_state": 0}
    importance = weighted_permutation_importance(classifier, X, y, weight, **options)
    display = PermutationImportanceDisplay.from_estimator(
        classifier, X, y, sample_weight=weight, **options
    )
    np.testing.assert_array_equal(
        display.importance.importances, importance.importances
    )
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["cut at 0.005, grey below", "mean and error of 2 permutations"]


def many(n):
    """Return importances of many features."""
    means = np.linspace(0.1, 0.0, n)
    return Bunch(
        importances=means[:, np.newaxis],
        importances_mean=means,
        errors=np.full(n, 0.001),
        names=[f"x{i}" for i in range(n)],
        baseline_scores=np.array([-0.4]),
        scoring="balanced_log_loss",
    )


def test_the_twenty_largest_are_drawn_and_the_others_mentioned():
    display = PermutationImportanceDisplay.from_importance(many(25))
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names == [f"x{i}" for i in range(20)]
    text = display.ax_.get_legend().get_texts()[1].get_text()
    assert text == "the largest 20 of 25: mean and error of 1 permutation"
    everything = PermutationImportanceDisplay.from_importance(
        many(25), max_features=None
    )
    assert len(everything.bars_) == 25
    assert "largest" not in everything.ax_.get_legend().get_texts()[1].get_text()


def test_names_and_numbers_below_the_cut_are_grey(importance):
    display = PermutationImportanceDisplay.from_importance(importance)
    for texts in (display.ax_.get_yticklabels(), display.ax_.texts):
        colors = [text.get_color() for text in texts]
        assert colors == ["black", "black", NEUTRAL_COLOR, NEUTRAL_COLOR]
        assert min(text.get_fontsize() for text in texts) >= 8.0
    uncut = PermutationImportanceDisplay.from_importance(importance, cut=None)
    assert {label.get_color() for label in uncut.ax_.get_yticklabels()} == {"black"}
