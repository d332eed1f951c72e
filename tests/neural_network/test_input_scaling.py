"""What each scaling of the inputs is: by closed forms and brute force, per member."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import ndtri

from skhep_dnn.neural_network import (
    Member,
    PiecewiseLinearEmbedding,
    TrainingSettings,
    train_members,
)
from skhep_dnn.neural_network._engine import scaling
from skhep_dnn.neural_network._networks.network import MemberNetwork
from skhep_dnn.neural_network._schedules import constant
from skhep_dnn.preprocessing._symmetry_kernel import SymmetryKernel

RNG = np.random.default_rng(11)
N = 400
SCALINGS = ("standard", "robust", "quantile")
FEW_VALUES = 32  # of a column that is scaled by mean and standard deviation
LEVELS = np.linspace(0.0, 1.0, 33)
NORMAL = ndtri(np.clip(LEVELS, 0.005, 0.995))
Y = np.arange(N) % 2
SETTINGS = TrainingSettings(
    n_numeric=1,
    hidden_layer_sizes=[4],
    activation="swish",
    connection="plain",
    dropout=0.0,
    numeric_scaling="standard",
    scale_learning_rate=None,
    numeric_embedding=None,
    schedule=constant,
    learning_rate=1e-30,
    max_epochs=1,
    batch_size=64,
)
COLUMNS = {
    "normal": RNG.normal(5.0, 2.0, N),
    "heavy": RNG.standard_cauchy(N) * 30.0,
    "few values": RNG.integers(0, 4, N),
    "one value": np.full(N, 7.5),
    "zero": np.zeros(N),
    "mostly one value": np.where(RNG.random(N) < 0.8, 3.0, RNG.normal(0.0, 2.0, N)),
    "large": 1e5 + RNG.normal(size=N),
}
SIZES = RNG.uniform(0.1, 2.0, N)
SIGNED = SIZES * np.where(RNG.random(N) < 0.2, -1.0, 1.0)


def member(rows, weights, **options):
    return Member(rows=rows, weights=weights, **options)


def fitted(x, weights=SIGNED, rows=None, records=None, **options):
    """Members whose scaling is learnt, and which are hardly trained."""
    table = np.asarray(x, dtype=np.float32)
    table = table[:, np.newaxis] if table.ndim == 1 else table
    settings = replace(SETTINGS, n_numeric=table.shape[1], **options)
    if records is None:
        records = [member(np.arange(len(table)) if rows is None else rows, weights)]
    return train_members(settings, records, table, Y[: len(table)]).run()


def scaled(trained, x, member=0):
    """What a member makes of the values of the first column."""
    table = torch.as_tensor(np.asarray(x, dtype=np.float32)).reshape(len(x), -1)
    return trained.net.module_.inputs(table)[member, :, 0].double().numpy()


def quantile(x, w, level):
    """The lowest value up to which there is this share of the weight."""
    x = np.asarray(x, dtype=np.float32).astype(np.float64)
    total = w.sum()
    values = np.unique(x)
    shares = np.array([w[x <= value].sum() / total for value in values])
    return values[np.flatnonzero(shares >= level - 1e-12)[0]]


def center_and_spread(x, w):
    """Median and width of a column, as robust scaling has them; mean for few values."""
    x = np.asarray(x, dtype=np.float32).astype(np.float64)
    if 1 < len(np.unique(x)) <= FEW_VALUES:
        mean = np.average(x, weights=w)
        return mean, np.sqrt(np.average((x - mean) ** 2, weights=w))
    low, median, high = (quantile(x, w, level) for level in (0.25, 0.5, 0.75))
    spread = (high - low) / (ndtri(0.75) - ndtri(0.25))
    if spread == 0.0:
        spread = np.sqrt(np.average((x - median) ** 2, weights=w))
    return median, spread if spread > 0.0 else 1.0


@pytest.mark.parametrize("column", COLUMNS)
def test_robust_scaling_is_that_of_median_and_quartiles_with_smooth_ends(column):
    x = COLUMNS[column]
    trained = fitted(x, numeric_scaling="robust")
    median, spread = center_and_spread(x, np.abs(SIGNED))
    z = (np.float32(x) - median) / spread
    np.testing.assert_allclose(
        scaled(trained, x), z / np.sqrt(1.0 + (z / 8.0) ** 2), rtol=2e-4, atol=1e-5
    )


@pytest.mark.parametrize("n_values", [FEW_VALUES, FEW_VALUES + 1])
def test_few_values_keep_mean_and_standard_deviation(n_values):
    x = np.minimum(np.arange(N) // 4, n_values - 1.0)  # most have the last one
    x[::9] = np.nan
    robust, standard = (
        scaled(fitted(x, numeric_scaling=kind), x) for kind in ("robust", "standard")
    )
    smooth = standard / np.sqrt(1.0 + (standard / 8.0) ** 2)
    is_few = np.allclose(robust, smooth, atol=1e-6)
    assert is_few == (n_values == FEW_VALUES)


@pytest.mark.parametrize("column", COLUMNS)
def test_quantile_scaling_is_a_line_through_normal_quantiles(column):
    x = np.float32(COLUMNS[column]).astype(np.float64)
    trained = fitted(x, numeric_scaling="quantile")
    knots = np.array([quantile(x, np.abs(SIGNED), level) for level in LEVELS])
    values = [NORMAL[knots == knot].mean() for knot in np.unique(knots)]
    between = np.linspace(x.min() - 1.0, x.max() + 1.0, 101)
    for of in (x, between):
        expected = np.interp(np.float32(of), np.unique(knots), values)
        np.testing.assert_allclose(scaled(trained, of), expected, atol=2e-4)


def test_normal_values_stay_what_they_are():
    x = ndtri((np.arange(N) + 0.5) / N)
    for kind in ("robust", "quantile"):
        inner = np.abs(x) < 1.5
        found = scaled(fitted(x, np.ones(N), numeric_scaling=kind), x)
        np.testing.assert_allclose(found[inner], x[inner], atol=0.04)


@pytest.mark.parametrize("kind", ["robust", "quantile"])
@pytest.mark.parametrize("column", ["normal", "heavy", "few values", "large"])
def test_scalings_rise_and_end(kind, column):
    x = COLUMNS[column]
    trained = fitted(x, numeric_scaling=kind)
    far = np.concatenate([[-3e38, -1e20], np.sort(np.float32(x)), [1e20, 3e38]])
    z = scaled(trained, far)
    assert np.isfinite(z).all()
    assert (np.diff(z) >= -1e-6).all()
    if kind == "robust" or column != "few values":
        end = 8.0 if kind == "robust" else ndtri(0.995)
        assert z[-1] == pytest.approx(end, rel=1e-5)
        assert z[0] == pytest.approx(-end, rel=1e-5)
    assert len(np.unique(z)) > 3


def test_values_that_are_neighbours_in_float32_have_their_quantiles():
    # half of the events at 0, half in steps of one unit in the last place
    x = np.zeros(N)
    x[::2] = 2.0**24 + 2.0 * RNG.integers(0, 10, N // 2)
    trained = fitted(x, np.ones(N), numeric_scaling="quantile")
    knots = np.array([quantile(x, np.ones(N), level) for level in LEVELS])
    expected = [NORMAL[knots == knot].mean() for knot in x]
    found = scaled(trained, x)
    assert np.abs(found - expected).max() < 0.3  # neighbours may be one to the networks
    assert found.max() == pytest.approx(NORMAL[-3:].mean(), abs=0.3)


@pytest.mark.parametrize("kind", SCALINGS)
@pytest.mark.parametrize("marker", [None, -999.0])
@pytest.mark.parametrize("column", ["normal", "mostly one value"])
def test_undefined_values_are_zero_and_do_not_count(kind, marker, column):
    x = COLUMNS[column].copy()
    undefined = np.arange(N) % 3 == 0
    x[undefined] = np.nan if marker is None else marker
    trained = fitted(x, numeric_scaling=kind, missing_values=marker)
    alone = fitted(
        x,
        SIGNED[~undefined],
        np.flatnonzero(~undefined),
        numeric_scaling=kind,
        missing_values=marker,
    )
    assert (scaled(trained, x)[undefined] == 0.0).all()
    np.testing.assert_allclose(scaled(trained, x), scaled(alone, x), atol=1e-6)
    assert np.abs(scaled(trained, x)).max() > 1.0


@pytest.mark.parametrize("kind", SCALINGS)
@pytest.mark.parametrize("embedding", [None, "piecewise_linear"])
def test_a_column_without_a_defined_value_is_zero(kind, embedding):
    trained = fitted(np.full(N, np.nan), numeric_scaling=kind)
    assert (scaled(trained, np.full(5, np.nan)) == 0.0).all()
    assert np.isfinite(scaled(trained, np.arange(5.0))).all()
    trained = fitted(
        np.full(N, np.nan), numeric_scaling=kind, numeric_embedding=embedding
    )
    assert np.isfinite(trained.logits(np.arange(5.0, dtype=np.float32)[:, None])).all()


@pytest.mark.parametrize("kind", SCALINGS)
def test_weights_count_as_copies_and_their_scale_and_order_not_at_all(kind):
    x, counts = COLUMNS["heavy"], RNG.integers(0, 4, N)
    options = {"numeric_scaling": kind}
    weighted = fitted(x, counts, **options)
    copies = fitted(
        x, np.ones(counts.sum()), np.repeat(np.arange(N), counts), **options
    )
    np.testing.assert_allclose(scaled(weighted, x), scaled(copies, x), rtol=1e-5)
    fourfold = fitted(x, 4.0 * SIGNED, **options)
    np.testing.assert_array_equal(
        scaled(fourfold, x), scaled(fitted(x, SIGNED, **options), x)
    )
    order = RNG.permutation(N)
    mixed = fitted(x, SIGNED[order], order, **options)
    np.testing.assert_allclose(scaled(mixed, x), scaled(fourfold, x), rtol=1e-5)


@pytest.mark.parametrize("kind", SCALINGS)
def test_statistics_are_those_of_the_member(kind):
    x = COLUMNS["heavy"]
    halves = np.array_split(np.argsort(x), 2)
    records = [member(rows, np.abs(SIGNED[rows])) for rows in halves]
    both = fitted(x, records=records, numeric_scaling=kind)
    for k, rows in enumerate(halves):
        alone = fitted(x, np.abs(SIGNED[rows]), rows, numeric_scaling=kind)
        np.testing.assert_array_equal(scaled(both, x, k), scaled(alone, x))
    assert np.abs(scaled(both, x) - scaled(both, x, 1)).max() > 0.1


@pytest.mark.parametrize("kind", SCALINGS)
def test_members_with_the_same_events_have_the_same_statistics(kind):
    rows, weights = np.arange(N), np.abs(SIGNED)
    records = [member(rows, weights, network_seed=k) for k in range(3)]
    x = COLUMNS["heavy"]
    trained = fitted(
        x,
        records=records,
        numeric_scaling=kind,
        numeric_embedding=PiecewiseLinearEmbedding(n_bins=4),
    )
    for name, value in trained.state(0).items():
        if name.startswith("inputs.") or name in {"numbers.edges", "numbers.widths"}:
            for k in (1, 2):
                np.testing.assert_array_equal(trained.state(k)[name], value)


@pytest.mark.parametrize("kind", SCALINGS)
@pytest.mark.parametrize("kernel", [None, SymmetryKernel(phi=(1,))])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_infinite_values_are_an_error_also_of_an_azimuth(kind, kernel):
    table = np.stack([COLUMNS["normal"], RNG.uniform(-3.0, 3.0, N)], 1)
    options = {"numeric_scaling": kind, "scale_learning_rate": 2.0, "kernel": kernel}
    fitted(table, **options)
    table[7, 1] = np.inf
    with pytest.raises(ValueError, match=r"finite numbers .* in column 1 for member 0"):
        fitted(table, **options)


@pytest.mark.parametrize("kind", ["robust", "quantile"])
@pytest.mark.parametrize("arranged", ["sorted", "periodic", "as they come"])
def test_of_many_events_one_of_each_equal_part_counts(monkeypatch, kind, arranged):
    x = RNG.normal(size=N)
    if arranged == "sorted":
        x = np.sort(x)
    elif arranged == "periodic":  # every fourth event is far away
        x[::4] += 10.0
    full = scaled(fitted(x, np.ones(N), numeric_scaling=kind), x)
    monkeypatch.setattr(scaling, "MOST_EVENTS", 100)
    one, other = (fitted(x, np.ones(N), numeric_scaling=kind) for _ in range(2))
    np.testing.assert_array_equal(scaled(one, x), scaled(other, x))
    assert 1e-3 < np.abs(scaled(one, x) - full).max() < 2.0
    drawn = scaling._spread_sample(N)
    np.testing.assert_array_equal(drawn // 4, np.arange(100))
    assert len(np.unique(drawn % 4)) == 4
    sample = fitted(x, np.ones(100), drawn, numeric_scaling=kind)
    np.testing.assert_allclose(scaled(one, x), scaled(sample, x), atol=1e-6)


def test_what_is_drawn_and_learnt_without_the_new_parameters_is_as_before():
    def network(**changes):
        options = {
            "n_numeric": 3,
            "missing_values": float("nan"),
            "embeddings": [(3, 2)],
            "hidden_layer_sizes": [5, 4],
            "activation": ["swish", "swish"],
            "connection": "dense",
            "dropout": [0.0, 0.0],
            "seeds": [3, 8],
        }
        return MemberNetwork(**options | changes)

    plain = dict(network().named_parameters())
    off = network(
        numeric_scaling="standard", scale_learning_rate=None, numeric_embedding=None
    )
    assert set(dict(off.named_parameters())) == set(plain)
    # neither a scaling nor a factor draws a number
    for options in ({"numeric_scaling": "quantile"}, {"scale_learning_rate": 2.0}):
        changed = dict(network(**options).named_parameters())
        factor = changed.pop("numbers.factor", None)
        assert (factor is None) == ("numeric_scaling" in options)
        assert changed.keys() == plain.keys()
        for name, value in plain.items():
            torch.testing.assert_close(changed[name], value, rtol=0.0, atol=0.0)
    embedded = dict(
        network(numeric_embedding=PiecewiseLinearEmbedding()).named_parameters()
    )
    assert embedded["embeddings.0"].shape == plain["embeddings.0"].shape
    assert (embedded["embeddings.0"] != plain["embeddings.0"]).any()


@pytest.mark.parametrize("kind", SCALINGS)
def test_nothing_is_learnt_of_a_column_that_is_not_seen(kind):
    table = np.stack([COLUMNS["normal"], COLUMNS["heavy"]], 1)
    options = {"numeric_scaling": kind, "numeric_embedding": "piecewise_linear"}
    other = table.copy()
    other[:, 1] = np.inf
    found = []
    for events in (table, other):
        records = [member(np.arange(N), SIGNED, inputs=[True, False])]
        found.append(fitted(events, records=records, **options).state(0))
    assert np.isnan(found[0]["inputs.center"][0]).tolist() == [False, True]
    for name, value in found[0].items():
        np.testing.assert_array_equal(found[1][name], value, err_msg=name)
    # who starts from it learns the scaling of that column, and keeps the other one
    start = [member(np.arange(N), SIGNED, start=found[0])]
    state = fitted(table * 2.0, records=start, **options).state(0)
    fresh = fitted(table * 2.0, **options).state(0)
    for name, value in state.items():
        if name.startswith("inputs."):
            np.testing.assert_array_equal(value[0, 0], found[0][name][0, 0])
            np.testing.assert_array_equal(value[0, 1], fresh[name][0, 1])
    np.testing.assert_array_equal(
        state["numbers.edges"][0], found[0]["numbers.edges"][0]
    )
    np.testing.assert_array_equal(state["numbers.edges"][1], fresh["numbers.edges"][1])
