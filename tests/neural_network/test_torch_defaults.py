"""What a caller has set in torch changes no model, and is as it was afterwards."""

import ast
import copy
import pickle
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

import skhep_dnn.neural_network
from skhep_dnn import BoostedDNN, SymmetryAugmenter
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.inspection import LearningRateRangeDisplay
from skhep_dnn.neural_network import (
    FeatureSplit,
    Member,
    TrainingSettings,
    block_reliance,
    bottleneck_outputs,
    bottleneck_reliance,
    fit_masks_together,
    fit_together,
    fit_with_offset,
    train_members,
)
from skhep_dnn.neural_network._activations import ACTIVATIONS
from skhep_dnn.neural_network._averaging import AVERAGES
from skhep_dnn.neural_network._engine.torch_settings import engine_settings
from skhep_dnn.neural_network._losses import LOSSES
from skhep_dnn.neural_network._networks.network import CONNECTIONS
from skhep_dnn.neural_network._optimizers import OPTIMIZERS
from skhep_dnn.neural_network._schedules import SCHEDULES
from skhep_dnn.neural_network._snapshots import SNAPSHOTS

pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)


@contextmanager
def setting(read, write, value):
    """Set something for the whole process, and put it back."""
    before = read()
    write(value)
    try:
        yield
    finally:
        write(before)


def double():
    """What `pyhf.set_backend("pytorch")` does."""
    return setting(torch.get_default_dtype, torch.set_default_dtype, torch.float64)


def default_device(name):
    return setting(lambda: None, torch.set_default_device, name)


SURROUNDINGS = {
    "float64": double,
    "default device meta": lambda: default_device("meta"),
    "default device cpu": lambda: default_device("cpu"),
    "in a block of meta": lambda: torch.device("meta"),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "two threads": lambda: setting(torch.get_num_threads, torch.set_num_threads, 2),
    "deterministic": lambda: setting(
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
        True,
    ),
    "flush_denormal": lambda: setting(lambda: False, torch.set_flush_denormal, True),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "coarse products": lambda: setting(
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
        "medium",
    ),
    "detect_anomaly": lambda: torch.autograd.set_detect_anomaly(True),
}


def state_of_torch():
    """Return all that a caller may have set and a fit must leave alone."""
    tiny = torch.tensor(1e-40, dtype=torch.float32, device="cpu")
    return {
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "flushes": bool(tiny * 2.0 == 0.0),
        "autocast": torch.is_autocast_enabled("cpu"),
        "precision": torch.get_float32_matmul_precision(),
        "anomaly": torch.is_anomaly_enabled(),
    }


def assert_same(model, reference):
    own = model.net_.module_.state_dict()
    for name, value in reference.net_.module_.state_dict().items():
        assert own[name].dtype == value.dtype, name
        assert torch.equal(own[name], value), name


@pytest.fixture
def fit_and_predict(make_model, mixed_events):
    """Fit on events with categories and undefined values, validate, and predict."""
    X, y, w = mixed_events

    def run(**changes):
        options = {
            "categorical_features": ["channel", "jets"],
            "validation_fraction": 0.3,
            "n_layers": 2,
            "dropout": 0.2,
            "max_epochs": 2,
            "connection": "dense",
        }
        model = make_model(**options | changes).fit(X, y, sample_weight=w)
        return model, model.decision_function(X)

    return run


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("name", SURROUNDINGS)
def test_a_setting_changes_no_model_and_is_kept(fit_and_predict, name, batch_norm):
    options = {"batch_norm": batch_norm, "n_members": 2, "averaging": "ema"}
    reference, expected = fit_and_predict(**options)
    with SURROUNDINGS[name]():
        before = state_of_torch()
        model, got = fit_and_predict(**options)
        assert state_of_torch() == before
    assert_same(model, reference)
    np.testing.assert_array_equal(got, expected)
    assert model.history_.equals(reference.history_)


class Fails(Callback):
    def on_epoch_end(self, *_args, **_kwargs):
        raise ZeroDivisionError


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_a_setting_is_kept_when_a_fit_fails(make_model, events, name):
    with SURROUNDINGS[name]():
        before = state_of_torch()
        with pytest.raises(ZeroDivisionError):
            make_model(callbacks=[Fails()]).fit(*events)
        assert state_of_torch() == before


# Each piece once, with float64 as the default.

CHOICES = [
    *({"loss": name} for name in LOSSES),
    *({"schedule": name} for name in SCHEDULES),
    *({"averaging": name, "max_epochs": 6} for name in AVERAGES),
    *({"snapshots": name, "schedule": "cosine_restarts"} for name in SNAPSHOTS),
    *({"optimizer": name} for name in OPTIMIZERS),
    *({"activation": name} for name in ACTIVATIONS),
    *({"connection": name, "activation": "tanh"} for name in CONNECTIONS),
    {"l1": 0.01, "l2": 0.01, "clip_norm": 0.1},
    {"label_smoothing": 0.1},
    {"embedding_size": 2, "handle_unknown": "mean"},
    {"early_stopping": True, "evaluations_per_epoch": 2, "scoring": "roc_auc"},
    {"missing_values": -999.0},
    {"member_weighting": "inverse_loss", "n_members": 6},
]


@pytest.mark.parametrize("choice", CHOICES, ids=repr)
def test_float64_as_default_changes_no_piece(fit_and_predict, choice):
    reference, expected = fit_and_predict(**choice)
    with double():
        model, got = fit_and_predict(**choice)
    assert_same(model, reference)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("name", ["float64", "in a block of meta", "inference_mode"])
@pytest.mark.parametrize("kind", ["full", "bottleneck", "semi"])
def test_a_setting_changes_no_second_path(fit_and_predict, mixed_events, kind, name):
    X = mixed_events[0]
    split = FeatureSplit(["a", "b"], width=4, kind=kind)
    reference, expected = fit_and_predict(feature_groups=split)
    tables = [block_reliance]
    if kind == "bottleneck":
        tables += [bottleneck_reliance, bottleneck_outputs]
    before = [table(reference, X) for table in tables]
    with SURROUNDINGS[name]():
        model, got = fit_and_predict(feature_groups=split)
        after = [table(model, X) for table in tables]
    np.testing.assert_array_equal(got, expected)
    for one, other in zip(after, before, strict=True):
        assert one.equals(other)


@pytest.mark.parametrize("name", ["float64", "in a block of meta", "inference_mode"])
def test_a_setting_changes_no_augmentation(make_model, name):
    events = make_higgs_events(200, random_state=0)
    options = {"augmenter": SymmetryAugmenter(), "max_epochs": 1}
    reference = make_model(**options).fit(events.data, events.target)
    with SURROUNDINGS[name]():
        model = make_model(**options).fit(events.data, events.target)
        got = model.decision_function(events.data)
    assert_same(model, reference)
    np.testing.assert_array_equal(got, reference.decision_function(events.data))


@pytest.mark.parametrize("name", ["float64", "in a block of meta", "inference_mode"])
def test_a_setting_changes_no_table_of_many_categories(make_model, events, name):
    X, y, w = events
    codes = np.arange(len(X)) % 40  # more than are multiplied instead of looked up
    X = np.column_stack([X, codes])

    def fit():
        model = make_model(categorical_features=[3], embedding_size=3, n_members=2)
        return model.fit(X, y, w)

    reference = fit()
    with SURROUNDINGS[name]():
        model = fit()
        got = model.decision_function(X)
    assert_same(model, reference)
    np.testing.assert_array_equal(got, reference.decision_function(X))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_float64_as_default_changes_nothing_of_several_classes(
    make_model, events, n_classes
):
    X, _, w = events
    y = np.arange(len(X)) % n_classes
    for loss in LOSSES:
        reference = make_model(loss=loss, label_smoothing=0.1).fit(X, y, w)
        with double():
            model = make_model(loss=loss, label_smoothing=0.1).fit(X, y, w)
        assert_same(model, reference)


def binned(logit, target):
    """A loss that makes tensors without saying their dtype."""
    centres = torch.linspace(-2.0, 2.0, 5)
    shares = torch.softmax(-((logit.unsqueeze(2) - centres) ** 2), 2)
    return (
        shares * (torch.tensor([0.1, 0.2, 0.4, 0.2, 0.1]) - target.unsqueeze(2))
    ).sum(2) ** 2


class Noise(Callback):
    """A callback that makes tensors without saying their dtype."""

    def on_grad_computed(self, _net, named_parameters, **_kwargs):
        assert torch.is_grad_enabled()
        for _, parameter in named_parameters:
            parameter.grad += 0.1 * torch.ones(()) + torch.full(parameter.shape, 0.1)
            assert parameter.grad.dtype == torch.ones(1).dtype == torch.float32


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_losses_and_callbacks_of_users_find_the_usual_settings(fit_and_predict, name):
    options = {"loss": binned, "callbacks": [Noise()], "n_members": 2}
    reference, expected = fit_and_predict(**options)
    with SURROUNDINGS[name]():
        model, got = fit_and_predict(**options)
    assert_same(model, reference)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_processes_do_not_matter_with_float64_as_default(fit_and_predict, batch_norm):
    with double():
        one, two = (
            fit_and_predict(n_members=2, n_jobs=n, batch_norm=batch_norm, loss=binned)
            for n in (1, 2)
        )
    assert_same(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])


# Each entrance once.


def by_fit(model, X, y, w):
    return [model.fit(X, y, w)]


def by_warm_start(model, X, y, w):
    model = copy.deepcopy(model).fit(X, y, w)
    return [model.set_params(warm_start=True).fit(X, y, w)]


def by_partial_fit(model, X, y, w):
    return [model.partial_fit(X, y, sample_weight=w).partial_fit(X, y, sample_weight=w)]


def by_pickle(model, X, y, w):
    model = pickle.loads(pickle.dumps(model.partial_fit(X, y, sample_weight=w)))
    return [copy.deepcopy(model).partial_fit(X, y, sample_weight=w)]


def by_fit_together(model, X, y, w):
    models = [copy.deepcopy(model) for _ in range(2)]
    samples = [
        {"X": X[rows:], "y": y[rows:], "sample_weight": w[rows:]} for rows in (0, 9)
    ]
    return fit_together(models, samples)


def by_masks(model, X, y, w):
    sample = {"X": X, "y": y, "sample_weight": w}
    masks = [[True, True, False], [True, False, True]]
    return [one for (one,) in fit_masks_together([model], [sample], masks)]


def by_offset(model, X, y, w):
    return [fit_with_offset(model, X, y, w, offset=X[:, 0].astype(np.float64))]


def by_boosting(model, X, y, w):
    boosted = BoostedDNN(model, n_estimators=2, random_state=0).fit(X, y, w)
    return boosted.estimators_


ENTRANCES = [
    by_fit,
    by_warm_start,
    by_partial_fit,
    by_pickle,
    by_fit_together,
    by_masks,
    by_offset,
    by_boosting,
]
NAMES = ["float64", "default device meta", "inference_mode", "no_grad"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("enter", ENTRANCES, ids=lambda f: f.__name__)
def test_a_setting_changes_nothing_at_any_entrance(make_model, events, enter, name):
    expected = enter(make_model(dropout=0.2), *events)
    with SURROUNDINGS[name]():
        before = state_of_torch()
        models = enter(make_model(dropout=0.2), *events)
        assert state_of_torch() == before
    for model, reference in zip(models, expected, strict=True):
        assert_same(model, reference)


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_changes_no_range_test(make_model, events, name):
    X, y, w = events
    expected = LearningRateRangeDisplay.from_estimator(make_model(), X, y, w)
    with SURROUNDINGS[name]():
        display = LearningRateRangeDisplay.from_estimator(make_model(), X, y, w)
    np.testing.assert_array_equal(display.loss, expected.loss)


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_changes_no_scores_out_of_fold(make_model, events, name):
    expected = make_model(n_members=3, cv=3).fit(*events)
    with SURROUNDINGS[name]():
        model = make_model(n_members=3, cv=3).fit(*events)
    np.testing.assert_array_equal(
        model.oof_decision_function_, expected.oof_decision_function_
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_training_can_be_stepped_through_under_a_setting(events, name):
    X, y, _ = events
    y = (y == "s").astype(int)
    rows, weights = np.arange(100), np.ones(100)
    held_out = {
        "validation_rows": np.arange(100, 150),
        "validation_weights": np.ones(50),
    }
    members = [
        Member(rows=rows, weights=weights, network_seed=k, **held_out) for k in (0, 1)
    ]
    settings = TrainingSettings(n_numeric=3, hidden_layer_sizes=[8], max_epochs=4)

    def step():
        training = train_members(settings, members, X, y)
        seen = []
        for histories in training:
            seen += [training.so_far().logits(X)]
            if len(histories[0]) == 2:
                training.stop(0)
        trained = training.result()
        part = trained.part([1])
        return [*seen, trained.logits(X), part.logits(X), *part.state(0).values()]

    expected = step()
    with SURROUNDINGS[name]():
        got = step()
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_model_of_inference_mode_can_be_used_after_it(make_model, events, n_members):
    X, y, w = events
    options = {"n_members": n_members, "batch_norm": True, "averaging": None}
    reference = make_model(**options).fit(X, y, w).partial_fit(X, y, sample_weight=w)
    with torch.inference_mode():
        model = make_model(**options).fit(X, y, w)
        model.decision_function(X)
        read = pickle.loads(pickle.dumps(model))
        copied = copy.deepcopy(model)
    for one in (model, read, copied, pickle.loads(pickle.dumps(model))):
        assert not any(p.is_inference() for p in one.net_.module_.parameters())
        assert_same(one.partial_fit(X, y, sample_weight=w), reference)


def test_threads_that_overlap_put_back_what_the_first_one_found():
    inside, leave = threading.Event(), threading.Event()

    def stay():
        with engine_settings():
            inside.set()
            leave.wait(30)

    with double():
        thread = threading.Thread(target=stay)
        with engine_settings():
            thread.start()
            assert inside.wait(30)
        # the other thread is still inside
        assert torch.get_default_dtype() is torch.float32
        leave.set()
        thread.join()
        assert torch.get_default_dtype() is torch.float64


MAKERS = {
    "arange",
    "as_tensor",
    "empty",
    "eye",
    "full",
    "linspace",
    "logspace",
    "ones",
    "rand",
    "randint",
    "randn",
    "randperm",
    "scalar_tensor",
    "tensor",
    "zeros",
}


def test_every_tensor_says_its_dtype():
    folder = Path(skhep_dnn.neural_network.__file__).parent
    silent, n_seen = [], 0
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(
                node.func, ast.Attribute
            ):
                continue
            owner = node.func.value
            if not (isinstance(owner, ast.Name) and owner.id == "torch"):
                continue
            if node.func.attr in MAKERS:
                n_seen += 1
                if "dtype" not in {keyword.arg for keyword in node.keywords}:
                    silent.append(f"{path.name}:{node.lineno}")
    assert n_seen > 10
    assert silent == []
