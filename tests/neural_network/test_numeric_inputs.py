"""Factors and embeddings of numbers: formulas by hand, and what learns from what."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback

from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.feature_selection import BackwardEliminationSelector
from skhep_dnn.inspection import LearningRateRangeDisplay
from skhep_dnn.neural_network import (
    CosineRestarts,
    FeatureSplit,
    Member,
    PeriodicEmbedding,
    PiecewiseLinearEmbedding,
    Snapshots,
    TrainingSettings,
    block_reliance,
    bottleneck_reliance,
    count_parameters,
    fit_masks_together,
    train_members,
)
from skhep_dnn.neural_network._networks.inputs import NumericInputs
from skhep_dnn.neural_network._networks.network import MemberNetwork
from skhep_dnn.neural_network._networks.shapes import numbers_of_columns
from skhep_dnn.neural_network._schedules import OneCycle
from skhep_dnn.preprocessing import SymmetryAugmenter
from skhep_dnn.preprocessing._symmetry_kernel import SymmetryKernel

pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

SMALL_WAVES = PeriodicEmbedding(size=3, n_frequencies=4, frequency_scale=0.5)
SMALL_BINS = PiecewiseLinearEmbedding(size=3, n_bins=5)
EMBEDDINGS = [None, SMALL_WAVES, SMALL_BINS]
NAMES = ["none", "waves", "bins"]
FULL = {
    "numeric_scaling": "robust",
    "scale_learning_rate": 20.0,
    "numeric_embedding": SMALL_WAVES,
}
VARIANTS = {
    "robust": {
        "numeric_scaling": "robust",
        "scale_learning_rate": None,
        "numeric_embedding": None,
    },
    "factors": {
        "numeric_scaling": "standard",
        "scale_learning_rate": 5.0,
        "numeric_embedding": None,
    },
    "waves": FULL,
    "bins": {
        "numeric_scaling": "quantile",
        "scale_learning_rate": 5.0,
        "numeric_embedding": SMALL_BINS,
    },
}
each_variant = pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
each_embedding = pytest.mark.parametrize("embedding", EMBEDDINGS, ids=NAMES)
EVENTS = make_higgs_events(400, random_state=3)
RAW = EVENTS.data[[name for name in EVENTS.data if name.startswith("PRI")]]


def fit(model, X=RAW, events=EVENTS, **arguments):
    return model.fit(X, events.target, sample_weight=events.sample_weight, **arguments)


def numbers_by_hand(p, z, embedding, azimuths=()):
    """The numbers of scaled values z, nan where undefined, of one member in float64."""
    undefined, x = np.isnan(z), np.nan_to_num(z)
    n = x.shape[1]
    factor = p["numbers.factor"][0] if "numbers.factor" in p else np.ones(n)
    first = [
        factor[j] * (np.sin(x[:, j]) if j in azimuths else x[:, j]) for j in range(n)
    ]
    columns, more = list(range(n)), []
    plain = [j for j in range(n) if j not in azimuths]
    for k, j in enumerate(plain if embedding is not None else []):
        if isinstance(embedding, PeriodicEmbedding):
            clipped = np.clip(x[:, j], -5.0, 5.0)
            turns = 2.0 * np.pi * p["numbers.frequencies"][k, 0]
            terms = np.cos(clipped[:, None] * turns + p["numbers.phases"][k, 0])
        else:
            low, width = p["numbers.edges"][k, 0], p["numbers.widths"][k, 0]
            terms = np.clip((x[:, [j]] - low) / width, 0.0, 1.0)
        sums = terms @ p["numbers.weights"][k] + p["numbers.biases"][k, 0]
        more += list(sums.T)
        columns += [j] * sums.shape[1]
    cosines = [factor[j] * np.cos(x[:, j]) for j in azimuths]
    columns += azimuths
    numbers = np.stack([*first, *more, *cosines], 1)
    learnt = p["numbers.undefined"] if embedding is not None else 0.0
    return np.where(undefined[:, columns], learnt, numbers)


def state_of(model, member=0):
    state = model.net_.module_.state_dict().items()
    return {name: value[member].double().numpy() for name, value in state}


def raw_inputs(model, X):
    return torch.from_numpy(model.encoder_.transform(X))


def perturbed(module, seed=0):
    """The module in double precision, with no parameter at a special value."""
    module = module.double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator).double()
            parameter.add_(0.1 * noise)
    return module


@each_embedding
@pytest.mark.parametrize("rate", [None, 5.0])
@pytest.mark.parametrize("kind", ["standard", "robust", "quantile"])
def test_the_logit_is_that_of_the_formula(
    make_model, mixed_events, embedding, rate, kind
):
    X, y, w = mixed_events
    model = make_model(
        n_members=2,
        max_epochs=4,
        categorical_features=["channel", "jets"],
        numeric_scaling=kind,
        scale_learning_rate=rate,
        numeric_embedding=embedding,
    ).fit(X, y, w)
    rows = raw_inputs(model, X)
    scaled = model.net_.module_.inputs(rows).double().numpy()
    of_members = []
    for member in range(2):
        p = state_of(model, member)
        z = scaled[member, :, :3]
        assert np.isnan(z).any() == (embedding is not None or rate is not None)
        x = numbers_by_hand(p, z, embedding)
        codes = rows[:, 3:].long().numpy()
        tables = [p[f"embeddings.{k}"][codes[:, k]] for k in range(2)]
        hidden = np.hstack([x, *tables]) @ p["weights.0"] + p["biases.0"]
        hidden = hidden / (1.0 + np.exp(-hidden))
        logit = (hidden @ p["output_weight"] + p["output_bias"])[:, 0]
        of_members.append(1.0 / (1.0 + np.exp(-logit)))
    expected = np.mean(of_members, axis=0)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], expected, atol=2e-6)


def numeric_inputs(embedding, azimuths=(), n=3, *, has_factors=True):
    generators = [torch.Generator().manual_seed(seed) for seed in (4, 9)]
    return NumericInputs(
        n,
        has_factors=has_factors,
        embedding=embedding,
        azimuths=azimuths,
        generators=generators,
    )


@each_embedding
@pytest.mark.parametrize("azimuths", [[], [1], [2, 0]])
def test_azimuths_are_sines_and_cosines_and_the_others_are_embedded(
    embedding, azimuths
):
    module = perturbed(numeric_inputs(embedding, azimuths))
    if isinstance(embedding, PiecewiseLinearEmbedding):
        for column in set(range(3)) - set(azimuths):
            module.set_edges(1, column, np.array([-1.0, 0.3, 0.5]))
    z = 3.0 * torch.randn(2, 50, 3, generator=torch.Generator().manual_seed(2)).double()
    z[:, ::4] = torch.nan
    found = module(z).detach().numpy()
    size = 1 if embedding is None else 3
    columns = numbers_of_columns(3, size, azimuths)
    np.testing.assert_array_equal(module.columns.numpy(), columns)
    for member in range(2):
        p = {
            f"numbers.{k}": v[member].detach().numpy()
            for k, v in module.state_dict().items()
        }
        expected = numbers_by_hand(p, z[member].numpy(), embedding, azimuths)
        np.testing.assert_allclose(found[member], expected, atol=1e-12)


def test_initial_frequencies_and_phases_are_as_documented():
    rule = PeriodicEmbedding(3, 20, frequency_scale=0.25, frequency_spread=1)
    module = numeric_inputs(rule, n=100)
    frequencies, phases = module.frequencies.detach(), module.phases.detach()
    assert frequencies.std().item() == pytest.approx(0.25, rel=0.05)
    assert frequencies.mean().abs().item() < 0.02
    assert phases.abs().max().item() == pytest.approx(np.pi, rel=0.01)
    assert phases.std().item() == pytest.approx(np.pi / np.sqrt(3), rel=0.03)
    assert (frequencies[0] != frequencies[1]).all()
    # a frequency of 1 / 2 has a period of 2 scaled units; beyond 5 nothing changes
    with torch.no_grad():
        module.frequencies.fill_(0.5)
        x = torch.zeros(2, 4, 100)
        x[:, :, 7] = torch.tensor([-0.5, 1.5, 5.0, 900.0])
        one, other, end, far = module(x)[0, :, module.columns == 7][:, 1:]
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(end, far)
    assert (one - end).abs().max() > 0.1


def test_initial_frequencies_spread_geometrically_and_quick_waves_are_low():
    rule = PeriodicEmbedding(8, 5, frequency_scale=0.2, frequency_spread=4)
    expected = np.array([0.05, 0.1, 0.2, 0.4, 0.8])
    np.testing.assert_allclose(rule.frequency_scales, expected)
    module = numeric_inputs(rule, n=2000)
    frequencies = module.frequencies.detach().std((0, 1, 2)).numpy()
    np.testing.assert_allclose(frequencies, expected, rtol=0.05)
    # weights fall as one over the frequency; their mean square is that of equal ones
    weights = module.weights.detach().square().mean((0, 1, 3)).numpy()
    assert weights.mean() == pytest.approx(1 / 5, rel=0.03)
    np.testing.assert_allclose(weights / weights[2], (0.2 / expected) ** 2, rtol=0.05)
    assert PeriodicEmbedding(n_frequencies=1).frequency_scales == (0.2,)


def test_bins_are_brute_force_shares_and_missing_ones_are_never_entered():
    module = numeric_inputs(SMALL_BINS, has_factors=False).double()
    edges = np.array([-1.0, 0.25, 0.5, 2.0])
    module.set_edges(0, 1, edges)
    x = np.linspace(-2.0, 3.0, 41)
    z = torch.zeros(2, len(x), 3, dtype=torch.float64)
    z[0, :, 1] = torch.from_numpy(x)
    shares = np.zeros((len(x), SMALL_BINS.n_bins))
    for k in range(3):
        shares[:, k] = [
            0.0 if v < a else 1.0 if v > b else (v - a) / (b - a)
            for v, a, b in ((v, edges[k], edges[k + 1]) for v in x)
        ]
    expected = shares @ module.weights[0, 1].detach().numpy()
    found = module(z)[0, :, module.columns == 1].detach().numpy()
    np.testing.assert_allclose(found[:, 0], x)
    np.testing.assert_allclose(found[:, 1:], expected, atol=1e-6)


def test_edges_of_bins_are_weighted_quantiles_of_the_scaled_column():
    rng = np.random.default_rng(2)
    x = np.stack([rng.exponential(size=300), rng.integers(0, 3, 300)], 1)
    weights = rng.normal(size=300)
    settings = TrainingSettings(
        n_numeric=2,
        hidden_layer_sizes=[3],
        dropout=0.0,
        numeric_scaling="robust",
        scale_learning_rate=None,
        numeric_embedding=SMALL_BINS,
        max_epochs=1,
        learning_rate=1e-30,
    )
    record = Member(rows=np.arange(300), weights=weights)
    trained = train_members(settings, [record], x, np.arange(300) % 2).run()
    p, sizes = trained.state(0), np.abs(weights)
    order = np.argsort(np.float32(x[:, 0]))
    shares = np.cumsum(sizes[order]) / sizes.sum()
    places = [np.flatnonzero(shares >= level - 1e-12)[0] for level in np.arange(6) / 5]
    inputs = trained.net.module_.inputs(torch.from_numpy(x).float())[0].double().numpy()
    edges = inputs[order, 0][places]
    np.testing.assert_allclose(p["numbers.edges"][0, 0], edges[:-1], atol=1e-6)
    np.testing.assert_allclose(p["numbers.widths"][0, 0], np.diff(edges), atol=1e-6)
    # three different values have two bins, and the others begin beyond all values
    values = np.unique(inputs[:, 1])
    low = p["numbers.edges"][1, 0]
    np.testing.assert_allclose(low[:2], values[:2], atol=1e-6)
    assert (low[2:] > 1e38).all()


@pytest.mark.parametrize("connection", ["plain", "dense"])
@pytest.mark.parametrize("azimuths", [(), (1,)])
@pytest.mark.parametrize("embedding", EMBEDDINGS, ids=NAMES)
def test_gradients_are_those_of_finite_differences(connection, azimuths, embedding):
    net = MemberNetwork(
        n_numeric=3,
        missing_values=float("nan"),
        embeddings=[(3, 2)],
        hidden_layer_sizes=[5, 4],
        activation=["swish", "swish"],
        connection=connection,
        dropout=[0.5, 0.0],
        numeric_scaling="robust",
        scale_learning_rate=20.0,
        numeric_embedding=embedding,
        kernel=SymmetryKernel(phi=azimuths) if azimuths else None,
        seeds=[1, 2],
        masks=[None, np.array([True, True, False, True])],
    )
    if isinstance(embedding, PiecewiseLinearEmbedding):
        for member, column in ((0, 0), (1, 0), (0, 2)):
            net.numbers.set_edges(member, column, np.array([-0.9, 0.2, 0.5, 1.5]))
    net = perturbed(net)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(2, 30, 3, generator=generator).double()
    x[torch.rand(x.shape, generator=generator) < 0.2] = torch.nan
    x = torch.cat([x, torch.randint(3, (2, 30, 1), generator=generator).double()], 2)
    noise = torch.randint(256, (2, 30 * 5), generator=generator, dtype=torch.uint8)

    def loss():
        return net.from_scaled(x, noise).square().sum()

    loss().backward()
    for name, parameter in net.named_parameters():
        direction = torch.randn(parameter.shape, generator=generator).double()
        found = (parameter.grad * direction).sum().item()
        with torch.no_grad():
            parameter.add_(1e-6 * direction)
            above = loss().item()
            parameter.sub_(2e-6 * direction)
            below = loss().item()
            parameter.add_(1e-6 * direction)
        assert found == pytest.approx((above - below) / 2e-6, rel=1e-4, abs=1e-6), name
    hidden = net.numbers.columns == 2
    for name in ("factor", "undefined"):
        parameter = getattr(net.numbers, name)
        if parameter is not None:
            places = 2 if name == "factor" else hidden
            assert (parameter.grad[1, 0, places] == 0.0).all()
            assert (parameter.grad[0, 0, places] != 0.0).all()


@pytest.mark.parametrize("embedding", [SMALL_WAVES, SMALL_BINS], ids=NAMES[1:])
@pytest.mark.parametrize("azimuths", [(), (1,)])
def test_numbers_of_undefined_values_learn_from_undefined_values_alone(
    embedding, azimuths
):
    module = perturbed(numeric_inputs(embedding, azimuths))
    z = torch.randn(2, 20, 3, generator=torch.Generator().manual_seed(2)).double()

    def gradient():
        module.zero_grad()
        module(z).square().sum().backward()
        return {name: p.grad.clone() for name, p in module.named_parameters()}

    assert (gradient()["undefined"] == 0.0).all()
    z[1, 4:7, 1] = torch.nan
    found = gradient()["undefined"]
    learns = module.columns == 1
    torch.testing.assert_close(
        found[1, 0, learns], 6.0 * module.undefined[1, 0, learns].detach()
    )
    assert (found[0] == 0.0).all()
    assert (found[1, 0, ~learns] == 0.0).all()
    z[1, :, 1] = torch.nan  # nothing but undefined values: no wave learns, no factor
    found = gradient()
    assert (found["factor"][1, 0, 1] == 0.0).all()
    if not azimuths:
        assert (found["weights"][1, 1] == 0.0).all()
        assert (found["weights"][1, 0] != 0.0).any()


@each_variant
def test_a_marker_and_nan_are_the_same(make_model, mixed_events, options):
    X, y, w = mixed_events
    X = X.drop(columns="channel")
    one = make_model(**options).fit(X, y, w)
    other = make_model(**options, missing_values=-999.0)
    other.fit(X.fillna(-999.0), y, w)
    np.testing.assert_array_equal(
        one.decision_function(X), other.decision_function(X.fillna(-999.0))
    )
    np.testing.assert_array_equal(one.decision_function(X), other.decision_function(X))


class Rates(Callback):
    """Keep learning rate and decay of all groups of parameters at each step."""

    def __init__(self):
        self.seen = []

    def on_batch_end(self, net, training=False, **_):
        """Keep those of this step."""
        if training:
            groups = net.optimizer_.param_groups
            self.seen.append([(g["lr"], g["weight_decay"]) for g in groups])
            self.sizes = [len(g["params"]) for g in groups]


@pytest.mark.parametrize("schedule", ["constant", OneCycle()])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "rmsprop", "adam"])
def test_factors_have_their_own_step_size_and_no_decay(
    make_model, events, schedule, optimizer
):
    X, y, w = events
    model = make_model(
        **FULL,
        schedule=schedule,
        optimizer=optimizer,
        weight_decay=0.1,
        learning_rate=0.01,
        callbacks=[("rates", Rates())],
    ).fit(X, y, w)
    rates = dict(model.callbacks_[0])["rates"]
    first, own = np.array(rates.seen).transpose(1, 0, 2)
    np.testing.assert_allclose(own[:, 0], 20.0 * first[:, 0])
    assert (len(set(first[:, 0])) == 1) == (schedule == "constant")
    assert first[:, 0].max() == pytest.approx(0.01, rel=0.1)
    assert set(own[:, 1]) == {0.0}
    assert set(first[:, 1]) == {0.1 if optimizer == "adamw" else 0.0}
    assert rates.sizes[1] == 1  # callbacks look at the first group, of all the others
    assert rates.sizes[0] == len(list(model.net_.module_.parameters())) - 1
    assert model.history_["learning_rate"].max() <= 0.01


def test_a_step_of_a_factor_is_that_of_its_gradient(events):
    X, y, _ = events
    target = (y == "s").astype(int)
    settings = TrainingSettings(
        n_numeric=3,
        hidden_layer_sizes=[4],
        connection="plain",
        dropout=0.0,
        numeric_scaling="standard",
        scale_learning_rate=7.0,
        numeric_embedding=SMALL_WAVES,
        optimizer="sgd",
        momentum=0.0,
        nesterov=False,
        learning_rate=0.01,
        schedule="constant",
        batch_size=150,
        max_epochs=1,
    )
    weights = np.ones(150)
    record = Member(rows=np.arange(150), weights=weights, network_seed=3)
    trained = train_members(settings, [record], X, target).run()
    net = MemberNetwork(**settings.networks, seeds=[3])
    inputs = trained.net.module_.inputs
    net.inputs.load_state_dict(inputs.state_dict())
    logit = net(torch.from_numpy(X))
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        logit[0], torch.from_numpy(target).float()
    )
    loss.backward()
    state = trained.state(0)
    for name, parameter in net.named_parameters():
        rate = 0.07 if name == "numbers.factor" else 0.01
        expected = parameter.detach() - rate * parameter.grad
        np.testing.assert_allclose(state[name], expected[0], atol=1e-6, err_msg=name)
        if name == "numbers.factor":
            assert parameter.grad.abs().max() > 1e-3


def test_learning_rates_of_parts_may_change(make_model, events):
    X, y, w = events
    model = make_model(**FULL, optimizer="adamw", weight_decay=0.1)
    model.partial_fit(X, y, sample_weight=w, classes=["b", "s"])
    knots = {
        name: value.clone()
        for name, value in model.net_.module_.state_dict().items()
        if name.startswith("inputs.")
    }
    before = model.net_.module_.numbers.factor.clone()
    model.set_params(learning_rate=1e-3, weight_decay=0.2)
    model.partial_fit(100.0 * X + 5.0, y, sample_weight=w)
    first, own = model.net_.optimizer_.param_groups
    assert (first["lr"], own["lr"]) == (1e-3, pytest.approx(2e-2))
    assert (first["weight_decay"], own["weight_decay"]) == (0.2, 0.0)
    assert (model.net_.module_.numbers.factor != before).all()
    for name, value in knots.items():  # the scaling is that of the first part
        torch.testing.assert_close(model.net_.module_.state_dict()[name], value)


@each_variant
def test_categories_alone_need_no_factors(make_model, mixed_events, options):
    X, y, w = mixed_events
    X = X[["channel", "jets"]]
    model = make_model(**options, categorical_features=["channel", "jets"])
    model.fit(X, y, w)
    assert model.n_parameters_ == count_parameters(
        0, [8], connection="plain", n_categories=[3, 4]
    )
    plain = make_model(
        categorical_features=["channel", "jets"],
        numeric_scaling="standard",
        scale_learning_rate=None,
        numeric_embedding=None,
    ).fit(X, y, w)
    np.testing.assert_array_equal(
        model.decision_function(X), plain.decision_function(X)
    )
    model.partial_fit(X, y, sample_weight=w)


@pytest.mark.parametrize("connection", ["plain", "dense", "residual"])
@each_embedding
@pytest.mark.parametrize("rate", [None, 2.0])
def test_counts_are_those_of_the_networks(
    make_model, mixed_events, connection, embedding, rate
):
    X, y, w = mixed_events
    model = make_model(
        n_members=2,
        hidden_layer_sizes=[5, 5],
        connection=connection,
        categorical_features=["channel", "jets"],
        max_epochs=1,
        numeric_scaling="standard",
        scale_learning_rate=rate,
        numeric_embedding=embedding,
    ).fit(X, y, w)
    expected = count_parameters(
        3,
        [5, 5],
        connection=connection,
        n_categories=[3, 4],
        has_factors=rate is not None,
        numeric_embedding=embedding,
    )
    assert model.n_parameters_ == expected
    assert expected == sum(
        parameter[0].numel() for parameter in model.net_.module_.parameters()
    )


@each_embedding
@pytest.mark.parametrize("kind", ["robust", "quantile"])
def test_counts_with_azimuths(make_model, embedding, kind):
    model = fit(
        make_model(
            augmenter=SymmetryAugmenter(),
            max_epochs=1,
            numeric_scaling=kind,
            scale_learning_rate=None,
            numeric_embedding=embedding,
        )
    )
    n_azimuths = sum(name.endswith("phi") for name in RAW)
    assert n_azimuths > 1
    assert model.n_parameters_ == count_parameters(
        RAW.shape[1],
        [8],
        connection="plain",
        has_factors=False,
        numeric_embedding=embedding,
        n_azimuths=n_azimuths,
    )


@each_variant
def test_an_azimuth_is_the_same_at_both_ends(make_model, options):
    model = fit(make_model(**options, augmenter=SymmetryAugmenter(), max_epochs=2))
    ends = [RAW.assign(PRI_tau_phi=sign * np.pi) for sign in (-1.0, 1.0)]
    low, high = (model.decision_function(X) for X in ends)
    np.testing.assert_allclose(low, high, atol=2e-5)
    middle = model.decision_function(RAW.assign(PRI_tau_phi=0.0))
    assert np.abs(middle - low).max() > 0.01
    # as a number of its own kind it is not
    module = model.net_.module_
    assert module.numbers.n_azimuths == sum(name.endswith("phi") for name in RAW)
    plain = fit(
        make_model(
            augmenter=SymmetryAugmenter(),
            max_epochs=2,
            numeric_scaling="standard",
            scale_learning_rate=None,
            numeric_embedding=None,
        )
    )
    assert plain.net_.module_.numbers is None
    low, high = (plain.decision_function(X) for X in ends)
    assert np.abs(low - high).max() > 0.01


@each_variant
def test_an_undefined_azimuth_has_no_direction(make_model, options):
    X = RAW.copy()
    X.loc[::5, "PRI_tau_phi"] = np.nan
    model = fit(make_model(**options, augmenter=SymmetryAugmenter()), X)
    assert np.isfinite(model.decision_function(X)).all()
    module = model.net_.module_
    rows = raw_inputs(model, X)[::5]
    place = list(X.columns).index("PRI_tau_phi")
    embedded = module.embed(module.inputs(rows))[0].detach()
    own = embedded[:, module.numbers.columns == place]
    assert own.shape[1] == 2
    learnt = module.numbers.undefined
    if learnt is None:
        assert (own == 0.0).all()
    else:
        expected = learnt[0, :, module.numbers.columns == place].detach()
        torch.testing.assert_close(own, expected.expand_as(own))
        assert (expected != 0.0).all()


@each_variant
@pytest.mark.parametrize("junk", [1e6, np.nan, np.inf])
def test_what_is_masked_changes_no_bit_and_gives_zeros(options, junk):
    rng = np.random.default_rng(4)
    X = rng.normal(size=(90, 3)).astype(np.float32)
    X[::6, 0] = np.nan
    settings = TrainingSettings(
        n_numeric=3,
        hidden_layer_sizes=[6, 4],
        activation="swish",
        connection="dense",
        dropout=0.2,
        **options,
        max_epochs=3,
        batch_size=32,
    )
    mask = np.array([True, False, True])
    records = [
        Member(rows=np.arange(90), weights=np.ones(90), inputs=mask),
        Member(rows=np.arange(90), weights=np.ones(90), network_seed=1),
    ]
    other = X.copy()
    other[:, 1] = junk
    first = [
        train_members(settings, records[:1], table, np.arange(90) % 2).run()
        for table in (X, other)
    ]
    for name, value in first[0].state(0).items():
        np.testing.assert_array_equal(first[1].state(0)[name], value, err_msg=name)
    np.testing.assert_array_equal(first[0].logits(X), first[0].logits(other))
    both = train_members(settings, records, X, np.arange(90) % 2).run()
    module = both.net.module_
    embedded = module.embed(module.inputs(torch.from_numpy(other)))
    columns = module.columns_of_numbers
    columns = np.arange(3) if columns is None else columns
    assert (embedded[0][:, columns == 1] == 0.0).all()
    assert (embedded[0][:, columns != 1] != 0.0).any()
    seen = module.embed(module.inputs(torch.from_numpy(X)))[1]
    assert (seen[:, columns == 1] != 0.0).any(0).all()
    part = both.part([0])
    np.testing.assert_array_equal(part.logits(X), part.logits(other))


@each_variant
def test_masks_train_together(make_model, events, options):
    X, y, w = events
    other = X.copy()
    other[:, 0] = 5.0 * other[:, 0] ** 2 - 1.0
    sample = {"X": X, "y": y, "sample_weight": w}
    model = make_model(**options)
    (masked,), (whole,) = fit_masks_together(
        [model], [sample], [[False, True, True], [True] * 3]
    )
    np.testing.assert_array_equal(
        masked.decision_function(X), masked.decision_function(other)
    )
    assert (whole.decision_function(X) != whole.decision_function(other)).any()
    alone = clone(model).fit(X, y, w)
    np.testing.assert_allclose(
        whole.decision_function(X), alone.decision_function(X), atol=1e-4
    )


def test_variables_are_eliminated_with_embeddings(make_model, events):
    X, y, w = events
    X = np.hstack([X, np.random.default_rng(3).normal(size=(150, 1))])
    selector = BackwardEliminationSelector(
        make_model(**FULL, max_epochs=6), n_features_to_select=3, cv=3, random_state=0
    )
    selector.fit(X, y, sample_weight=w)
    assert selector.support_.tolist() == [True, True, True, False]


@pytest.mark.parametrize("kind", ["full", "semi", "bottleneck"])
@each_variant
def test_numbers_of_a_column_go_one_way(make_model, mixed_events, kind, options):
    X, y, w = mixed_events
    model = make_model(
        **options,
        categorical_features=["channel", "jets"],
        feature_groups=FeatureSplit(["a", "jets"], kind=kind, width=4),
    ).fit(X, y, w)
    module = model.net_.module_
    x = module.inputs(raw_inputs(model, X))
    embedded = module.embed(x)[0].detach().numpy()
    numbers = module.columns_of_numbers
    of_numbers = np.arange(3) if numbers is None else numbers
    names = [*np.array(["a", "b", "c"])[of_numbers], *["channel"] * 2, *["jets"] * 3]
    assert embedded.shape[1] == len(names)
    layout = module.split.layout
    wide = [k for k, name in enumerate(names) if name in {"a", "jets"}]
    assert list(layout.wide) == wide
    others = sorted(set(range(len(names))) - set(wide))
    assert list(layout.deep) == (list(range(len(names))) if kind == "semi" else others)
    reliance = block_reliance(model, X)
    products = (module.hidden(x) * module.output_weight.mT)[0].detach().numpy()
    sizes = {"deep": products[:, :8], "wide": products[:, 8:]}
    for block, of_block in sizes.items():
        np.testing.assert_allclose(reliance[block], np.abs(of_block.sum(1)), atol=2e-5)
    whole = products.sum(1) + module.output_bias.item()
    np.testing.assert_allclose(whole, model.decision_function(X), atol=2e-5)
    if kind != "bottleneck":
        return
    of_columns = bottleneck_reliance(model, X)
    weights = {"deep": module.split.weights[1], "wide": module.split.weights[2]}
    for path, places in (("deep", layout.deep), ("wide", layout.wide)):
        signed = embedded[:, list(places)] * weights[path][0, :, 0].detach().numpy()
        own = [names[k] for k in places]
        for name in set(own):
            of_column = signed[:, [k for k, n in enumerate(own) if n == name]].sum(1)
            np.testing.assert_allclose(
                of_columns[path, name], np.abs(of_column), atol=1e-5
            )


@each_variant
@pytest.mark.parametrize(
    "others",
    [
        {},
        {"averaging": "ema", "validation_fraction": 0.3},
        {"averaging": "swa", "max_epochs": 9, "validation_fraction": 0.3},
        {"snapshots": Snapshots(2), "schedule": CosineRestarts(1.0, 1.0)},
        {"batch_norm": True, "clip_norm": 0.5, "l1": 1e-3, "l2": 1e-3},
        {"cv": 3, "validate_on_fold": True, "early_stopping": True},
    ],
    ids=["plain", "ema", "swa", "snapshots", "norm", "folds"],
)
def test_copies_and_processes_have_the_same_bits(
    make_model, mixed_events, options, others
):
    X, y, w = mixed_events
    model = make_model(
        **options, **others, n_members=6, categorical_features=["channel"]
    )
    decision = clone(model).fit(X, y, w).decision_function(X)
    fitted = model.set_params(n_jobs=2).fit(X, y, w)
    assert np.isfinite(decision).all()
    for other in (
        fitted,
        pickle.loads(pickle.dumps(fitted)),
        copy.deepcopy(fitted),
    ):
        np.testing.assert_array_equal(other.decision_function(X), decision)
    # an event is predicted as if it were alone
    np.testing.assert_array_equal(fitted.decision_function(X[3:10]), decision[3:10])


@each_variant
def test_a_larger_ensemble_contains_the_smaller_one(make_model, mixed_events, options):
    X, y, w = mixed_events
    options = {**options, "categorical_features": ["channel"], "dropout": 0.3}
    small = make_model(n_members=3, **options).fit(X, y, w)
    large = make_model(n_members=5, **options).fit(X, y, w)
    for name, value in small.net_.module_.state_dict().items():
        torch.testing.assert_close(
            large.net_.module_.state_dict()[name][:3], value, rtol=1e-4, atol=1e-5
        )


@each_variant
def test_a_warm_start_goes_on_with_the_same_scaling(make_model, events, options):
    X, y, w = events
    model = make_model(**options, warm_start=True).fit(X, y, w)
    before = {k: v.clone() for k, v in model.net_.module_.state_dict().items()}
    model.fit(X * 3.0, y, w)
    after = model.net_.module_.state_dict()
    changed = [name for name in before if (before[name] != after[name]).any()]
    assert not [name for name in changed if name.startswith("inputs.")]
    assert not {"numbers.edges", "numbers.widths"} & set(changed)
    assert "weights.0" in changed
    if options["scale_learning_rate"] is not None:
        assert "numbers.factor" in changed


@each_variant
def test_several_classes(make_model, mixed_events, options):
    X, _, w = mixed_events
    y = np.arange(150) % 3
    X = X.assign(a=X["a"] + 3.0 * y)
    model = make_model(
        **options, categorical_features=["channel"], max_epochs=20, n_members=2
    ).fit(X, y, w)
    assert model.score(X, y) > 0.8
    assert model.n_parameters_ == count_parameters(
        4,
        [8],
        connection="plain",
        n_categories=[3],
        n_classes=3,
        has_factors=options["scale_learning_rate"] is not None,
        numeric_embedding=options["numeric_embedding"],
    )


@each_variant
def test_weights_of_events_that_do_not_train_change_no_bit(
    make_model, mixed_events, options
):
    X, y, w = mixed_events
    X = X.drop(columns="channel")
    held_out = slice(100, None)
    states = []
    for sign in (1.0, -1.0):
        model = make_model(**options).fit(
            X[:100],
            y[:100],
            w[:100],
            X_val=X[held_out],
            y_val=y[held_out],
            sample_weight_val=sign * w[held_out] + 3.0 * w[held_out],
        )
        states.append(model.net_.module_.inputs.state_dict())
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=0.0, atol=0.0)


def test_a_learning_rate_range_is_that_of_the_other_parameters(make_model, events):
    display = LearningRateRangeDisplay.from_estimator(
        make_model(**FULL, schedule="one_cycle"), *events
    )
    assert np.isfinite(display.loss).all()
    assert display.learning_rate.max() <= 10.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PeriodicEmbedding(size=1), "`size` must be an int from 2, got 1"),
        (lambda: PeriodicEmbedding(n_frequencies=0), "`n_frequencies` must be an int"),
        (
            lambda: PeriodicEmbedding(frequency_scale=0.0),
            "`frequency_scale` must be positive and finite, got 0.0",
        ),
        (
            lambda: PeriodicEmbedding(frequency_spread=0.5),
            "`frequency_spread` must be a finite number from 1, got 0.5",
        ),
        (
            lambda: PeriodicEmbedding(frequency_scale="wide"),
            "`frequency_scale` must be positive and finite, got 'wide'",
        ),
        (lambda: PiecewiseLinearEmbedding(size=2.5), "`size` must be an int from 2"),
        (lambda: PiecewiseLinearEmbedding(n_bins=1), "`n_bins` must be an int from 2"),
        (
            lambda: TrainingSettings(n_numeric=1, numeric_embedding="fourier"),
            r"`numeric_embedding` must be among \['periodic', 'piecewise_linear'\]",
        ),
        (
            lambda: TrainingSettings(n_numeric=1, numeric_scaling="minmax"),
            r"`numeric_scaling` must be among \('standard', 'robust', 'quantile'\)",
        ),
        (
            lambda: TrainingSettings(n_numeric=1, scale_learning_rate=0.0),
            "`scale_learning_rate` must be positive, or None for no factors, got 0.0",
        ),
    ],
)
def test_wrong_values_are_refused_where_they_are_written(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_embedding_is_a_name_or_an_object():
    with pytest.raises(TypeError, match="must be a name, an embedding or None, got 3"):
        TrainingSettings(n_numeric=1, numeric_embedding=3)
    one = TrainingSettings(n_numeric=1, numeric_embedding="periodic")
    assert one == TrainingSettings(n_numeric=1, numeric_embedding=PeriodicEmbedding())
    assert count_parameters(3, [4], numeric_embedding=SMALL_BINS) == count_parameters(
        3, [4], numeric_embedding=PiecewiseLinearEmbedding(3, 5)
    )
