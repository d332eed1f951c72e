import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.inspection import BlockRelianceDisplay
from skhep_dnn.neural_network import block_reliance


def texts(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


@pytest.mark.parametrize("balanced", [False, True])
def test_histograms_and_medians_are_weighted(split_model, toy_events, balanced):
    X, y, weight = toy_events
    labels = y if balanced else None
    display = BlockRelianceDisplay.from_estimator(
        split_model("full"), X, labels, sample_weight=weight, bins=5
    )
    if balanced:
        sums = {label: weight[y == label].sum() for label in "sb"}
        weight = weight / np.array([sums[label] for label in y])
    reliance = block_reliance(split_model("full"), X)
    assert set(display.histograms) == {"deep", "wide"}
    for block, histogram in display.histograms.items():
        values = np.clip(reliance[block], None, histogram.edges[-1])
        content, _ = np.histogram(values, histogram.edges, weights=weight)
        np.testing.assert_allclose(histogram.content, content / weight.sum())
        below = weight[reliance[block] <= display.medians[block]].sum()
        assert below == pytest.approx(weight.sum() / 2, abs=np.abs(weight).max())
        drawn = display.histograms_[block].get_data().values
        np.testing.assert_array_equal(drawn, histogram.density)
        assert display.medians_[block].get_xdata()[0] == display.medians[block]


@pytest.mark.parametrize(
    ("kind", "deep", "wide"),
    [
        ("full", "2 other features", "1 wide feature"),
        ("bottleneck", "2 other features + bottleneck", "1 wide feature + bottleneck"),
        ("semi", "all 3 features", "1 wide feature"),
    ],
)
def test_the_legend_tells_what_a_block_sees(split_model, toy_events, kind, deep, wide):
    display = BlockRelianceDisplay.from_estimator(split_model(kind), toy_events[0])
    first, second = texts(display)
    assert first.startswith(f"hidden layers ({deep}), median ")
    assert second.startswith(f"wide layer ({wide}), median ")
    assert display.ax_.get_ylabel() == "normalised events / unit of the logit"
    assert "logit" in display.ax_.get_xlabel()
    assert display.ax_.get_xlim() == display.limits
    assert display.limits[0] == 0.0


def test_a_pipeline_is_its_last_step(split_model, toy_events):
    X, y, _ = toy_events
    scaler = StandardScaler().set_output(transform="pandas").fit(X)
    model = split_model("full")
    pipeline = make_pipeline(scaler, model)
    of_pipeline = BlockRelianceDisplay.from_estimator(pipeline, X, y)
    of_model = BlockRelianceDisplay.from_estimator(model, scaler.transform(X), y)
    assert of_pipeline.medians == of_model.medians
    doubled = FunctionTransformer(lambda X: 2.0 * X).fit(X)
    nested = make_pipeline(doubled, make_pipeline(scaler, model))
    of_nested = BlockRelianceDisplay.from_estimator(nested, X, y)
    of_model = BlockRelianceDisplay.from_estimator(model, scaler.transform(2.0 * X), y)
    assert of_nested.medians == of_model.medians


def test_drawing_on_given_axes_with_a_style(split_model, toy_events):
    figure, axes = plt.subplots(1, 2)
    display = BlockRelianceDisplay.from_estimator(
        split_model("full"), toy_events[0], bins=[0, 1, 9], ax=axes[0], lw=3, name="A"
    )
    assert display.ax_ is axes[0]
    assert display.figure_ is figure
    assert display.histograms_["deep"].get_linewidth() == 3
    assert display.histograms["deep"].edges.tolist() == [0, 1, 9]
    assert axes[0].get_legend().get_title().get_text() == "A"
    assert display.plot(axes[1], name="B", edgecolor="black") is display
    assert axes[1].get_legend().get_title().get_text() == "B"
    assert display.medians_["wide"].get_color() == to_rgba("black")
    assert plt.get_fignums() == [figure.number]


def test_blocks_that_say_nothing_are_drawn(split_model, toy_events):
    model = split_model("full")
    weight = model.net_.module_.output_weight
    before = weight.data.clone()
    weight.data.zero_()
    display = BlockRelianceDisplay.from_estimator(model, toy_events[0])
    weight.data.copy_(before)
    assert display.medians == {"deep": 0.0, "wide": 0.0}


def test_errors(split_model, toy_events):
    X, y, weight = toy_events
    draw = BlockRelianceDisplay.from_estimator
    with pytest.raises(NotFittedError):
        draw(WeightedDNNClassifier(), X)
    with pytest.raises(TypeError, match="must be a `WeightedDNNClassifier`, got Logis"):
        draw(LogisticRegression().fit(X, y), X)
    with pytest.raises(ValueError, match="must have two paths"):
        draw(split_model(None), X)
    with pytest.raises(WeightsError, match="must sum to more than 0 in each class"):
        draw(split_model("full"), X, y, sample_weight=-np.abs(weight))
    assert plt.get_fignums() == []
