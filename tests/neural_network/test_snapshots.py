"""Snapshots against the predictions of all states that a training went through."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback

from skhep_dnn.neural_network import (
    CosineRestarts,
    ExponentialAverage,
    LinearCycles,
    Snapshots,
)
from skhep_dnn.neural_network._snapshots import Album
from skhep_dnn.preprocessing import SymmetryAugmenter

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

X_NEW = np.random.default_rng(4).normal(size=(20, 3)).astype(np.float32)


class Predictions(Callback):
    """Keeps state and probabilities of each member after each evaluation."""

    def __init__(self, X):
        self.X = X
        self.states, self.probabilities = [], []

    @torch.no_grad()
    def on_epoch_end(self, net, **_kwargs):
        state = net.module_.state_dict()
        self.states.append({name: value.clone() for name, value in state.items()})
        logit = net.module_.eval()(torch.from_numpy(self.X)).double()
        if logit.dim() == 2:
            self.probabilities.append(torch.sigmoid(logit).numpy())
        else:
            self.probabilities.append(torch.softmax(logit, 2).numpy())


def fit(model, events, *, validation=True):
    X, y, w = events
    valid = (X[100:], y[100:], w[100:]) if validation else ()
    return model.fit(X[:100], y[:100], w[:100], *valid)


def recorded(model, kind):
    """One list for each member, with an entry for each evaluation."""
    members = []
    for [(_, callback)] in model.callbacks_:
        values = getattr(callback, kind)
        if kind == "states":
            n_members = len(values[0]["output_weight"])
            members += [
                [{name: v[k] for name, v in state.items()} for state in values]
                for k in range(n_members)
            ]
        else:
            members += [[value[k] for value in values] for k in range(len(values[0]))]
    return members


def chosen(best, taken, n_snapshots):
    """Evaluations that count, of those `taken`: the best, then the latest before it."""
    return [best, *sorted((e for e in taken if e < best), reverse=True)][:n_snapshots]


def best_of(model, k):
    history = model.history_[model.history_["member"] == k]
    return int(np.flatnonzero(history["kept"])[0]) + 1


def weights_of(n_states, weighting):
    if weighting == "uniform":
        return np.full(n_states, 1 / n_states)
    w = np.array([1 / n for n in range(1, n_states + 1)])
    return w / w.sum()


def combined(model, taken, rule, rows=None, members=None):
    """Weighted mean probability over members and states, from what was recorded."""
    total, norm = 0.0, 0.0
    for k, own in enumerate(recorded(model, "probabilities")):
        if members is not None and k not in members:
            continue
        epochs = chosen(best_of(model, k), taken, rule.n_snapshots)
        shares = weights_of(len(epochs), rule.weighting)
        mean = sum(share * own[e - 1] for share, e in zip(shares, epochs, strict=True))
        total = total + model.member_weights_[k] * (
            mean if rows is None else mean[rows]
        )
        norm += model.member_weights_[k]
    return total / norm


# --- what is kept ---------------------------------------------------------------------


def test_weights_are_those_of_strong_2020():
    inverse, uniform = Snapshots(4), Snapshots(4, weighting="uniform")
    np.testing.assert_allclose(
        inverse.weights(4), np.array([1, 1 / 2, 1 / 3, 1 / 4]) / (25 / 12)
    )
    np.testing.assert_allclose(inverse.weights(2), [2 / 3, 1 / 3, 0, 0])
    np.testing.assert_allclose(inverse.weights(1), [1, 0, 0, 0])
    np.testing.assert_allclose(uniform.weights(4), np.full(4, 0.25))
    np.testing.assert_allclose(uniform.weights(3), [1 / 3, 1 / 3, 1 / 3, 0])


@pytest.mark.parametrize("n_snapshots", [1, 2, 5])
def test_an_album_forgets_nothing_that_counts(n_snapshots):
    rng = np.random.default_rng(n_snapshots)
    album = Album(Snapshots(n_snapshots))
    best_epoch, taken, most = np.zeros(4, dtype=np.int64), [], 0
    for epoch in range(1, 61):
        if epoch % 2 == 0:
            album.take(epoch, {"p": torch.full((4, 1), float(epoch))})
            taken.append(epoch)
        best_epoch[rng.random(4) < 0.1] = epoch
        album.forget(best_epoch)
        most = max(most, len(album.states))
        if not best_epoch.all():
            continue
        best = {"p": torch.from_numpy(best_epoch).float()[:, None]}
        state, weights = album.develop(best, best_epoch)
        rows = state["p"].view(4, n_snapshots).tolist()
        for k, row in enumerate(rows):
            expected = chosen(best_epoch[k], taken, n_snapshots)
            assert row[: len(expected)] == expected
            assert (weights[k] > 0).sum() == len(expected)
    assert most <= n_snapshots + 4 * (n_snapshots - 1)


@pytest.mark.parametrize(
    ("schedule", "taken"),
    [
        ("constant", range(1, 17)),
        ("one_cycle", range(1, 17)),
        (LinearCycles(1.5), [3, 6, 9, 12, 15]),
        (CosineRestarts(0.5, 2.0), [1, 3, 7, 15]),
        (LinearCycles(0.7), [2, 3, 5, 6, 7, 9, 10, 12, 13, 14, 16]),  # the next ones
    ],
    ids=["constant", "one_cycle", "linear", "cosine", "between evaluations"],
)
@pytest.mark.parametrize("rule", [Snapshots(3), Snapshots(4, "uniform")], ids=repr)
def test_snapshots_are_the_best_state_and_those_before(
    make_model, events, schedule, taken, rule
):
    model = make_model(
        n_members=3,
        schedule=schedule,
        snapshots=rule,
        learning_rate=0.2,
        max_epochs=8,
        evaluations_per_epoch=2,
        callbacks=[Predictions(X_NEW)],
    )
    fit(model, events)
    n = rule.n_snapshots
    assert len(model.net_.module_.output_weight) == 3 * n
    kept = model.net_.module_.state_dict()
    for k, states in enumerate(recorded(model, "states")):
        epochs = chosen(best_of(model, k), taken, n)
        for place, epoch in enumerate(epochs):
            for name, value in states[epoch - 1].items():
                assert torch.equal(kept[name][n * k + place], value), name
    probability = model.predict_proba(X_NEW)[:, 1]
    np.testing.assert_allclose(probability, combined(model, taken, rule), rtol=1e-5)


def test_without_a_validation_sample_the_last_state_is_the_best(make_model, events):
    rule = Snapshots(3)
    model = make_model(
        n_members=2,
        snapshots=rule,
        schedule=LinearCycles(2.0),
        max_epochs=7,
        callbacks=[Predictions(X_NEW)],
    )
    fit(model, events, validation=False)
    assert model.best_epoch_.tolist() == [7.0, 7.0]
    by_hand = combined(model, [2, 4, 6], rule)
    np.testing.assert_allclose(model.predict_proba(X_NEW)[:, 1], by_hand, rtol=1e-5)


def test_fewer_snapshots_than_asked_for_share_the_weight(make_model, events):
    rule = Snapshots(9)
    model = make_model(snapshots=rule, callbacks=[Predictions(X_NEW)])
    fit(model, events, validation=False)  # three passes
    by_hand = combined(model, range(1, 4), rule)
    np.testing.assert_allclose(model.predict_proba(X_NEW)[:, 1], by_hand, rtol=1e-5)
    assert len(model.net_.module_.output_weight) == 9


def test_snapshots_change_no_bit_of_the_training(make_model, events):
    options = {"n_members": 3, "max_epochs": 5, "dropout": 0.2}
    plain = fit(make_model(**options), events)
    for snapshots in ("sse", "fge", Snapshots(1)):
        model = fit(make_model(snapshots=snapshots, **options), events)
        pd.testing.assert_frame_equal(model.history_, plain.history_, check_exact=True)
        np.testing.assert_array_equal(model.best_loss_, plain.best_loss_)
    logits = model.decision_function(X_NEW)  # of one state each
    np.testing.assert_allclose(logits, plain.decision_function(X_NEW), rtol=1e-5)


# --- what is made of them -------------------------------------------------------------


def test_the_attributes_belong_to_members(make_model, events):
    plain = fit(make_model(n_members=3, batch_norm=True), events)
    model = make_model(
        n_members=3,
        batch_norm=True,
        snapshots=Snapshots(2),
        member_weighting="inverse_loss",
    )
    fit(model, events)
    assert model.n_parameters_ == plain.n_parameters_
    assert len(model.net_.module_.output_weight) == 3 * 2
    inverse = 1 / model.best_loss_
    np.testing.assert_allclose(model.member_weights_, inverse / inverse.sum())
    assert len(model.validation_scores_) == len(model.n_iter_) == 3


def test_members_states_and_variants_are_all_averaged(make_model, events):
    rule = Snapshots(3)
    augmenter = SymmetryAugmenter(cartesian=[(0, 1, 2)]).fit(X_NEW)
    variants = np.concatenate(list(augmenter.variants(X_NEW)))
    model = make_model(
        n_members=3,
        snapshots=rule,
        member_weighting="inverse_loss",
        augmenter=augmenter,
        max_epochs=6,
        learning_rate=0.2,
        callbacks=[Predictions(variants)],
    )
    fit(model, events)
    assert np.ptp(model.member_weights_) > 0.0
    mean = combined(model, range(1, 7), rule)
    assert np.ptp(mean.reshape(8, -1), axis=0).min() > 0.0
    expected = mean.reshape(8, -1).mean(axis=0)
    np.testing.assert_allclose(model.predict_proba(X_NEW)[:, 1], expected, rtol=1e-5)


def test_members_and_states_are_both_weighted(make_model, events):
    rule = Snapshots(3)
    model = make_model(
        n_members=3,
        snapshots=rule,
        member_weighting="inverse_loss",
        learning_rate=0.1,
        max_epochs=6,
        callbacks=[Predictions(X_NEW)],
    )
    fit(model, events)
    assert np.ptp(model.member_weights_) > 0.0
    by_hand = combined(model, range(1, 7), rule)
    np.testing.assert_allclose(model.predict_proba(X_NEW)[:, 1], by_hand, rtol=1e-5)


@pytest.mark.parametrize("rule", [Snapshots(3), Snapshots(2, "uniform")], ids=repr)
def test_out_of_fold_scores_are_those_of_the_untouched_member(make_model, events, rule):
    X, y, w = events
    folds = np.arange(150) % 3
    cv = [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(3)]
    model = make_model(
        n_members=3, cv=cv, snapshots=rule, max_epochs=4, callbacks=[Predictions(X)]
    ).fit(X, y, w)
    logits = model.oof_decision_function_
    for k in range(3):
        rows = folds == k
        by_hand = combined(model, range(1, 5), rule, rows=rows, members=[k])
        np.testing.assert_allclose(1 / (1 + np.exp(-logits[rows])), by_hand, rtol=1e-5)


def test_probabilities_of_several_classes_are_averaged(make_model, events):
    X, y, w = events
    y = np.where((y == "b") & (X[:, 0] > 0.0), "near", y)
    rule = Snapshots(3)
    model = make_model(
        n_members=2, snapshots=rule, max_epochs=5, callbacks=[Predictions(X_NEW)]
    )
    fit(model, (X, y, w))
    by_hand = combined(model, range(1, 6), rule)
    assert by_hand.shape == (20, 3)
    np.testing.assert_allclose(model.predict_proba(X_NEW), by_hand, rtol=1e-5)


def test_snapshots_are_pickled_and_cloned(make_model, events):
    model = fit(make_model(n_members=2, snapshots=Snapshots(3)), events)
    again = pickle.loads(pickle.dumps(model))
    logits = model.decision_function(X_NEW)
    np.testing.assert_array_equal(again.decision_function(X_NEW), logits)
    copy = clone(model)
    assert copy.snapshots == Snapshots(3)
    np.testing.assert_array_equal(fit(copy, events).decision_function(X_NEW), logits)


def test_processes_train_the_same_averages_and_snapshots(make_model, events):
    options = {
        "n_members": 3,
        "snapshots": Snapshots(3),
        "averaging": ExponentialAverage(0.9),
        "schedule": LinearCycles(1.0),
        "max_epochs": 5,
    }
    one = fit(make_model(**options), events)
    two = fit(make_model(n_jobs=2, **options), events)
    pd.testing.assert_frame_equal(one.history_, two.history_, check_exact=True)
    np.testing.assert_array_equal(
        one.decision_function(X_NEW), two.decision_function(X_NEW)
    )


def test_the_best_state_may_be_an_average_and_snapshots_are_running(make_model, events):
    model = make_model(
        snapshots=Snapshots(3, "uniform"),
        averaging=ExponentialAverage(0.9),
        max_epochs=5,
        callbacks=[Predictions(X_NEW)],
    )
    fit(model, events, validation=False)
    averaged = make_model(averaging=ExponentialAverage(0.9), max_epochs=5)
    average = fit(averaged, events, validation=False).predict_proba(X_NEW)[:, 1]
    (running,) = recorded(model, "probabilities")
    by_hand = (average + running[3] + running[2]) / 3
    np.testing.assert_allclose(model.predict_proba(X_NEW)[:, 1], by_hand, rtol=1e-5)


def test_a_score_says_which_state_comes_first(make_model, events):
    values = iter([0.1, 0.5, 0.3, 0.9, 0.2, 0.4])
    rule = Snapshots(3)
    model = make_model(
        snapshots=rule,
        scoring=lambda *_args, **_kwargs: next(values),
        max_epochs=6,
        callbacks=[Predictions(X_NEW)],
    )
    fit(model, events)
    assert best_of(model, 0) == 4
    by_hand = combined(model, range(1, 7), rule)
    np.testing.assert_allclose(model.predict_proba(X_NEW)[:, 1], by_hand, rtol=1e-5)


# --- going on -------------------------------------------------------------------------


@pytest.mark.parametrize("next_rule", [None, Snapshots(3), Snapshots(2)], ids=repr)
def test_a_warm_start_goes_on_from_the_best_states(make_model, events, next_rule):
    model = make_model(n_members=3, snapshots=Snapshots(3), warm_start=True)
    fit(model, events)
    state = model.net_.module_.state_dict()
    best = {name: value[::3].clone() for name, value in state.items()}
    n = 1 if next_rule is None else next_rule.n_snapshots
    model.set_params(learning_rate=1e-30, snapshots=next_rule, max_epochs=1)
    fit(model, events)
    for name, value in model.net_.module_.state_dict().items():
        assert len(value) == 3 * n
        assert torch.equal(value[::n], best[name]), name
    with pytest.raises(ValueError, match="another n_members"):
        fit(model.set_params(n_members=4), events)


def test_parts_of_a_sample_go_on_from_one_network_of_each_member(make_model, events):
    X, y, w = events
    model = make_model(snapshots=Snapshots(3), n_members=2, warm_start=True)
    with pytest.raises(ValueError, match="`snapshots` must be left at its default"):
        model.partial_fit(X, y, sample_weight=w)
    fit(model, events).set_params(snapshots=None)
    with pytest.raises(ValueError, match="must go on from one network of each member"):
        model.partial_fit(X, y, sample_weight=w)
    fit(model, events).partial_fit(X, y, sample_weight=w)
    assert len(model.net_.module_.output_weight) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Snapshots(0), "`n_snapshots` must be an int from 1, got 0"),
        (lambda: Snapshots(2.0), "`n_snapshots` must be an int from 1, got 2.0"),
        (lambda: Snapshots(weighting="rank"), '"inverse_rank" or "uniform", got'),
    ],
)
def test_snapshots_refuse_parameters_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_unknown_snapshots_are_refused(make_model, events):
    with pytest.raises(ValueError, match="The 'snapshots' parameter"):
        make_model(snapshots="all").fit(*events)


# --- Strong (2020) --------------------------------------------------------------------

OPTIONS_OF_003 = {
    "n_members": 2,
    "cv": 10,
    "validate_on_fold": True,
    "batch_size": 15,
    "learning_rate": 2e-3,
    "evaluations_per_epoch": 9,
    "early_stopping": True,
}


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.IgnoredParameterWarning")
def test_snapshot_ensembling_of_strong_2020(make_model, events):
    # cycles of 50 folds, the best state and up to four before it, weights 1/n
    model = make_model(
        schedule=CosineRestarts(first_cycle=50 / 9, multiplier=1.0),
        snapshots="sse",
        n_iter_no_change=2,
        max_epochs=12,
        callbacks=[Predictions(X_NEW)],
        **OPTIONS_OF_003,
    )
    model.fit(*events)
    rates = model.history_["learning_rate"].to_numpy()[:100]
    assert rates[[49, 99]] == pytest.approx(0.0, abs=1e-5)
    assert model.best_epoch_.max() > 50 / 9
    by_hand = combined(model, [50, 100], Snapshots(5))
    np.testing.assert_allclose(model.predict_proba(X_NEW)[:, 1], by_hand, rtol=1e-5)


def test_fast_geometric_ensembling_of_strong_2020(make_model, events):
    # cycles of five folds, the best state and eight before it, of equal weight
    model = make_model(
        schedule=LinearCycles(cycle=5 / 9),
        snapshots="fge",
        n_iter_no_change=9,
        max_epochs=7,
        callbacks=[Predictions(X_NEW)],
        **OPTIONS_OF_003,
    )
    model.fit(*events)
    ends = range(5, 64, 5)
    assert len(chosen(best_of(model, 0), ends, 9)) == 9
    by_hand = combined(model, ends, Snapshots(9, "uniform"))
    np.testing.assert_allclose(model.predict_proba(X_NEW)[:, 1], by_hand, rtol=1e-5)
    assert len(model.net_.module_.output_weight) == 2 * 9
