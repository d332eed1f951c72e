"""What is drawn of the inputs of a network: histograms, curves, undefined values."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skhep_dnn import SymmetryAugmenter, WeightedDNNClassifier
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.inspection import InputsDisplay
from skhep_dnn.neural_network import (
    PeriodicEmbedding,
    PiecewiseLinearEmbedding,
    Snapshots,
)

EMBEDDINGS = {
    "none": None,
    "waves": PeriodicEmbedding(size=3),
    "bins": PiecewiseLinearEmbedding(size=4, n_bins=5),
}


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(1)
    n = 300
    X = pd.DataFrame(
        {
            "jets": rng.integers(0, 3, n).astype(float),
            "pt": rng.exponential(30.0, n),
            "eta": rng.normal(size=n),
            "phi": rng.uniform(-np.pi, np.pi, n),
        }
    )
    X.loc[::4, "pt"] = np.nan
    y = np.where(rng.random(n) < 0.5, "s", "b")
    weight = rng.uniform(0.5, 1.5, n) * np.where(rng.random(n) < 0.1, -1.0, 1.0)
    return X, y, weight


@pytest.fixture(scope="module")
def fit(sample):
    def make(X=None, **changes):
        options = {
            "n_members": 2,
            "n_layers": 1,
            "width": 4,
            "max_epochs": 2,
            "numeric_scaling": "robust",
            "scale_learning_rate": 20.0,
            "numeric_embedding": None,
            "categorical_features": ["jets"],
            "random_state": 0,
        }
        model = WeightedDNNClassifier(**options | changes)
        return model.fit(sample[0] if X is None else X, sample[1], np.abs(sample[2]))

    return make


@pytest.mark.parametrize("member", [0, 1])
@pytest.mark.parametrize("kind", EMBEDDINGS)
def test_what_is_drawn_is_what_enters_the_first_layer(fit, sample, kind, member):
    X, _, weight = sample
    model = fit(numeric_embedding=EMBEDDINGS[kind])
    display = InputsDisplay.from_estimator(
        model, X, sample_weight=weight, member=member, columns=["eta", "pt"]
    )
    assert [column.name for column in display.columns] == ["pt", "eta"]
    module = model.net_.module_
    inputs = module.inputs(module.output_bias.new_tensor(model.encoder_.transform(X)))
    numbers = module.embed(inputs)[member].detach().numpy()
    scaled = inputs[member].numpy()
    for position, column in enumerate(display.columns):
        defined = X[column.name].notna().to_numpy()
        own = numbers[:, :-2][:, module.columns_of_numbers == position]
        low, high = column.scaled_limits
        shown = defined & (scaled[:, position] >= low) & (scaled[:, position] <= high)
        for k, curve in enumerate(display.curves_[position]):
            np.testing.assert_allclose(
                np.interp(scaled[shown, position], *curve.get_data()),
                own[shown, k],
                atol=0.02,
            )
        assert len(display.curves_[position]) == own.shape[1]
        shares = weight / weight.sum()
        assert column.undefined_share == pytest.approx(shares[~defined].sum())
        for histogram, values in (
            (column.raw, X[column.name].astype(np.float32)),
            (column.scaled, pd.Series(scaled[:, position])),
        ):
            content, _ = np.histogram(
                values[defined], histogram.edges, weights=shares[defined]
            )
            np.testing.assert_allclose(histogram.content, content, atol=1e-12)
            assert histogram.content.sum() == pytest.approx(shares[defined].sum())
        if defined.all():
            assert display.circles_[position] == []
        else:
            undefined = own[~defined]
            assert (undefined == undefined[0]).all()
            drawn = [c.get_ydata()[0] for c in display.circles_[position]]
            np.testing.assert_allclose(drawn, undefined[0], atol=1e-6)


def test_labels_say_what_is_what(fit, sample):
    X, _, weight = sample
    model = fit(numeric_embedding="periodic")
    display = InputsDisplay.from_estimator(model, X, sample_weight=weight)
    assert [column.name for column in display.columns] == ["pt", "eta", "phi"]
    of_raw, of_scaled, of_numbers = display.axes_[0]
    assert of_raw.get_xlabel() == "pt"
    assert of_scaled.get_xlabel() == "pt, scaled"
    assert of_raw.get_ylabel() == "share / unit"
    share = weight[::4].sum() / weight.sum()
    assert [t.get_text() for t in of_raw.texts] == [f"{100 * share:.2g}% undefined"]
    factor = model.net_.module_.numbers.factor[0, 0, 0].item()
    texts = [text.get_text() for text in of_numbers.get_legend().get_texts()]
    expected = [f"{factor:.2g} x value", "waves 1", "waves 2", "waves 3", "undefined"]
    assert texts == expected
    assert len(display.axes_[1, 0].texts) == 0
    assert of_scaled.get_xlim()[1] > display.columns[0].scaled_limits[1]
    # the curves are below the legend
    legend = of_numbers.get_legend().get_window_extent()
    for line in display.curves_[0]:
        path = of_numbers.transData.transform(line.get_xydata())
        assert path[:, 1].max() < legend.y0


def test_azimuths_are_sine_and_cosine(fit, sample):
    X = sample[0].rename(columns={"pt": "a_pt", "eta": "a_eta", "phi": "a_phi"})
    augmenter = SymmetryAugmenter(
        cylindrical=[("a_pt", "a_eta", "a_phi")], cartesian=None, leading=0
    )
    model = fit(X, numeric_embedding="periodic", augmenter=augmenter)
    display = InputsDisplay.from_estimator(model, X, columns=["a_phi"])
    ((sine, cosine),) = display.curves_
    phi = sine.get_xdata()
    factor = model.net_.module_.numbers.factor[0, 0, 2].item()
    np.testing.assert_allclose(sine.get_ydata(), factor * np.sin(phi), atol=1e-6)
    np.testing.assert_allclose(cosine.get_ydata(), factor * np.cos(phi), atol=1e-6)
    labels = [ax.get_xlabel() for ax in display.axes_[0, :2]]
    assert labels == ["a_phi [rad]", "a_phi [rad]"]
    assert sine.get_label() == f"{factor:.2g} x sine"


def test_a_plain_network_takes_the_scaled_value(fit, sample):
    model = fit(
        numeric_scaling="standard", scale_learning_rate=None, numeric_embedding=None
    )
    display = InputsDisplay.from_estimator(model, sample[0], columns=["eta"])
    ((line,),) = display.curves_
    np.testing.assert_array_equal(*line.get_data())
    assert line.get_label() == "value"


def test_members_with_snapshots_are_their_first_network(fit, sample):
    options = {"snapshots": Snapshots(2), "schedule": "constant"}
    model = fit(numeric_embedding="periodic", **options)
    one = InputsDisplay.from_estimator(model, sample[0], columns=["eta"], member=1)
    factor = model.net_.module_.numbers.factor[2, 0, 1].item()
    assert one.curves_[0][0].get_label() == f"{factor:.2g} x value"
    with pytest.raises(ValueError, match="`member` must be from 0 to 1, got 2"):
        InputsDisplay.from_estimator(model, sample[0], member=2)


def test_a_column_that_is_undefined_everywhere_has_circles_alone(fit, sample):
    X = sample[0].assign(eta=np.nan)
    model = fit(numeric_embedding="periodic")
    display = InputsDisplay.from_estimator(model, X, columns=["eta"])
    assert display.columns[0].undefined_share == pytest.approx(1.0)
    assert (display.columns[0].raw.content == 0.0).all()
    assert len(display.circles_[0]) == 4


def test_markers_are_undefined_as_nan(fit, sample):
    X, _, weight = sample
    marked = X.fillna(-999.0)
    displays = [
        InputsDisplay.from_estimator(
            fit(table, missing_values=marker),
            table,
            sample_weight=weight,
            columns=["pt"],
        )
        for table, marker in ((X, np.nan), (marked, -999.0))
    ]
    one, other = (display.columns[0] for display in displays)
    assert one.undefined_share == other.undefined_share > 0.2
    np.testing.assert_array_equal(one.scaled.content, other.scaled.content)


def test_pipelines_given_axes_and_a_second_plot(fit, sample):
    X = sample[0]
    pipeline = make_pipeline(FunctionTransformer(), fit())
    pipeline[0].fit(X)
    figure, (ax, other) = plt.subplots(1, 2)
    display = InputsDisplay.from_estimator(pipeline, X, columns=[2], ax=ax, lw=3)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert display.columns[0].name == "eta"
    assert display.histograms_[0][0].get_linewidth() == 3
    n_axes = len(figure.axes)
    display.plot(other)
    assert len(figure.axes) == n_axes + 3
    assert len(display.curves_) == 1
    # also where there is no grid
    free = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    display.plot(free)
    for panel in display.axes_.flat:
        box = panel.get_position()
        assert 0.1 <= box.x0 < box.x1 <= 0.9
        assert 0.1 <= box.y0 < box.y1 <= 0.9
    plt.close(figure)


def test_errors(fit, sample):
    X, y, weight = sample
    model = fit()
    draw = InputsDisplay.from_estimator
    with pytest.raises(ValueError, match=r"must be columns of numbers.* \['jets'\]"):
        draw(model, X, columns=["pt", "jets"])
    with pytest.raises(ValueError, match="columns of numbers, one or more"):
        draw(model, X, columns=[])
    with pytest.raises(ValueError, match=r"got 'mass'"):
        draw(model, X, columns=["mass"])
    with pytest.raises(WeightsError, match="must sum to more than 0"):
        draw(model, X, sample_weight=-np.abs(weight))
    other = LogisticRegression().fit(X[["eta"]], y)
    with pytest.raises(TypeError, match=r"must be a `Weighted.*, got Log"):
        draw(other, X[["eta"]])
    assert plt.get_fignums() == []
