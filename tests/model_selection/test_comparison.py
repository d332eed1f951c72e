"""Classifiers of all kinds on the same folds: numbers, weights and times."""

import sys

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, ShuffleSplit, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.metrics import (
    balanced_log_loss,
    make_significance_scorer,
    paired_bootstrap,
    weighted_roc_auc,
)
from skhep_dnn.model_selection import compare_classifiers
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.weights import training_weights
from tests.model_selection import fake_automl

CV = PredefinedSplit(np.arange(300) % 3)


def events(negative=0.0, n=300):
    rng = np.random.default_rng(0)
    y = np.where(rng.random(n) < 0.4, "s", "b")
    X = pd.DataFrame(
        rng.normal(size=(n, 3)) + 1.0 * (y == "s")[:, np.newaxis], columns=[*"abc"]
    )
    w = rng.exponential(size=n) * np.where(y == "s", 0.1, 3.0)
    return X, y, w * np.where(rng.random(n) < negative, -1.0, 1.0)


class Traced(ClassifierMixin, BaseEstimator):
    """Notes its weights; may refuse negative ones."""

    fits = []  # noqa: RUF012

    def __init__(self, refuses=False):
        self.refuses = refuses

    def fit(self, X, y, sample_weight=None):
        if self.refuses and sample_weight is not None and (sample_weight < 0).any():
            msg = "negative weights"
            raise ValueError(msg)
        Traced.fits.append((np.asarray(X), np.asarray(y), sample_weight))
        self.model_ = LogisticRegression().fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)

    def predict(self, X):
        return self.model_.predict(X)


@pytest.fixture(autouse=True)
def no_fits():
    Traced.fits.clear()


def compared(classifiers, sample=None, **options):
    X, y, w = events() if sample is None else sample
    options = {"cv": CV, "n_replicas": 20, "random_state": 0, **options}
    return compare_classifiers(classifiers, X, y, w, **options)


TWO = {"linear": LogisticRegression(), "naive": GaussianNB()}


def test_scores_are_those_of_the_pooled_predictions():
    X, y, w = events(negative=0.1)
    result = compared(TWO, (X, y, w), negative_weights="abs")
    trained = training_weights(y, w, negative_weights="abs")
    assert (trained.weights > 0).all()
    for name in TWO:
        score = result.out_of_fold[name]
        found = {
            metric: result.metrics[metric][name].value for metric in result.metrics
        }
        assert found["roc_auc"] == pytest.approx(weighted_roc_auc(y, score, w))
        assert found["balanced_log_loss"] == pytest.approx(
            balanced_log_loss(y, score, w)
        )
    frame = result.to_frame()
    assert frame.index.tolist() == ["linear", "naive"]
    assert frame.loc["naive", "roc_auc"] == result.metrics["roc_auc"]["naive"].value
    assert frame.loc["linear", "fit_time_ratio"] == 1.0
    assert frame.loc["naive", "weights"] == "absolute"
    assert np.isnan(frame.loc["linear", "roc_auc_p_value"])


def test_without_weights_the_scores_are_those_of_scikit_learn():
    X, y, _ = events()
    result = compared(TWO, (X, y, None), class_weight=None)
    expected = cross_val_predict(GaussianNB(), X, y, cv=CV, method="predict_proba")
    np.testing.assert_allclose(result.out_of_fold["naive"], expected[:, 1])


def test_differences_are_paired():
    _, y, w = events()
    result = compared(TWO, n_replicas=200)
    scores = [result.out_of_fold[name] for name in ("naive", "linear")]
    reference = paired_bootstrap("roc_auc", y, *scores, w, random_state=0)
    found = result.differences["roc_auc"]["naive"]
    assert found.difference == pytest.approx(reference.difference)
    assert found.error == pytest.approx(reference.error, rel=0.25)
    independent = np.hypot(*[result.metrics["roc_auc"][n].error for n in TWO])
    assert found.error < 0.7 * independent
    z = abs(found.difference) / found.error
    assert 0.0 < result.p_value("roc_auc", "naive") <= 1.0
    assert (result.p_value("roc_auc", "naive") < 0.3173) == (z > 1.0)
    assert list(result.differences["roc_auc"]) == ["naive"]


def test_overfitting_is_positive_for_a_loss_too():
    trees = {"tree": DecisionTreeClassifier(max_depth=7, random_state=0), **TWO}
    result = compared(trees, metrics=["roc_auc"])
    assert result.overfitting["roc_auc"]["tree"].value > 0.1
    assert abs(result.overfitting["roc_auc"]["linear"].value) < 0.1
    forest = {"k": KNeighborsClassifier(4), **TWO}
    loss = compared(forest, metrics=["balanced_log_loss"]).overfitting
    assert loss["balanced_log_loss"]["k"].value > 0.1


def test_in_fold_scores_are_of_a_model_that_was_trained_on_the_event():
    _, y, _ = events()
    result = compared(
        {"tree": DecisionTreeClassifier(random_state=0)}, metrics=["roc_auc"]
    )
    np.testing.assert_array_equal(result.in_fold["tree"], y == "s")
    assert (result.out_of_fold["tree"] != (y == "s")).any()


def test_events_that_are_never_tested_are_nan():
    numbers = np.arange(300) % 3
    numbers[:30] = -1
    result = compared(TWO, cv=numbers)
    assert np.isnan(result.out_of_fold["linear"][:30]).all()
    assert np.isfinite(result.out_of_fold["linear"][30:]).all()


def test_all_have_the_same_folds_whatever_is_drawn():
    result = compared({"a": Traced(), "b": Traced()}, cv=ShuffleSplit(2, test_size=0.4))
    fits = Traced.fits
    assert len(fits) == 4
    for first, second in zip(fits[:2], fits[2:], strict=True):
        np.testing.assert_array_equal(first[0], second[0])
    assert result.differences["roc_auc"]["b"].error == 0.0
    assert result.p_value("roc_auc", "b") == 1.0


@pytest.mark.parametrize(
    ("policy", "refuses", "word"),
    [
        ("refine", False, "refined"),
        ("abs", True, "absolute"),
        ("keep", False, "signed"),
        ("keep", True, "refined"),
    ],
)
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.CancellingWeightsWarning")
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
def test_each_gets_the_weights_that_it_can_use(policy, refuses, word):
    sample = events(negative=0.2)
    result = compared({"a": Traced(refuses)}, sample, negative_weights=policy)
    assert result.weights == {"a": word}
    _, y, weights = Traced.fits[-1]
    assert (weights < 0).any() == (word == "signed")
    assert weights[y == "s"].sum() == pytest.approx(weights[y == "b"].sum())
    rows = np.arange(300) % 3 != 2
    if word != "refined":
        own = np.abs(sample[2][rows]) if word == "absolute" else sample[2][rows]
        for label in "bs":
            ratio = weights[y == label] / own[y == label]
            np.testing.assert_allclose(ratio, ratio[0])


def test_who_takes_no_weights_is_said_so():
    result = compared({"k": KNeighborsClassifier(), "linear": LogisticRegression()})
    assert result.weights == {"k": "none", "linear": "given"}
    assert "none" in str(result)


def test_pipelines():
    sample = events(negative=0.2)
    weighted = make_weighted_pipeline(StandardScaler(), LogisticRegression())
    plain = make_pipeline(StandardScaler(), KNeighborsClassifier())
    result = compared({"w": weighted, "k": plain}, sample)
    assert result.weights == {"w": "refined", "k": "none"}
    with pytest.raises(TypeError, match=r"which leaves out .*standardscaler"):
        compared({"x": make_pipeline(StandardScaler(), LogisticRegression())})


def test_a_network_gets_signed_weights():
    network = WeightedDNNClassifier(
        n_layers=1,
        width=8,
        max_epochs=2,
        numeric_scaling="standard",
        scale_learning_rate=None,
        numeric_embedding=None,
        negative_weights="abs",
        random_state=0,
    )
    with sklearn.config_context(enable_metadata_routing=True):
        result = compared({"n": network, **TWO}, events(negative=0.1))
    assert result.weights == {"n": "signed", "linear": "refined", "naive": "refined"}


def test_automl_by_name(monkeypatch):
    fake_automl.install(monkeypatch)
    with pytest.warns(match="refined ones instead"):
        result = compared(["automl"], events(negative=0.2))
    assert result.weights == {"automl": "refined"}
    assert len(fake_automl.CALLS) == 3


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost"])
def test_libraries_by_name(name):
    pytest.importorskip(name, reason=f"{name} is an optional library")
    result = compared([name, "hist_gradient_boosting"], events(negative=0.2))
    assert result.weights[name] == "refined"
    assert result.metrics["roc_auc"][name].value > 0.7


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost"])
def test_a_missing_library_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=f"must have the library {name}.*pip install"):
        compared([name])


def test_other_labels_and_several_classes():
    X, y, w = events()
    swapped = compared(TWO, pos_label="b")
    assert swapped.out_of_fold["naive"] == pytest.approx(
        1.0 - compared(TWO).out_of_fold["naive"]
    )
    three = np.where(X["a"] < -0.5, "t", y)
    result = compared(TWO, (X, three, w), pos_label="s")
    expected = weighted_roc_auc(three, result.out_of_fold["naive"], w, pos_label="s")
    assert result.metrics["roc_auc"]["naive"].value == pytest.approx(expected)
    of_all = compared(TWO, (X, three, w), metrics=["roc_auc_ovr"])
    assert of_all.out_of_fold["naive"].shape == (300, 3)


def test_scorers_and_classifiers_without_probabilities():
    scorer = make_significance_scorer("asimov", min_n_eff=0.0)
    result = compared(TWO, metrics={"Z": scorer})
    assert result.metrics["Z"]["naive"].value > 0.0
    machine = compared({"svm": LinearSVC()}, metrics=["roc_auc"])
    assert machine.out_of_fold["svm"].min() < 0.0


def test_groups_stay_together():
    X, y, w = events()
    groups = np.arange(300) // 2
    y = y[groups * 2]
    compared({"a": Traced()}, (X, y, w), cv=3, groups=groups)
    for fitted, _, _ in Traced.fits:
        rows = np.isin(X.to_numpy()[:, 0], fitted[:, 0])
        assert (rows[::2] == rows[1::2]).all()


def test_text_and_seed():
    first, second = compared(TWO), compared(TWO)
    assert first.to_frame()["roc_auc_error"].equals(second.to_frame()["roc_auc_error"])
    lines = str(first).splitlines()
    assert max(map(len, lines)) < 100
    for text in ("roc_auc", "overfitting", "difference", "fit, s", "weights"):
        assert text in str(first)


def test_no_errors_without_replicas():
    result = compared(TWO, n_replicas=0)
    assert np.isnan(result.differences["roc_auc"]["naive"].error)
    assert np.isnan(result.p_value("roc_auc", "naive"))


def test_errors():
    with pytest.raises(ValueError, match="must be a dict of one classifier or more"):
        compared({})
    with pytest.raises(ValueError, match="must be a dict of one classifier or more"):
        compared("network")
    with pytest.raises(ValueError, match=r"estimator or one of .*got 'forest'"):
        compared({"x": "forest"})
    with pytest.raises(ValueError, match=r"scorers or of .*got 'auc'"):
        compared(TWO, metrics=["auc"])
    with pytest.raises(ValueError, match="one of `metrics` or more, got none"):
        compared(TWO, metrics=[])
    with pytest.raises(ValueError, match="`negative_weights` must be one of"):
        compared(TWO, negative_weights="zero")
