"""Headers of C++ answer as the classifiers that they were made of."""

import numpy as np
import pytest

from skhep_dnn import SymmetryAugmenter, WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export import ExportedClassifier, to_cpp, to_onnx
from skhep_dnn.export._scoring_program import scoring_program
from tests.export.cpp_models import needs_compiler, outputs_of_header
from tests.real_root import run_in_root

N_EVENTS = 10_000
NUMBERS = ["run", "event"]
CATEGORIES = ["channel", "n_jets", "charge"]


def make_events(n_events, seed):
    """Return events with momenta, undefined values, categories and numbers."""
    sample = make_higgs_events(n_events, random_state=seed)
    rng = np.random.default_rng(seed)
    X = sample.data.mask(rng.random(sample.data.shape) < 0.02)
    X = X.assign(
        channel=rng.choice(["e", "mu", "tau"], n_events),
        n_jets=rng.integers(0, 4, n_events),
        charge=rng.choice([np.nan, -1.0, 1.0], n_events),
        run=rng.integers(1, 9, n_events),
        event=rng.integers(0, 2**63 - 1, n_events, dtype=np.int64),
    )
    return X, sample.target, sample.sample_weight


def small(**options):
    """Network that trains in no time."""
    parameters = {"n_layers": 2, "width": 20, "max_epochs": 1, "random_state": 0}
    return WeightedDNNClassifier(**{**parameters, **options})


@pytest.fixture(scope="module")
def cross_fitted():
    """Cross-fitted networks with everything: members, variants, categories."""
    X, y, w = make_events(1500, seed=0)
    model = CrossFitClassifier(
        small(
            n_members=2,
            augmenter=SymmetryAugmenter(),
            categorical_features=CATEGORIES,
            missing_values=-999.0,
            activation=["swish", "gelu"],
        ),
        cv=3,
        event_number=NUMBERS,
    )
    return model.fit(X, y, w), X


@needs_compiler
def test_all_languages_agree(cross_fitted, tmp_path):
    model, X = cross_fitted
    header, file = tmp_path / "model.hpp", tmp_path / "model.onnx"
    exported = to_cpp(model, header, X, threshold=0.5)
    assert exported.self_test.n_wrong_folds == 0
    to_onnx(model, file, X, threshold=0.5)
    new, _, _ = make_events(N_EVENTS, seed=1)
    scoring = scoring_program(model, X)
    arrays = scoring.arrays(new)
    expected, runtime = model.predict_proba(new), ExportedClassifier(file)
    for flags in (("-O1",), ("-O1", "-ffast-math")):
        found = outputs_of_header(header, scoring, arrays, tmp_path, *flags)
        np.testing.assert_array_equal(found["fold"], model.fold_numbers(new))
        np.testing.assert_array_equal(found["fold"], runtime.fold_numbers(new))
        for other in (expected, runtime.predict_proba(new)):
            np.testing.assert_allclose(found["probability"], other, rtol=0, atol=1e-5)
        np.testing.assert_allclose(
            found["decision"][:, 0], model.decision_function(new), rtol=0, atol=1e-4
        )
        labels = model.classes_[found["label"]]
        assert (labels == runtime.predict(new)).mean() > 0.999


@needs_compiler
@pytest.mark.parametrize(
    "options",
    [
        {"numeric_scaling": "quantile", "numeric_embedding": "piecewise_linear"},
        {"activation": ["softmax", "selu"], "batch_norm": True},
        {"activation": ["prelu", "swish_learnt"], "connection": "plain"},
        {"activation": ["tanh", "exponential"], "connection": "residual"},
        {"activation": ["relu", "sigmoid"], "numeric_scaling": "standard"},
    ],
)
def test_networks_of_several_classes(options, tmp_path):
    X, _, w = make_events(600, seed=2)
    X = X.drop(columns=NUMBERS)
    y = np.array(["Z", "H", "top"])[np.arange(600) % 3]
    model = small(categorical_features=CATEGORIES, **options).fit(X, y, np.abs(w))
    header = tmp_path / "several.hpp"
    to_cpp(model, header, X)
    scoring = scoring_program(model, X)
    found = outputs_of_header(header, scoring, scoring.arrays(X), tmp_path)
    np.testing.assert_allclose(
        found["probability"], model.predict_proba(X), rtol=0, atol=1e-5
    )
    assert (model.classes_[found["label"]] == model.predict(X)).mean() > 0.999
    assert "double score(" not in header.read_text()  # no class is the signal


@needs_compiler
@pytest.mark.parametrize("n_columns", [1, 2])
def test_numbers_beside_the_events(n_columns, tmp_path):
    X, y, w = make_events(600, seed=3)
    numbers = X[NUMBERS].to_numpy() if n_columns == 2 else X["event"].to_numpy()
    X = X.drop(columns=[*CATEGORIES, *NUMBERS])
    model = CrossFitClassifier(small(), cv=3).fit(X, y, w, event_number=numbers)
    header = tmp_path / "beside.hpp"
    to_cpp(model, header, X, event_number=numbers)
    scoring = scoring_program(model, X, event_number=numbers)
    arrays = scoring.arrays(X, numbers)
    found = outputs_of_header(header, scoring, arrays, tmp_path)
    expected = model.predict_proba(X, event_number=numbers)
    np.testing.assert_allclose(found["probability"], expected, rtol=0, atol=1e-5)
    folds = model.fold_numbers(X, event_number=numbers)
    np.testing.assert_array_equal(found["fold"], folds)
    arguments = ["std::int64_t run, std::int64_t event", "std::int64_t event"]
    assert f"fold({arguments[2 - n_columns]})" in header.read_text()


@needs_compiler
def test_names_that_cpp_does_not_know(tmp_path):
    X, y, w = make_events(300, seed=4)
    X = X.drop(columns=[*CATEGORIES, *NUMBERS]).iloc[:, :7]
    X.columns = ["lep.pt", "lep pt", "lep_pt", "2nd", "double", "n", "result"]
    model = small(numeric_embedding=None).fit(X, y, w)
    header = tmp_path / "names.hpp"
    to_cpp(model, header, X, units={"lep.pt": "GeV"}, namespace="other_name")
    text = header.read_text()
    told = "double other_name::score(float lep_pt, float lep_pt_, float lep_pt__, "
    assert told in text
    assert "// float lep_pt, the column lep.pt, in GeV" in text
    assert "float column_2nd, float column_double" in text
    named = tmp_path / "other_name.hpp"
    named.write_text(text)
    scoring = scoring_program(model, X)
    found = outputs_of_header(named, scoring, scoring.arrays(X), tmp_path)
    np.testing.assert_allclose(
        found["probability"], model.predict_proba(X), rtol=0, atol=1e-5
    )


def test_same_model_same_text(cross_fitted, tmp_path):
    model, X = cross_fitted
    texts = []
    for name in ("a", "b"):
        to_cpp(model, tmp_path / f"{name}.hpp", X, namespace="same")
        texts.append((tmp_path / f"{name}.hpp").read_text())
    assert texts[0] == texts[1]


def test_wrong_arguments(cross_fitted, tmp_path):
    model, X = cross_fitted
    for name in ("2nd", "a-b", "double", ""):
        with pytest.raises(ValueError, match="`namespace` must be a name of C"):
            to_cpp(model, tmp_path / "model.hpp", X, namespace=name)
    with pytest.raises(ValueError, match="`units` must be of columns"):
        to_cpp(model, tmp_path / "model.hpp", X, units={"nothing": "GeV"})
    model.predict_proba = lambda table: np.full((len(table), 2), 0.5)
    try:
        with pytest.raises(ExportError, match="must agree with the classifier"):
            to_cpp(model, tmp_path / "model.hpp", X)
    finally:
        del model.predict_proba
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "model.hpp").write_text("mine")
    with pytest.raises(FileExistsError, match="must be a new file"):
        to_cpp(model, tmp_path / "model.hpp", X)
    assert (tmp_path / "model.hpp").read_text() == "mine"


ROOT_CODE = """
import numpy as np

assert ROOT.gInterpreter.Declare(f'#include "{header}"')
table = np.load(data)
frame = ROOT.RDF.FromNumpy({name: table[name] for name in table.files})
arguments = ", ".join(table.files)
frame = frame.Define("score", f"model::score({arguments})")
frame = frame.Define("fold", "(Long64_t) model::fold(run, event)")
columns = frame.AsNumpy(["score", "fold"])
result = [columns[name].tolist() for name in ("score", "fold")]
"""


@pytest.mark.slow
def test_the_interpreter_of_root_agrees(cross_fitted, tmp_path):
    model, X = cross_fitted
    header = tmp_path / "model.hpp"
    to_cpp(model, header, X)
    new, _, _ = make_events(N_EVENTS, seed=1)
    scoring = scoring_program(model, X)
    arrays = scoring.arrays(new)
    columns = {spec.name: arrays[spec.name][:, 0] for spec in scoring.inputs}
    np.savez(tmp_path / "events.npz", **columns)
    score, fold = run_in_root(
        ROOT_CODE, header=str(header), data=str(tmp_path / "events.npz")
    )
    np.testing.assert_array_equal(fold, model.fold_numbers(new))
    np.testing.assert_allclose(score, model.predict_proba(new)[:, 1], rtol=0, atol=1e-5)
