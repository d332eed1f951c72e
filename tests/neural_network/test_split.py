"""Networks with two paths: counts of Strong (2020), and what each path sees."""

import numpy as np
import pandas as pd
import pytest
import torch

from skhep_dnn.neural_network import FeatureSplit

RNG = np.random.default_rng(4)
HIGH = [f"DER_{i}" for i in range(13)]
LOW = [f"PRI_{i}" for i in range(17)]
FRAME = pd.DataFrame(RNG.normal(size=(120, 30)), columns=[*HIGH[:5], *LOW, *HIGH[5:]])
FRAME.insert(7, "PRI_jet_num", np.arange(120) % 4)
Y = RNG.integers(0, 2, size=120)

pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)


@pytest.mark.parametrize(
    ("kind", "width", "wide_width", "count"),
    [("full", 20, 50, 9_303), ("bottleneck", 21, 51, 10_272), ("semi", 33, 50, 23_863)],
)
def test_parameter_counts_are_those_of_strong_2020(
    make_model, kind, width, wide_width, count
):
    model = make_model(
        n_members=2,
        n_layers=6,
        width=width,
        connection="dense",
        feature_groups=FeatureSplit(HIGH, kind=kind, width=wide_width),
        categorical_features=["PRI_jet_num"],
        max_epochs=1,
    ).fit(FRAME, Y)
    assert model.n_parameters_ == count


@pytest.mark.parametrize("kind", ["full", "bottleneck", "semi"])
@pytest.mark.parametrize("by_position", [False, True])
def test_the_logit_is_that_of_the_formula(make_model, kind, by_position):
    wide = [FRAME.columns.get_loc(name) for name in HIGH] if by_position else HIGH
    model = make_model(
        n_layers=1,
        width=6,
        activation="tanh",
        feature_groups=FeatureSplit(wide, kind=kind, width=4),
        categorical_features=["PRI_jet_num"],
    ).fit(FRAME, Y)
    module = model.net_.module_.double()
    p = {name: value[0].numpy() for name, value in module.state_dict().items()}
    numeric = FRAME.drop(columns="PRI_jet_num")
    scaled = (numeric.to_numpy() - p["inputs.center"][0, :30]) * p[
        "inputs.inverse_scale"
    ][0, :30]
    x = pd.DataFrame(scaled, columns=numeric.columns)
    high = x[HIGH].to_numpy()
    low = np.hstack([x[LOW], p["embeddings.0"][FRAME["PRI_jet_num"]]])
    if kind == "semi":
        low = np.hstack([x, p["embeddings.0"][FRAME["PRI_jet_num"]]])

    def layer(inputs, k):
        return np.tanh(inputs @ p[f"split.weights.{k}"] + p[f"split.biases.{k}"])

    deep_in, wide_in = low, high
    if kind == "bottleneck":
        deep_in = np.hstack([low, layer(high, 2)])
        wide_in = np.hstack([high, layer(low, 1)])
    deep = np.tanh(deep_in @ p["weights.0"] + p["biases.0"])
    hidden = np.hstack([deep, layer(wide_in, 0)])
    expected = (hidden @ p["output_weight"] + p["output_bias"])[:, 0]
    columns = torch.from_numpy(model.encoder_.transform(FRAME)).double()
    got = module(columns).detach().numpy()[0]
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_a_path_sees_nothing_of_the_other_without_bottlenecks(make_model):
    model = make_model(feature_groups=FeatureSplit(HIGH, kind="full", width=4))
    model.fit(FRAME, Y)
    module = model.net_.module_
    other = FRAME.copy()
    other[HIGH] += 3.0
    before, after = (
        module.hidden(module.inputs(torch.from_numpy(X.to_numpy(np.float32))))
        for X in (FRAME, other)
    )
    torch.testing.assert_close(before[..., :8], after[..., :8])
    assert not torch.allclose(before[..., 8:], after[..., 8:])


@pytest.mark.parametrize("kind", ["full", "bottleneck", "semi"])
def test_members_do_not_depend_on_their_neighbours(make_model, kind):
    options = {
        "feature_groups": FeatureSplit(HIGH, kind=kind, width=4),
        "connection": "dense",
        "dropout": 0.2,
        "batch_norm": True,
        "l2": 0.01,
    }
    small, large = (
        make_model(n_members=n, **options).fit(FRAME, Y).net_.module_.state_dict()
        for n in (1, 5)
    )
    for name, value in small.items():
        torch.testing.assert_close(large[name][:1], value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda: FeatureSplit(HIGH, kind="half"), '`kind` must be "full"'),
        (lambda: FeatureSplit([]), "`wide` must name columns"),
        (lambda: FeatureSplit(HIGH, width=0), "`width` be 1 or more"),
        (lambda: FeatureSplit(["mass"]), "`feature_groups` must be columns.*'mass'"),
        (lambda: FeatureSplit(range(31)), "leave columns to the hidden layers"),
    ],
)
def test_a_split_that_cannot_be_is_an_error(make_model, rule, message):
    with pytest.raises(ValueError, match=message):
        make_model(feature_groups=rule()).fit(FRAME, Y)
