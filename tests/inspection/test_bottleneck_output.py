import numpy as np
import pytest
from matplotlib import pyplot as plt

from skhep_dnn.inspection import BottleneckOutputDisplay
from skhep_dnn.neural_network import bottleneck_outputs


@pytest.mark.parametrize("bottleneck", ["deep", "wide"])
@pytest.mark.parametrize("network", [0, 1])
def test_histograms_are_those_of_one_network(
    split_model, toy_events, bottleneck, network
):
    X, y, weight = toy_events
    model = split_model("bottleneck")
    display = BottleneckOutputDisplay.from_estimator(
        model,
        X,
        y,
        sample_weight=weight,
        bottleneck=bottleneck,
        network=network,
        bins=[-9.0, 0.0, 0.5, 9.0],
    )
    output = bottleneck_outputs(model, X)[bottleneck, network]
    for histogram, label in ((display.signal, "s"), (display.background, "b")):
        chosen = y == label
        content, edges = np.histogram(
            output[chosen], [-9.0, 0.0, 0.5, 9.0], weights=weight[chosen]
        )
        np.testing.assert_allclose(histogram.content, content)
        integral = (histogram.density * np.diff(edges)).sum()
        assert integral == pytest.approx(1.0)
    drawn = display.histograms_["signal"].get_data().values
    np.testing.assert_array_equal(drawn, display.signal.density)
    title = display.ax_.get_legend().get_title().get_text()
    assert title == f"network {network}"


def test_labels_and_classes(split_model, toy_events):
    X, y, _ = toy_events
    draw = BottleneckOutputDisplay.from_estimator
    display = draw(split_model("bottleneck"), X, y, bottleneck="wide")
    assert display.ax_.get_xlabel() == "output of the bottleneck of 1 wide feature"
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert display.ax_.get_xlim() == display.limits
    n_signal = int((y == "s").sum())
    assert texts == [
        f"background (b), N = {400 - n_signal}",
        f"signal (s), N = {n_signal}",
    ]
    swapped = draw(
        split_model("bottleneck"), X, y, bottleneck="wide", pos_label="b", name="A"
    )
    np.testing.assert_array_equal(swapped.signal.content, display.background.content)
    assert swapped.ax_.get_legend().get_title().get_text() == "A"


def test_drawing_on_given_axes_with_a_style(split_model, toy_events):
    X, y, _ = toy_events
    figure, axes = plt.subplots(1, 2)
    display = BottleneckOutputDisplay.from_estimator(
        split_model("bottleneck"), X, y, ax=axes[0], density=False, lw=3
    )
    assert display.ax_ is axes[0]
    assert display.figure_ is figure
    assert axes[0].get_ylabel() == "events / unit of output"
    assert display.histograms_["signal"].get_linewidth() == 3
    display.plot(axes[1], log=True, name="B")
    assert axes[1].get_yscale() == "log"
    assert axes[1].get_legend().get_title().get_text() == "B"


def test_errors(split_model, toy_events):
    X, y, _ = toy_events
    draw = BottleneckOutputDisplay.from_estimator
    model = split_model("bottleneck")
    with pytest.raises(ValueError, match="`network` must be from 0 to 1, got 2"):
        draw(model, X, y, network=2)
    with pytest.raises(ValueError, match="`bottleneck` must be one of"):
        draw(model, X, y, bottleneck=0)
    with pytest.raises(ValueError, match="must have bottlenecks, got kind='semi'"):
        draw(split_model("semi"), X, y)
    assert plt.get_fignums() == []
