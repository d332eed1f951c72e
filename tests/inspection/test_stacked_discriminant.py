"""The stack of processes, data, their ratio, and what blinding hides."""

import pickle

import numpy as np
import pytest
from matplotlib import pyplot as plt
from scipy.stats import poisson
from sklearn.linear_model import LogisticRegression

from skhep_dnn.inspection import StackedDiscriminantDisplay
from skhep_dnn.inspection._poisson_interval import poisson_interval

EDGES = np.linspace(0.0, 1.0, 6)

draw = StackedDiscriminantDisplay.from_predictions


@pytest.fixture
def events():
    rng = np.random.default_rng(0)
    process = rng.choice(["H", "Z", "W", "top"], size=3000, p=[0.4, 0.3, 0.2, 0.1])
    y = np.where(process == "H", "s", "b")
    score = rng.beta(2.0, 2.0, size=3000) ** np.where(y == "s", 0.5, 1.5)
    weight = rng.exponential(size=3000) * np.where(rng.random(3000) < 0.1, -0.1, 0.1)
    data = rng.beta(2.0, 2.0, size=250) ** 1.4
    return y, score, weight, process, data


def heights(patch):
    return patch.get_data().values


def test_the_stack_is_the_sum_of_the_processes_from_the_smallest(events):
    y, score, weight, process, _ = events
    display = draw(
        y, score, sample_weight=weight, process=process, bins=EDGES, pos_label="s"
    )
    assert list(display.stack_) == ["top", "W", "Z", "H"]
    below = np.zeros(5)
    for name, patch in display.stack_.items():
        own = process == name
        content = np.histogram(score[own], EDGES, weights=weight[own])[0]
        w2 = np.histogram(score[own], EDGES, weights=weight[own] ** 2)[0]
        histogram = (display.signals | display.backgrounds)[name]
        np.testing.assert_allclose(histogram.content, content)
        np.testing.assert_allclose(histogram.error, np.sqrt(w2))
        np.testing.assert_allclose(patch.get_data().baseline, below, atol=1e-12)
        below = below + content
        np.testing.assert_allclose(heights(patch), below)
    w2 = np.histogram(score, EDGES, weights=weight**2)[0]
    np.testing.assert_allclose(heights(display.band_), below + np.sqrt(w2))
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert [text.split(",")[0] for text in legend[:-1]] == ["H", "Z", "W", "top"]
    assert f"{weight[process == 'Z'].sum():.1f} ± " in legend[1]
    assert display.ax_ratio_ is None
    assert display.points_ is None
    assert display.ax_.get_ylabel() == "events / 0.2"
    uneven = draw(y, score, bins=[0.0, 0.1, 1.0])
    assert uneven.ax_.get_ylabel() == "events / bin"


def test_a_signal_is_overlaid_with_a_factor_that_the_legend_says(events):
    y, score, weight, process, data = events
    display = draw(
        y,
        score,
        sample_weight=weight,
        process=process,
        data=data,
        bins=EDGES,
        signal="overlay",
        signal_scale=50.0,
    )
    assert list(display.stack_) == ["top", "W", "Z"]
    content = display.signals["H"].content
    np.testing.assert_allclose(heights(display.overlay_["H"]), 50.0 * content)
    assert display.overlay_["H"].get_label().startswith(r"H $\times$ 50, ")
    background = sum(h.content for h in display.backgrounds.values())
    np.testing.assert_allclose(
        display.ratio_points_.lines[0].get_ydata(), display.data / background
    )
    assert display.ax_ratio_.get_ylabel() == "data / bkg."
    assert (display.ax_.get_ylim()[1] > 50.0 * content).all()


def test_data_are_counts_with_garwood_intervals_over_the_stack(events):
    y, score, weight, process, data = events
    display = draw(
        y, score, sample_weight=weight, process=process, data=data, bins=EDGES
    )
    counts = np.histogram(data, EDGES)[0]
    assert display.data.tolist() == counts.tolist()
    points, _, (bars,) = display.points_.lines
    assert points.get_ydata().tolist() == counts.tolist()
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    low, high = poisson_interval(counts.astype(float))
    np.testing.assert_allclose(ends, np.column_stack([low, high]))
    total = heights(display.stack_["H"])
    ratio, _, (bars,) = display.ratio_points_.lines
    np.testing.assert_allclose(ratio.get_ydata(), counts / total)
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends[:, 1], high / total)
    band = display.ratio_band_.get_data()
    error = np.sqrt(np.histogram(score, EDGES, weights=weight**2)[0])
    np.testing.assert_allclose(band.values - 1.0, error / total)
    assert display.ax_ratio_.get_xlabel() == "classifier score"
    assert "data, 250" in display.ax_.get_legend().get_texts()[0].get_text()


def test_intervals_contain_what_their_definition_says():
    low, high = poisson_interval(np.array([0.0, 1.0, 3.0, 400.0, np.nan]))
    assert low[0] == 0.0
    assert high[0] == pytest.approx(-np.log(0.158655), rel=1e-4)
    for count, below, above in zip([1, 3, 400], low[1:4], high[1:4], strict=True):
        assert poisson.sf(count - 1, below) == pytest.approx(0.158655, rel=1e-4)
        assert poisson.cdf(count, above) == pytest.approx(0.158655, rel=1e-4)
    assert high[3] - 400.0 == pytest.approx(21.0, abs=0.1)
    assert np.isnan([low[4], high[4]]).all()


@pytest.mark.parametrize(
    ("blind", "hidden"),
    [
        (0.6, [3, 4]),  # an edge: the bin below it is seen
        (0.55, [2, 3, 4]),
        ((0.25, 0.5), [1, 2]),
        ((0.4, 0.4), [2]),
        (-1.0, [0, 1, 2, 3, 4]),
        (2.0, [4]),  # beyond the axis is in the last bin
    ],
)
def test_blinded_bins_are_neither_counted_nor_drawn(events, blind, hidden):
    y, score, _, _, data = events
    display = draw(y, score, data=data, blind=blind, bins=EDGES)
    counts = np.histogram(data, EDGES)[0].astype(float)
    counts[hidden] = np.nan
    np.testing.assert_array_equal(display.data, counts)
    seen = np.isfinite(counts)
    for points in (display.points_, display.ratio_points_):
        assert len(points.lines[0].get_xdata()) == seen.sum()
    number = f"{np.nansum(counts):.0f}"
    text = display.ax_.get_legend().get_texts()[0].get_text()
    assert text.startswith(f"data, {number} (blinded")
    assert f"{np.ravel(blind)[0]:g}" in text
    assert display.blinded_ is not None


def test_blinded_counts_leave_no_trace(events):
    y, score, weight, process, data = events
    secret = np.r_[data[data < 0.6], np.full(10_000, 0.97), 55.0, np.inf]
    pictures, states = [], []
    for scores in (data, secret):
        display = draw(
            y,
            score,
            sample_weight=weight,
            process=process,
            data=scores,
            blind=0.6,
            bins=10,
        )
        figure = display.figure_
        figure.canvas.draw()
        pictures.append(np.asarray(figure.canvas.buffer_rgba()).copy())
        parameters = ("signals", "backgrounds", "data", "blind", "name", "pos_label")
        assert set(parameters) == {k for k in vars(display) if not k.endswith("_")}
        states.append(pickle.dumps({k: getattr(display, k) for k in parameters}))
    assert states[0] == states[1]
    np.testing.assert_array_equal(*pictures)


def test_the_outermost_bins_contain_what_is_beyond():
    display = draw(
        [0, 0, 0, 1], [-5.0, 0.5, 9.0, 0.7], data=[-9.0, 7.0, 8.0], bins=[0.0, 0.5, 1.0]
    )
    assert display.backgrounds["background"].content.tolist() == [1.0, 2.0]
    assert display.data.tolist() == [1.0, 2.0]


def test_many_processes_and_one_without_a_positive_sum():
    process = np.repeat([f"p{k:02}" for k in range(15)], 4)
    y = np.repeat([1, *[0] * 14], 4)
    weight = np.repeat(np.arange(15.0) + 1.0, 4)
    weight[8:12] = [1.0, -2.0, 0.5, -0.5]
    score = np.tile([0.1, 0.4, 0.6, 0.9], 15)
    display = draw(
        y,
        score,
        sample_weight=weight,
        process=process,
        max_processes=4,
        bins=4,
        log=True,
        linewidth=2.0,
    )
    assert list(display.backgrounds) == ["p14", "p13", "p12", "other (11 processes)"]
    total = sum(h.sum_w for h in display.backgrounds.values())
    assert total == pytest.approx(weight[y == 0].sum())
    assert display.ax_.get_yscale() == "log"
    assert display.stack_["p14"].get_linewidth() == 2.0


def test_a_classifier_scores_simulation_and_data(toy_events):
    X, y, weight = toy_events
    model = LogisticRegression().fit(X, y)
    options = {"sample_weight": weight, "bins": 6, "blind": 0.7}
    drawn = StackedDiscriminantDisplay.from_estimator(
        model, X, y, X_data=X[:99], response_method="predict_proba", **options
    )
    proba = model.predict_proba(X)[:, 1]
    expected = draw(y, proba, data=proba[:99], **options)
    np.testing.assert_array_equal(drawn.data, expected.data)
    assert drawn.name == "LogisticRegression"
    _, axes = plt.subplots(1, 2)
    again = drawn.plot(axes[1], log=True)
    assert again.ax_ is axes[1]
    assert again.ax_ratio_.figure is axes[1].figure
    assert drawn.plot().figure_ is not axes[1].figure


def test_errors(events):
    y, score, _, process, data = events
    with pytest.raises(ValueError, match="`blind` must be a score, from which on data"):
        draw(y, score, data=data, blind=(0.5, 0.1))
    with pytest.raises(ValueError, match="`blind` must be a score"):
        draw(y, score, data=data, blind=np.nan)
    with pytest.raises(ValueError, match="`signal` must be 'stack' or 'overlay'"):
        draw(y, score, signal="top")
    with pytest.raises(ValueError, match="`signal_scale` must be above 0, and 1 for a"):
        draw(y, score, signal_scale=10.0)
    with pytest.raises(ValueError, match="`max_processes` must be at least 1, got 0"):
        draw(y, score, process=process, max_processes=0)
    with pytest.raises(ValueError, match="`data` must not contain nan"):
        draw(y, score, data=[np.nan])
    with pytest.raises(ValueError, match="signal or background, not both"):
        draw(y, score, process=np.full(3000, "all"))
