"""Every estimator that splits its rows is found, and no other one."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import RFECV
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    PredefinedSplit,
    TunedThresholdClassifierCV,
)
from sklearn.multioutput import ClassifierChain
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder
from sklearn.svm import SVC

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.ensemble import SymmetryAveragedClassifier
from skhep_dnn.ensemble._internal_splits import keeps_groups, splitting_parts

LINEAR = LogisticRegression()
TREES = HistGradientBoostingClassifier
SPLITTING = [
    (TREES(early_stopping=True), "early_stopping=True"),
    (TREES(), "early_stopping='auto'"),
    (GradientBoostingClassifier(n_iter_no_change=5), "n_iter_no_change=5"),
    (MLPClassifier(early_stopping=True), "early_stopping=True"),
    (SGDClassifier(early_stopping=True), "early_stopping=True"),
    (WeightedDNNClassifier(validation_fraction=0.2), "validation_fraction=0.2"),
    (WeightedDNNClassifier(cv=3), "cv=3"),
    (GridSearchCV(LINEAR, {"C": [1]}), "cv=None"),
    (CalibratedClassifierCV(LINEAR), "cv=None"),
    (StackingClassifier([("a", LINEAR)]), "cv=None"),
    (TunedThresholdClassifierCV(LINEAR), "cv=None"),
    (LogisticRegressionCV(cv=3), "cv=3"),
    (RidgeClassifierCV(), "cv=None"),
    (ClassifierChain(LINEAR, cv=3), "cv=3"),
    (SVC(probability=True), "probability=True"),
    (RandomForestClassifier(oob_score=True), "oob_score=True"),
    (make_pipeline(RFECV(LINEAR), LINEAR), "rfecv__cv=None"),
    (
        make_pipeline(make_column_transformer((TargetEncoder(), [0])), LINEAR),
        "columntransformer__targetencoder__cv=5",
    ),
    (
        BaggingClassifier(MLPClassifier(early_stopping=True)),
        "estimator__early_stopping=True",
    ),
    (
        VotingClassifier([("a", make_pipeline(StandardScaler(), TREES()))]),
        "a__histgradientboostingclassifier__early_stopping='auto'",
    ),
    (SymmetryAveragedClassifier(LINEAR), "n_copies=8"),
]
WHOLE = [
    LINEAR,
    TREES(early_stopping=False),
    TREES(early_stopping=True, validation_fraction=None),
    GradientBoostingClassifier(),
    MLPClassifier(),
    SGDClassifier(),
    WeightedDNNClassifier(early_stopping=True),
    SVC(),
    RandomForestClassifier(),
    AdaBoostClassifier(),
    ClassifierChain(LINEAR),
    StackingClassifier([("a", LINEAR)], cv="prefit"),
    make_pipeline(StandardScaler(), LINEAR),
]


@pytest.mark.filterwarnings("ignore:The `probability`:FutureWarning")
@pytest.mark.parametrize(("estimator", "setting"), SPLITTING)
def test_what_splits_is_found_with_its_parameter(estimator, setting):
    (part,) = splitting_parts(estimator, 10_001)
    assert part.setting == setting
    assert part.remedy.endswith(".")


@pytest.mark.parametrize("estimator", WHOLE)
def test_what_does_not_split_is_left_alone(estimator):
    assert splitting_parts(estimator, 10**6) == []


def test_automatic_early_stopping_begins_above_ten_thousand_rows():
    assert splitting_parts(TREES(), 10_000) == []
    assert len(splitting_parts(TREES(), 10_001)) == 1


def test_the_split_of_skorch_is_found():
    class Net(LogisticRegression):
        def __init__(self, train_split=5):
            self.train_split = train_split

    assert splitting_parts(Net(), 10)[0].setting == "train_split=5"
    assert splitting_parts(Net(train_split=None), 10) == []


@pytest.mark.parametrize(
    ("cv", "keeps"),
    [
        (None, True),
        (5, True),
        (np.int64(5), True),
        (GroupKFold(3), True),
        (KFold(3), False),
        (PredefinedSplit([0, 1]), False),
        ([([0], [1])], False),
    ],
)
def test_folds_that_respect_groups_are_known(cv, keeps):
    assert keeps_groups(WeightedDNNClassifier(cv=cv)) is keeps


def test_an_estimator_without_folds_may_get_groups():
    assert keeps_groups(LINEAR)
