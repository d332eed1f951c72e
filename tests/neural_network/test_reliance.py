"""Reliance on blocks and columns: brute force from the learned weights, and limits."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from skhep_dnn.neural_network import (
    FeatureSplit,
    Snapshots,
    block_reliance,
    bottleneck_outputs,
    bottleneck_reliance,
)

RNG = np.random.default_rng(5)
WIDE = ["h2", "h0", "jets"]
FRAME = pd.DataFrame(
    RNG.normal(3.0, 2.0, size=(700, 6)), columns=["h0", "l0", "l1", "h1", "h2", "l2"]
)
FRAME.insert(1, "channel", RNG.choice(["e", "mu", "tau"], size=700))
FRAME.insert(4, "jets", np.arange(700) % 4)
FRAME.loc[::5, "l1"] = np.nan
FRAME.loc[::7, "h0"] = np.nan
FRAME.index = np.arange(700)[::-1] * 10
Y = RNG.integers(0, 2, size=700)
FUNCTIONS = [block_reliance, bottleneck_reliance, bottleneck_outputs]

pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)


@pytest.fixture(scope="module")
def make_split(make_model):
    """Make a fitted model with two paths."""

    def make(kind="bottleneck", X=FRAME, y=Y, **changes):
        options = {
            "n_members": 2,
            "activation": "tanh",
            "categorical_features": ["channel", "jets"],
            "member_weighting": "inverse_loss",
            "validation_fraction": 0.3,
            **changes,
        }
        split = FeatureSplit(WIDE, kind=kind, width=4)
        return make_model(feature_groups=split, **options).fit(X, y)

    return make


class ByHand:
    """One network with tanh, from its state: signed products in float64."""

    def __init__(self, model, network):
        state = model.net_.module_.state_dict().items()
        p = {name: value[network].double().numpy() for name, value in state}
        numeric = FRAME.drop(columns=["channel", "jets"])
        n = numeric.shape[1]
        mean, inverse = p["inputs.center"][0, :n], p["inputs.inverse_scale"][0, :n]
        scaled = (numeric.to_numpy(np.float32) - mean) * inverse
        values = np.nan_to_num(scaled).T[..., np.newaxis]
        columns = dict(zip(numeric, values, strict=True))
        codes = FRAME["channel"].map({"e": 0, "mu": 1, "tau": 2})
        columns["channel"] = p["embeddings.0"][codes]
        columns["jets"] = p["embeddings.1"][FRAME["jets"]]
        wide = [name for name in columns if name in WIDE]
        semi = model.feature_groups.kind == "semi"
        deep = [name for name in columns if name not in WIDE or semi]
        self.products, self.outputs = {}, {}
        paths = {
            path: np.hstack([columns[name] for name in names])
            for path, names in {"deep": deep, "wide": wide}.items()
        }

        def layer(x, k):
            return np.tanh(x @ p[f"split.weights.{k}"] + p[f"split.biases.{k}"])

        deep_in, wide_in = paths["deep"], paths["wide"]
        if model.feature_groups.kind == "bottleneck":
            for k, (path, names) in enumerate({"deep": deep, "wide": wide}.items()):
                self.outputs[path] = layer(paths[path], k + 1)[:, 0]
                weights, used = p[f"split.weights.{k + 1}"][:, 0], 0
                for name in names:
                    size = columns[name].shape[1]
                    part = weights[used : used + size]
                    self.products[path, name] = columns[name] @ part
                    used += size
            deep_in = np.hstack([deep_in, self.outputs["wide"][:, np.newaxis]])
            wide_in = np.hstack([wide_in, self.outputs["deep"][:, np.newaxis]])
        hidden = np.tanh(deep_in @ p["weights.0"] + p["biases.0"])
        n_deep = hidden.shape[1]
        weights = p["output_weight"][:, 0]
        self.blocks = {
            "deep": hidden @ weights[:n_deep],
            "wide": layer(wide_in, 0) @ weights[n_deep:],
        }
        self.bias = p["output_bias"].item()


@pytest.mark.parametrize("kind", ["full", "bottleneck", "semi"])
def test_blocks_and_bias_are_the_logit_of_one_member(make_split, kind):
    model = make_split(kind, n_members=1)
    by_hand = ByHand(model, 0)
    reliance = block_reliance(model, FRAME)
    assert list(reliance) == ["deep", "wide"]
    for block, signed in by_hand.blocks.items():
        np.testing.assert_allclose(reliance[block], np.abs(signed), atol=1e-5)
    signed = sum(reliance[block] * np.sign(by_hand.blocks[block]) for block in reliance)
    np.testing.assert_allclose(
        signed + by_hand.bias, model.decision_function(FRAME), atol=1e-5
    )


@pytest.mark.parametrize("snapshots", [None, Snapshots(2)])
def test_means_over_networks_are_of_absolute_values(make_split, snapshots):
    model = make_split(snapshots=snapshots)
    weights = model._network_weights
    assert len(weights) == (2 if snapshots is None else 4)
    by_hand = [ByHand(model, k) for k in range(len(weights))]
    blocks, columns = block_reliance(model, FRAME), bottleneck_reliance(model, FRAME)
    outputs = bottleneck_outputs(model, FRAME)
    for block in blocks:
        sizes = [np.abs(network.blocks[block]) for network in by_hand]
        np.testing.assert_allclose(blocks[block], weights @ sizes, atol=1e-5)
    for key in columns:
        sizes = [np.abs(network.products[key]) for network in by_hand]
        np.testing.assert_allclose(columns[key], weights @ sizes, atol=1e-5)
    for path, k in outputs:
        np.testing.assert_allclose(
            outputs[path, k], by_hand[k].outputs[path], atol=1e-5
        )


def test_columns_are_named_in_the_order_of_the_events(make_split):
    model = make_split()
    reliance = bottleneck_reliance(model, FRAME)
    assert list(reliance["deep"]) == ["channel", "l0", "l1", "h1", "l2"]
    assert list(reliance["wide"]) == ["h0", "jets", "h2"]
    assert reliance.columns.names == ["bottleneck", "feature"]
    assert list(bottleneck_outputs(model, FRAME)["deep"]) == [0, 1]


def test_an_undefined_value_adds_nothing(make_split):
    reliance = bottleneck_reliance(make_split(), FRAME)
    undefined = FRAME["l1"].isna()
    assert (reliance.loc[undefined, ("deep", "l1")] == 0.0).all()
    assert (reliance.loc[~undefined, ("deep", "l1")] > 0.0).all()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_rows_are_those_of_the_events(make_split, function):
    model = make_split()
    table = function(model, FRAME)
    pd.testing.assert_index_equal(table.index, FRAME.index)
    part = FRAME.iloc[[600, 3, 511]]
    pd.testing.assert_frame_equal(function(model, part), table.loc[part.index])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_any_table_gives_the_same(make_model, function):
    polars = pytest.importorskip("polars")
    numbers = FRAME[["h0", "l0", "h1", "l2"]].reset_index(drop=True)
    split = FeatureSplit([0, 2], kind="bottleneck", width=4)
    model = make_model(feature_groups=split).fit(numbers, Y)
    of_frame = function(model, numbers)
    of_polars = function(model, polars.from_pandas(numbers))
    pd.testing.assert_frame_equal(of_frame, of_polars)
    of_array = function(model.fit(numbers.to_numpy(), Y), numbers.to_numpy())
    np.testing.assert_array_equal(of_array, of_frame)
    if function is bottleneck_reliance:
        assert list(of_array["wide"]) == ["x0", "x2"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_later_parameters_and_the_model_do_not_matter(make_split, function):
    model = make_split()
    before = function(model, FRAME)
    logits = model.decision_function(FRAME)
    model.set_params(feature_groups=None, embedding_size=7)
    pd.testing.assert_frame_equal(function(model, FRAME), before)
    np.testing.assert_array_equal(model.decision_function(FRAME), logits)


@pytest.mark.parametrize("function", [bottleneck_reliance, bottleneck_outputs])
def test_bottlenecks_of_several_classes(make_split, function):
    table = function(make_split(y=np.arange(700) % 3), FRAME)
    assert np.isfinite(table.to_numpy()).all()


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"feature_groups": None}, "must have two paths, got feature_groups=None"),
        ({"feature_groups": FeatureSplit([0])}, "bottlenecks, got kind='full'"),
        (
            {"feature_groups": FeatureSplit([0], kind="semi")},
            "bottlenecks, got kind='semi'",
        ),
    ],
)
def test_models_without_such_parts(make_model, events, function, changes, message):
    X, y, w = events
    model = make_model(**changes).fit(X, y, w)
    if function is block_reliance and changes["feature_groups"] is not None:
        assert function(model, X).shape == (150, 2)
        return
    with pytest.raises(ValueError, match=message):
        function(model, X)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_other_models(make_model, events, function):
    X, y, _ = events
    with pytest.raises(TypeError, match="must be a `WeightedDNNClassifier`, got dict"):
        function({}, X)
    model = make_model(feature_groups=FeatureSplit([0], kind="bottleneck"))
    with pytest.raises(NotFittedError):
        function(model, X)
    model.fit(X, y)
    with pytest.raises(ValueError, match="3 features"):
        function(model, X[:, :2])


def test_blocks_of_several_logits(make_split):
    model = make_split(y=np.arange(700) % 3)
    with pytest.raises(ValueError, match="must have one logit, got 3, one for each"):
        block_reliance(model, FRAME)
