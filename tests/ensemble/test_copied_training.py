"""Copies conserve yields, are transformed events, and stay with their originals."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    SGDClassifier,
)
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.ensemble import SymmetryAveragedClassifier
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import SymmetryAugmenter

MOMENTA = [f"PRI_{name}_{part}" for name in ("tau", "lep") for part in ("pt", "phi")]
COLUMNS = [*MOMENTA, "PRI_tau_eta", "PRI_lep_eta", "DER_mass_vis", "DER_pt_tot"]
INVARIANT = ["PRI_tau_pt", "PRI_lep_pt", "DER_mass_vis", "DER_pt_tot"]
SMALL = {"max_bins": 31, "learning_rate": 0.3, "max_leaf_nodes": 15}


def wrapped(estimator, **options):
    return SymmetryAveragedClassifier(estimator, **{"random_state": 0} | options)


def fit(model, events, **arguments):
    return model.fit(
        events.data, events.target, sample_weight=events.sample_weight, **arguments
    )


def keys(X):
    """Return what tells events apart and does not change under the symmetries."""
    return set(map(tuple, X[INVARIANT].to_numpy()))


@pytest.mark.parametrize("copies", ["random", "variants"])
@pytest.mark.parametrize("n_copies", [1, 3, 8])
def test_every_yield_is_conserved(events, recorders, copies, n_copies):
    model = fit(wrapped(recorders[0](), copies=copies, n_copies=n_copies), events)
    seen = model.estimator_
    assert len(seen.X_) == n_copies * len(events.data)
    for label in "sb":
        expected = events.sample_weight[events.target == label]
        got = seen.sample_weight_[seen.y_ == label]
        assert len(got) == n_copies * len(expected)
        assert got.sum() == pytest.approx(expected.sum(), rel=1e-12)
    each = seen.sample_weight_.reshape(n_copies, -1)
    np.testing.assert_allclose(each.sum(axis=0), events.sample_weight, rtol=1e-12)


def test_events_without_weights_count_once(events, recorders):
    model = wrapped(recorders[0]()).fit(events.data, events.target)
    assert (model.estimator_.sample_weight_ == 1.0 / 8.0).all()


@pytest.mark.parametrize("copies", ["random", "variants"])
def test_copies_are_transformed_events_of_the_same_kind(events, recorders, copies):
    X = events.data.astype({"PRI_jet_num": "category", "PRI_lep_pt": np.float32})
    model = wrapped(recorders[0](), copies=copies, n_copies=4).fit(X, events.target)
    seen = model.estimator_.X_
    pd.testing.assert_series_equal(seen.dtypes, X.dtypes)
    assert list(seen.index) == 4 * list(X.index)
    unchanged = [name for name in X if not name.endswith(("_phi", "_eta"))]
    for k in range(4):
        part = seen.iloc[k * len(X) : (k + 1) * len(X)]
        pd.testing.assert_frame_equal(part[unchanged], X[unchanged])
        for name in (name for name in X if name.endswith("_eta")):
            np.testing.assert_allclose(part[name].abs(), X[name].abs(), rtol=1e-6)
        angles = ["PRI_tau_phi", "PRI_tau_eta"]
        change = (part[angles] - X[angles]).abs().max().max()
        assert (change > 1.0) == (k > 0)
        opening = np.cos(part["PRI_tau_phi"] - part["PRI_lep_phi"])
        expected = np.cos(X["PRI_tau_phi"] - X["PRI_lep_phi"])
        np.testing.assert_allclose(opening, expected, atol=1e-6)


def test_random_copies_differ_and_variants_are_those_of_the_augmenter(
    events, recorders
):
    X = events.data
    random = fit(wrapped(recorders[0](), n_copies=3), events).estimator_.X_
    angles = random["PRI_tau_phi"].to_numpy().reshape(3, -1)
    assert (np.abs(angles[1] - angles[2]) > 1e-3).mean() > 0.99
    fixed = fit(wrapped(recorders[0](), copies="variants", n_copies=None), events)
    assert fixed.n_copies_ == 8
    expected = pd.concat(SymmetryAugmenter().fit(X).variants(X))
    pd.testing.assert_frame_equal(fixed.estimator_.X_, expected)


def test_an_array_stays_an_array(toy, recorders):
    X, y, w = toy
    augmenter = SymmetryAugmenter(cylindrical=[(0, 1, 2)])
    model = wrapped(DecisionTreeClassifier(), augmenter=augmenter).fit(
        X.astype(np.float32), y, w
    )
    assert model.predict_proba(X.astype(np.float32)).shape == (300, 2)


def test_the_number_of_copies_is_checked(events, recorders):
    with pytest.raises(ValueError, match=r"`n_copies` must be at most 8, .* got 9"):
        fit(wrapped(recorders[0](), copies="variants", n_copies=9), events)
    with pytest.raises(ValueError, match='with copies="random", got None'):
        fit(wrapped(recorders[0](), n_copies=None), events)


def test_a_random_state_that_is_none_is_set_and_another_one_kept(events, recorders):
    tree = make_weighted_pipeline(DecisionTreeClassifier(max_features=1))
    first, second = (
        wrapped(tree, n_copies=2).fit(events.data, events.target) for _ in "ab"
    )
    p = first.predict_proba(events.data)
    np.testing.assert_array_equal(p, second.predict_proba(events.data))
    seeded = DecisionTreeClassifier(random_state=3)
    model = wrapped(seeded, n_copies=2).fit(events.data, events.target)
    assert model.estimator_.random_state == 3
    other = wrapped(tree, n_copies=2, random_state=1).fit(events.data, events.target)
    assert (other.predict_proba(events.data) != p).any()


# Splits inside: the events are split before they are copied.


@pytest.fixture(scope="module")
def many():
    sample = make_higgs_events(2_500, random_state=0)
    sample.data = sample.data[COLUMNS]
    return sample


def test_boosted_trees_at_20000_rows_never_see_a_copy_of_a_validation_event(
    many, recording_boosting, monkeypatch
):
    def split(*arguments, **options):
        pytest.fail("the trees split the copies")

    module = "sklearn.ensemble._hist_gradient_boosting.gradient_boosting"
    monkeypatch.setattr(f"{module}.train_test_split", split)
    model = fit(wrapped(recording_boosting(max_iter=3, **SMALL)), many)
    trees = model.estimator_
    assert trees.do_early_stopping_
    train, validation = keys(trees.X_), keys(trees.X_val_)
    assert (len(train), len(validation)) == (2_250, 250)
    assert not train & validation
    assert (len(trees.X_), len(trees.X_val_)) == (18_000, 2_000)
    for weights in trees.weights_:
        assert weights.shape in {(18_000,), (2_000,)}
    total = sum(weights.sum() for weights in trees.weights_)
    assert total == pytest.approx(many.sample_weight.sum(), rel=1e-9)


def test_the_validation_loss_of_boosted_trees_is_that_of_new_events(many):
    others = make_higgs_events(2_500, random_state=1)
    trees = HistGradientBoostingClassifier(
        learning_rate=0.3, max_bins=63, n_iter_no_change=100, random_state=0
    )
    model = wrapped(trees).fit(many.data, many.target)
    X_test = others.data[COLUMNS]
    test_loss = log_loss(others.target, model.estimator_.predict_proba(X_test))
    assert -model.estimator_.validation_score_[-1] == pytest.approx(test_loss, rel=0.2)

    # The trap: the trees split the copies themselves.
    augmenter, rng = SymmetryAugmenter().fit(many.data), np.random.RandomState(0)
    X = pd.concat([augmenter.augment(many.data, rng) for _ in range(8)])
    naive = trees.fit(X, np.tile(many.target, 8))
    test_loss = log_loss(others.target, naive.predict_proba(X_test))
    assert -naive.validation_score_[-1] < 0.4 * test_loss


def test_automatic_early_stopping_counts_the_copies(many, recording_boosting):
    few = many.data[:1_250], many.target[:1_250]
    trees = recording_boosting(max_iter=1, **SMALL)
    assert wrapped(trees).fit(*few).estimator_.X_val_ is None
    more = many.data[:1_251], many.target[:1_251]
    model = wrapped(trees).fit(*more).estimator_
    assert len(model.X_val_) == 126 * 8
    assert model.do_early_stopping_
    assert len(model.X_) < 10_000  # too few for trees that decide by themselves


def test_trees_use_a_validation_sample_of_any_size(events):
    X, y = events.data, events.target
    trees = HistGradientBoostingClassifier(max_iter=200, **SMALL)
    held_out = wrapped(trees, validation_fraction=0.2).fit(X, y)
    passed = wrapped(trees).fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    for model in (held_out, passed):
        assert model.estimator_.do_early_stopping_
        assert model.estimator_.n_iter_ < 200
    assert wrapped(trees).fit(X, y).estimator_.n_iter_ == 200
    assert trees.early_stopping == "auto"


def test_the_held_out_fraction_and_its_defaults(events, recording_boosting):
    def n_held_out(own=0.1, **options):
        trees = recording_boosting(
            max_iter=1, early_stopping=True, validation_fraction=own, **SMALL
        )
        return len(fit(wrapped(trees, **options), events).estimator_.X_val_) // 8

    assert n_held_out() == 40
    assert n_held_out(own=0.2) == 80
    assert n_held_out(own=20) == 20
    assert n_held_out(own=0.2, validation_fraction=0.3) == 120


def test_groups_are_held_out_as_a_whole(events, recording_boosting):
    trees = recording_boosting(max_iter=1, early_stopping=True, **SMALL)
    groups = np.arange(400) // 4
    model = fit(wrapped(trees), events, groups=groups).estimator_
    train, validation = (set(X.index // 4) for X in (model.X_, model.X_val_))
    assert not train & validation
    assert len(validation) == 10


def test_a_validation_sample_that_is_passed_is_used(events, recorders):
    halves = np.arange(400) < 200
    X, y, w = events.data, events.target, events.sample_weight
    model = wrapped(recorders[1](), n_copies=2).fit(
        X[halves], y[halves], w[halves], X[~halves], y[~halves], w[~halves]
    )
    seen = model.estimator_
    assert keys(seen.X_) == keys(X[halves])
    assert keys(seen.X_val_) == keys(X[~halves])
    assert len(seen.X_val_) == 8 * 200  # all variants
    total = seen.rest_["sample_weight_val"].sum()
    assert total == pytest.approx(w[~halves].sum(), rel=1e-9)


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_networks_get_the_event_as_the_group_of_its_copies(events):
    class Recording(WeightedDNNClassifier):
        def fit(self, X, y, sample_weight=None, groups=None, **rest):
            self.groups_ = groups
            return super().fit(X, y, sample_weight, groups=groups, **rest)

    small = {"n_layers": 1, "width": 4, "max_epochs": 1, "dropout": 0.0}
    for split in ({"validation_fraction": 0.25}, {"cv": 4, "n_members": 2}):
        model = wrapped(Recording(**small, **split), n_copies=3)
        model = model.fit(events.data, events.target)
        np.testing.assert_array_equal(
            model.estimator_.groups_, np.tile(np.arange(400), 3)
        )
        report = model.estimator_.weight_report_
        parts = report.groupby(["member", "sample"])["n_events"].sum()
        assert (parts % 3 == 0).all()


def test_networks_validate_on_other_events(events):
    network = WeightedDNNClassifier(n_layers=1, width=4, max_epochs=1)
    model = wrapped(network, n_copies=2, validation_fraction=0.2)
    model = model.fit(events.data, events.target)
    assert np.isfinite(model.estimator_.best_loss_).all()
    network.set_params(validation_fraction=0.2)
    with pytest.raises(ValueError, match="`validation_fraction` must be None"):
        model.fit(events.data, events.target)


def test_networks_in_pipelines_get_groups_too(events):
    network = WeightedDNNClassifier(
        n_layers=1, width=4, max_epochs=1, validation_fraction=0.2
    )
    pipeline = make_weighted_pipeline(StandardScaler(), network)
    model = fit(
        wrapped(pipeline, n_copies=2, validation_fraction=None), absolute(events)
    )
    sizes = model.estimator_[-1].weight_report_["n_events"]
    assert (sizes % 2 == 0).all()


def absolute(events):
    """Return events without negative weights or undefined values."""
    return type(events)(
        data=events.data[COLUMNS],
        target=events.target,
        sample_weight=np.abs(events.sample_weight),
    )


@pytest.mark.parametrize("pipeline", [make_pipeline, make_weighted_pipeline])
def test_a_pipeline_transforms_the_validation_sample_with_routing(
    events, recording_boosting, pipeline
):
    with sklearn.config_context(enable_metadata_routing=True):
        trees = recording_boosting(max_iter=1, early_stopping=True, **SMALL)
        names = ("sample_weight", "X_val", "y_val", "sample_weight_val")
        trees.set_fit_request(**dict.fromkeys(names, True))
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        steps = pipeline(scaler, trees, transform_input=["X_val"])
        model = fit(wrapped(steps, n_copies=2), absolute(events))
    seen = model.estimator_[-1]
    mean = np.average(seen.X_[:, 0], weights=seen.weights_[0])
    assert mean == pytest.approx(0.0, abs=1e-9)
    assert 0.0 < seen.X_val_[:, 0].std() < 3.0
    assert len(seen.X_val_) == 8 * 40


@pytest.mark.parametrize(
    ("estimator", "remedy"),
    [
        (MLPClassifier(early_stopping=True), "Set early_stopping=False"),
        (GradientBoostingClassifier(n_iter_no_change=3), "Set n_iter_no_change=None"),
        (SGDClassifier(early_stopping=True), "Set early_stopping=False"),
        (SVC(probability=True), "Set probability=False and put a CalibratedCl"),
        (RandomForestClassifier(oob_score=True), "Set oob_score=False"),
        (GridSearchCV(LogisticRegression(), {}), "Put what splits around the Symm"),
        (CalibratedClassifierCV(LogisticRegression()), "Put what splits around"),
        (LogisticRegressionCV(), "Put what splits around"),
        (
            make_pipeline(HistGradientBoostingClassifier(early_stopping=True)),
            r"early_stopping=False. Or let the Pipeline pass on .*transform_input",
        ),
        (WeightedDNNClassifier(cv=[([0], [1])]), "Pass an int, or a splitter of gr"),
        (
            VotingClassifier([("a", wrapped(LogisticRegression()))], voting="soft"),
            "Declare all transformations in one augmenter",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:The `probability`:FutureWarning")
def test_what_would_split_copies_is_refused(events, estimator, remedy):
    start = "`estimator` must not split its rows, since .* got .* with .*"
    with pytest.raises(ValueError, match=f"{start}{remedy}"):
        fit(wrapped(estimator), events)


def test_a_validation_sample_needs_an_estimator_that_takes_it(events):
    model = wrapped(LogisticRegression(), validation_fraction=0.2)
    with pytest.raises(TypeError, match="`validation_fraction` must come with"):
        fit(model, events)
    model.set_params(validation_fraction=None)
    with pytest.raises(TypeError, match="`X_val` must come with an estimator"):
        fit(
            model,
            events,
            X_val=events.data,
            y_val=events.target,
            sample_weight_val=events.sample_weight,
        )


def test_copies_of_copies_stay_together(events, recording_boosting):
    inner = wrapped(recording_boosting(max_iter=1, **SMALL), n_copies=6)
    model = wrapped(inner, n_copies=5).fit(events.data[COLUMNS], events.target)
    trees = model.estimator_.estimator_
    train, validation = keys(trees.X_), keys(trees.X_val_)
    assert (len(train), len(validation)) == (360, 40)
    assert not train & validation


# Weights


def test_an_estimator_without_weights_is_refused_if_there_are_any(events, recorders):
    model = wrapped(recorders[2]())
    with pytest.raises(TypeError, match="must accept `sample_weight` in `fit`, got W"):
        fit(model, events)
    model.fit(events.data, events.target)
    assert model.estimator_.sample_weight_ is None


def test_boosted_trees_take_negative_weights_as_they_are(events, recording_boosting):
    model = fit(wrapped(recording_boosting(max_iter=2, **SMALL)), events)
    assert (model.estimator_.weights_[0] < 0.0).sum() == 8 * (
        events.sample_weight < 0.0
    ).sum()


def test_weights_reach_all_steps_of_pipelines(events):
    sample = absolute(events)
    weighted = make_weighted_pipeline(StandardScaler(), LogisticRegression())
    model = fit(wrapped(weighted), sample)
    mean = np.average(sample.data["PRI_tau_pt"], weights=sample.sample_weight)
    assert model.estimator_[0].mean_[0] == pytest.approx(mean)
    with pytest.raises(TypeError, match=r"leaves out \['standardscaler'\]. Build"):
        fit(wrapped(make_pipeline(StandardScaler(), LogisticRegression())), sample)
    plain = make_pipeline("passthrough", make_pipeline(LogisticRegression(C=1e-3)))
    alone = fit(wrapped(LogisticRegression(C=1e-3)), sample)
    np.testing.assert_array_equal(
        fit(wrapped(plain), sample).predict_proba(sample.data),
        alone.predict_proba(sample.data),
    )


def test_a_pipeline_without_weights_needs_no_name_of_them(events):
    steps = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())
    ones = np.ones(len(events.target))
    weighted = make_weighted_pipeline(*(clone(step) for _, step in steps.steps))
    expected = wrapped(weighted).fit(events.data, events.target, ones)
    model = wrapped(steps).fit(events.data, events.target)
    np.testing.assert_allclose(
        model.predict_proba(events.data), expected.predict_proba(events.data), rtol=1e-6
    )
    with sklearn.config_context(enable_metadata_routing=True):
        counted = wrapped(clone(steps)).fit(events.data, events.target)
        requested = clone(steps)
        requested[1].set_fit_request(sample_weight=True)
        requested[2].set_fit_request(sample_weight=True)
        same = wrapped(requested).fit(events.data, events.target)
    # Without weights each copy counts as an event, so that the penalty is weaker.
    assert not np.allclose(counted.estimator_[-1].coef_, model.estimator_[-1].coef_)
    np.testing.assert_allclose(same.estimator_[-1].coef_, model.estimator_[-1].coef_)


def test_copies_of_invariant_features_are_as_good_as_the_events(events):
    sample = absolute(events)
    X, y, w = sample.data, sample.target, sample.sample_weight
    Z = X[INVARIANT] / 100.0
    estimators = [
        LogisticRegression(C=0.01, tol=1e-8, max_iter=1000),
        DecisionTreeClassifier(min_weight_fraction_leaf=0.05, random_state=0),
    ]
    for base in estimators:
        blind = make_weighted_pipeline(
            FunctionTransformer(lambda X: X[INVARIANT] / 100.0), base
        )
        model = wrapped(blind).fit(X, y, w)
        expected = base.fit(Z, y, w).predict_proba(Z)
        np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-5)
