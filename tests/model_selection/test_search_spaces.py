"""Search spaces of the sources: their printed numbers, and that they can be trained."""

import copy
import pickle

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.trial import FixedTrial
from sklearn.base import clone

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.model_selection import search_space
from skhep_dnn.model_selection._search_spaces import SEARCH_SPACES
from skhep_dnn.neural_network import count_parameters
from skhep_dnn.pipeline import make_weighted_pipeline


@pytest.fixture(autouse=True)
def _quiet():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


def points(space, n_trials, seed=0):
    """Return parameters for the estimator, drawn at random."""
    study = optuna.create_study(sampler=RandomSampler(seed=seed))
    return [space.suggest(study.ask()) for _ in range(n_trials)]


@pytest.mark.parametrize("name", SEARCH_SPACES)
def test_one_epoch_of_what_is_proposed(name, toy_events):
    X, y, sample_weight = toy_events
    space = search_space(name)
    model = WeightedDNNClassifier(max_epochs=1, random_state=0)
    space.check_estimator(model)
    n_trained = 0
    for params in points(space, 12):
        candidate = clone(model).set_params(**params)
        if any(value > 0 for value in space.excess(candidate, X, y).values()):
            continue
        candidate.fit(X, y, sample_weight=sample_weight)
        n_trained += 1
        if n_trained == 2:
            break
    assert n_trained == 2


@pytest.mark.parametrize("name", SEARCH_SPACES)
def test_a_prefix_for_the_step_of_a_pipeline(name, toy_events):
    X, y, _ = toy_events
    pipeline = make_weighted_pipeline(WeightedDNNClassifier())
    space = search_space(name, prefix="weighteddnnclassifier__")
    space.check_estimator(pipeline)
    plain = points(search_space(name), 3)
    for params, expected in zip(points(space, 3), plain, strict=True):
        pipeline.set_params(**params)
        network = pipeline[-1].get_params()
        assert {key: network[key] for key in expected} == expected
        bare = WeightedDNNClassifier(**expected)
        assert space.excess(pipeline, X, y) == space.excess(bare, X, y)


@pytest.mark.parametrize("name", SEARCH_SPACES)
def test_copies_are_the_same_space(name):
    space = search_space(name, prefix="dnn__")
    expected = points(space, 3)
    assert points(copy.deepcopy(space), 3) == expected
    assert points(pickle.loads(pickle.dumps(space)), 3) == expected


@pytest.mark.parametrize("name", ["qcd", "standard_model"])
def test_the_top_quark_networks(name):
    # Appendix A of Dudko et al.: Int(1, 7, step 1), Int(50, 1000, step 50),
    # Choice(relu, tanh), Float(0.1, 0.5, step 0.1), Choice(1e-2, 1e-3).
    space = search_space(name)
    assert list(space.distributions["n_layers"]) == [1, 2, 3, 4, 5, 6, 7]
    assert list(space.distributions["width"]) == [50 * k for k in range(1, 21)]
    assert space.distributions["activation"] == ["relu", "tanh"]
    assert space.distributions["dropout"] == FloatDistribution(0.1, 0.5, step=0.1)
    assert space.distributions["learning_rate"] == [0.01, 0.001]
    assert space.n_points == 7 * 20 * 2 * 5 * 2
    # The network of its Fig. 4e, "low_level_2_250_relu_0.2_0.01".
    tuned = {"n_layers": 2, "width": 250, "activation": "relu", "dropout": 0.2}
    tuned |= {"learning_rate": 0.01, "connection": "plain", "optimizer": "adam"}
    assert {**tuned, "schedule": "constant"} in space.grid()


def test_the_11_parameters_of_same_sign_ww():
    free = {
        name
        for name, given in search_space("ssww").distributions.items()
        if not isinstance(given, list) or len(given) > 1
    }
    assert len(free) == 11
    assert free == {
        "n_layers",
        "width",
        "dropout",
        "l1",
        "l2",
        "batch_size",
        "learning_rate",
        "beta_1",
        "beta_2",
        "optimizer_eps",
        "signal_weight",
    }


def test_the_scan_of_the_higgsml_solution():
    # Strong, arXiv:2002.01427, Sec. 3.10.2.
    space = search_space("higgsml")
    given = space.distributions
    assert list(given["n_layers"]) == list(range(2, 9))
    assert list(given["width"]) == list(range(33, 101))
    assert given["width_growth"] == FloatDistribution(-0.2, 1.0)
    assert given["l2"] == [0.0, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6]
    assert given["dropout"] == [0.0, 0.05, 0.1, 0.25, 0.5]
    assert given["learning_rate"] == [1e-2]
    assert given["n_members"] == [3]
    assert space.n_trials == 350
    assert list(space.limits) == ["last_width", "n_parameters"]


@pytest.mark.parametrize(
    ("options", "exceeded"),
    [
        ({"n_layers": 6, "width": 33}, None),
        ({"n_layers": 8, "width": 33, "width_growth": -0.2}, "last_width"),
        ({"n_layers": 5, "width": 33, "width_growth": -0.195}, None),
        ({"n_layers": 2, "width": 33, "connection": "plain"}, "n_parameters"),
        ({"n_layers": 8, "width": 100, "width_growth": 0.5}, "n_parameters"),
    ],
)
def test_limits_of_the_scan(options, exceeded):
    X = [[float(i == j) for j in range(33)] for i in range(34)]
    plain = {
        "numeric_scaling": "standard",
        "scale_learning_rate": None,
        "numeric_embedding": None,
    }
    model = WeightedDNNClassifier(**{"connection": "dense", **plain, **options})
    excess = search_space("higgsml").excess(model, X, [0, 1] * 17)
    assert [name for name, value in excess.items() if value > 0] == (
        [] if exceeded is None else [exceeded]
    )


@pytest.mark.parametrize(
    ("name", "widths", "activation", "batch_size", "optimizer", "n_parameters"),
    [
        (
            "tH",
            (576, 1440, 48, 80),
            ("relu", "relu", "softmax", "relu"),
            101,
            "adam",
            918_449,
        ),
        (
            "tH_bsm",
            (608, 832, 32, 32),
            ("relu", "softmax", "exponential", "softmax"),
            159,
            "rmsprop",
            549_633,
        ),
    ],
)
def test_the_networks_of_th(
    name, widths, activation, batch_size, optimizer, n_parameters
):
    # Kiseeva's table of optimised networks; its counts have a second output, of
    # 80 + 1 and 32 + 1 parameters: 918 530 and 549 666.
    space = search_space(name)
    genes = {"n_layers": 4, "batch_size": batch_size, "optimizer": optimizer}
    genes |= {f"width_{k}": width for k, width in enumerate([*widths, 16])}
    genes |= {f"activation_{k}": a for k, a in enumerate([*activation, "relu"])}
    trial = FixedTrial(genes)
    assert space.suggest(trial) == {
        "hidden_layer_sizes": widths,
        "activation": activation,
        "batch_size": batch_size,
        "optimizer": optimizer,
        "connection": "plain",
    }
    assert trial.distributions["n_layers"] == IntDistribution(1, 5)
    count = count_parameters(
        24,
        widths,
        activation=activation,
        connection="plain",
        has_factors=False,
        numeric_embedding=None,
    )
    assert count == n_parameters
    assert count + widths[-1] + 1 == {"tH": 918_530, "tH_bsm": 549_666}[name]
    assert space.n_trials == {"tH": 480, "tH_bsm": 300}[name]


def test_all_individuals_have_the_same_genes():
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    for _ in range(5):
        search_space("tH").suggest(study.ask())
    assert len({tuple(trial.distributions) for trial in study.trials}) == 1


def test_no_name():
    with pytest.raises(ValueError, match=r"must be one of .*passed to the search"):
        search_space({"n_layers": range(1, 4)})


def test_an_unknown_name():
    with pytest.raises(ValueError, match=r"must be one of .*'tH'.*, got 'ttH'\. Name"):
        search_space("ttH")
