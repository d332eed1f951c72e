"""The drawn table: its texts, which are no formulas, inside of the axes."""

import itertools

import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression

from skhep_dnn.inspection import YieldsTableDisplay
from skhep_dnn.metrics import yields_table


def test_cells_are_those_of_the_table_and_inside_of_the_axes():
    rng = np.random.default_rng(0)
    process = rng.choice(["$H_{a$", "W & Z", "t_t"], size=500)
    y = np.where(process == "$H_{a$", "s", "b")
    score, weight = rng.random(500), 1000.0 * rng.exponential(size=500)
    thresholds = {"loose": 0.5, "a_name $that$ is long": 0.9}
    table = yields_table(y, score, weight, thresholds=thresholds, process=process)
    display = YieldsTableDisplay.from_predictions(
        y, score, sample_weight=weight, thresholds=thresholds, process=process
    )
    for drawn in (display, display.plot(plt.subplots(figsize=(3.0, 2.0))[1])):
        texts = np.vectorize(lambda text: text.get_text())(drawn.cells_)
        assert texts[0, 1:].tolist() == table.selections
        assert texts[1:, 0].tolist() == table.processes
        np.testing.assert_array_equal(texts[1:, 1:], table.cells())
        drawn.figure_.draw_without_rendering()
        box = drawn.ax_.bbox
        boxes = [[t.get_window_extent() for t in row] for row in drawn.cells_]
        for row in boxes:
            assert row[0].x0 >= box.x0 - 1.0
            assert row[-1].x1 <= box.x1 + 1.0
            for left, right in itertools.pairwise(row):
                assert left.x1 < right.x0
        for above, below in itertools.pairwise(boxes):
            assert above[0].y0 >= below[0].y1 - 1.0
    bold = [row[0].get_fontweight() == "bold" for row in display.cells_[1:]]
    assert bold == table.is_sum.tolist()


def test_a_classifier_is_scored(toy_events):
    X, y, weight = toy_events
    model = LogisticRegression().fit(X, y)
    display = YieldsTableDisplay.from_estimator(
        model, X, y, sample_weight=weight, thresholds=0.5, color="red"
    )
    expected = yields_table(y, model.decision_function(X), weight, thresholds=0.5)
    assert display.table.yields == pytest.approx(expected.yields)
    assert display.cells_[0, 0].get_color() == "red"
    again = YieldsTableDisplay.from_table(expected)
    assert again.table is expected
