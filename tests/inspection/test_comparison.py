"""A row for each classifier, and its discriminant and ROC curve."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib import pyplot as plt

from skhep_dnn.inspection import ComparisonDisplay, plot_classifiers
from skhep_dnn.metrics import weighted_roc_auc
from tests.inspection.figures import comparison

draw = ComparisonDisplay.from_comparison


def centres(container):
    return container.lines[0].get_xdata()


def test_what_is_drawn_is_in_the_frame():
    frame = comparison().to_frame()
    display = draw(comparison())
    np.testing.assert_allclose(centres(display.points_), frame["roc_auc"])
    np.testing.assert_allclose(
        display.train_points_.get_xdata(),
        frame["roc_auc"] + frame["roc_auc_overfitting"],
    )
    np.testing.assert_allclose(
        centres(display.difference_points_), frame["roc_auc_difference"][1:]
    )
    for kind, points in display.time_points_.items():
        np.testing.assert_allclose(centres(points), frame[f"{kind}_ratio"])
    segments = display.points_.lines[2][0].get_segments()
    half = [(segment[1, 0] - segment[0, 0]) / 2 for segment in segments]
    np.testing.assert_allclose(half, frame["roc_auc_error"])
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names == comparison().names
    assert display.ax_difference_.get_xlabel() == "minus logistic regression"
    assert display.ax_time_.get_xscale() == "log"


def test_a_loss_is_smaller_on_training_events():
    display = draw(comparison(), metric="balanced_log_loss")
    frame = comparison().to_frame()
    np.testing.assert_allclose(
        display.train_points_.get_xdata(),
        frame["balanced_log_loss"] - frame["balanced_log_loss_overfitting"],
    )
    assert display.ax_.get_xlabel() == "log-loss (nats)"


def test_given_axes_and_a_second_plot():
    figure, axes = plt.subplots(2, 1)
    display = draw(comparison(), ax=axes[0], color="black")
    assert display.figure_ is figure
    assert len(figure.axes) == 4
    display.plot(figure.add_axes((0.1, 0.1, 0.8, 0.3)))
    assert len(figure.axes) == 7


def test_discriminant_and_curve_of_each():
    displays = plot_classifiers(comparison(), bins=5, n_replicas=0)
    assert list(displays) == comparison().names
    result = comparison()
    for name, (discriminant, curve) in displays.items():
        score = result.out_of_fold[name]
        expected = weighted_roc_auc(result.y, score, result.sample_weight)
        assert curve.roc_auc == pytest.approx(expected)
        assert discriminant.signal.n_events == (result.y == "s").sum()
        assert len([line for line in curve.ax_.lines if line.get_gid() == "curve"]) == 2
    figure = discriminant.figure_
    assert len(figure.axes) == 6
    _, axes = plt.subplots(3, 2)
    again = plot_classifiers(comparison(), n_replicas=0, axes=axes, log=True)
    assert again["tree"][0].ax_ is axes[2, 0]


def test_errors():
    with pytest.raises(ValueError, match=r"`metric` must be one of \['roc_auc', 'bal"):
        draw(comparison(), metric="accuracy")
    with pytest.raises(ValueError, match=r"must have the shape \(3, 2\), .*got \(2,\)"):
        plot_classifiers(comparison(), axes=plt.subplots(1, 2)[1])
    several = replace(comparison(), out_of_fold={"a": np.zeros((4, 3))})
    with pytest.raises(ValueError, match="got 3 classes without a signal"):
        plot_classifiers(several)
