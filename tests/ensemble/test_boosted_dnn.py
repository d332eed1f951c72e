"""BoostedDNN: its forms, its weights, its stops, and scikit-learn's contract."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import AdaBoostClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skhep_dnn import BoostedDNN, WeightedDNNClassifier
from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.ensemble import SymmetryAveragedClassifier
from skhep_dnn.exceptions import MissingWeightsError, WeightsError
from skhep_dnn.metrics import balanced_log_loss_from_logits, weighted_roc_auc
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import SymmetryAugmenter

METHODS = ["gradient", "vote", "reweight"]
STUMP = DecisionTreeClassifier(max_depth=1)
NETWORK = WeightedDNNClassifier(
    n_layers=1, width=8, dropout=0.0, max_epochs=3, learning_rate=0.05
)


def arrays(n_events=1500, seed=0, **options):
    events = make_gaussian_events(n_events, random_state=seed, **options)
    return events.data.to_numpy(), events.target, events.sample_weight


@pytest.fixture(scope="module")
def events():
    return arrays()


@pytest.fixture(scope="module")
def signed():
    """Events of which a tenth of the background has a negative weight."""
    X, y, w = arrays(seed=2)
    w = w.copy()
    w[np.flatnonzero(y == "b")[::10]] *= -1.0
    return X, y, w


def boosted(estimator=STUMP, **options):
    options = {"n_estimators": 4, "random_state": 0, **options}
    return BoostedDNN(estimator, **options)


class Recorder(ClassifierMixin, BaseEstimator):
    """Keep what fit gets; answer by a cut on the first column that moves."""

    def fit(self, X, y, sample_weight):
        self.classes_, self.n_ = np.unique(y), len(y)
        self.sample_weight_ = sample_weight
        self.cut_ = np.average(X[:, 0], weights=np.abs(sample_weight))
        return self

    def predict_proba(self, X):
        p = expit(X[:, 0] - self.cut_)
        return np.column_stack([1.0 - p, p])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


# ------------------------------------------------------------------ the three forms


def test_vote_is_adaboost():
    # Without weights, in balanced classes and with shared seeds: SAMME itself.
    X, y, _ = arrays(600, seed=5)
    order = np.argsort(y, kind="stable")
    rows = np.concatenate([order[:200], order[-200:]])
    X, y = X[rows], y[rows]
    own = boosted(
        STUMP,
        method="vote",
        n_estimators=8,
        learning_rate=0.7,
        validation_fraction=None,
    ).fit(X, y)
    other = AdaBoostClassifier(STUMP, n_estimators=8, learning_rate=0.7, random_state=0)
    other.fit(X, y)
    np.testing.assert_allclose(own.estimator_errors_, other.estimator_errors_)
    np.testing.assert_allclose(own.estimator_weights_, other.estimator_weights_)
    np.testing.assert_array_equal(own.predict(X), other.predict(X))
    # There the difference of two columns counts a vote twice and is normalised.
    total = other.estimator_weights_.sum() / 2.0
    np.testing.assert_allclose(
        own.decision_function(X), total * other.decision_function(X), atol=1e-12
    )


def test_reweight_raises_the_weights_of_missed_events(events):
    X, y, w = events
    model = boosted(
        Recorder(), method="reweight", boost_factor=3.0, validation_fraction=None
    ).fit(X, y, w)
    codes = (y == "s").astype(int)
    balanced = w / np.bincount(codes, w)[codes]
    b = np.ones(len(y))
    for fitted in model.estimators_:
        expected = balanced * b
        expected /= np.abs(expected).mean()
        np.testing.assert_allclose(fitted.sample_weight_, expected)
        b = np.where(fitted.predict(X) != y, 3.0 * b, b)
    last = model.estimators_[-1]
    np.testing.assert_array_equal(model.predict(X), last.predict(X))
    np.testing.assert_allclose(model.predict_proba(X), last.predict_proba(X))
    assert set(model.estimator_weights_) == {1.0}


def test_networks_can_go_on_instead_of_being_trained_anew(events):
    X, y, w = events
    options = {"method": "reweight", "validation_fraction": None, "n_estimators": 3}
    fixed = clone(NETWORK).set_params(random_state=0)
    going_on = boosted(fixed, continue_training=True, **options).fit(X, y, w)
    anew = boosted(fixed, **options).fit(X, y, w)
    # The first is the same; by the third one has trained for three times as long.
    first = [model.estimators_[0].history_["train_loss"] for model in (going_on, anew)]
    np.testing.assert_array_equal(*first)
    one, other = (model.estimators_[2].history_ for model in (going_on, anew))
    assert one["train_loss"].iloc[0] < other["train_loss"].iloc[0]
    assert len({id(model.net_) for model in going_on.estimators_}) == 3


def test_gradient_by_offset_and_by_weights_find_the_same_correction():
    # One step on top of half of the logit, by a network that knows it and by one that
    # is weighted; the truth is linear.
    X, y, w = arrays(6000, seed=1)
    half = LogisticRegression(C=3e-5, solver="newton-cholesky")  # shrunk
    network = WeightedDNNClassifier(
        n_layers=1, width=16, dropout=0.0, max_epochs=15, random_state=0
    )
    corrections = {}
    for name, base in (
        ("offset", network),
        ("weights", make_weighted_pipeline(StandardScaler(), network)),
    ):
        model = boosted(base, init=half, n_estimators=1, learning_rate=1.0)
        model.fit(X, y, w)
        corrections[name] = model.estimators_[0].decision_function(X)
    known = model._start.scores(X)
    assert np.std(known[:, 1] - known[:, 0]) < 1.5  # much is left to learn
    one, other = corrections["offset"], corrections["weights"]
    assert np.corrcoef(one, other)[0, 1] > 0.97
    assert np.polyfit(one, other, 1)[0] == pytest.approx(1.0, abs=0.3)


def test_gradient_of_stumps_lowers_the_loss_where_one_is_not_enough(events):
    X, y, w = events
    new = arrays(10_000, seed=9)
    model = boosted(n_estimators=30, learning_rate=0.5).fit(X, y, w)
    losses = [
        balanced_log_loss_from_logits(new[1], score, new[2])
        for score in model.staged_decision_function(new[0])
    ]
    assert losses[-1] < losses[0] - 0.05
    best = balanced_log_loss_from_logits(
        new[1], model.decision_function(new[0]), new[2]
    )
    assert best == pytest.approx(losses[model.n_iter_ - 1])


def test_the_step_without_validation_events_is_the_learning_rate(events):
    X, y, w = events
    model = boosted(learning_rate=0.3, validation_fraction=None).fit(X, y, w)
    np.testing.assert_array_equal(model.estimator_weights_, np.full(4, 0.3))
    searched = boosted(learning_rate=0.3, max_step=1.5).fit(X, y, w)
    assert (searched.estimator_weights_ <= 0.3 * 1.5 + 1e-12).all()
    assert len(set(searched.estimator_weights_)) > 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("estimator", [NETWORK, DecisionTreeClassifier(max_depth=2)])
def test_several_classes(method, estimator):
    rng = np.random.default_rng(0)
    y = np.array(["W", "Z", "top"])[np.arange(900) % 3]
    means = {"W": [2.0, 0.0], "Z": [0.0, 2.0], "top": [-1.0, -1.0]}
    X = rng.normal(size=(900, 2)) + np.array([means[label] for label in y])
    w = rng.uniform(0.5, 1.5, 900) * (1.0 + 9.0 * (y == "Z"))
    model = boosted(estimator, method=method, n_estimators=6).fit(X, y, w)
    assert model.decision_function(X).shape == (900, 3)
    probability = model.predict_proba(X)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    np.testing.assert_array_equal(
        model.predict(X), model.classes_[probability.argmax(axis=1)]
    )
    assert model.score(X, y, w) > 0.75
    assert model.validation_scores_[model.n_iter_] > -np.log(3.0)


# -------------------------------------------------------------------------- weights


@pytest.mark.parametrize("method", METHODS)
def test_the_estimator_gets_signed_weights_times_positive_factors(method, signed):
    X, y, w = signed
    model = boosted(Recorder(), method=method, validation_fraction=None).fit(X, y, w)
    last = model.estimators_[-1].sample_weight_
    np.testing.assert_array_equal(np.sign(last), np.sign(w))
    codes = (y == "s").astype(int)
    ratio = last / (w / np.bincount(codes, w)[codes])
    assert (model.boost_factors_ > 0.0).all()
    np.testing.assert_allclose(
        ratio / ratio[0], model.boost_factors_ / model.boost_factors_[0]
    )
    errors = model.estimator_errors_
    assert ((errors >= 0.0) & (errors <= 1.0)).all()


def test_validation_uses_signed_weights_and_training_the_policy(signed):
    X, y, w = signed
    model = boosted(Recorder(), negative_weights="zero", n_estimators=2)
    model.fit(X[:1000], y[:1000], w[:1000], X[1000:], y[1000:], w[1000:])
    assert (model.estimators_[0].sample_weight_ >= 0.0).all()
    score = list(model.staged_decision_function(X[1000:]))[-1]
    loss = balanced_log_loss_from_logits(y[1000:], score, w[1000:])
    assert model.validation_scores_[-1] == pytest.approx(-loss)
    train = list(model.staged_decision_function(X[:1000]))[-1]
    loss = balanced_log_loss_from_logits(y[:1000], train, w[:1000])
    assert model.train_score_[-1] == pytest.approx(-loss)


def test_the_rules_of_a_network_are_applied_before_the_factors(signed):
    X, y, w = signed
    network = clone(NETWORK).set_params(negative_weights="abs", signal_weight=3.0)
    model = boosted(network, method="reweight", validation_fraction=None).fit(X, y, w)
    report = model.estimators_[0].weight_report_.set_index("class")["yield"]
    assert report["s"] / report["b"] == pytest.approx(3.0)
    assert (model.estimators_[-1].weight_report_["negative_fraction"] == 0.0).all()
    assert network.negative_weights == "abs"  # that of the user is not touched


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("estimator", [STUMP, NETWORK])
def test_the_unit_of_the_weights_does_not_matter(method, estimator, signed):
    X, y, w = signed
    models = [
        boosted(estimator, method=method).fit(X, y, factor * w) for factor in (1, 1024)
    ]
    scores = [model.decision_function(X) for model in models]
    np.testing.assert_allclose(*scores, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_an_event_of_weight_zero_is_as_good_as_absent(method, events):
    X, y, w = events
    w = w.copy()
    w[::5] = 0.0
    kept = w != 0.0
    one = boosted(method=method).fit(X, y, w)
    other = boosted(method=method).fit(X[kept], y[kept], w[kept])
    np.testing.assert_array_equal(one.decision_function(X), other.decision_function(X))
    assert np.isnan(one.boost_factors_[~kept]).all()


@pytest.mark.parametrize("method", METHODS)
def test_weight_two_is_the_event_twice(method, events):
    X, y, w = events
    X, y, w = X[:300], y[:300], w[:300]
    twice = np.arange(300) % 3 == 0
    options = {"method": method, "validation_fraction": None}
    one = boosted(**options).fit(X, y, np.where(twice, 2.0 * w, w))
    copies = [np.concatenate([part, part[twice]]) for part in (X, y, w)]
    other = boosted(**options).fit(*copies)
    np.testing.assert_allclose(
        one.decision_function(X), other.decision_function(X), rtol=1e-9, atol=1e-9
    )


# ------------------------------------------------------------- stops and iterations


class Worsening(ClassifierMixin, BaseEstimator):
    """Predict ever worse: the logit of each fit is further away from the truth."""

    n_fits = 0

    def fit(self, X, y, sample_weight):  # noqa: ARG002
        self.classes_ = np.unique(y)
        Worsening.n_fits += 1
        self.slope_ = 2.0 - 0.5 * Worsening.n_fits
        return self

    def predict_proba(self, X):
        p = expit(self.slope_ * X.sum(axis=1))
        return np.column_stack([1.0 - p, p])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def test_boosting_ends_when_the_validation_score_falls():
    X, y, w = arrays()
    Worsening.n_fits = 0
    model = boosted(Worsening(), method="reweight", n_estimators=9, n_iter_no_change=2)
    model.fit(X, y, w)
    best = int(np.nanargmax(model.validation_scores_))
    assert model.n_iter_ == best
    assert len(model.estimators_) == best + 2
    np.testing.assert_allclose(
        model.predict_proba(X), model.estimators_[best - 1].predict_proba(X)
    )
    Worsening.n_fits = 0
    all_of_them = boosted(
        Worsening(), method="reweight", n_estimators=6, n_iter_no_change=None
    ).fit(X, y, w)
    assert all_of_them.n_iter_ == len(all_of_them.estimators_) == 6


def test_tol_is_the_gain_that_counts(events):
    X, y, w = events
    patient = boosted(n_estimators=20, n_iter_no_change=2).fit(X, y, w)
    hasty = boosted(n_estimators=20, n_iter_no_change=2, tol=0.05).fit(X, y, w)
    assert len(hasty.estimators_) < len(patient.estimators_)


def test_scoring_decides_which_iteration_is_best(events):
    X, y, w = events
    model = boosted(NETWORK, scoring="roc_auc", n_estimators=3)
    model.fit(X[:1000], y[:1000], w[:1000], X[1000:], y[1000:], w[1000:])
    stages = model.staged_decision_function(X[1000:])
    auc = [weighted_roc_auc(y[1000:], score, w[1000:]) for score in stages]
    np.testing.assert_allclose(model.validation_scores_[1:], auc)
    assert model.n_iter_ == int(np.argmax(auc)) + 1


@pytest.mark.parametrize("method", METHODS)
def test_stages_end_where_the_predictions_are(method, events):
    X, y, w = events
    model = boosted(method=method, n_iter_no_change=None).fit(X, y, w)
    for staged, whole in (
        (model.staged_decision_function(X), model.decision_function(X)),
        (model.staged_predict_proba(X), model.predict_proba(X)),
        (model.staged_predict(X), model.predict(X)),
    ):
        stages = list(staged)
        assert len(stages) == 4
        np.testing.assert_allclose(
            *(
                part if part.dtype.kind == "f" else part == "s"
                for part in (stages[-1], whole)
            )
        )
    scores = list(model.staged_score(X, y, w))
    assert scores[-1] == pytest.approx(model.score(X, y, w))
    assert list(model.boosting_path_.index) == [0, 1, 2, 3, 4]
    assert len(model.train_score_) == len(model.validation_scores_) == 5


def test_without_errors_there_is_nothing_to_boost():
    X = np.r_[np.zeros(20), np.ones(20)][:, np.newaxis]
    y = np.repeat(["b", "s"], 20)
    for method in ("vote", "reweight"):
        model = boosted(method=method, validation_fraction=None).fit(X, y)
        assert len(model.estimators_) == 1
        assert np.isfinite(model.decision_function(X)).all()


class Wrong(Recorder):
    """Name the other class."""

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmin(axis=1)]


def test_a_vote_must_be_better_than_chance(events):
    X, y, w = events
    with pytest.raises(ValueError, match="better than chance, with an error rate"):
        boosted(Wrong(), method="vote").fit(X, y, w)


# ----------------------------------------------------------------------------- init


def test_boosting_starts_from_out_of_fold_logits(events):
    X, y, w = events
    trees = HistGradientBoostingClassifier(
        max_iter=10, max_leaf_nodes=4, random_state=0
    )
    model = boosted(NETWORK, init=trees, cv=3).fit(X, y, w)
    assert len(model.init_estimators_) == 3
    mean = np.mean([m.decision_function(X) for m in model.init_estimators_], axis=0)
    start = model._start.scores(X)
    np.testing.assert_allclose(start[:, 1] - start[:, 0], mean, atol=1e-9)
    shift = model.init_shift_
    assert shift["mean"] <= shift["one_fold"]  # the loss is convex in the logit
    assert shift["spread"] > 0.0
    assert -model.train_score_[0] == pytest.approx(shift["out_of_fold"])
    assert -model.validation_scores_[0] == pytest.approx(shift["mean"])


def test_the_start_does_not_leak():
    # Labels that are pure chance: a tree of full depth knows those that it has seen.
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 4)), rng.integers(0, 2, 600)
    deep = DecisionTreeClassifier(random_state=0)
    model = boosted(STUMP, init=deep, cv=4, n_estimators=2).fit(X, y)
    train = np.isfinite(model.boost_factors_)
    in_sample = [m.score(X[train], y[train]) for m in model.init_estimators_]
    assert min(in_sample) > 0.8
    assert model.init_shift_["out_of_fold"] > 1.0  # sure of itself, and wrong


class Noise(Recorder):
    """Answer at random, surely."""

    def predict_proba(self, X):
        p = expit(20.0 * np.sin(1e4 * X[:, 0]))
        return np.column_stack([1.0 - p, p])


def test_where_nothing_helps_the_start_predicts(events):
    X, y, w = events
    model = boosted(Noise(), init=LogisticRegression(), n_iter_no_change=2)
    model.fit(X, y, w)
    np.testing.assert_allclose(model.estimator_weights_, 0.0, atol=1e-3)
    mean = np.mean([m.decision_function(X) for m in model.init_estimators_], axis=0)
    np.testing.assert_allclose(model.decision_function(X), mean, atol=0.02)
    assert model.validation_scores_[model.n_iter_] >= model.validation_scores_[0]


def test_groups_stay_together_in_the_folds_of_the_start():
    # Copies of pure chance: apart, a tree of full depth would know their labels.
    rng = np.random.default_rng(1)
    X = np.repeat(rng.normal(size=(200, 3)), 3, axis=0)
    y = np.repeat(rng.integers(0, 2, 200), 3)
    groups = np.repeat(np.arange(200), 3)
    deep = DecisionTreeClassifier(random_state=0)
    together = boosted(STUMP, init=deep).fit(X, y, groups=groups)
    apart = boosted(STUMP, init=deep).fit(X, y)
    assert together.init_shift_["out_of_fold"] > 1.0
    assert apart.init_shift_["out_of_fold"] < 0.5 * together.init_shift_["out_of_fold"]
    held = np.isnan(together.boost_factors_)
    assert not set(groups[held]) & set(groups[~held])


def test_the_start_is_on_the_prior_that_is_boosted():
    # Nine times as many background events without weights: balanced for who takes
    # weights, and as they are for who does not.
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1], [1800, 200])
    X = rng.normal(size=(2000, 2)) + y[:, np.newaxis]
    at_half = np.array([[0.5, 0.5]])
    balanced = boosted(STUMP, init=LogisticRegression(), n_estimators=1).fit(X, y)
    assert balanced.init_decision_function(at_half)[0] == pytest.approx(0.0, abs=0.3)
    neighbours = boosted(STUMP, init=KNeighborsClassifier(50), n_estimators=1).fit(X, y)
    assert neighbours.init_decision_function(at_half)[0] < -1.0
    with pytest.raises(TypeError, match="must accept `sample_weight`"):
        boosted(STUMP, init=KNeighborsClassifier()).fit(X, y, np.where(y, 9.0, 1.0))


def test_a_score_that_is_never_defined_is_refused(events):
    X, y, w = events
    with pytest.raises(ValueError, match="a finite score after some iteration"):
        boosted(scoring=lambda *_, **__: np.nan, n_estimators=2).fit(X, y, w)


def test_a_network_can_be_the_start(events):
    X, y, w = events
    model = boosted(STUMP, init=NETWORK, cv=2, n_estimators=2).fit(X, y, w)
    assert [type(m) for m in model.init_estimators_] == [WeightedDNNClassifier] * 2
    assert model.validation_scores_[model.n_iter_] >= model.validation_scores_[0]


# --------------------------------------------------------------- scikit-learn's ways


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_bits_and_pickle(method, events):
    X, y, w = events
    one = boosted(NETWORK, method=method).fit(X, y, w)
    other = clone(one).fit(X, y, w)
    score = one.decision_function(X)
    np.testing.assert_array_equal(other.decision_function(X), score)
    kept = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(kept.decision_function(X), score)
    seeds = {model.random_state for model in one.estimators_}
    assert len(seeds) == len(one.estimators_)


def test_a_dataframe_is_as_good_as_an_array(events):
    X, y, w = events
    table = pd.DataFrame(X, columns=[f"x{k}" for k in range(X.shape[1])])
    array = boosted(NETWORK).fit(X, y, w)
    frame = boosted(NETWORK).fit(table, y, w)
    np.testing.assert_array_equal(
        frame.decision_function(table), array.decision_function(X)
    )
    assert frame.feature_names_in_.tolist() == list(table)
    with pytest.raises(ValueError, match="feature names"):
        frame.predict(table.rename(columns={"x0": "other"}))


def test_weights_are_routed_with_and_without_requests(events):
    X, y, w = events
    plain = boosted().fit(X, y, w).decision_function(X)
    with sklearn.config_context(enable_metadata_routing=True):
        result = cross_validate(
            boosted(), X, y, cv=2, params={"sample_weight": w}, return_estimator=True
        )
        np.testing.assert_array_equal(
            boosted().fit(X, y, sample_weight=w).decision_function(X), plain
        )
    assert np.isfinite(result["test_score"]).all()
    search = GridSearchCV(boosted(), {"method": METHODS}, cv=2)
    search.fit(X, y, sample_weight=w)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_in_a_pipeline_and_with_one_inside(events):
    X, y, w = events
    inside = boosted(make_weighted_pipeline(StandardScaler(), LogisticRegression()))
    model = make_weighted_pipeline(StandardScaler(), inside).fit(X, y, sample_weight=w)
    assert model.predict_proba(X).shape == (len(X), 2)
    assert "BoostedDNN" in model._repr_html_()


def test_inside_of_symmetry_averaging_copies_stay_together(events):
    X, y, w = events
    table = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    augmenter = SymmetryAugmenter(
        cylindrical=None,
        cartesian=None,
        rotation=False,
        reflections="z",
        odd_under={"c": "z"},
    )
    model = SymmetryAveragedClassifier(
        boosted(), augmenter=augmenter, n_copies=2, random_state=0
    ).fit(table, y, w)
    held = np.isnan(model.estimator_.boost_factors_)
    np.testing.assert_array_equal(held[: len(X)], held[len(X) :])
    assert held.any()


def test_the_default_is_a_small_network(events):
    X, y, w = events
    model = BoostedDNN(n_estimators=2, random_state=0).fit(X, y, w)
    assert all(isinstance(m, WeightedDNNClassifier) for m in model.estimators_)
    assert model.score(X, y, w) > 0.5


def test_a_progress_bar_is_shown_on_request(events, capsys):
    X, y, w = events
    boosted(verbose=1, n_estimators=2).fit(X, y, w)
    assert "Boosting" in capsys.readouterr().err
    boosted(n_estimators=2).fit(X, y, w)
    assert capsys.readouterr().err == ""


def test_nothing_that_is_passed_changes(events):
    X, y, w = (part.copy() for part in events)
    network = clone(NETWORK)
    before = network.get_params()
    boosted(network).fit(X, y, w)
    for part, original in zip((X, y, w), events, strict=True):
        np.testing.assert_array_equal(part, original)
    assert network.get_params() == before
    assert not hasattr(network, "net_")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"estimator": LinearRegression()}, TypeError, "must be a classifier, got Lin"),
        ({"estimator": LinearSVC()}, TypeError, "must have `predict_proba`, of which"),
        ({"init": RidgeClassifier()}, TypeError, "`init` must have `predict_proba`"),
        (
            {"method": "vote", "init": LogisticRegression()},
            ValueError,
            "`init` must be None unless",
        ),
        ({"continue_training": True}, ValueError, "must be False with method="),
        (
            {"continue_training": True, "method": "vote"},
            ValueError,
            "has `warm_start`, got DecisionTree",
        ),
        (
            {"init": LogisticRegression(), "cv": [([0, 1], [2, 3])]},
            ValueError,
            "`cv` must be a number of folds, a splitter or a column",
        ),
        ({"boost_factor": 1.0}, ValueError, "'boost_factor' parameter"),
        ({"method": "bagging"}, ValueError, "'method' parameter"),
    ],
)
def test_what_is_refused(options, error, message, events):
    X, y, w = events
    with pytest.raises(error, match=message):
        boosted(**options).fit(X, y, w)


class Weightless(ClassifierMixin, BaseEstimator):
    """A classifier that takes no weights."""

    def fit(self, X, y):  # noqa: ARG002
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)

    def predict(self, X):
        return np.zeros(len(X))


def test_the_estimator_must_take_weights(events):
    X, y, w = events
    with pytest.raises(TypeError, match="must accept `sample_weight`"):
        boosted(Weightless()).fit(X, y, w)


def test_what_is_wrong_with_the_events_is_said(events):
    X, y, w = events
    with pytest.raises(WeightsError, match="two classes or more"):
        boosted().fit(X, np.repeat("s", len(y)))
    with pytest.raises(WeightsError, match="class 's'"):
        boosted().fit(X, y, np.where(y == "s", -w, w))
    with pytest.raises(ValueError, match="`y_val` must not be None"):
        boosted().fit(X, y, w, X_val=X)
    with pytest.raises(MissingWeightsError, match="`sample_weight_val` must come"):
        boosted().fit(X, y, w, X_val=X, y_val=y)


def test_vote_needs_no_probabilities(events):
    X, y, w = events
    model = boosted(LinearSVC(), method="vote").fit(X, y, np.abs(w))
    assert model.score(X, y, w) > 0.7
