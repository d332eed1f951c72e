"""scikit-learn's own checks, over one table of small instances of each estimator."""

import importlib

import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

import skhep_dnn
from skhep_dnn import (
    BackwardEliminationSelector,
    BoostedDNN,
    SymmetryAugmenter,
    WeightedDNNClassifier,
)
from skhep_dnn.ensemble import CrossFitClassifier, SymmetryAveragedClassifier
from skhep_dnn.feature_selection import SeparationSelector
from skhep_dnn.model_selection import (
    AutoMLClassifier,
    OptunaSearchCV,
    SignificanceThresholdClassifier,
)
from skhep_dnn.pipeline import WeightedPipeline
from skhep_dnn.preprocessing import (
    CartesianMomenta,
    InvariantFeatures,
    SymmetryAligner,
)
from tests.model_selection import fake_automl

SMALL = {
    "n_layers": 1,
    "width": 16,
    "dropout": 0.0,
    "max_epochs": 20,
    "batch_size": 16,
    "random_state": 0,
}
PAIR = {"cylindrical": None, "cartesian": [(0, 1)], "reflections": "xy", "leading": 0}
ODD = SymmetryAugmenter(
    cylindrical=None,
    cartesian=None,
    rotation=False,
    reflections="z",
    odd_under={0: "z"},
)
ESTIMATORS = [
    WeightedDNNClassifier(**SMALL),
    WeightedDNNClassifier(**SMALL, n_members=2),
    WeightedDNNClassifier(**SMALL, batch_norm=True),
    WeightedDNNClassifier(
        **SMALL,
        numeric_scaling="standard",
        scale_learning_rate=None,
        numeric_embedding=None,
    ),
    WeightedDNNClassifier(
        **SMALL, numeric_scaling="quantile", numeric_embedding="piecewise_linear"
    ),
    WeightedDNNClassifier(**SMALL, negative_weights="keep"),
    SymmetryAugmenter(**PAIR),
    SymmetryAligner(**PAIR),
    CartesianMomenta(momenta=[(0, 1)]),
    InvariantFeatures(cylindrical=None, cartesian=[(0, 1)]),
    SymmetryAveragedClassifier(
        LogisticRegression(), augmenter=ODD, copies="variants", n_copies=None
    ),
    SymmetryAveragedClassifier(DecisionTreeClassifier(), augmenter=ODD, n_copies=4),
    BoostedDNN(
        GaussianNB(),
        n_estimators=3,
        validation_fraction=None,
        random_state=0,
    ),
    BoostedDNN(
        DecisionTreeClassifier(max_depth=2),
        method="vote",
        n_estimators=3,
        validation_fraction=None,
        random_state=0,
    ),
    BoostedDNN(
        DecisionTreeClassifier(max_depth=2, random_state=0),
        method="reweight",
        n_estimators=2,
        validation_fraction=None,
        random_state=0,
    ),
    BoostedDNN(
        WeightedDNNClassifier(**SMALL),
        n_estimators=1,
        learning_rate=1.0,
        validation_fraction=None,
    ),
    CrossFitClassifier(LogisticRegression(), cv=3),
    CrossFitClassifier(WeightedDNNClassifier(**SMALL), cv=2),
    CrossFitClassifier(DecisionTreeClassifier(max_depth=3, random_state=0), cv=2),
    SignificanceThresholdClassifier(
        LogisticRegression(), min_n_eff=1.0, cv=3, n_replicas=3, random_state=0
    ),
    SignificanceThresholdClassifier(
        DecisionTreeClassifier(max_depth=3, random_state=0),
        min_n_eff=1.0,
        cv=3,
        n_replicas=0,
    ),
    OptunaSearchCV(
        LogisticRegression(), {"C": [0.1, 1.0]}, n_trials=2, cv=2, random_state=0
    ),
    BackwardEliminationSelector(LogisticRegression(), cv=2, n_features_to_select=0.8),
    BackwardEliminationSelector(Ridge(), cv=2, n_features_to_select=0.8, n_replicas=2),
    SeparationSelector(
        min_separation=-1.0, min_separation_unit="separation", n_replicas=5
    ),
    # With one linear model: tests/model_selection/test_automl_libraries.py has mljar.
    AutoMLClassifier(random_state=0),
    OptunaSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, n_trials=2, cv=2, random_state=0),
]
STANDARDISED = (
    "The columns are standardised, which is refused: rotations and components of "
    "standardised momenta mean nothing. The same is checked on momenta in "
    "tests/preprocessing/test_scikit_learn.py."
)
UNDEFINED = (
    "Some events have no direction of the leading object, nan or (0, 0), which is "
    "refused: they cannot be aligned. The same is checked on momenta in "
    "tests/preprocessing/test_scikit_learn.py."
)
NO_MOMENTA = (
    "The columns cannot be pt and phi, since pt is negative or |phi| beyond 2 pi, "
    "which is refused. The same is checked on momenta in "
    "tests/preprocessing/test_scikit_learn.py."
)
ON_STANDARDISED = dict.fromkeys(
    [
        "check_transformer_data_not_an_array",
        "check_transformer_general",
        "check_transformer_preserve_dtypes",
    ],
    STANDARDISED,
)
ON_UNDEFINED = dict.fromkeys(
    ["check_estimators_dtypes", "check_estimators_pickle"], UNDEFINED
)
ON_NO_MOMENTA = dict.fromkeys(
    [
        "check_estimators_fit_returns_self",
        "check_estimators_overwrite_params",
        "check_estimators_pickle",
        "check_fit_check_is_fitted",
        "check_fit_idempotent",
        "check_n_features_in",
        "check_n_features_in_after_fitting",
        "check_pipeline_consistency",
        "check_readonly_memmap_input",
    ],
    NO_MOMENTA,
)


IN_BATCHES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "An event of weight 2 and two equal events fall into different batches, so "
        "that training differs as by another seed; and even in full batches float32 "
        "sums differ in their last bits. The statement itself is proved in full "
        "batches, to float32 tolerance, in "
        "tests/neural_network/test_weights_in_training.py."
    )
}


OF_MEAN_ONE = {
    "check_sample_weight_equivalence_on_dense_data": (
        "The weights of a training have a mean of 1, so that their unit does not "
        "matter: a row of weight 2 changes the sum of all as two rows do not, and with "
        "it how strong the regularisation of a library is beside the loss."
    )
}


def expected_failures(estimator):
    if isinstance(estimator, AutoMLClassifier):
        return OF_MEAN_ONE
    # scikit-learn puts the weights into the first of three folds, which a single
    # member leaves out: there the check must hold.
    of_others = isinstance(estimator, BoostedDNN | CrossFitClassifier)
    network = estimator.estimator if of_others else estimator
    if isinstance(network, WeightedDNNClassifier):
        return IN_BATCHES if of_others or network.n_members > 1 else {}
    if isinstance(estimator, SymmetryAugmenter | SymmetryAligner):
        return ON_STANDARDISED | ON_UNDEFINED
    if isinstance(estimator, InvariantFeatures):
        return ON_STANDARDISED
    if isinstance(estimator, CartesianMomenta):
        return ON_STANDARDISED | ON_NO_MOMENTA
    reason = why_training_checks_fail(estimator)
    return {} if reason is None else {"check_classifiers_train": reason}


def why_training_checks_fail(estimator):
    if isinstance(estimator, SignificanceThresholdClassifier):
        return (
            "It selects events by a cut, not where the decision function is positive "
            "or a probability above a half, as the check wants."
        )
    if isinstance(estimator, SymmetryAveragedClassifier) and isinstance(
        estimator.estimator, LogisticRegression
    ):
        return (
            "The classes are not symmetric in the first column, as they are declared "
            "to be, and a linear function that is even in it does not separate them. "
            "The tree, which needs no sign, passes."
        )
    return None


def test_every_public_estimator_is_checked():
    public = set()
    for package in skhep_dnn._SUBPACKAGES:
        module = importlib.import_module(f"skhep_dnn.{package}")
        items = [getattr(module, name) for name in getattr(module, "__all__", ())]
        public |= {
            c for c in items if isinstance(c, type) and issubclass(c, BaseEstimator)
        }
    # scikit-learn checks no pipelines, its own or ours: tests/test_pipeline.py does.
    assert public - {WeightedPipeline} == {type(model) for model in ESTIMATORS}


@pytest.fixture(autouse=True)
def automl(monkeypatch):
    fake_automl.install(monkeypatch)


# A check passes weights, which a network of mljar would leave out.
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.ChangedWeightsWarning")
# Many of the checks use samples of a few events, of which the estimator rightly warns.
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
# They have no event numbers, so that new ones get the mean of the models.
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.MeanCombinationWarning")
# A check sets folds of which one member leaves out one.
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_scikit_learn_check(estimator, check):
    check(estimator)
