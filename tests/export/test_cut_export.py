"""The cut of a classifier as steps of a program: score, selection and label."""

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export import ExportedClassifier, to_cpp, to_onnx, verify_export
from skhep_dnn.export._lowering.cuts import cut_label, is_selected, signal_score
from skhep_dnn.export._lowering.lowering import InputColumn, Inputs, Lowering, Table
from skhep_dnn.export._lowering.rules import REASONS, SCORE_RULES, TRANSFORM_RULES
from skhep_dnn.export._program.in_numpy import evaluate
from skhep_dnn.export._program.program import Program
from skhep_dnn.export._scoring_program import scoring_program
from skhep_dnn.model_selection import SignificanceThresholdClassifier
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import CartesianMomenta
from tests.export.onnx_models import check_export, run_program

pytestmark = [
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning"),
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.MeanCombinationWarning"),
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.RefitCutWarning"),
]
N_TRAIN = 1500


@pytest.fixture(scope="module")
def events():
    events = make_higgs_events(10_000, random_state=0)
    X = events.data.assign(event=np.arange(10_000))
    jets = X["PRI_jet_num"].to_numpy()
    three = np.where(events.target == "s", "signal", np.where(jets > 1, "top", "Z"))
    return X, events.target, three, np.abs(events.sample_weight)


def network():
    return WeightedDNNClassifier(n_layers=1, width=8, max_epochs=2, random_state=0)


def of_folds():
    return CrossFitClassifier(network(), cv=3, event_number="event")


def thresholded(estimator=None, **parameters):
    estimator = network() if estimator is None else estimator
    return SignificanceThresholdClassifier(estimator, n_replicas=0, **parameters)


def cut_program(model, X):
    """The score, the selection and the label, behind the columns of a table."""
    program = Program("cut")
    inputs = Inputs(program, "float64")
    columns = tuple(InputColumn(inputs, i) for i in range(X.shape[1]))
    lowering = Lowering(SCORE_RULES, TRANSFORM_RULES, reasons=REASONS)
    scores = lowering.scores(model, Table(program, columns, tuple(X)))
    score = signal_score(model, scores)
    selected = is_selected(score, model.best_threshold_)
    program.outputs |= {
        "score": score,
        "selected": selected,
        "label": cut_label(
            scores,
            np.isin(model.classes_, model._signal),
            selected,
            model._response,
        ),
    }
    inputs.declare(dict(enumerate(X)))
    return program.simplify()


def check_cut(model, X):
    check_export(model, X)
    program = cut_program(model, X)
    arrays = {
        name: X[[name]].to_numpy(dtype=value.dtype)
        for name, value in program.inputs.items()
    }
    expected, labels = model.signal_score(X), model.predict(X)
    # Events at the cut to the last digits are decided by them.
    clear = np.abs(expected - model.best_threshold_) > 1e-5
    assert clear.mean() > 0.99
    is_signal = np.isin(labels, model._signal)
    assert 0 < is_signal.sum() < len(X)
    for run, limit in ((evaluate, 1e-5), (run_program, 1e-4)):
        found = run(program, arrays)
        np.testing.assert_allclose(
            found["score"][:, 0], expected, rtol=limit, atol=1e-5
        )
        selected = found["selected"][:, 0]
        np.testing.assert_array_equal(selected[clear], is_signal[clear])
        found_labels = model.classes_[found["label"][:, 0]]
        assert (found_labels == labels)[clear].mean() > 0.9999
    return program


MODELS = {
    "folds": thresholded(of_folds()),
    "mean": thresholded(),
    "mean_of_pipelines": thresholded(
        make_weighted_pipeline(CartesianMomenta(), network()), cv=2
    ),
    "refit": thresholded(refit=True, cv=3),
    "by_probability": thresholded(response_method="predict_proba"),
    "swapped": thresholded(pos_label="b"),
    "swapped_by_probability": thresholded(
        response_method="predict_proba", pos_label="b"
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_cut_is_that_of_python(name, events):
    X, y, _, w = events
    model = MODELS[name].fit(X[:N_TRAIN], y[:N_TRAIN], sample_weight=w[:N_TRAIN])
    check_cut(model, X)


def test_of_a_fitted_model_it_is_that_of_python(events):
    X, y, _, w = events
    part = slice(0, N_TRAIN)
    for estimator in (network(), of_folds()):
        fitted = estimator.fit(X[part], y[part], sample_weight=w[part])
        model = thresholded(fitted, cv="prefit").fit(
            X[2000:4000], y[2000:4000], sample_weight=w[2000:4000]
        )
        check_cut(model, X)


OF_SEVERAL = {
    "one_signal": thresholded(pos_label="signal"),
    "two_signals": thresholded(pos_label=["signal", "Z"]),
    "by_probability": thresholded(
        pos_label=["signal", "Z"], response_method="predict_proba"
    ),
    "folds": thresholded(of_folds(), pos_label="signal"),
    "folds_two_signals": thresholded(of_folds(), pos_label=["signal", "Z"]),
}


@pytest.mark.parametrize("name", OF_SEVERAL)
def test_of_several_classes_it_is_that_of_python(name, events):
    X, _, y, w = events
    model = OF_SEVERAL[name].fit(X[:N_TRAIN], y[:N_TRAIN], sample_weight=w[:N_TRAIN])
    assert len(model.classes_) == 3
    check_cut(model, X)


@pytest.mark.parametrize(
    "model",
    [
        thresholded(choose="top_fraction", pos_label="b"),
        thresholded(choose="top_fraction", response_method="predict_proba"),
    ],
)
def test_a_file_has_the_cut_of_the_classifier(model, events, tmp_path):
    X, y, _, w = events
    model.fit(X[:N_TRAIN], y[:N_TRAIN], sample_weight=w[:N_TRAIN])
    check_file(model, X, tmp_path)


@pytest.mark.parametrize("response", ["auto", "predict_proba"])
@pytest.mark.parametrize("signal", ["signal", ["signal", "Z"]])
def test_a_file_has_the_cut_on_one_or_several_classes(
    signal, response, events, tmp_path
):
    X, _, y, w = events
    model = thresholded(
        choose="top_fraction", pos_label=signal, response_method=response
    )
    model.fit(X[:N_TRAIN], y[:N_TRAIN], sample_weight=w[:N_TRAIN])
    check_file(model, X, tmp_path)


def check_file(model, X, folder):
    to_onnx(model, folder / "model.onnx", X[:N_TRAIN])
    exported = ExportedClassifier(folder / "model.onnx")
    assert exported.threshold_ == model.best_threshold_
    expected = model.predict(X)
    assert len(np.unique(expected)) == len(model.classes_)
    assert (exported.predict(X) == expected).mean() > 0.9998
    is_signal = np.isin(expected, model._signal)
    assert (exported.selected(X) == is_signal).mean() > 0.9998


def test_an_event_at_the_cut_is_selected_and_one_without_a_score_is_not():
    program = Program("cut")
    score = program.input("score", 1, "float64")
    program.outputs["selected"] = is_selected(score, 0.3)
    values = np.array([0.3, np.nextafter(0.3, 0.0), 0.4, np.nan, np.inf])
    for run in (evaluate, run_program):
        found = run(program, {"score": values[:, np.newaxis]})["selected"][:, 0]
        np.testing.assert_array_equal(found, values >= 0.3)


def test_a_mean_of_decisions_is_refused(events):
    X, y, _, w = events
    model = MODELS["mean"].fit(X[:N_TRAIN], y[:N_TRAIN], sample_weight=w[:N_TRAIN])
    object.__setattr__(model._fold_models, "response", "decision")
    with pytest.raises(ExportError, match="must be one of probabilities"):
        scoring_program(model, X)


@pytest.mark.parametrize(
    "wrap", [FrozenEstimator, make_pipeline, make_weighted_pipeline]
)
@pytest.mark.parametrize("has_cut", [False, True])
def test_what_stands_inside_of_others_keeps_its_folds_and_its_cut(
    wrap, has_cut, events, tmp_path
):
    X, y, _, w = (part[:N_TRAIN] for part in events)
    model = of_folds().fit(X, y, w)
    if has_cut:
        model = thresholded(model, cv="prefit", min_n_eff=5.0).fit(X, y, w)
    outer = wrap(model)
    exported = to_onnx(outer, tmp_path / "model.onnx", X, y, w)
    assert exported.self_test.n_wrong_folds == 0
    assert to_cpp(outer, tmp_path / "model.hpp", X).self_test.n_wrong_folds == 0
    again = ExportedClassifier(tmp_path / "model.onnx")
    crossed = model.estimator_ if has_cut else model
    np.testing.assert_array_equal(again.fold_numbers(X), crossed.fold_numbers(X))
    cut = model.best_threshold_ if has_cut else None
    assert again.threshold_ == cut
    # The cut is the score of an event, whose last digits decide.
    scores = model.signal_score(X) if has_cut else model.decision_function(X)
    clear = np.abs(scores - (cut or 0.0)) > 1e-5
    np.testing.assert_array_equal(again.predict(X)[clear], outer.predict(X)[clear])
    status = {c.name: c.status for c in verify_export(tmp_path / "model.onnx").checks}
    assert "failed" not in status.values()
