from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_predict

from skhep_dnn import SymmetryAugmenter, WeightedDNNClassifier
from skhep_dnn.feature_selection import compare_after_cut
from skhep_dnn.inspection import weighted_permutation_importance
from skhep_dnn.metrics import balanced_log_loss, weighted_roc_auc
from skhep_dnn.neural_network import FeatureSplit


@pytest.fixture
def events():
    """Two features that separate, of which one is weak, and one of noise."""
    rng = np.random.default_rng(0)
    y = np.where(np.arange(2000) % 2 == 0, "s", "b")
    X = rng.normal(size=(2000, 3)) + (y == "s")[:, np.newaxis] * [1.5, 0.7, 0.0]
    return pd.DataFrame(X, columns=["mass", "pt", "phi"]), y, rng.exponential(size=2000)


@pytest.fixture
def importance(events):
    X, y, weight = events
    model = LogisticRegression().fit(X, y, sample_weight=weight)
    return weighted_permutation_importance(model, X, y, weight, random_state=0)


def test_noise_can_go_and_the_rest_cannot(events, importance):
    X, y, weight = events
    options = {"importance": importance, "random_state": 0}
    noise = compare_after_cut(LogisticRegression(), X, y, weight, **options)
    assert (noise.kept, noise.dropped) == (["mass", "pt"], ["phi"])
    assert abs(noise.comparison.difference) < 3 * noise.comparison.error
    cut = float(importance.importances_mean[1])
    weak = compare_after_cut(LogisticRegression(), X, y, weight, cut=cut, **options)
    assert weak.dropped == ["pt", "phi"]
    assert weak.comparison.difference > 3 * weak.comparison.error


@pytest.mark.parametrize(
    ("scoring", "metric", "name"),
    [
        ("balanced_log_loss", balanced_log_loss, "balanced_log_loss"),
        ("roc_auc", weighted_roc_auc, "roc_auc"),
        (weighted_roc_auc, weighted_roc_auc, "weighted_roc_auc"),
    ],
)
def test_figures_are_those_of_pooled_predictions(
    events, importance, scoring, metric, name
):
    X, y, weight = events
    result = compare_after_cut(
        LogisticRegression(),
        X,
        y,
        weight,
        importance=importance,
        cv=KFold(3),
        scoring=scoring,
        n_replicas=20,
        random_state=0,
    )
    assert result.scoring == name
    values = [
        metric(
            y,
            cross_val_predict(
                LogisticRegression(),
                part,
                y,
                cv=KFold(3),
                method="predict_proba",
                params={"sample_weight": weight},
            )[:, 1],
            weight,
        )
        for part in (X[["mass", "pt"]], X)
    ]
    assert [result.comparison.value_a, result.comparison.value_b] == values
    assert result.comparison.difference == values[0] - values[1]


def test_printed_table(events, importance):
    X, y, weight = events
    options = {"importance": importance, "n_replicas": 20, "random_state": 0}
    result = compare_after_cut(LogisticRegression(), X, y, weight, **options)
    lines = repr(result).splitlines()
    assert lines[0] == "balanced_log_loss (less is better), out of fold"
    assert lines[1].startswith("  all 3 columns          0.")
    assert lines[2].startswith("  2 of importance >0.005 0.")
    assert "±" in lines[3]
    assert lines[3].endswith("standard errors)")
    assert lines[4] == "  dropped                phi"
    assert str(result) == repr(result)
    many = replace(result, dropped=[f"column_{i}" for i in range(30)])
    lines = repr(many).splitlines()[4:]
    assert max(map(len, lines)) <= 88
    assert " ".join(line.strip() for line in lines).endswith("column_28, column_29")


def test_same_seed_same_result_and_signed_weights(events, importance):
    X, y, weight = events
    weight[np.flatnonzero(y == "b")[::7]] *= -1
    model = WeightedDNNClassifier(
        n_layers=1, width=4, max_epochs=2, validation_fraction=0.2, random_state=0
    )
    options = {"importance": importance, "cv": 2, "n_replicas": 20, "random_state": 0}
    results = [compare_after_cut(model, X, y, weight, **options) for _ in range(2)]
    assert results[0].comparison.error == results[1].comparison.error
    assert results[0].comparison.difference == results[1].comparison.difference
    assert not hasattr(model, "net_")


def test_wrong_arguments(events, importance):
    X, y, weight = events
    model = LogisticRegression()
    with pytest.raises(ValueError, match=r"columns of `X`, \['mass', 'pt'\], got"):
        compare_after_cut(model, X[["mass", "pt"]], y, importance=importance)
    for cut, n_kept in ((5.0, 0), (-5.0, 3)):
        with pytest.raises(ValueError, match=f"which keeps {n_kept} of 3.* choose"):
            compare_after_cut(model, X, y, weight, importance=importance, cut=cut)
    by_position = HistGradientBoostingClassifier(categorical_features=[2])
    with pytest.raises(ValueError, match=r"got positions: \[2\]\. Pass a DataFrame"):
        compare_after_cut(by_position, X, y, weight, importance=importance)
    with pytest.raises(ValueError, match="must contain signal and background events"):
        compare_after_cut(model, X, np.full(2000, "s"), weight, importance=importance)


@pytest.mark.parametrize(
    ("scoring", "pos_label"),
    [("roc_auc_ovr", None), ("balanced_log_loss", None), ("roc_auc", ["x", "s"])],
)
def test_several_classes_are_compared_as_one_sample(
    events, importance, scoring, pos_label
):
    X, y, weight = events
    labels = np.where(X["mass"] > 1.5, "x", y)
    result = compare_after_cut(
        LogisticRegression(),
        X,
        labels,
        weight,
        importance=importance,
        cv=KFold(3),
        scoring=scoring,
        pos_label=pos_label,
        n_replicas=3,
    )
    proba = cross_val_predict(
        LogisticRegression(),
        X,
        labels,
        cv=KFold(3),
        method="predict_proba",
        params={"sample_weight": weight},
    )
    expected = {
        "roc_auc_ovr": partial(weighted_roc_auc, multi_class="ovr"),
        "balanced_log_loss": balanced_log_loss,
        "roc_auc": partial(weighted_roc_auc, pos_label=pos_label),
    }[scoring](labels, proba, weight)
    assert result.comparison.value_b == pytest.approx(expected, rel=1e-12)


def test_the_signal_of_two_classes_may_be_the_smaller_label(events, importance):
    X, y, weight = events
    options = {"importance": importance, "cv": KFold(3), "n_replicas": 3}
    options |= {"scoring": "roc_auc", "random_state": 0}
    one = compare_after_cut(LogisticRegression(), X, y, weight, **options)
    other = compare_after_cut(
        LogisticRegression(), X, y, weight, pos_label="b", **options
    )
    assert other.comparison.value_a == pytest.approx(one.comparison.value_a)


@pytest.mark.parametrize(
    "options",
    [
        {"feature_groups": FeatureSplit([0])},
        {"feature_groups": FeatureSplit(["mass", np.int64(1)])},
        {"categorical_features": ["mass", 1]},
        {"categorical_features": [False, False, True]},
        {"stratify": [2], "validation_fraction": 0.2},
        {"augmenter": SymmetryAugmenter(cylindrical=None, cartesian=[(0, 1)])},
        {"augmenter": SymmetryAugmenter(odd_under={2: "z"})},
        {"augmenter": SymmetryAugmenter(leading=0)},
    ],
)
def test_positions_of_columns_are_refused_wherever_they_are_declared(
    events, importance, options
):
    X, y, weight = events
    with pytest.raises(ValueError, match=r"must name its columns where some are cut"):
        compare_after_cut(
            WeightedDNNClassifier(**options), X, y, weight, importance=importance
        )


def test_names_of_columns_may_be_declared(events, importance):
    X, y, weight = events
    model = WeightedDNNClassifier(
        n_layers=1,
        width=4,
        max_epochs=1,
        feature_groups=FeatureSplit(["mass"], width=2),
        random_state=0,
    )
    result = compare_after_cut(
        model, X, y, weight, importance=importance, cv=2, n_replicas=20
    )
    assert np.isfinite(result.comparison.difference)
