"""Networks on top of known logits: the loss, the truth, and what stays as it was."""

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.neural_network import (
    Member,
    TrainingSettings,
    fit_with_offset,
    train_members,
)

RNG = np.random.default_rng(3)
Y = np.arange(600) % 2
X = RNG.normal(size=(600, 2)) + (2 * Y - 1)[:, np.newaxis] * [0.7, 0.0]
W = np.where(Y == 1, 0.1, 5.0) * RNG.uniform(0.5, 1.5, size=600)


def small(**changes):
    options = {"n_layers": 1, "width": 8, "dropout": 0.0, "random_state": 0}
    return WeightedDNNClassifier(**{"max_epochs": 5, **options, **changes})


def states(model):
    return [value.numpy() for value in model.net_.module_.state_dict().values()]


@pytest.mark.parametrize("options", [{}, {"n_members": 2, "validation_fraction": 0.2}])
def test_an_offset_of_zero_changes_no_bit(options):
    plain = small(**options).fit(X, Y, W)
    zero = fit_with_offset(small(**options), X, Y, W, offset=np.zeros(600))
    for one, other in zip(states(plain), states(zero), strict=True):
        np.testing.assert_array_equal(one, other)
    columns = ["train_loss", "valid_loss"]
    np.testing.assert_array_equal(plain.history_[columns], zero.history_[columns])


def test_the_losses_are_those_of_the_sum():
    # One pass with a tiny learning rate: the network stays what it was initially.
    offset = RNG.normal(size=600)
    valid = np.arange(400, 600)
    member = Member(
        rows=np.arange(400),
        weights=np.ones(400),
        validation_rows=valid,
        validation_weights=np.full(200, 1 / 200),
    )
    settings = TrainingSettings(
        n_numeric=2,
        hidden_layer_sizes=[4],
        dropout=0.0,
        max_epochs=1,
        learning_rate=1e-12,
        schedule="constant",
    )
    trained = train_members(settings, [member], X, Y, offset=offset).run()
    logit = trained.logits(X) + offset
    losses = np.logaddexp(0.0, logit) - Y * logit
    (history,) = trained.histories
    assert history[0].train_loss == pytest.approx(losses[:400].mean(), rel=1e-5)
    assert history[0].valid_loss == pytest.approx(losses[valid].mean(), rel=1e-5)


def test_an_explicit_validation_sample_has_its_own_offset():
    rows, weights = np.arange(300), np.ones(300)
    member = Member(
        rows=rows, weights=weights, validation_rows=rows, validation_weights=weights
    )
    settings = TrainingSettings(n_numeric=2, hidden_layer_sizes=[4], max_epochs=2)
    offset = RNG.normal(size=600)
    outside = train_members(
        settings,
        [member],
        X[:300],
        Y[:300],
        X_val=X[300:],
        y_val=Y[300:],
        offset=offset[:300],
        offset_val=offset[300:],
    ).run()
    inside = Member(
        rows=rows,
        weights=weights,
        validation_rows=np.arange(300, 600),
        validation_weights=weights,
    )
    together = train_members(settings, [inside], X, Y, offset=offset).run()
    assert outside.histories[0][-1].valid_loss == together.histories[0][-1].valid_loss
    for missing in ({"offset": offset[:300]}, {"offset_val": offset[300:]}):
        with pytest.raises(ValueError, match="must not be None when the other is"):
            train_members(
                settings,
                [member],
                X[:300],
                Y[:300],
                X_val=X[300:],
                y_val=Y[300:],
                **missing,
            )


def test_the_network_learns_what_the_offset_lacks():
    model = small(max_epochs=60, learning_rate=0.02, numeric_embedding=None)
    truth = 2 * 0.7 * X[:, 0]  # the logit of two Gaussian classes of unit width
    known = fit_with_offset(clone(model), X, Y, offset=truth)
    half = fit_with_offset(clone(model), X, Y, offset=0.5 * truth)
    centre = np.abs(X[:, 0]) < 1.5
    assert np.abs(known.decision_function(X))[centre].mean() < 0.3
    slope = np.polyfit(truth[centre], half.decision_function(X)[centre], 1)[0]
    assert slope == pytest.approx(0.5, abs=0.2)


def test_several_classes_have_an_offset_for_each():
    y = np.arange(600) % 3
    features = RNG.normal(size=(600, 2)) + np.eye(3)[y][:, :2] * 2
    offset = log_softmax(RNG.normal(size=(600, 3)), axis=1)
    model = fit_with_offset(small(), features, y, offset=offset)
    assert model.decision_function(features).shape == (600, 3)
    # A constant of an event is in no probability.
    shifted = fit_with_offset(
        small(), features, y, offset=offset + RNG.normal(size=(600, 1))
    )
    np.testing.assert_allclose(
        model.decision_function(features),
        shifted.decision_function(features),
        atol=1e-3,
    )
    with pytest.raises(ValueError, match=r"of the shape \(600, 3\), got the shape"):
        fit_with_offset(small(), features, y, offset=np.zeros(600))


def test_events_of_weight_zero_lose_their_offset_with_them():
    w, offset = W.copy(), RNG.normal(size=600)
    w[::7] = 0.0
    kept = w != 0.0
    with_zeros = fit_with_offset(small(), X, Y, w, offset=offset)
    without = fit_with_offset(small(), X[kept], Y[kept], w[kept], offset=offset[kept])
    np.testing.assert_array_equal(
        with_zeros.decision_function(X), without.decision_function(X)
    )


def test_the_score_of_a_member_knows_the_offset():
    # The offset tells the classes apart, and the network learns next to nothing.
    model = small(
        validation_fraction=0.3, scoring="roc_auc", max_epochs=1, learning_rate=1e-12
    )
    fit_with_offset(model, X, Y, W, offset=100.0 * (2 * Y - 1))
    assert model.validation_scores_[0][0] == pytest.approx(1.0)


def test_the_same_bits_in_processes():
    model = small(n_members=2)
    offset = RNG.normal(size=600)
    one = fit_with_offset(clone(model), X, Y, W, offset=offset)
    two = fit_with_offset(clone(model).set_params(n_jobs=2), X, Y, W, offset=offset)
    np.testing.assert_array_equal(one.decision_function(X), two.decision_function(X))


def test_what_is_refused():
    with pytest.raises(TypeError, match="must be a WeightedDNNClassifier"):
        fit_with_offset(LogisticRegression(), X, Y, offset=np.zeros(600))
    with pytest.raises(ValueError, match="one row for each of the 600 events, got 5"):
        fit_with_offset(small(), X, Y, offset=np.zeros(5))
    with pytest.raises(ValueError, match="1 values that are not finite"):
        fit_with_offset(small(), X, Y, offset=np.r_[np.inf, np.zeros(599)])


@pytest.mark.skipif(
    not hasattr(WeightedDNNClassifier, "set_callbacks"), reason="scikit-learn below 1.9"
)
def test_callbacks_of_scikit_learn_are_refused():
    from sklearn.callback import ProgressBar  # noqa: PLC0415

    model = small()
    model.set_callbacks(ProgressBar())
    with pytest.raises(ValueError, match="must have no callbacks of scikit-learn"):
        fit_with_offset(model, X, Y, offset=np.zeros(600))
