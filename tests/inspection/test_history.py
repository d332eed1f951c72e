import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.inspection import TrainingHistoryDisplay
from skhep_dnn.inspection._history import (
    LOSSES,
    draw_course,
    draw_kept,
    draw_losses,
    label_epochs,
)

EPOCHS = pd.Index([0.5, 1.0, 1.5], name="epoch")


@pytest.fixture
def history():
    """Three members of four epochs; the last one stops after three."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "member": np.repeat([0, 1, 2], 4),
            "epoch": np.tile([1, 2, 3, 4], 3),
            "train_loss": rng.random(12),
            "valid_loss": rng.random(12),
            "learning_rate": np.tile([0.1, 0.2, 0.1, 0.0], 3),
            "kept": np.tile([False, False, True, False], 3),
        }
    )
    return frame.iloc[:-1]


def test_members_means_and_kept_epochs(history):
    display = TrainingHistoryDisplay.from_history(history)
    for column in ("train_loss", "valid_loss"):
        losses = getattr(display, column)
        assert losses.shape == (4, 3)
        for member, rows in history.groupby("member"):
            drawn = display.member_lines_[column][member].get_ydata()
            np.testing.assert_array_equal(drawn[: len(rows)], rows[column])
        mean = display.mean_lines_[column].get_ydata()
        by_epoch = history.groupby("epoch")[column].mean()
        np.testing.assert_allclose(mean[:3], by_epoch[:3])
        assert np.isnan(mean[3])  # one member has stopped before
    kept = history[history["kept"]]
    np.testing.assert_array_equal(display.kept_.get_xdata(), kept["epoch"])
    np.testing.assert_array_equal(display.kept_.get_ydata(), kept["valid_loss"])
    title = display.ax_.get_legend().get_title().get_text()
    assert title == "mean of 3 members"


def test_learning_rate_panel(history):
    display = TrainingHistoryDisplay.from_history(history)
    panel = display.learning_rate_ax_
    (line,) = panel.lines
    np.testing.assert_array_equal(line.get_ydata(), [0.1, 0.2, 0.1, 0.0])
    assert panel.get_xlabel() == "epoch"
    display.figure_.canvas.draw()
    assert panel.get_position().y1 < display.ax_.get_position().y0
    bare = TrainingHistoryDisplay.from_history(history, show_learning_rate=False)
    assert bare.learning_rate_ax_ is None
    assert bare.ax_.get_xlabel() == "epoch"


def test_momentum_panel_below_the_learning_rate(history):
    history = history.assign(momentum=history["learning_rate"] + 0.8)
    display = TrainingHistoryDisplay.from_history(
        history, show_momentum=True, log_learning_rate=True
    )
    (line,) = display.momentum_ax_.lines
    np.testing.assert_array_equal(line.get_ydata(), display.momentum)
    np.testing.assert_allclose(display.momentum, [0.9, 1.0, 0.9, 0.8])
    assert display.learning_rate_ax_.get_yscale() == "log"
    assert display.momentum_ax_.get_yscale() == "linear"
    assert display.momentum_ax_.get_xlabel() == "epoch"
    assert display.learning_rate_ax_.get_xlabel() == ""
    display.figure_.canvas.draw()
    boxes = [
        ax.get_position()
        for ax in (display.ax_, display.learning_rate_ax_, display.momentum_ax_)
    ]
    assert boxes[0].y0 > boxes[1].y1 > boxes[1].y0 > boxes[2].y1
    alone = TrainingHistoryDisplay.from_history(
        history, show_momentum=True, show_learning_rate=False
    )
    assert alone.learning_rate_ax_ is None
    assert len(alone.figure_.axes) == 2


def test_the_averaged_parameters_have_a_line_and_their_mark(history):
    average = history["valid_loss"].where(history["epoch"] > 2) - 0.1
    history = history.assign(average_loss=average)
    display = TrainingHistoryDisplay.from_history(history)
    assert list(display.mean_lines_) == ["train_loss", "valid_loss", "average_loss"]
    drawn = display.mean_lines_["average_loss"].get_ydata()
    assert np.isnan(drawn[:2]).all()
    assert drawn[2] == pytest.approx(average[history["epoch"] == 3].mean())
    kept = history[history["kept"]]
    np.testing.assert_array_equal(display.kept_.get_ydata(), kept["average_loss"])
    without = TrainingHistoryDisplay.from_history(history, show_average=False)
    assert list(without.mean_lines_) == ["train_loss", "valid_loss"]
    np.testing.assert_array_equal(without.kept_.get_ydata(), kept["valid_loss"])


def test_without_validation_and_with_one_member(history):
    history = history[history["member"] == 0].assign(valid_loss=np.nan)
    display = TrainingHistoryDisplay.from_history(history)
    assert list(display.mean_lines_) == ["train_loss"]
    assert display.member_lines_ == {"train_loss": []}
    np.testing.assert_array_equal(
        display.kept_.get_ydata(), history["train_loss"][history["kept"]]
    )
    assert display.mean_lines_["train_loss"].get_label() == "training"


@pytest.mark.parametrize("n_members", [1, 2])
def test_from_estimator_equals_from_history(toy_events, n_members):
    X, y, weight = toy_events
    model = WeightedDNNClassifier(
        n_members=n_members,
        n_layers=1,
        width=4,
        max_epochs=3,
        validation_fraction=0.3,
        random_state=0,
    )
    model.fit(X, y, sample_weight=np.abs(weight))
    of_estimator = TrainingHistoryDisplay.from_estimator(model)
    of_history = TrainingHistoryDisplay.from_history(model.history_)
    pd.testing.assert_frame_equal(of_estimator.train_loss, of_history.train_loss)
    pd.testing.assert_frame_equal(of_estimator.valid_loss, of_history.valid_loss)
    assert of_estimator.kept.to_numpy().sum() == n_members
    pipeline = make_pipeline(StandardScaler(), model)
    pipeline[0].fit(X)
    of_pipeline = TrainingHistoryDisplay.from_estimator(pipeline)
    assert of_pipeline.name == "WeightedDNNClassifier"
    pipeline = make_pipeline("passthrough", pipeline)
    of_nested = TrainingHistoryDisplay.from_estimator(pipeline)
    pd.testing.assert_frame_equal(of_nested.train_loss, of_history.train_loss)


def test_given_axes_and_style(history):
    figure, axes = plt.subplots(1, 2)
    before = axes[0].get_position().y0
    display = TrainingHistoryDisplay.from_history(
        history, ax=axes[1], name="mine", lw=5
    )
    assert display.ax_ is axes[1]
    assert display.mean_lines_["train_loss"].get_linewidth() == 5
    assert axes[1].get_legend().get_title().get_text() == "mine, mean of 3 members"
    assert axes[0].get_position().y0 == before
    assert len(plt.get_fignums()) == 1
    free = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    display.plot(free, name="other")
    assert display.learning_rate_ax_.get_position().y0 == pytest.approx(0.1)
    assert free.get_position().y1 == pytest.approx(0.9)
    assert free.get_legend().get_title().get_text() == "other, mean of 3 members"


def test_errors(history, toy_events):
    X, y, _ = toy_events
    with pytest.raises(ValueError, match=r"the columns .*, got no \['kept'\]. Pass"):
        TrainingHistoryDisplay.from_history(history.drop(columns="kept"))
    with pytest.raises(ValueError, match=r"got no rows\. Pass `history_`"):
        TrainingHistoryDisplay.from_history(history.iloc[:0])
    with pytest.raises(TypeError, match=r"`history_` .* got LogisticRegression"):
        TrainingHistoryDisplay.from_estimator(LogisticRegression().fit(X, y))
    with pytest.raises(NotFittedError):
        TrainingHistoryDisplay.from_estimator(WeightedDNNClassifier())
    for with_none in (history, history.assign(momentum=np.nan)):
        with pytest.raises(ValueError, match=r"in the history, got none: .* Leave it"):
            TrainingHistoryDisplay.from_history(with_none, show_momentum=True)
    assert plt.get_fignums() == []


def test_losses_of_different_kinds_differ_in_colour_and_line_style():
    for name in ("color", "linestyle", "label"):
        assert len({style[name] for style in LOSSES.values()}) == len(LOSSES)


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_line_for_each_of_several_members_and_one_for_the_mean(n_members):
    _, ax = plt.subplots()
    losses = pd.DataFrame(np.eye(3)[:, :n_members], index=EPOCHS)
    members, mean = draw_losses(ax, losses, LOSSES["valid_loss"], {"c": "k"})
    assert len(members) == (n_members if n_members > 1 else 0)
    np.testing.assert_array_equal(mean.get_ydata(), losses.mean(axis=1))
    assert mean.get_color() == "k"
    _, labels = ax.get_legend_handles_labels()
    assert labels == ["validation"]


def test_kept_epochs_are_marked_on_their_loss():
    _, ax = plt.subplots()
    losses = pd.DataFrame([[3.0, 4.0], [1.0, 5.0], [2.0, 6.0]], index=EPOCHS)
    kept = losses.isin([1.0, 4.0])
    marks = draw_kept(ax, kept, losses)
    assert list(zip(*marks.get_data(), strict=True)) == [(0.5, 4.0), (1.0, 1.0)]


@pytest.mark.parametrize(
    ("values", "has_zero"), [([0.0, 0.01, 0.005], True), ([0.95, 0.85, 0.95], False)]
)
def test_a_course_begins_at_zero_unless_it_varies_by_little(values, has_zero):
    _, panel = plt.subplots()
    draw_course(panel, pd.Series(values, index=EPOCHS), "rate")
    assert (panel.get_ylim()[0] == 0.0) == has_zero
    assert panel.get_ylim()[1] > max(values)
    assert panel.get_ylabel() == "rate"
    assert 2 <= len(panel.get_yticks()) <= 6


def test_ticks_are_at_whole_epochs():
    _, ax = plt.subplots()
    ax.plot(10 * EPOCHS, EPOCHS)
    label_epochs(ax)
    assert ax.get_xlabel() == "epoch"
    assert all(tick == round(tick) for tick in ax.get_xticks())
