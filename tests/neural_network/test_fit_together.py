"""Several classifiers as one training: each as if by its own `fit`."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold
from skorch.callbacks import Callback

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.exceptions import (
    FitTogetherError,
    LowStatisticsWarning,
    NonFiniteLossError,
    WeightsError,
)
from skhep_dnn.metrics import balanced_log_loss_from_logits
from skhep_dnn.neural_network import (
    FeatureSplit,
    Snapshots,
    fit_masks_together,
    fit_together,
)
from skhep_dnn.preprocessing import SymmetryAugmenter

pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

HALVES = slice(0, 100), slice(50, None)
HELD_OUT = {"validation_fraction": 0.3}


def parts_of(events, parts=HALVES):
    """Return the arguments of `fit` for some parts of the events."""
    X, y, w = events
    return [{"X": X[part], "y": y[part], "sample_weight": w[part]} for part in parts]


def one_by_one(models, samples):
    return [model.fit(**sample) for model, sample in zip(models, samples, strict=True)]


def results(model, X):
    """Return all that a fitted classifier has learnt, as arrays."""
    found = {
        "decision": model.decision_function(X),
        "history": model.history_.to_numpy(dtype=float),
        "report": model.weight_report_.drop(columns=["sample", "class"]).to_numpy(),
        **model.net_.module_.state_dict(),
    }
    names = ("member_weights_", "best_loss_", "best_epoch_", "n_iter_", "n_parameters_")
    found |= {name: getattr(model, name) for name in names}
    if hasattr(model, "oof_decision_function_"):
        found["out of fold"] = model.oof_decision_function_
    return {name: np.asarray(value) for name, value in found.items()}


def check_same(models, others, X):
    """Check that classifiers are the same to the last bit."""
    for model, other in zip(models, others, strict=True):
        expected, got = results(model, X), results(other, X)
        assert expected.keys() == got.keys()
        for name, value in expected.items():
            np.testing.assert_array_equal(got[name], value, err_msg=name)


# Two classifiers of one member train in two groups of one, as each of them does alone:
# products have the same shapes, and there is no difference but the bookkeeping.
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dropout": 0.3, "connection": "dense", "n_layers": 3},
        {"schedule": "one_cycle", "optimizer": "sgd", "clip_norm": 1.0, "l2": 1e-3},
        HELD_OUT,
        {"early_stopping": True, "n_iter_no_change": 1, "max_epochs": 9, **HELD_OUT},
        {"evaluations_per_epoch": 2, "averaging": "ema", **HELD_OUT},
        {"averaging": "swa", "max_epochs": 9, **HELD_OUT},
        {"snapshots": Snapshots(2), **HELD_OUT},
        {"cv": 3},
        {"cv": 3, "validate_on_fold": True, "member_weighting": "inverse_loss"},
        {"cv": StratifiedKFold(4), **HELD_OUT},
        {"scoring": "roc_auc", "stratify": [2], **HELD_OUT},
        {"batch_norm": True, "loss": "focal", "label_smoothing": 0.1},
        {"negative_weights": "zero", "max_weight": 2.0, "signal_weight": 2.0},
        {"negative_weights": "refine", "cv": 3, "n_members": 1},
        {"feature_groups": FeatureSplit(wide=[0], kind="full")},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_two_of_one_member_have_the_bits_of_their_own_fits(make_model, events, options):
    X, y, w = events
    X = X.copy()
    X[:, 2] = np.tile([0.0, 1.0], 75)
    w = w * np.where(np.arange(150) % 17 == 3, -0.1, 1.0)
    w[::20] = 0.0
    samples = parts_of((X, y, w))
    models = [make_model(**options, random_state=seed) for seed in (3, 4)]
    expected = one_by_one([clone(model) for model in models], samples)
    got = fit_together(models, samples)
    assert got == models
    check_same(expected, got, X)


def test_explicit_samples_and_own_rows_validate_side_by_side(make_model, events):
    X, y, w = events
    samples = parts_of(events, (slice(0, 100), slice(None)))  # a third is held out
    samples[0] |= {"X_val": X[100:], "y_val": y[100:], "sample_weight_val": w[100:]}
    models = [make_model(), make_model(validation_fraction=1 / 3)]
    expected = one_by_one([clone(model) for model in models], samples)
    check_same(expected, fit_together(models, samples), X)
    samples = parts_of(events)
    samples[0] |= {"X_val": X[100:], "y_val": y[100:], "sample_weight_val": w[100:]}
    samples[1] |= {"X_val": X[:50], "y_val": y[:50], "sample_weight_val": w[:50]}
    models = [make_model(scoring="roc_auc"), make_model(scoring="accuracy")]
    expected = one_by_one([clone(model) for model in models], samples)
    check_same(expected, fit_together(models, samples), X)


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_groups_stay_together(make_model, events):
    samples = parts_of(events)
    for sample in samples:
        sample["groups"] = np.arange(100) // 4
    for options in (HELD_OUT, {"cv": 3}):
        models = [make_model(**options) for _ in samples]
        expected = one_by_one([clone(model) for model in models], samples)
        check_same(expected, fit_together(models, samples), events[0])


def test_categories_are_those_of_each_classifier(make_model, mixed_events):
    frame, y, w = mixed_events
    frame = frame.drop(columns="jets")
    other = frame.replace({"channel": {"mu": "muon"}})
    models = [make_model(categorical_features=["channel"]) for _ in range(2)]
    samples = [{"X": X, "y": y, "sample_weight": w} for X in (frame, other)]
    expected = one_by_one([clone(model) for model in models], samples)
    got = fit_together(models, samples)
    check_same(expected[:1], got[:1], frame)
    check_same(expected[1:], got[1:], other)


def test_events_are_transformed_as_alone(make_model, events):
    X, y, w = events
    frame = pd.DataFrame({"pt": np.exp(X[:, 0]), "phi": X[:, 1] % 3.0, "eta": X[:, 2]})
    samples = [
        {"X": frame[part], "y": y[part], "sample_weight": w[part]} for part in HALVES
    ]
    models = [make_model(augmenter=SymmetryAugmenter(), **HELD_OUT) for _ in samples]
    expected = one_by_one([clone(model) for model in models], samples)
    check_same(expected, fit_together(models, samples), frame)


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_several_classes(make_model, events):
    X, _, w = events
    y = np.array(["w", "top", "signal"] * 50)
    samples = parts_of((X, y, w), (slice(0, 99), slice(51, None)))
    models = [make_model(dropout=0.2, cv=3, random_state=seed) for seed in (1, 2)]
    expected = one_by_one([clone(model) for model in models], samples)
    check_same(expected, fit_together(models, samples), X)


def test_two_samples_of_other_labels(make_model, events):
    samples = parts_of(events)
    samples[1]["y"] = np.where(samples[1]["y"] == "s", 7, 3)
    models = fit_together([make_model(), make_model()], samples)
    assert models[0].classes_.tolist() == ["b", "s"]
    assert models[1].classes_.tolist() == [3, 7]
    assert set(models[1].predict(events[0])) <= {3, 7}


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_members_of_many_classifiers_are_those_of_their_own_fits(make_model, events):
    X, sizes = events[0], (1, 3, 2)
    models = [
        make_model(n_members=n, dropout=0.2, cv=3, random_state=n, **HELD_OUT)
        for n in sizes
    ]
    samples = parts_of(events, (slice(0, 120), slice(10, 130), slice(30, None)))
    expected = one_by_one([clone(model) for model in models], samples)
    got = fit_together(models, samples)
    for model, other, n_members in zip(expected, got, sizes, strict=True):
        pd.testing.assert_frame_equal(model.weight_report_, other.weight_report_)
        pd.testing.assert_frame_equal(model.history_, other.history_, rtol=1e-4)
        assert len(other.member_weights_) == n_members
        for attribute in ("oof_decision_function_", "best_loss_"):
            values = getattr(model, attribute), getattr(other, attribute)
            np.testing.assert_allclose(*values, rtol=1e-4, atol=1e-5)
        logits = model.decision_function(X), other.decision_function(X)
        np.testing.assert_allclose(*logits, rtol=1e-4, atol=1e-5)


def test_processes_do_not_matter(make_model, events):
    samples = parts_of(events) * 2
    fits = []
    for n_jobs in (1, 2):
        models = [make_model(dropout=0.3, random_state=k) for k in range(4)]
        fits.append(fit_together(models, samples, n_jobs=n_jobs))
    check_same(*fits, events[0])


def test_samples_may_come_one_at_a_time(make_model, events):
    models = [make_model(), make_model()]
    expected = one_by_one([clone(model) for model in models], parts_of(events))
    check_same(expected, fit_together(models, iter(parts_of(events))), events[0])


def test_what_is_learnt_is_as_good_as_by_an_own_fit(make_model, events):
    X, y, w = events
    models = [make_model(n_members=2, random_state=seed) for seed in (1, 2)]
    expected = one_by_one([clone(model) for model in models], parts_of(events))
    model, other = fit_together(models, parts_of(events))
    restored = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        restored.decision_function(X), model.decision_function(X)
    )
    # Of nothing common: what one goes on to learn does not change the other.
    before = other.decision_function(X)
    model.set_params(warm_start=True).fit(X, y, w)
    expected[0].set_params(warm_start=True).fit(X, y, w)
    logits = expected[0].decision_function(X), model.decision_function(X)
    np.testing.assert_allclose(*logits, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(other.decision_function(X), before)
    other.partial_fit(X, y, sample_weight=w)
    expected[1].partial_fit(X, y, sample_weight=w)
    logits = expected[1].decision_function(X), other.decision_function(X)
    np.testing.assert_allclose(*logits, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_a_fit_before_is_forgotten(make_model, events):
    model = make_model(cv=3).fit(*events)
    (got,) = fit_together([model.set_params(cv=None)], parts_of(events, [slice(None)]))
    assert got is model
    assert not hasattr(model, "oof_decision_function_")
    check_same([make_model().fit(*events)], [model], events[0])


def test_shared_arrays_count_once(make_model, events):
    X, y, _ = events
    models = [make_model(random_state=seed, validation_fraction=0.3) for seed in (1, 2)]
    samples = parts_of(events, [slice(None)]) * 2
    samples = [{**samples[0], "X": X}, {**samples[1], "X": X}]
    fit_together(models, samples, max_bytes=X.nbytes)
    with pytest.raises(FitTogetherError, match=r"of 2 samples must take 1800 bytes at"):
        fit_together(
            models, [samples[0], {**samples[1], "X": X.copy()}], max_bytes=1800
        )
    # With other labels the same events are another table.
    other = {**samples[1], "y": np.roll(y, 1)}
    with pytest.raises(FitTogetherError, match="got 3600"):
        fit_together(models, [samples[0], other], max_bytes=X.nbytes)


class Silent(Callback):
    """A callback that does nothing."""


class OwnFit(WeightedDNNClassifier):
    """A classifier whose fit does more."""

    def fit(self, X, y, sample_weight=None):
        """Do as the parent."""
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ({}, {"width": 9}, r"another `hidden_layer_sizes` for classifier 1 than"),
        ({}, {"learning_rate": 0.1, "dropout": 0.1}, "`dropout`, `learning_rate` for"),
        ({}, {"early_stopping": True, **HELD_OUT}, "`early_stopping`, choice whether"),
        ({}, HELD_OUT, "choice whether there is a validation for classifier 1"),
        ({"scoring": "roc_auc"}, {}, "choice whether there is a score for classifier"),
        ({"callbacks": [Silent()]}, {}, "must have no callbacks, got .*classifier 0"),
        ({}, {"random_state": np.random.RandomState(0)}, "RandomState in `random_st"),
        (
            {
                "cv": StratifiedKFold(
                    3, shuffle=True, random_state=np.random.RandomState(0)
                )
            },
            {},
            "RandomState in `cv` of classifier 0. Fit them one by one",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_what_cannot_train_together_is_refused(make_model, events, one, other, words):
    if "scoring" in one:
        one, other = {**one, **HELD_OUT}, {**other, **HELD_OUT}
    models = [clone(make_model(**one)), clone(make_model(**other))]
    with pytest.raises(FitTogetherError, match=words):
        fit_together(models, parts_of(events))
    assert not any(hasattr(model, "net_") for model in models)
    # After it the classifiers are fitted one by one as if nothing had been tried.
    others = [clone(make_model(**one)), clone(make_model(**other))]
    one_by_one(models, parts_of(events))
    check_same(one_by_one(others, parts_of(events)), models, events[0])


def test_networks_to_go_on_from_are_refused(make_model, events):
    models = [make_model(), make_model(warm_start=True).fit(*events)]
    with pytest.raises(FitTogetherError, match="must begin anew, got warm_start=True"):
        fit_together(models, parts_of(events))
    models = [make_model(warm_start=True) for _ in range(2)]
    fit_together(models, parts_of(events))


def test_another_fit_is_refused(make_model, events):
    with pytest.raises(FitTogetherError, match=r"must have the `fit` of .* 'OwnFit'"):
        fit_together([make_model(), OwnFit()], parts_of(events))


def test_other_columns_are_refused(make_model, events, mixed_events):
    X, y, w = events
    samples = parts_of(events)
    samples[1]["X"] = samples[1]["X"][:, :2]
    with pytest.raises(FitTogetherError, match="another number of columns of numbers"):
        fit_together([make_model(), make_model()], samples)
    frame = mixed_events[0].drop(columns="jets")
    rare = frame.assign(channel=np.where(np.arange(150) < 20, "e", "mu"))
    models = [make_model(categorical_features=["channel"]) for _ in range(2)]
    samples = [{"X": X, "y": y, "sample_weight": w} for X in (frame, rare)]
    with pytest.raises(FitTogetherError, match="another number of categories of some"):
        fit_together(models, samples)
    samples = parts_of((X, np.array(["w", "t", "s"] * 50), w))
    samples[0]["y"] = y[HALVES[0]]
    with pytest.raises(FitTogetherError, match="another number of classes for class"):
        fit_together([make_model(), make_model()], samples)


def test_other_symmetries_are_refused(make_model, events):
    X, y, w = events
    frame = pd.DataFrame({"pt": np.exp(X[:, 0]), "phi": X[:, 1] % 3.0, "eta": X[:, 2]})
    models = [
        make_model(augmenter=SymmetryAugmenter(reflections=axes)) for axes in ("z", "")
    ]
    with pytest.raises(FitTogetherError, match="or symmetries of `augmenter` for"):
        fit_together(models, [{"X": frame, "y": y, "sample_weight": w}] * 2)


def test_samples_of_other_sizes_are_refused(make_model, events):
    # 150 events in batches of 32 are 5 of 30: 121 reach into the last one.
    models = [make_model(random_state=seed, max_epochs=9) for seed in (0, 1)]
    samples = parts_of(events, (slice(None), slice(0, 121)))
    expected = one_by_one([clone(model) for model in models], samples)
    got = fit_together(models, samples)
    check_same(expected[:1], got[:1], events[0])
    losses = [model.history_["train_loss"].iloc[-1] for model in (expected[1], got[1])]
    assert losses[1] == pytest.approx(losses[0], rel=0.1)
    with pytest.raises(FitTogetherError, match="got 120 events in one of them and 150"):
        fit_together(models, parts_of(events, (slice(None), slice(0, 120))))


def test_nothing_but_classifiers(make_model, events):
    with pytest.raises(TypeError, match="got StratifiedKFold as number 1"):
        fit_together([make_model(), StratifiedKFold()], parts_of(events))
    model = make_model()
    with pytest.raises(ValueError, match="each an object of its own, got 2 with one"):
        fit_together([model, model], parts_of(events))
    with pytest.raises(ValueError, match="must be one or more"):
        fit_together([], [])
    with pytest.raises(ValueError, match="shorter"):
        fit_together([model, make_model()], parts_of(events)[:1])


def test_errors_are_those_of_the_fit(make_model, events):
    samples = parts_of(events)
    samples[1]["sample_weight"] = -samples[1]["sample_weight"]
    with pytest.raises(WeightsError, match="sample_weight"):
        fit_together([make_model(), make_model()], samples)
    with pytest.raises(ValueError, match="'width' parameter of WeightedDNN"):
        fit_together([make_model(width=0)], samples[:1])


def test_warnings_are_those_of_the_fit(make_model, events):
    X, y, w = events
    w = np.where((y == "s") & (np.cumsum(y == "s") > 5), 0.0, w)
    with pytest.warns(LowStatisticsWarning, match="5.0 effective|4.. effective"):
        fit_together([make_model()], [{"X": X, "y": y, "sample_weight": w}])


def test_an_infinite_loss_fits_none(make_model, events):
    samples = parts_of(events)
    models = [make_model(n_members=2, loss=infinite_loss) for _ in samples]
    with pytest.raises(NonFiniteLossError) as caught:
        fit_together(models, samples)
    assert caught.value.__notes__ == [
        "Members of the classifiers, one after the other: 0-1, 2-3."
    ]
    assert not any(hasattr(model, "net_") for model in models)


def infinite_loss(logits, targets):
    return logits / 0.0


def test_five_folds_score_as_by_five_fits():
    events = make_gaussian_events(2500, random_state=0)
    X, y, w = events.data, events.target, events.sample_weight
    model = WeightedDNNClassifier(n_layers=2, width=32, max_epochs=6, random_state=0)
    folds = list(StratifiedKFold(5, shuffle=True, random_state=1).split(X, y))
    samples = [
        {"X": X.iloc[train], "y": y[train], "sample_weight": w[train]}
        for train, _ in folds
    ]
    logits = np.empty((2, len(y)))
    for fit, pooled in zip((one_by_one, fit_together), logits, strict=True):
        models = fit([clone(model) for _ in folds], samples)
        for fitted, (_, rows) in zip(models, folds, strict=True):
            pooled[rows] = fitted.decision_function(X.iloc[rows])
    losses = [balanced_log_loss_from_logits(y, pooled, w) for pooled in logits]
    rng = np.random.default_rng(0)
    draws = [rng.integers(len(y), size=len(y)) for _ in range(50)]
    error = np.std(
        [
            balanced_log_loss_from_logits(y[rows], logits[0][rows], w[rows])
            for rows in draws
        ]
    )
    assert abs(losses[1] - losses[0]) < 0.1 * error


ALL, WITHOUT_FIRST = [True, True, True], [False, True, True]


@pytest.mark.parametrize(
    "options",
    [{}, {"cv": 3}, {"dropout": 0.2, "connection": "dense", **HELD_OUT}],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_a_mask_of_all_columns_is_a_fit(make_model, events, options):
    samples = parts_of(events)
    models = [make_model(**options, random_state=seed) for seed in (3, 4)]
    expected = fit_together([clone(model) for model in models], samples)
    (got,) = fit_masks_together(models, samples, [ALL])
    check_same(expected, got, events[0])
    assert not hasattr(models[0], "net_")


def test_hidden_columns_do_nothing_and_the_others_are_as_alone(make_model, events):
    X, y, w = events
    other = X.copy()
    other[:, 0] = 5.0 * other[:, 0] ** 2 - 1.0
    masks = [WITHOUT_FIRST, ALL]
    found = [
        fit_masks_together([make_model()], parts_of((table, y, w))[:1], masks)
        for table in (X, other)
    ]
    masked = [of_table[0][0] for of_table in found]
    check_same(masked[:1], masked[1:], X)
    np.testing.assert_array_equal(
        masked[0].decision_function(X), masked[0].decision_function(other)
    )
    seeing = [of_table[1][0].decision_function(X) for of_table in found]
    assert (seeing[0] != seeing[1]).any()
    # a group of one and a group of two differ in their last bits
    ((alone,),) = fit_masks_together(
        [make_model()], parts_of(events)[:1], [WITHOUT_FIRST]
    )
    np.testing.assert_allclose(
        alone.decision_function(X), masked[0].decision_function(X), atol=1e-5
    )


def test_masks_count_columns_of_the_table_not_of_the_network(make_model, mixed_events):
    frame, y, w = mixed_events
    model = make_model(categorical_features=["channel", "jets"])
    for name in frame.columns:
        mask = [column != name for column in frame.columns]
        ((fitted,),) = fit_masks_together(
            [model], [{"X": frame, "y": y, "sample_weight": w}], [mask]
        )
        before = fitted.decision_function(frame)
        for column in frame.columns:
            other = frame.copy()
            other[column] = frame[column].to_numpy()[::-1]
            same = (fitted.decision_function(other) == before).all()
            assert same == (column == name), column


@pytest.mark.parametrize(
    "mask", [[True, False], [1, 0, 1], [False] * 3], ids=["short", "int", "none"]
)
def test_masks_that_are_none(make_model, events, mask):
    with pytest.raises(ValueError, match="`masks` must hold one bool for each of"):
        fit_masks_together([make_model()], parts_of(events)[:1], [ALL, mask])


def test_a_mask_does_not_tear_a_momentum(make_model, events):
    augmenter = SymmetryAugmenter(
        cylindrical=None, cartesian=[(0, 1)], reflections="xy"
    )
    model, samples = make_model(augmenter=augmenter), parts_of(events)[:1]
    with pytest.raises(FitTogetherError, match="got one alone by mask 1"):
        fit_masks_together([model], samples, [ALL, WITHOUT_FIRST])
    fit_masks_together([model], samples, [ALL, [False, False, True]])
