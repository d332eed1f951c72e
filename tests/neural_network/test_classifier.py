"""The public surface of the classifier: labels, options, columns, score."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from skhep_dnn.exceptions import WeightsError

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)


@pytest.mark.parametrize(
    "labels",
    [("b", "s"), (0, 1), (-1, 1), (False, True), (1.0, 7.0), ("signal-", "zz")],
)
def test_labels_of_any_kind_give_the_same_scores(make_model, events, labels):
    X, y, w = events
    own = np.where(y == "s", *labels[::-1])
    expected = make_model().fit(X, y, w)
    model = make_model().fit(X, own, w)
    assert model.classes_.tolist() == list(labels)
    np.testing.assert_array_equal(
        model.decision_function(X), expected.decision_function(X)
    )
    predicted = model.predict(X)
    assert predicted.dtype == own.dtype
    np.testing.assert_array_equal(predicted == labels[1], expected.predict(X) == "s")
    assert model.score(X, own, w) == expected.score(X, y, w)


def test_it_learns(make_model):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=600)
    X = rng.normal(size=(600, 2)) + 2.0 * y[:, None]
    model = make_model(max_epochs=10, n_members=2).fit(X[:400], y[:400])
    auc = roc_auc_score(y[400:], model.decision_function(X[400:]))
    best = roc_auc_score(y[400:], X[400:].sum(axis=1))
    assert auc > best - 0.01


@pytest.mark.parametrize("activation", ["relu", "prelu", "selu", "swish", "tanh"])
@pytest.mark.parametrize("connection", ["plain", "dense"])
def test_activations_and_connections_are_passed_on(
    make_model, events, activation, connection
):
    options = {"activation": activation, "connection": connection, "n_layers": 2}
    model = make_model(max_epochs=8, **options).fit(*events)
    module = model.net_.module_
    assert module.connection == connection
    assert type(module.activations[0]).__name__ == (
        "PReLU" if activation == "prelu" else "_Function"
    )
    losses = model.history_["train_loss"]
    assert losses.iloc[-1] < losses.iloc[0]


@pytest.mark.parametrize("sizes", [[4], (6, 3), np.array([5, 5, 2])])
def test_hidden_layer_sizes_replace_layers_and_width(make_model, events, sizes):
    model = make_model(hidden_layer_sizes=sizes, n_layers=9, width=99).fit(*events)
    assert model.net_.module_.hidden_layer_sizes == tuple(int(n) for n in sizes)
    equal = make_model(n_layers=2, width=5).fit(*events)
    same = make_model(hidden_layer_sizes=[5, 5]).fit(*events)
    np.testing.assert_array_equal(
        equal.decision_function(events[0]), same.decision_function(events[0])
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"n_layers": 2},
        {"width": 9},
        {"activation": "tanh"},
        {"n_layers": 2, "connection": "dense"},
        {"dropout": 0.3},
        {"l1": 0.01},
        {"l2": 0.01},
        {"learning_rate": 0.02},
        {"optimizer_eps": 1e-2},
        {"schedule": "one_cycle"},
        {"batch_size": 50},
        {"max_epochs": 4},
        {"validation_fraction": 0.3},
        {"cv": 3},
        {"cv": 3, "validate_on_fold": True},
        {"negative_weights": "zero"},
        {"max_weight": 1.1},
        {"class_weight": None},
        {"class_weight": {"b": 2.0, "s": 30.0}},
        {"signal_weight": 2.0},
        {"signal_weight": 2.0, "pos_label": "b"},
        {"n_members": 2},
        {"random_state": 1},
    ],
)
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_each_parameter_has_an_effect(make_model, events, changes):
    X, y, w = events
    w = np.where(np.arange(150) % 10 == 0, -0.5 * w, w)
    plain = make_model().fit(X, y, w).decision_function(X)
    assert (make_model(**changes).fit(X, y, w).decision_function(X) != plain).any()


def test_a_large_penalty_shrinks_the_weights(make_model, events):
    def size(**changes):
        model = make_model(max_epochs=30, learning_rate=0.02, **changes).fit(*events)
        first = model.net_.module_.weights[0].detach().abs()
        return first.mean().item()

    plain = size()
    assert size(l1=1.0) < 0.1 * plain
    assert size(l2=1.0) < 0.1 * plain


def test_an_array_gives_the_scores_of_the_frame(make_model, mixed_events):
    X, y, w = mixed_events
    framed = make_model(categorical_features=["channel", "jets"]).fit(X, y, w)
    objects = X.to_numpy(dtype=object)
    model = make_model(categorical_features=[1, 4]).fit(objects, y, w)
    expected = framed.decision_function(X)
    np.testing.assert_array_equal(model.decision_function(objects), expected)
    assert framed.feature_names_in_.tolist() == list(X.columns)
    assert framed.n_features_in_ == model.n_features_in_ == 5
    assert not hasattr(model, "feature_names_in_")


def test_lists_give_the_scores_of_the_array(make_model, events):
    X, y, w = events
    expected = make_model().fit(X, y, w).decision_function(X)
    model = make_model().fit(X.tolist(), y.tolist(), w.tolist())
    np.testing.assert_array_equal(model.decision_function(X.tolist()), expected)
    series = make_model().fit(X, pd.Series(y), pd.Series(w, index=range(500, 650)))
    np.testing.assert_array_equal(series.decision_function(X), expected)


@pytest.mark.parametrize("marker", [np.nan, None, -999.0])
def test_undefined_values_of_any_kind_are_the_same(make_model, events, marker):
    X, y, w = events
    holes = np.random.default_rng(0).random(X.shape) < 0.2
    filled = np.where(holes, np.nan, X)
    expected = make_model(missing_values=-999.0).fit(filled, y, w)
    marked = X.astype(object)
    marked[holes] = marker
    model = make_model(missing_values=-999.0).fit(marked, y, w)
    np.testing.assert_array_equal(
        model.decision_function(marked), expected.decision_function(filled)
    )


def test_a_column_in_another_unit_gives_the_same_scores(make_model, events):
    X, y, w = events
    expected = make_model().fit(X, y, w).decision_function(X)
    in_mev = X * np.float32(2.0**10)
    got = make_model().fit(in_mev, y, w).decision_function(in_mev)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_categories_are_learnt(make_model):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=300)
    kind = np.where(y == 1, "muon", np.where(rng.random(300) < 0.5, "tau", "electron"))
    X = pd.DataFrame({"kind": kind, "noise": rng.normal(size=300)})
    model = make_model(categorical_features=["kind"], max_epochs=20).fit(X, y)
    assert model.score(X, y) == 1.0
    assert model.net_.module_.embeddings[0].shape == (1, 3, 2)


def test_all_columns_may_be_categories(make_model, mixed_events):
    X, y, w = mixed_events
    X = X[["channel", "jets"]]
    model = make_model(categorical_features=[True, True]).fit(X, y, w)
    # equal events have equal scores, in whatever order they come
    scores = model.decision_function(X)
    assert len(set(scores)) == 12
    np.testing.assert_array_equal(model.decision_function(X[::-1]), scores[::-1])


def test_an_unknown_category_in_prediction_is_an_error(make_model, mixed_events):
    X, y, w = mixed_events
    model = make_model(categorical_features=["channel"]).fit(X, y, w)
    with pytest.raises(ValueError, match=r"column 'channel' must be .*got \['nu'\]"):
        model.predict(X.assign(channel="nu"))
    with pytest.raises(ValueError, match=r"column 'channel' must be"):
        model.fit(X, y, w, X.assign(channel="nu"), y, w)


def test_columns_in_another_order_are_an_error(make_model, mixed_events):
    X, y, w = mixed_events
    model = make_model(categorical_features=["channel"]).fit(X, y, w)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(X[X.columns[::-1]])


def test_score_is_the_weighted_accuracy_with_signed_sums(make_model, events):
    X, y, w = events
    model = make_model(max_epochs=10).fit(X, y, w)
    right = model.predict(X) == y
    assert model.score(X, y) == pytest.approx(right.mean())
    assert model.score(X, y, w) == pytest.approx(w[right].sum() / w.sum())
    signed = w.copy()
    signed[np.flatnonzero(~right)[:5]] *= -1.0
    expected = signed[right].sum() / signed.sum()
    assert model.score(X, y, signed) == pytest.approx(expected)
    heavy = np.where(right, 1.0, -0.5)
    assert model.score(X, y, heavy) > 1.0


def test_score_refuses_what_it_cannot_weigh(make_model, events):
    X, y, w = events
    model = make_model().fit(X, y, w)
    with pytest.raises(WeightsError, match="sum to more than zero, got -"):
        model.score(X, y, -w)
    with pytest.raises(WeightsError, match="one weight for each of the 150"):
        model.score(X, y, w[:-1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.score(X, y[:-1])
    with pytest.raises(ValueError, match="Mix of label input types"):
        model.score(X, (y == "s").astype(int))


def test_the_decision_function_points_to_the_second_class_whatever_pos_label(
    make_model, events
):
    X, y, w = events
    first, second = (
        make_model(pos_label=label).fit(X, y, w).decision_function(X)
        for label in ("b", None)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("verbose", [0, 1])
def test_a_progress_bar_goes_to_stderr_if_asked_for(
    make_model, events, capsys, verbose
):
    X, y, w = events
    make_model(n_members=2, validation_fraction=0.3, verbose=verbose).fit(X, y, w)
    out, err = capsys.readouterr()
    assert out == ""
    if verbose:
        assert "member 0:" in err
        assert "member 1:" in err
        assert re.search(r"3/3 .*train_loss=\d\.\d+, valid_loss=\d\.\d+", err)
    else:
        assert err == ""


def test_categories_can_be_told_by_their_dtype(make_model, mixed_events):
    X, y, w = mixed_events
    typed = X.assign(channel=X["channel"].astype("category"))
    by_dtype = make_model(categorical_features="from_dtype").fit(typed, y, w)
    by_name = make_model(categorical_features=["channel"]).fit(X, y, w)
    np.testing.assert_array_equal(
        by_dtype.decision_function(typed), by_name.decision_function(X)
    )
    assert by_dtype.encoder_.categorical_ == [1]
    # what counts in prediction is which columns were categories in the fit
    np.testing.assert_array_equal(
        by_dtype.decision_function(X), by_name.decision_function(X)
    )
    numbers = X.drop(columns="channel").to_numpy()
    plain = make_model(categorical_features="from_dtype").fit(numbers, y, w)
    assert plain.encoder_.categorical_ == []


def test_the_size_of_a_pickle_does_not_depend_on_the_number_of_events(
    make_model, mixed_events
):
    X, y, w = mixed_events
    options = {"categorical_features": ["channel"], "validation_fraction": 0.3}
    few = make_model(**options).fit(X, y, w)
    X_many = pd.concat([X] * 20, ignore_index=True)
    many = make_model(**options).fit(X_many, np.tile(y, 20), np.tile(w, 20))
    size_few, size_many = (len(pickle.dumps(model)) for model in (few, many))
    assert abs(size_many - size_few) < 200
