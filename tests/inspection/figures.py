"""One display of each kind, of the same toy events, as an analysis would draw them."""

from functools import cache

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import Bunch

from skhep_dnn import BoostedDNN, WeightedDNNClassifier, inspection
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.metrics import significance_scan, threshold_at_maximum
from skhep_dnn.model_selection import compare_classifiers
from skhep_dnn.neural_network import FeatureSplit

__all__ = ["FIGURES"]


@cache
def toy():
    """Return events of training and test, and two networks."""
    events = make_higgs_events(3000, random_state=0)
    train = slice(0, 1500), slice(1500, 3000)
    (X, X_test), (y, y_test), (w, w_test) = (
        [np.asarray(values)[part] for part in train]
        if not hasattr(values, "iloc")
        else [values.iloc[part] for part in train]
        for values in (events.data, events.target, events.sample_weight)
    )
    options = {"max_epochs": 3, "width": 16, "n_layers": 2, "random_state": 0}
    plain = WeightedDNNClassifier(
        n_members=3, categorical_features=events.categorical, **options
    )
    split = WeightedDNNClassifier(
        numeric_scaling="standard",
        n_members=2,
        feature_groups=FeatureSplit(events.derived, "bottleneck"),
        **options,
    )
    return Bunch(
        train=(X, y, w),
        test=(X_test, y_test, w_test),
        process=np.asarray(events.process)[train[1]],
        numbers=X.select_dtypes("float"),
        plain=plain.fit(X, y, w),
        split=split.fit(X, y, w),
    )


def discriminant():
    X, y, w = toy().test
    X_train, y_train, w_train = toy().train
    return inspection.DiscriminantDisplay.from_estimator(
        toy().plain,
        X,
        y,
        sample_weight=w,
        X_train=X_train,
        y_train=y_train,
        sample_weight_train=w_train,
    )


def stacked():
    X, y, w = toy().test
    X_data, y_data, _ = toy().train
    rng = np.random.default_rng(0)
    rows = rng.choice(np.flatnonzero(y_data == "b"), size=600)
    return inspection.StackedDiscriminantDisplay.from_estimator(
        toy().plain,
        X,
        y,
        sample_weight=w * 600.0 / w.sum(),
        process=toy().process,
        X_data=X_data.iloc[rows],
        response_method="predict_proba",
        blind=0.8,
    )


def yields():
    X, y, w = toy().test
    return inspection.YieldsTableDisplay.from_estimator(
        toy().plain,
        X,
        y,
        sample_weight=w,
        process=toy().process,
        thresholds={"loose": 0.0, "tight": 1.0},
    )


def efficiency():
    X, y, w = toy().test
    return inspection.EfficiencyDisplay.from_estimator(
        toy().plain,
        X,
        y,
        "DER_mass_vis",
        threshold=0.5,
        sample_weight=w,
        units={"DER_mass_vis": "GeV"},
        bins=8,
    )


def distributions():
    X, y, w = toy().test
    return inspection.InputDistributionsDisplay.from_data(
        X,
        y,
        sample_weight=w,
        columns=["PRI_tau_pt", "PRI_jet_num", "PRI_jet_leading_pt", "DER_mass_MMC"],
        units={"PRI_tau_pt": "GeV", "PRI_jet_leading_pt": "GeV", "DER_mass_MMC": "GeV"},
    )


def partial_dependence():
    X, y, w = toy().test
    return inspection.WeightedPartialDependenceDisplay.from_estimator(
        toy().plain,
        X,
        y,
        sample_weight=w,
        columns=["DER_mass_MMC", "PRI_jet_num", "PRI_jet_leading_pt"],
        max_events=200,
        n_values=8,
    )


@cache
def comparison():
    """Return a comparison of three simple classifiers."""
    X, y, w = toy().train
    columns = toy().numbers.columns[:4]
    return compare_classifiers(
        {
            "logistic regression": LogisticRegression(max_iter=1000),
            "naive Bayes": GaussianNB(),
            "tree": DecisionTreeClassifier(max_depth=6, random_state=0),
        },
        *(X[columns].fillna(0.0) / 100.0, y, w),
        cv=3,
        n_replicas=20,
        random_state=0,
    )


def overtraining():
    X, y, w = toy().test
    X_train, y_train, w_train = toy().train
    return inspection.OvertrainingDisplay.from_estimator(
        toy().plain,
        *(X_train, y_train, X, y, w_train, w),
        response_method="predict_proba",
        n_permutations=99,
        n_replicas=20,
    )


def scan():
    X, y, w = toy().test
    score = toy().plain.decision_function(X)
    found = significance_scan(y, score, w, kind="ams", rel_sigma_b=0.05)
    return inspection.SignificanceScanDisplay.from_scan(
        found, threshold=threshold_at_maximum(found, min_n_eff=5.0)
    )


def roc_curve():
    X, y, w = toy().test
    return inspection.WeightedRocCurveDisplay.from_estimator(
        toy().plain, X, y, sample_weight=w, n_replicas=20, random_state=0
    )


def boosting_gain():
    (X, y, w), (X_test, y_test, w_test) = toy().train, toy().test
    columns = toy().numbers.columns[:4]
    network = WeightedDNNClassifier(n_layers=1, width=8, max_epochs=2)
    model = BoostedDNN(network, n_estimators=3, n_iter_no_change=None, random_state=0)
    return inspection.BoostingGainDisplay.from_estimator(
        model.fit(X[columns], y, w), X_test[columns], y_test, w_test
    )


def importance():
    numbers = toy().numbers.fillna(0.0)
    _, y, w = toy().train
    model = LogisticRegression(max_iter=1000).fit((numbers / 100.0), y)
    return inspection.PermutationImportanceDisplay.from_estimator(
        model, numbers / 100.0, y, sample_weight=w, n_repeats=2, random_state=0
    )


def elimination():
    names = ["", *toy().numbers.columns[:12]]
    change = np.linspace(0.0, 0.004, 13) - np.r_[np.zeros(11), 0.004, 0.03]
    iterations = pd.DataFrame(
        {
            "iteration": np.arange(13),
            "dropped": names,
            "n_features": 20 - np.arange(13),
            "difference": change,
            "error": np.r_[0.0, np.full(12, 0.002)],
            "accepted": np.arange(13) < 12,
            "selected": np.arange(13) == 10,
        }
    )
    return inspection.EliminationDisplay.from_path(iterations)


def dependence():
    return inspection.MutualDependenceDisplay.from_data(
        toy().numbers.fillna(0.0).iloc[:300, :12],
        estimator=LinearRegression(),
        cv=2,
        random_state=0,
    )


def inputs():
    X, y, w = toy().train
    X = X[["PRI_tau_pt", "PRI_jet_leading_pt", "PRI_tau_phi"]]
    model = WeightedDNNClassifier(
        numeric_scaling="robust",
        scale_learning_rate=20.0,
        numeric_embedding="periodic",
        max_epochs=3,
        random_state=0,
    ).fit(X, y, w)
    return inspection.InputsDisplay.from_estimator(model, X, sample_weight=w)


@cache
def three():
    """Return labels, probabilities, predictions and weights of three classes."""
    rng = np.random.default_rng(0)
    y = rng.choice(["H", "Z", "W or t"], size=1500)
    logit = rng.normal(size=(1500, 3)) + 2.0 * (y[:, None] == ["H", "W or t", "Z"])
    proba = np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True)
    y_pred = np.array(["H", "W or t", "Z"])[proba.argmax(axis=1)]
    return y, proba, y_pred, rng.exponential(size=1500) * np.where(y == "H", 1, 300)


FIGURES = {
    "BlockRelianceDisplay": lambda: inspection.BlockRelianceDisplay.from_estimator(
        toy().split, *toy().test[:2], sample_weight=toy().test[2]
    ),
    "BoostingGainDisplay": boosting_gain,
    "BottleneckOutputDisplay": lambda: (
        inspection.BottleneckOutputDisplay.from_estimator(
            toy().split, *toy().test[:2], sample_weight=toy().test[2]
        )
    ),
    "BottleneckRelianceDisplay": lambda: (
        inspection.BottleneckRelianceDisplay.from_estimator(
            toy().split, toy().test[0], sample_weight=toy().test[2], bottleneck="wide"
        )
    ),
    "ComparisonDisplay": lambda: inspection.ComparisonDisplay.from_comparison(
        comparison()
    ),
    "CorrelationDisplay": lambda: inspection.CorrelationDisplay.from_data(
        toy().numbers, toy().train[1], sample_weight=toy().train[2]
    ),
    "DiscriminantDisplay": discriminant,
    "EfficiencyDisplay": efficiency,
    "EliminationDisplay": elimination,
    "EmbeddingDisplay": lambda: inspection.EmbeddingDisplay.from_estimator(toy().plain),
    "InputDistributionsDisplay": distributions,
    "InputsDisplay": inputs,
    "LearningRateRangeDisplay": lambda: (
        inspection.LearningRateRangeDisplay.from_estimator(toy().plain, *toy().train)
    ),
    "MutualDependenceDisplay": dependence,
    "NetworkDiagramDisplay": lambda: inspection.NetworkDiagramDisplay.from_estimator(
        toy().split
    ),
    "OutputNodesDisplay": lambda: inspection.OutputNodesDisplay.from_predictions(
        *three()[:2], sample_weight=three()[3]
    ),
    "OvertrainingDisplay": overtraining,
    "PermutationImportanceDisplay": importance,
    "RankCorrelationDisplay": lambda: inspection.RankCorrelationDisplay.from_data(
        toy().numbers
    ),
    "ReliabilityDisplay": lambda: inspection.ReliabilityDisplay.from_predictions(
        *three()[:2], sample_weight=three()[3]
    ),
    "SeparationDisplay": lambda: inspection.SeparationDisplay.from_data(
        toy().numbers, toy().train[1], sample_weight=toy().train[2], n_replicas=10
    ),
    "SignificanceScanDisplay": scan,
    "StackedDiscriminantDisplay": stacked,
    "TrainingHistoryDisplay": lambda: inspection.TrainingHistoryDisplay.from_estimator(
        toy().plain
    ),
    "WeightedPartialDependenceDisplay": partial_dependence,
    "WeightedRocCurveDisplay": roc_curve,
    "YieldConfusionDisplay": lambda: inspection.YieldConfusionDisplay.from_predictions(
        three()[0], three()[2], sample_weight=three()[3]
    ),
    "YieldsTableDisplay": yields,
}
