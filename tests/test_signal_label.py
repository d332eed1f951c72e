import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn._signal_label import class_names, resolve_pos_label, taken_signal
from skhep_dnn.exceptions import AssumedSignalWarning
from skhep_dnn.inspection import (
    BottleneckOutputDisplay,
    DiscriminantDisplay,
    SignificanceScanDisplay,
    WeightedRocCurveDisplay,
)
from skhep_dnn.metrics import (
    bootstrap,
    cross_fitted_significance,
    max_significance_score,
    significance_scan,
)
from skhep_dnn.model_selection import SignificanceThresholdClassifier
from skhep_dnn.neural_network import FeatureSplit

CLEAR = [
    ("b", "s"),
    ("background", "signal"),
    ("Bkg", "Sig"),
    ("bkg_QCD", "top"),
    ("ZZ", "signal_m500"),
    ("neg", "pos"),
    ("no", "yes"),
    ("0", "1"),
]
UNCLEAR = [
    ("Higgs", "ttbar"),
    ("signal", "ttbar"),
    ("QCD", "background"),
    ("Signal", "background"),
    ("beta", "sigma"),
    ("b", "bkg"),
]


@pytest.mark.parametrize(("background", "signal"), CLEAR)
def test_labels_that_say_it_are_taken_in_silence(background, signal):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert resolve_pos_label([signal, background], None) == signal


@pytest.mark.parametrize(("background", "signal"), UNCLEAR)
def test_a_guess_is_told(background, signal):
    message = (
        f"got None for '{background}' and '{signal}': '{signal}', the larger one, is "
        f"taken as the signal. Pass pos_label='{signal}' or pos_label='{background}'"
    )
    with pytest.warns(AssumedSignalWarning, match=message):
        assert taken_signal([background, signal]) == signal


def test_what_is_named_or_a_number_needs_no_guess():
    assert resolve_pos_label(["Higgs", "ttbar"], "Higgs") == "Higgs"
    mixed = np.array([3, 7, 3], dtype=object)
    assert resolve_pos_label(mixed, None) == 7
    for labels in (["a", "b", "c"], ["a"], [3, 7], [True, False], [0.5]):
        assert resolve_pos_label(labels, None) is None
    with pytest.raises(ValueError, match="`y_true` must be one-dimensional"):
        resolve_pos_label([["a", "b"]], None)


def test_classes_are_named_by_what_they_are_and_by_their_labels():
    assert class_names([0, 1, 1], 1) == {
        "background": "background (0)",
        "signal": "signal (1)",
    }
    assert class_names([False, True], None)["signal"] == "signal (True)"
    assert class_names(["W", "Z", "top"], "top")["background"] == "background (W, Z)"
    assert class_names(["Signal", "b"], "Signal")["signal"] == "signal"


@pytest.fixture
def unclear(toy_events):
    X, y, _ = toy_events
    return X, np.where(y == "s", "ttbar", "Higgs")


@pytest.mark.parametrize(
    "display", [DiscriminantDisplay, SignificanceScanDisplay, WeightedRocCurveDisplay]
)
def test_a_figure_says_it_once(display, unclear):
    X, y = unclear
    model = LogisticRegression().fit(X, y)
    options = {} if display is DiscriminantDisplay else {"n_replicas": 2}
    score = model.decision_function(X)
    with pytest.warns(AssumedSignalWarning) as of_scores:
        drawn = display.from_predictions(y, score, **options)
    with pytest.warns(AssumedSignalWarning) as of_estimator:
        display.from_estimator(model, X, y, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        display.from_estimator(model, X, y, pos_label="Higgs", **options)
        drawn.plot()
    for told in (of_scores, of_estimator):
        assert len(told) == 1
        assert told[0].filename == __file__


def test_the_figure_of_a_training_sample_says_it_once(unclear):
    X, y = unclear
    model = LogisticRegression().fit(X, y)
    with pytest.warns(AssumedSignalWarning) as told:
        DiscriminantDisplay.from_estimator(model, X, y, X_train=X, y_train=y)
    assert len(told) == 1


def test_the_figure_of_a_bottleneck_says_it_once(unclear):
    X, y = unclear
    split = FeatureSplit(["c"], "bottleneck")
    model = WeightedDNNClassifier(feature_groups=split, max_epochs=1, random_state=0)
    model.fit(X, y)
    with pytest.warns(AssumedSignalWarning) as told:
        BottleneckOutputDisplay.from_estimator(model, X, y)
    assert len(told) == 1


@pytest.mark.parametrize("choose", [significance_scan, cross_fitted_significance])
def test_a_choice_of_a_cut_says_it_once(choose, unclear):
    X, y = unclear
    score = X["a"].to_numpy()
    options = {}
    if choose is cross_fitted_significance:
        options = {"fold": np.arange(len(y)) % 3, "min_n_eff": 1.0}
    with pytest.warns(AssumedSignalWarning) as told:
        choose(y, score, **options)
    assert len(told) == 1
    assert told[0].filename == __file__


def test_the_classifier_of_a_cut_says_it_once(unclear):
    X, y = unclear
    options = {"min_n_eff": 1.0, "n_replicas": 3, "random_state": 0}
    model = LogisticRegression().fit(X, y)
    by_cut = SignificanceThresholdClassifier(model, cv="prefit", **options)
    with pytest.warns(AssumedSignalWarning) as told:
        by_cut.fit(X, y)
    assert len(told) == 1
    named = SignificanceThresholdClassifier(
        model, cv="prefit", pos_label="ttbar", **options
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        named.fit(X, y)
        bootstrap(max_significance_score, y, X["a"], n_replicas=3, random_state=0)
    assert named.best_threshold_ == by_cut.best_threshold_
