import numpy as np
import pytest
from matplotlib import pyplot as plt

from skhep_dnn.inspection import BottleneckRelianceDisplay
from skhep_dnn.neural_network import bottleneck_reliance


def labels(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


@pytest.mark.parametrize("bottleneck", ["deep", "wide"])
def test_boxes_are_the_spread_over_weighted_events(split_model, toy_events, bottleneck):
    X, _, weight = toy_events
    weight = np.abs(weight)
    model = split_model("bottleneck")
    display = BottleneckRelianceDisplay.from_estimator(
        model, X, sample_weight=weight, bottleneck=bottleneck
    )
    reliance = bottleneck_reliance(model, X)[bottleneck]
    assert list(display.spread.index) == list(reliance)
    quantiles = display.spread[["low", "q1", "median", "q3", "high"]].to_numpy().T
    expected = np.quantile(
        reliance,
        [0.05, 0.25, 0.5, 0.75, 0.95],
        axis=0,
        weights=weight,
        method="inverted_cdf",
    )
    np.testing.assert_allclose(quantiles, expected)
    mean = np.average(reliance, axis=0, weights=weight)
    np.testing.assert_allclose(display.spread["mean"], mean)
    np.testing.assert_allclose(display.means_.get_xdata(), np.sort(mean)[::-1])
    order = np.argsort(-mean)
    assert labels(display) == [reliance.columns[i] for i in order]
    for box, i in zip(display.boxes_, order, strict=True):
        assert box.get_x() == pytest.approx(expected[1, i])
        assert box.get_x() + box.get_width() == pytest.approx(expected[3, i])


def test_labels_give_each_class_the_same_weight(split_model, toy_events):
    X, y, weight = toy_events
    model = split_model("bottleneck")
    display = BottleneckRelianceDisplay.from_estimator(
        model, X, y, sample_weight=weight
    )
    reliance = bottleneck_reliance(model, X)["deep"].to_numpy()
    of_classes = [
        np.average(reliance[y == label], axis=0, weights=weight[y == label])
        for label in "sb"
    ]
    np.testing.assert_allclose(display.spread["mean"], np.mean(of_classes, axis=0))


def test_drawing_on_given_axes_with_a_style(split_model, toy_events):
    figure, axes = plt.subplots(1, 2)
    display = BottleneckRelianceDisplay.from_estimator(
        split_model("bottleneck"), toy_events[0], ax=axes[0], name="A", ec="black"
    )
    assert display.ax_ is axes[0]
    assert display.figure_ is figure
    assert display.boxes_[0].get_edgecolor() == (0, 0, 0, 1)
    assert display.ax_.get_xlabel() == "|weight · scaled feature| in the bottleneck"
    assert axes[0].get_legend().get_title().get_text() == "A"
    display.plot(axes[1], max_features=1, name="B")
    assert len(labels(display)) == 1
    assert axes[1].get_legend().get_title().get_text() == "B"


def test_errors(split_model, toy_events):
    X, _, _ = toy_events
    draw = BottleneckRelianceDisplay.from_estimator
    with pytest.raises(ValueError, match=r"`bottleneck` must be one of .* got 'high'"):
        draw(split_model("bottleneck"), X, bottleneck="high")
    with pytest.raises(ValueError, match="must have bottlenecks, got kind='full'"):
        draw(split_model("full"), X)
    assert plt.get_fignums() == []
