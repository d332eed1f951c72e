"""Small multiples of the columns: shares, errors, units, scaled values."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.inspection import InputDistributionsDisplay
from skhep_dnn.inspection._column_labels import column_label
from skhep_dnn.neural_network._input_numbers import scaled_numbers


@pytest.fixture
def events():
    rng = np.random.default_rng(0)
    y = np.where(rng.random(900) < 0.4, "s", "b")
    X = pd.DataFrame(
        {
            "pt_GeV": rng.exponential(40.0, size=900) + 20.0 * (y == "s"),
            "n_jets": rng.integers(0, 4, size=900),
            "eta": rng.normal(size=900),
        }
    )
    X.loc[(y == "b") & (np.arange(900) % 2 == 0), "eta"] = -999.0
    weight = rng.exponential(size=900) * np.where(rng.random(900) < 0.1, -1.0, 1.0)
    return X, y, weight


def test_heights_are_shares_of_a_class_and_bands_their_errors(events):
    X, y, weight = events
    display = InputDistributionsDisplay.from_data(
        X, y, sample_weight=weight, missing_values=-999.0
    )
    assert [c.label for c in display.columns] == ["pt [GeV]", "n_jets", "eta"]
    for panel, name, drawn, column in zip(
        display.axes_, X, display.histograms_, display.columns, strict=True
    ):
        bands = [p for p in panel.patches if p not in drawn.values()]
        for kind, band in zip(("background", "signal"), bands, strict=True):
            own = (y == kind[0]) & (X[name] != -999.0)
            values, edges, _ = drawn[kind].get_data()
            w, total = weight[own], weight[y == kind[0]].sum()
            bins = np.append(edges, np.inf)  # the last edge is in the tail
            content = np.histogram(X[name][own], bins, weights=w)[0][:-1]
            error = np.histogram(X[name][own], bins, weights=w**2)[0][:-1] ** 0.5
            np.testing.assert_allclose(values, content / total, atol=1e-12)
            np.testing.assert_allclose(
                band.get_data().values, (content + error) / total, atol=1e-12
            )
        assert panel.get_xlim() == column.limits
    assert display.columns[1].limits == (-0.5, 3.5)
    share = weight[(y == "b") & (X["eta"] == -999.0)].sum() / weight[y == "b"].sum()
    assert display.columns[2].undefined == (0.0, pytest.approx(share))
    text = display.axes_[2].texts[0].get_text()
    assert text == f"undefined: 0% sig., {100 * share:.0f}% bkg."
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["background (b)", "signal (s)"]


def test_a_network_shows_columns_before_and_after_scaling(events):
    X, y, weight = events
    model = WeightedDNNClassifier(
        n_layers=1,
        width=4,
        max_epochs=1,
        numeric_scaling="standard",
        scale_learning_rate=None,
        numeric_embedding=None,
        missing_values=-999.0,
        random_state=0,
    ).fit(X, y, weight)
    display = InputDistributionsDisplay.from_estimator(
        model, X, y, sample_weight=weight, columns=["eta", "pt_GeV"]
    )
    assert display.axes_.shape == (2, 2)
    _, scaled = scaled_numbers(model, X, 0)
    for k, (raw, after) in enumerate(zip(display.columns, display.scaled, strict=True)):
        x = scaled[:, [0, 2][k]]
        own = (y == "s") & np.isfinite(x)
        content = np.histogram(x[own], after.signal.edges, weights=weight[own])[0]
        np.testing.assert_allclose(after.signal.content, content, atol=1e-9)
        assert raw.undefined == after.undefined
    assert [ax.get_xlabel() for ax in display.axes_[0]] == ["pt [GeV]", "pt, scaled"]
    with pytest.raises(ValueError, match=r"columns of numbers, one or more, got \[\]"):
        InputDistributionsDisplay.from_estimator(model, X, y, columns=[])


def test_columns_axes_and_log(events):
    X, y, _ = events
    X = X.replace(-999.0, np.nan)
    _, axes = plt.subplots(1, 2)
    display = InputDistributionsDisplay.from_data(
        X.to_numpy(), y, columns=[2, 0], ax=axes[0], log=True, linewidth=3.0
    )
    assert [c.label for c in display.columns] == ["x0", "x2"]
    assert display.figure_ is axes[0].figure
    assert display.axes_[0].get_yscale() == "log"
    assert display.histograms_[0]["signal"].get_linewidth() == 3.0
    placed = plt.figure().add_axes((0.1, 0.1, 0.8, 0.8))
    assert display.plot(placed).figure_ is placed.figure
    nothing = X.assign(eta=np.nan)
    empty = InputDistributionsDisplay.from_data(nothing, y, columns=["eta"])
    assert empty.columns[0].undefined == (1.0, 1.0)
    for bins in ([0.0, 1.0], 0):
        with pytest.raises(ValueError, match="`bins` must be a number"):
            InputDistributionsDisplay.from_data(X, y, bins=bins)


def test_units_come_from_names_or_are_given():
    assert column_label("lep_pt_gev") == "lep_pt [GeV]"
    assert column_label("phi_rad") == "phi [rad]"
    assert column_label("GeV") == "GeV"
    assert column_label("lead_jet") == "lead_jet"
    assert column_label("pt_GeV", {"pt_GeV": "MeV"}) == "pt_GeV [MeV]"
    assert column_label("pt_GeV", {"pt_GeV": ""}) == "pt_GeV"
