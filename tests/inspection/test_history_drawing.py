import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from skhep_dnn.inspection._history_drawing import (
    LOSSES,
    draw_course,
    draw_kept,
    draw_losses,
    label_epochs,
)

EPOCHS = pd.Index([0.5, 1.0, 1.5], name="epoch")


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
