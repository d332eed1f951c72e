"""What labels, scores, weights and tables must be: one clear sentence for each."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from skhep_dnn import BoostedDNN, WeightedDNNClassifier, export, metrics
from skhep_dnn._validation import check_groups, check_labels, check_numbers
from skhep_dnn.ensemble import CrossFitClassifier, SymmetryAveragedClassifier
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.inspection import make_report
from skhep_dnn.model_selection import compare_classifiers
from skhep_dnn.neural_network import refined_weights
from skhep_dnn.preprocessing import SymmetryAugmenter
from skhep_dnn.weights import (
    effective_sample_size,
    scale_to_yields,
    training_weights,
    validation_weights,
)

# Samples are small here.
pytestmark = [
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning"),
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.MeanCombinationWarning"),
]

Y = np.array(["b", "s"] * 20)
RNG = np.random.default_rng(3)
SCORE, W = RNG.normal(size=40), RNG.exponential(size=40)
TABLE = SCORE[:, np.newaxis]
REPORTED = LogisticRegression().fit(TABLE, Y)

OF_LABELS = {
    "training_weights": lambda y: training_weights(y, W),
    "validation_weights": lambda y: validation_weights(y, W),
    "refined_weights": lambda y: refined_weights(SCORE[:, np.newaxis], y, W),
    "scale_to_yields": lambda y: scale_to_yields(y, W, {"b": 1.0, "s": 2.0}),
    "ams_score": lambda y: metrics.ams_score(y, y, W),
    "balanced_log_loss": lambda y: metrics.balanced_log_loss(y, np.full(40, 0.5), W),
    "logits": lambda y: metrics.balanced_log_loss_from_logits(y, SCORE, W),
    "bootstrap": lambda y: metrics.bootstrap("roc_auc", y, SCORE, W),
    "with_error": lambda y: metrics.metric_with_error("roc_auc", y, SCORE, W),
    "difference": lambda y: metrics.paired_difference("roc_auc", y, SCORE, SCORE, W),
    "challenge": lambda y: metrics.challenge_summary(
        y, SCORE, W, Y, SCORE, W, threshold=0.0
    ),
    "efficiency": lambda y: metrics.EfficiencyAt(0.0)(y, SCORE, W),
    "rejection": lambda y: metrics.RejectionAt(0.0)(y, SCORE, W),
    "confusion": lambda y: metrics.confusion_by_yields(y, np.repeat(["b"], 40), W),
    "reliability": lambda y: metrics.reliability_curve(y, np.full(40, 0.5), W),
    "accuracy": lambda y: metrics.weighted_accuracy(y, Y, W),
    "log_loss": lambda y: metrics.weighted_log_loss(y, np.full(40, 0.5), W),
    "cross_fitted": lambda y: metrics.cross_fitted_significance(
        y, SCORE, W, fold=np.arange(40) // 20
    ),
    "optimal_binning": lambda y: metrics.optimal_binning(y, SCORE, W),
    "flat_signal": lambda y: metrics.flat_signal_transform(y, SCORE, W),
    "to_hist": lambda y: export.to_hist(y, SCORE, W, bins=[-9.0, 9.0]),
    "to_pyhf": lambda y: export.to_pyhf(y, SCORE, W, bins=[-9.0, 9.0]),
    "maximum": lambda y: metrics.max_significance_score(y, SCORE, W),
    "separation": lambda y: metrics.separation_power(y, SCORE, W),
    "overtraining": lambda y: metrics.overtraining_test(y, SCORE, y, SCORE, W, W),
    "scan": lambda y: metrics.significance_scan(y, SCORE, W),
    "comparison": lambda y: compare_classifiers(
        {"linear": LogisticRegression()}, SCORE[:, np.newaxis], y, W
    ),
    "auc": lambda y: metrics.weighted_roc_auc(y, SCORE, W),
    "roc": lambda y: metrics.weighted_roc_curve(y, SCORE, W),
    "at": lambda y: metrics.SignificanceAt(0.0)(y, SCORE, W),
    "yields": lambda y: metrics.yields_table(y, SCORE, W),
    "report": lambda y: make_report(REPORTED, TABLE, y, TABLE, Y, W, W),
}
ONE_DIMENSIONAL = r"must be one-dimensional, got the shape \(40, [12]\)"
UNDEFINED = r"must have a label for each event, got 1 of 40 undefined \(nan, None or NA"
LABELS = {
    "a frame": (pd.DataFrame({"y": Y}), ONE_DIMENSIONAL),
    "two columns": (np.column_stack([Y, Y]), ONE_DIMENSIONAL),
    "nan": (np.append(np.tile([0.0, 1.0], 20)[1:], np.nan), UNDEFINED),
    "strings and None": (np.array([None, *Y[1:]], dtype=object), UNDEFINED),
    "strings and NA": (pd.array([None, *Y[1:]], dtype="string"), UNDEFINED),
    "integers and NA": (pd.array([None, *[0, 1] * 19, 1], dtype="Int64"), UNDEFINED),
    "categories and nan": (pd.Series([None, *Y[1:]], dtype="category"), UNDEFINED),
    "None": (None, "must be labels, got None. Pass one label for each event"),
    "a mixture": (np.array([1, *Y[1:]], dtype=object), "labels of one kind, got a mix"),
}


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("function", OF_LABELS)
def test_labels_that_are_none_are_named(function, labels):
    y, message = LABELS[labels]
    with pytest.raises(ValueError, match=message):
        OF_LABELS[function](y)


NOT_A_NUMBER = r"must be real numbers, got: .*Convert them"
NUMBERS = {
    "strings": (Y, NOT_A_NUMBER),
    "complex": (SCORE + 1j, "must be real numbers, got complex128. Take the real"),
    "a frame": (pd.DataFrame({"x": SCORE}), r"got the shape \(40, 1\)"),
    "NA": (pd.array([None, *SCORE[1:]], dtype="Float64"), "nan"),
    "None": (np.array([None, *SCORE[1:]], dtype=object), "nan"),
    "none": ([], r"got the shape \(0,\)"),
}


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("function", ["scan", "auc", "roc", "at", "logits", "maximum"])
def test_scores_and_weights_that_are_none_are_named(function, numbers):
    values, message = NUMBERS[numbers]
    of_events = {
        "scan": metrics.significance_scan,
        "auc": metrics.weighted_roc_auc,
        "roc": metrics.weighted_roc_curve,
        "at": metrics.SignificanceAt(0.0),
        "logits": metrics.balanced_log_loss_from_logits,
        "maximum": metrics.max_significance_score,
    }[function]
    with pytest.raises(ValueError, match=message):
        of_events(Y, values, W)
    with pytest.raises(WeightsError, match=message):
        of_events(Y, SCORE, values)


def test_no_events():
    with pytest.raises(ValueError, match="`y` must contain events of two classes"):
        training_weights([])
    with pytest.raises(WeightsError, match="belong to one event or more, got none"):
        validation_weights([], [])
    with pytest.raises(ValueError, match="signal and background events, got only"):
        metrics.weighted_roc_auc([], [], [])
    assert effective_sample_size([]) == 0.0


@pytest.mark.parametrize("weights", [[[1.0], [2.0]], [np.nan], [np.inf, 1.0]])
def test_an_effective_number_needs_one_finite_weight_for_each_event(weights):
    with pytest.raises(WeightsError, match="one-dimensional and finite, got the shape"):
        effective_sample_size(weights)


def test_checks_return_what_they_have_checked():
    assert check_labels(pd.Series(["b", "s"], dtype="category")).tolist() == ["b", "s"]
    assert check_labels(pd.Series([0, 1], dtype="Int64")).dtype == np.int64
    assert check_groups(pd.DataFrame({"g": [2, 1]})).tolist() == [2, 1]
    with pytest.raises(ValueError, match="`groups` must have a group for each event"):
        check_groups([1.0, np.nan])
    assert check_numbers([[1], [2]], "x").shape == (2, 1)


FRAME = pd.DataFrame(
    {"kind": pd.Categorical(["a", "b"] * 20), "n": [1.0, 2.0, 3, 4] * 10}
)
NETWORK = WeightedDNNClassifier(
    categorical_features="from_dtype", n_layers=1, width=4, max_epochs=1
)
MODELS = [
    (NETWORK, FRAME),
    (NETWORK, FRAME[["kind"]]),
    (NETWORK, FRAME.assign(n=FRAME["kind"])),
    (CrossFitClassifier(clone(NETWORK), cv=2), FRAME[["kind"]]),
    (BoostedDNN(DecisionTreeClassifier(max_depth=1), n_estimators=1), FRAME[["n"]]),
    (LogisticRegression(), FRAME[["n"]]),
    (
        SymmetryAveragedClassifier(
            LogisticRegression(),
            augmenter=SymmetryAugmenter(
                cylindrical=None,
                cartesian=None,
                rotation=False,
                reflections="z",
                odd_under={0: "z"},
            ),
            copies="variants",
            n_copies=None,
        ),
        FRAME[["n"]] - 2.5,
    ),
]


@pytest.mark.parametrize(("model", "table"), MODELS)
def test_no_events_to_predict_are_refused_as_scikit_learn_does(model, table):
    model = clone(model).fit(table, Y)
    shape = rf"\(0, {table.shape[1]}\)"
    message = rf"Found array with 0 sample\(s\) \(shape={shape}\) while a minimum of 1"
    for method in ("predict", "predict_proba", "decision_function"):
        if hasattr(model, method):
            with pytest.raises(ValueError, match=message):
                getattr(model, method)(table.iloc[:0])


def test_no_columns_are_refused_as_scikit_learn_does():
    with pytest.raises(ValueError, match=r"0 feature\(s\) \(shape=\(40, 0\)\)"):
        clone(NETWORK).fit(FRAME[[]], Y)
