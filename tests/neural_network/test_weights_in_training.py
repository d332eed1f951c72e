"""What event weights do to a training: the rules of the package, one by one."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_expit

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.exceptions import (
    DivergenceWarning,
    LowStatisticsWarning,
    NonFiniteLossError,
    WeightsError,
)
from skhep_dnn.metrics import weighted_roc_auc
from skhep_dnn.weights import validation_weights

# Samples are small here, and signed weights are kept: the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning",
    "ignore::skhep_dnn.exceptions.CancellingWeightsWarning",
)

MEMBERS = {
    "n_members": 2,
    "validation_fraction": 0.3,
    "dropout": 0.2,
    "activation": "prelu",
}


def scores(model, events, X=None):
    model.fit(*events[:2], sample_weight=events[2])
    return model.decision_function(events[0] if X is None else X)


def with_negative_weights(events, share=0.15):
    X, y, w = events
    sign = np.where(np.random.default_rng(3).random(len(y)) < share, -1.0, 1.0)
    return X, y, w * sign


@pytest.mark.parametrize(
    "options",
    [
        {},
        MEMBERS,
        {"n_members": 3, "cv": 3, "max_weight": 2.0},
        {"n_members": 3, "cv": 3, "max_weight": 2.0, "validate_on_fold": True},
        {"n_members": 2, "cv": 2, "validation_fraction": 0.3},
    ],
)
def test_weight_zero_equals_absent_to_the_bit(make_model, events, options):
    X, y, w = events
    absent = np.random.default_rng(0).random(len(y)) < 0.3
    zeroed = X.copy()
    zeroed[absent] = 1e6
    present = make_model(**options).fit(X[~absent], y[~absent], w[~absent])
    weighted = make_model(**options).fit(zeroed, y, np.where(absent, 0.0, w))
    np.testing.assert_array_equal(
        weighted.decision_function(X), present.decision_function(X)
    )
    pd.testing.assert_frame_equal(weighted.history_, present.history_, check_exact=True)
    pd.testing.assert_frame_equal(weighted.weight_report_, present.weight_report_)


def test_a_category_of_absent_events_is_unknown(make_model, events):
    X, y, w = events
    X = pd.DataFrame(X, columns=["a", "b", "c"]).assign(k=["u", "v", "z"] * 50)
    model = make_model(categorical_features=["k"])
    model.fit(X, y, np.where(X["k"] == "z", 0.0, w))
    assert model.net_.module_.embeddings[0].shape == (1, 2, 1)
    with pytest.raises(ValueError, match=r"column 'k' .* got \['z'\]"):
        model.predict(X)


@pytest.mark.parametrize("on_fold", [False, True])
def test_weight_zero_equals_absent_in_folds_given_as_positions(
    make_model, events, on_fold
):
    X, y, w = events
    folds = [(np.arange(75, 150), np.arange(75)), (np.arange(75), np.arange(75, 150))]
    absent = np.arange(150) % 5 == 0
    weighted = make_model(n_members=2, cv=folds, validate_on_fold=on_fold)
    weighted.fit(X, y, np.where(absent, 0.0, w))
    number = np.cumsum(~absent) - 1
    of_present = [
        tuple(number[part[~absent[part]]] for part in (train, valid))
        for train, valid in folds
    ]
    present = make_model(n_members=2, cv=of_present, validate_on_fold=on_fold)
    present.fit(X[~absent], y[~absent], w[~absent])
    np.testing.assert_array_equal(
        weighted.decision_function(X), present.decision_function(X)
    )
    pd.testing.assert_frame_equal(weighted.history_, present.history_, check_exact=True)
    pd.testing.assert_frame_equal(weighted.weight_report_, present.weight_report_)


def test_weight_zero_equals_absent_in_an_explicit_validation_sample(make_model, events):
    X, y, w = events
    zeroed, absent = X[100:].copy(), np.arange(50) % 4 == 0
    zeroed[absent] = -1e6
    present, weighted = make_model(), make_model()
    present.fit(X[:100], y[:100], w[:100], X[100:][~absent], y[100:][~absent],
                w[100:][~absent])  # fmt: skip
    weighted.fit(X[:100], y[:100], w[:100], zeroed, y[100:],
                 np.where(absent, 0.0, w[100:]))  # fmt: skip
    np.testing.assert_array_equal(weighted.best_loss_, present.best_loss_)
    pd.testing.assert_frame_equal(weighted.weight_report_, present.weight_report_)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"class_weight": None},
        {"l1": 1e-3, "l2": 1e-3},
        {"n_layers": 3, "connection": "dense", "schedule": "one_cycle"},
    ],
)
def test_weight_k_equals_k_copies_in_a_full_batch(make_model, events, options):
    X, y, _ = events
    k = np.random.default_rng(1).integers(0, 4, size=len(y))
    options = {"batch_size": 1000, "max_epochs": 15, **options}
    weighted = scores(make_model(**options), (X, y, k))
    copies = np.repeat(X, k, axis=0), np.repeat(y, k), None
    copied = scores(make_model(**options), copies, X)
    np.testing.assert_allclose(weighted, copied, rtol=1e-3, atol=1e-4)
    unweighted = scores(make_model(**options), (X, y, None))
    assert np.abs(weighted - unweighted).max() > 0.01


@pytest.mark.parametrize("unit", [2.0**-40, 2.0**10, 1e-12, 3.0, 1e9])
@pytest.mark.parametrize("class_weight", ["balanced", None])
def test_the_unit_of_the_weights_does_not_matter(
    make_model, events, unit, class_weight
):
    X, y, w = with_negative_weights(events)
    options = MEMBERS | {"max_weight": 2.5, "class_weight": class_weight}
    expected = scores(make_model(**options), (X, y, w))
    got = scores(make_model(**options), (X, y, unit * w))
    if unit in (2.0**-40, 2.0**10):
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)


def test_equal_weights_are_no_weights(make_model, events):
    X, y, _ = events
    expected = scores(make_model(**MEMBERS), (X, y, None))
    got = scores(make_model(**MEMBERS), (X, y, np.full(len(y), 0.25)))
    np.testing.assert_array_equal(got, expected)


def test_class_balance_makes_the_yield_of_a_class_irrelevant(make_model, events):
    X, y, w = events
    scaled = np.where(y == "s", 2.0**7 * w, w)
    balanced = [scores(make_model(), (X, y, v)) for v in (w, scaled)]
    np.testing.assert_array_equal(*balanced)
    as_given = [scores(make_model(class_weight=None), (X, y, v)) for v in (w, scaled)]
    assert as_given[1].mean() > as_given[0].mean() + 0.1


@pytest.mark.parametrize(("factor", "sign"), [(8.0, 1.0), (0.125, -1.0)])
def test_signal_weight_moves_the_scores_towards_its_class(
    make_model, events, factor, sign
):
    options = {"max_epochs": 10}
    plain = scores(make_model(**options), events)
    for pos_label, direction in ((None, 1.0), ("s", 1.0), ("b", -1.0)):
        model = make_model(signal_weight=factor, pos_label=pos_label, **options)
        assert sign * direction * (scores(model, events) - plain).mean() > 0.1


def test_policy_zero_equals_a_training_without_the_negative_events(make_model, events):
    X, y, w = with_negative_weights(events)
    zero = scores(make_model(negative_weights="zero"), (X, y, w))
    rest = w > 0.0
    without = scores(make_model(), (X[rest], y[rest], w[rest]), X)
    np.testing.assert_array_equal(zero, without)


def test_policy_abs_equals_a_training_on_absolute_weights(make_model, events):
    X, y, w = with_negative_weights(events)
    absolute = scores(make_model(negative_weights="abs"), (X, y, w))
    np.testing.assert_array_equal(absolute, scores(make_model(), (X, y, np.abs(w))))


def test_policies_differ_in_training_and_agree_in_validation(make_model, events):
    X, y, w = with_negative_weights(events)
    first = {}
    for policy in ("keep", "zero", "abs"):
        model = make_model(
            negative_weights=policy, learning_rate=1e-30, validation_fraction=0.4
        )
        model.fit(X, y, w)
        first[policy] = model.history_.iloc[0]
    assert len({row["train_loss"] for row in first.values()}) == 3
    # the scaling of the inputs follows the training weights, so do the losses a bit
    values = [row["valid_loss"] for row in first.values()]
    assert values == pytest.approx([values[0]] * 3, rel=0.05)


def test_policy_error_refuses_negative_weights(make_model, events):
    X, y, w = with_negative_weights(events)
    with pytest.raises(WeightsError, match="must not be negative with"):
        make_model(negative_weights="error").fit(X, y, w)
    np.testing.assert_array_equal(
        scores(make_model(negative_weights="error"), events),
        scores(make_model(), events),
    )


def test_the_validation_loss_is_the_balanced_log_loss_of_signed_weights(
    make_model, events
):
    X, y, w = with_negative_weights(events)
    model = make_model(
        negative_weights="abs", max_weight=1.5, signal_weight=3.0, learning_rate=1e-30
    )
    model.fit(X[:90], y[:90], w[:90], X[90:], y[90:], w[90:])
    z = model.decision_function(X[90:])
    loss = -log_expit(np.where(y[90:] == "s", z, -z))
    expected = (validation_weights(y[90:], w[90:]) * loss).sum()
    assert model.history_["valid_loss"].tolist() == pytest.approx([expected] * 3)
    assert model.best_loss_ == pytest.approx([expected])


@pytest.mark.parametrize("event", [0, 17, 80])
def test_all_weight_on_one_event_gives_the_loss_of_that_event(
    make_model, events, event
):
    X, y, _ = events
    w = np.full(len(y), 1e-30)
    w[event] = 1.0
    model = make_model(
        class_weight=None, learning_rate=1e-30, max_epochs=1, batch_size=7
    )
    model.fit(X, y, w)
    z = model.decision_function(X)[event]
    expected = -log_expit(z if y[event] == "s" else -z)
    assert model.history_["train_loss"][0] == pytest.approx(expected, rel=1e-5)


def test_all_validation_weight_on_two_events_gives_their_mean_loss(make_model, events):
    X, y, w = events
    pair = [np.flatnonzero(y == label)[3] for label in "bs"]
    w_val = np.full(len(y), 1e-30)
    w_val[pair] = [5.0, 0.1]
    model = make_model(learning_rate=1e-30, max_epochs=1)
    model.fit(X, y, w, X, y, w_val)
    z = model.decision_function(X)[pair]
    expected = -log_expit(z * [-1, 1]).mean()
    assert model.best_loss_[0] == pytest.approx(expected, rel=1e-5)


def test_batches_whose_weights_sum_to_zero_are_harmless(make_model, events):
    X, y, _ = events
    # pairs of opposite weights are frequent in batches of two
    w = np.where(np.arange(150) % 5 == 0, -1.0, 1.0)
    model = make_model(batch_size=2, class_weight=None, validation_fraction=0.3)
    model.fit(X, y, w)
    assert np.isfinite(model.history_[["train_loss", "valid_loss"]].to_numpy()).all()
    assert np.isfinite(model.decision_function(X)).all()


DIVERGING = {"max_epochs": 60, "learning_rate": 0.1, "width": 32, "batch_size": 150}


def test_a_training_loss_below_zero_without_validation_warns(make_model, events):
    X, y, w = with_negative_weights(events, share=0.4)
    w = np.where((y == "s") & (w < 0), -w, w)
    with pytest.warns(DivergenceWarning, match=r"of member 0 must .* got -") as caught:
        make_model(**DIVERGING).fit(X, y, w)
    (warning,) = [w for w in caught if w.category is DivergenceWarning]
    assert warning.filename == __file__
    message = str(warning.message)
    for remedy in (
        "`validation_fraction`",
        "`validate_on_fold`",
        "`X_val`",
        '"zero"',
        '"abs"',
    ):
        assert remedy in message


@pytest.mark.parametrize(
    "remedy",
    [
        {"validation_fraction": 0.3},
        {"cv": 2, "validate_on_fold": True, "random_state": 1},
        {"negative_weights": "zero"},
        {"negative_weights": "abs"},
    ],
)
def test_each_remedy_ends_the_divergence_warning(make_model, events, remedy):
    X, y, w = with_negative_weights(events, share=0.4)
    w = np.where((y == "s") & (w < 0), -w, w)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DivergenceWarning)
        make_model(**DIVERGING | remedy).fit(X, y, w)


def test_a_loss_that_is_not_finite_is_an_error_with_remedies(make_model, events):
    X, y, w = events
    with pytest.raises(
        NonFiniteLossError, match=r"must stay finite.*in epoch \d+\. Lower"
    ):
        make_model(learning_rate=1e35, n_layers=3).fit(X, y, w)


@pytest.mark.parametrize("n_members", [1, 3])
def test_few_effective_events_warn_once_per_fit(make_model, events, n_members):
    X, y, w = events
    w = w.copy()
    w[np.flatnonzero(y == "s")[:3]] *= 100.0
    options = {"cv": 3, "validate_on_fold": True, "negative_weights": "abs"}
    model = make_model(n_members=n_members, **options)
    with pytest.warns(LowStatisticsWarning) as caught:
        model.fit(X, y, w)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    report = model.weight_report_
    poorest = report.loc[report["n_eff"].idxmin()]
    assert str(caught[0].message).startswith(
        f"Class 's' has {poorest['n_eff']:.1f} effective events in the "
        f"{poorest['sample']} sample of member {poorest['member']}"
    )


def test_enough_effective_events_do_not_warn(make_model, events):
    X, y, w = events
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make_model(n_members=3, cv=3, validate_on_fold=True).fit(X, y, w)
    assert model.weight_report_["n_eff"].min() >= 10.0


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda _, w: w[:-1], {}, r"one weight for each of the 150 events"),
        (lambda y, w: np.where(y == "s", np.nan, w), {}, "must be finite"),
        (lambda _, w: 0.0 * w, {}, "only zero weights for 150 events"),
        (lambda y, w: np.where(y == "s", 0.0, w), {}, r"one class: \['b'\]"),
        (lambda y, w: np.where(y == "s", -w, w), {}, "more than zero .* class 's'"),
        (lambda _, w: w, {"class_weight": {"s": 1.0}}, "one factor for each"),
        (lambda _, w: w, {"pos_label": "x"}, "`pos_label` must be one of the classes"),
    ],
)
def test_weights_that_cannot_be_used_are_an_error(
    make_model, events, change, options, message
):
    X, y, w = events
    with pytest.raises(ValueError, match=message):
        make_model(**options).fit(X, y, change(y, w))


def test_nothing_passed_in_is_changed(make_model, events):
    X, y, w = with_negative_weights(events)
    X[::7, 1] = np.nan
    before = X.copy(), y.copy(), w.copy()
    options = MEMBERS | {"validation_fraction": None}
    model = make_model(negative_weights="abs", max_weight=1.0, **options)
    parameters = model.get_params()
    model.fit(X, y, w, X, y, w)
    for array, copy in zip((X, y, w), before, strict=True):
        np.testing.assert_array_equal(array, copy)
    for name, value in model.get_params().items():
        assert value is parameters[name]


@pytest.mark.parametrize("seed", [0, 1])
def test_early_stopping_copes_with_a_fifth_of_negative_events(seed):
    train = make_gaussian_events(
        6000, separation=1.5, negative_fraction=0.2, random_state=seed
    )
    test = make_gaussian_events(40_000, separation=1.5, random_state=100 + seed)
    model = WeightedDNNClassifier(
        n_layers=2,
        width=32,
        dropout=0.0,
        schedule="constant",
        learning_rate=1e-3,
        max_epochs=60,
        early_stopping=True,
        n_iter_no_change=5,
        validation_fraction=0.3,
        negative_weights="keep",
        random_state=0,
    )
    auc = []
    for weights in (train.sample_weight, np.ones(6000)):
        model.fit(train.data, train.target, sample_weight=weights)
        logit = model.decision_function(test.data)
        auc.append(weighted_roc_auc(test.target, logit, test.sample_weight))
    assert np.mean(train.sample_weight < 0.0) == pytest.approx(0.2, abs=0.01)
    assert auc[0] == pytest.approx(auc[1], abs=0.01)
