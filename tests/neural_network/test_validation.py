"""Validation samples: what they decide, what they never touch."""

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.model_selection import KFold, PredefinedSplit
from skorch.callbacks import Callback

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.neural_network import CosineRestarts

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)


def test_history_has_a_row_for_each_member_and_epoch(make_model, events):
    model = make_model(n_members=3, max_epochs=4, validation_fraction=0.3)
    model.fit(*events)
    history = model.history_
    assert list(history.columns) == [
        "member",
        "epoch",
        "train_loss",
        "valid_loss",
        "valid_score",
        "average_loss",
        "learning_rate",
        "momentum",
        "kept",
    ]
    assert history["member"].tolist() == [k for k in range(3) for _ in range(4)]
    assert history["epoch"].tolist() == [1, 2, 3, 4] * 3
    assert history["learning_rate"].tolist() == [1e-2] * 12
    assert history["momentum"].tolist() == [0.9] * 12
    assert history["valid_score"].isna().all()
    assert np.isfinite(history[["train_loss", "valid_loss"]].to_numpy()).all()
    kept = history[history["kept"]]
    assert kept["member"].tolist() == [0, 1, 2]
    best = history.loc[history.groupby("member")["valid_loss"].idxmin()]
    assert kept["epoch"].tolist() == best["epoch"].tolist() == list(model.best_epoch_)
    assert kept["valid_loss"].tolist() == model.best_loss_.tolist()
    assert model.n_iter_.tolist() == [4, 4, 4]


def test_without_validation_the_last_epoch_is_kept(make_model, events):
    model = make_model(n_members=2, max_epochs=5).fit(*events)
    assert model.best_epoch_.tolist() == model.n_iter_.tolist() == [5, 5]
    assert np.isnan(model.best_loss_).all()
    assert model.history_["valid_loss"].isna().all()
    assert model.history_.loc[model.history_["kept"], "epoch"].tolist() == [5, 5]


def test_an_explicit_sample_picks_the_best_epoch_and_is_not_trained_on(
    make_model, events
):
    X, y, w = events
    options = {"max_epochs": 12, "learning_rate": 0.1}
    model = make_model(**options).fit(X, y, w, X[:40], y[::-1][:40], w[:40])
    plain = make_model(**options).fit(X, y, w)
    assert model.history_["train_loss"].equals(plain.history_["train_loss"])
    (epoch,) = model.best_epoch_
    assert epoch < 12
    short = make_model(**options | {"max_epochs": int(epoch)}).fit(X, y, w)
    np.testing.assert_array_equal(
        model.decision_function(X), short.decision_function(X)
    )


def test_the_module_holds_the_best_epoch_when_the_training_ends(make_model, events):
    class Last(Callback):
        def on_train_end(self, net, **_):
            self.state = {k: v.clone() for k, v in net.module_.state_dict().items()}

    X, y, w = events
    options = {"validation_fraction": 0.4, "max_epochs": 12, "learning_rate": 0.3}
    model = make_model(callbacks=[Last()], **options).fit(X, y, w)
    assert model.best_epoch_[0] < 12
    state = model.callbacks_[0][0][1].state
    for name, value in model.net_.module_.state_dict().items():
        torch.testing.assert_close(state[name], value, rtol=0, atol=0)


STOPPED = {
    "validation_fraction": 0.3,
    "early_stopping": True,
    "n_iter_no_change": 1,
    "max_epochs": 10,
    "learning_rate": 0.1,
}


@pytest.mark.parametrize("n_events", [150, 149, 142])
@pytest.mark.parametrize(
    "options",
    [
        {"validate_on_fold": True},
        {"validation_fraction": 0.2},
        {"batch_size": 20, "connection": "plain", "n_layers": 2, "dropout": 0.3},
        {"batch_size": 20, "connection": "dense", "n_layers": 2, "dropout": 0.3},
        {"batch_size": 20, "connection": "residual", "n_layers": 2, "dropout": 0.3},
        STOPPED,
    ],
)
@pytest.mark.parametrize("categories", [None, ["channel", "jets"]])
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_a_larger_ensemble_contains_the_smaller_one(
    make_model, mixed_events, options, n_events, categories
):
    X, y, w = (part[:n_events] for part in mixed_events)  # folds of unequal size, too
    if categories is None:
        X = X[["a", "b", "c"]]
    small, large = (
        make_model(n_members=n, cv=3, categorical_features=categories, **options).fit(
            X, y, w
        )
        for n in (1, 4)
    )
    assert small.n_iter_[0] == large.n_iter_[0]
    assert small.best_epoch_[0] == large.best_epoch_[0]
    states = (model.net_.module_.state_dict() for model in (small, large))
    one, many = states
    for name, value in one.items():
        torch.testing.assert_close(many[name][:1], value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("n_members", [1, 4])
def test_early_stopping_ends_each_member_by_its_own_patience(
    make_model, events, n_members
):
    X, y, w = events
    options = {
        "n_members": n_members,
        "validation_fraction": 0.4,
        "max_epochs": 30,
        "learning_rate": 0.2,
    }
    stopped = make_model(early_stopping=True, n_iter_no_change=3, **options)
    stopped.fit(X, y, w)
    free = make_model(**options).fit(X, y, w)
    assert (stopped.n_iter_ == stopped.best_epoch_ + 3).all()
    for k in range(n_members):
        history = stopped.history_[stopped.history_["member"] == k]
        assert len(history) == stopped.n_iter_[k] < 30
        losses = free.history_.loc[free.history_["member"] == k, "valid_loss"]
        assert history["valid_loss"].tolist() == losses.tolist()[: len(history)]
        assert history["valid_loss"].argmin() + 1 == stopped.best_epoch_[k]
        assert history["valid_loss"].min() == stopped.best_loss_[k]


def test_tol_shortens_the_patience_but_not_the_choice(make_model, events):
    options = {
        "validation_fraction": 0.4,
        "max_epochs": 40,
        "early_stopping": True,
        "n_iter_no_change": 4,
    }
    model = make_model(tol=10.0, **options).fit(*events)
    # no decrease is large enough after the first epoch
    assert model.n_iter_.tolist() == [5]
    assert model.best_loss_[0] == model.history_["valid_loss"].min()


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.IgnoredParameterWarning")
def test_one_cycle_runs_to_its_end_and_keeps_the_best_epoch(make_model, events):
    options = {"validation_fraction": 0.4, "max_epochs": 20, "learning_rate": 0.3}
    model = make_model(
        schedule="one_cycle", early_stopping=True, n_iter_no_change=1, **options
    )
    model.fit(*events)
    losses = model.history_["valid_loss"]
    assert (losses.diff() > 0.0).any()
    assert model.n_iter_.tolist() == [20]
    assert model.best_epoch_[0] == losses.argmin() + 1
    rates = model.history_["learning_rate"]
    assert rates.max() == pytest.approx(0.3, rel=0.05)
    assert rates.iloc[-1] < 0.01


def test_member_k_validates_on_fold_k_modulo_their_number(make_model, events):
    X, y, w = events
    folds = KFold(3)
    model = make_model(n_members=5, cv=folds, validate_on_fold=True).fit(X, y, w)
    report = model.weight_report_
    yields = report[report["sample"] == "validation"].groupby("member")["yield"].sum()
    expected = [w[test].sum() for _, test in folds.split(X)]
    assert yields.tolist() == pytest.approx([*expected, *expected[:2]])


def member_state(model, k):
    state = model.net_.module_.state_dict()
    return {name: value[k].numpy() for name, value in state.items()}


def fits_before_and_after_a_change_of_fold_1(make_model, events, **options):
    X, y, w = events
    fold = np.arange(150) % 3
    options = {"n_members": 3, "cv": PredefinedSplit(fold), **options}
    before = make_model(**options).fit(X, y, w)
    changed = X.copy()
    changed[fold == 1] += 3.0
    weights = np.where(fold == 1, w * np.linspace(0.1, 10.0, 150), w)
    return before, make_model(**options).fit(changed, y, weights)


@pytest.mark.parametrize(
    "options",
    [{}, {"validation_fraction": 0.3, "early_stopping": True}],
    ids=["last", "best"],
)
def test_the_fold_of_a_member_decides_nothing(make_model, events, options):
    before, after = fits_before_and_after_a_change_of_fold_1(
        make_model, events, max_epochs=8, **options
    )
    for k in range(3):
        first, second = member_state(before, k), member_state(after, k)
        same = all(np.array_equal(first[name], second[name]) for name in first)
        assert same == (k == 1)
    np.testing.assert_equal(before.best_loss_[1], after.best_loss_[1])
    assert np.isnan(before.best_loss_[1]) == (options == {})


def test_a_fold_that_is_validated_on_picks_the_epoch_of_its_member_alone(
    make_model, events
):
    fits = fits_before_and_after_a_change_of_fold_1(
        make_model, events, validate_on_fold=True
    )
    for k in range(3):
        train, valid = (
            [model.history_.loc[model.history_["member"] == k, name] for model in fits]
            for name in ("train_loss", "valid_loss")
        )
        assert train[0].equals(train[1]) == (k == 1)
        assert not valid[0].equals(valid[1])


def test_members_are_weighted_by_their_inverse_loss(make_model, events):
    X, y, w = events
    options = {"n_members": 3, "cv": 3, "validate_on_fold": True}
    model = make_model(member_weighting="inverse_loss", **options).fit(X, y, w)
    inverse = 1.0 / model.best_loss_
    np.testing.assert_allclose(model.member_weights_, inverse / inverse.sum())
    uniform = make_model(member_weighting="uniform", **options).fit(X, y, w)
    assert uniform.member_weights_.tolist() == [1 / 3] * 3
    # the same networks, averaged with these weights
    members = []
    for k in range(3):
        uniform.member_weights_ = np.eye(3)[k]
        members.append(expit(uniform.decision_function(X)))
    expected = model.member_weights_ @ members
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], expected, rtol=1e-10)


def test_inverse_loss_weights_with_a_loss_below_zero_are_an_error(make_model, events):
    X, y, w = events
    # background at the place of the signal with negative weight: a loss below zero
    w = np.where((y == "b") & (X.sum(axis=1) > 0.5), -0.9 * w, w)
    model = make_model(
        member_weighting="inverse_loss", max_epochs=60, learning_rate=0.05
    )
    with pytest.raises(WeightsError, match=r"must have positive .* for member 0"):
        model.fit(X, y, np.abs(w), X, y, w)


def test_patience_is_counted_in_cycles_of_the_schedule(make_model, events):
    X, y, w = events
    model = make_model(
        schedule=CosineRestarts(first_cycle=1.0, multiplier=2.0),
        learning_rate=0.05,
        dropout=0.0,
        max_epochs=31,
        early_stopping=True,
        n_iter_no_change=1,
        validation_fraction=0.3,
    ).fit(X, y, sample_weight=w)
    ends = [1, 3, 7, 15, 31]
    assert model.n_iter_[0] in ends
    assert model.n_iter_[0] < 31
    last_cycle = model.n_iter_[0] // 2  # all cycles before are one pass shorter
    assert model.best_epoch_[0] <= last_cycle
