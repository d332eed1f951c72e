"""Files of ONNX answer as the classifiers that they were made of."""

import json
import pickle

import numpy as np
import onnx
import pandas as pd
import pytest
from onnxruntime import InferenceSession
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skhep_dnn import SymmetryAugmenter, WeightedDNNClassifier
from skhep_dnn.datasets import make_gaussian_events, make_higgs_events
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export import ExportedClassifier, to_cpp, to_onnx
from skhep_dnn.export._made_up_events import made_up_events
from skhep_dnn.export._scoring_program import scoring_program
from skhep_dnn.model_selection import EventNumberKFold
from skhep_dnn.neural_network import CosineRestarts, FeatureSplit, Snapshots

N_EVENTS = 1200


@pytest.fixture(scope="module")
def events():
    """Events with momenta, undefined values, categories and numbers."""
    sample = make_higgs_events(N_EVENTS, random_state=0)
    rows = np.arange(N_EVENTS)
    X = sample.data.assign(
        channel=np.array(["e", "mu", "tau"])[rows % 3],
        n_jets=rows % 4,
        charge=np.where(rows % 5 == 0, np.nan, 2.0 * (rows % 2) - 1.0),
        event=2**40 + 12_345_679 * rows,
        run=rows % 7,
    )
    return X, sample.target, sample.sample_weight


NUMBERS = ["run", "event"]
CATEGORIES = ["channel", "n_jets", "charge"]


def small(**options):
    """Network that trains in no time."""
    parameters = {"n_layers": 2, "width": 8, "max_epochs": 1, "random_state": 0}
    return WeightedDNNClassifier(**{**parameters, **options})


NETWORKS = {
    "defaults": {},
    "members": {"n_members": 3},
    "plain": {
        "numeric_scaling": "standard",
        "scale_learning_rate": None,
        "numeric_embedding": None,
    },
    "quantile": {"numeric_scaling": "quantile", "numeric_embedding": None},
    "ramps": {"numeric_embedding": "piecewise_linear", "n_members": 2},
    "norm": {"batch_norm": True, "connection": "residual"},
    "plain_layers": {"connection": "plain", "activation": ["relu", "prelu"]},
    "gelu": {"activation": ["gelu", "selu"]},
    "learnt": {"activation": ["swish_learnt", "tanh"]},
    "softmax": {"activation": ["softmax", "sigmoid"]},
    "exponential": {"activation": ["tanh", "exponential"]},
    "variants": {"augmenter": SymmetryAugmenter(), "n_members": 2},
    "variants_plain": {
        "augmenter": SymmetryAugmenter(),
        "numeric_scaling": "standard",
        "scale_learning_rate": None,
        "numeric_embedding": None,
    },
    "categories": {"categorical_features": CATEGORIES, "handle_unknown": "mean"},
    "snapshots": {
        "schedule": CosineRestarts(first_cycle=1.0, multiplier=1.0),
        "snapshots": Snapshots(2),
        "max_epochs": 3,
        "n_members": 2,
    },
}


def columns_of(name, X):
    """Return the columns that a network takes."""
    own = CATEGORIES if name == "categories" else []
    return X.drop(columns=[c for c in [*CATEGORIES, *NUMBERS] if c not in own])


def check(model, X, path, *, tolerance=1e-6, **options):
    """Export a classifier and compare it on all events."""
    exported = to_onnx(model, path, X, **options)
    assert exported.paths == (path,)
    assert exported.self_test.passed
    assert exported.self_test.n_events == min(1000, len(X))
    again = ExportedClassifier(path)
    np.testing.assert_allclose(
        again.predict_proba(X), model.predict_proba(X), rtol=0, atol=tolerance
    )
    np.testing.assert_allclose(
        again.decision_function(X), model.decision_function(X), rtol=1e-4, atol=1e-4
    )
    return again


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name, events, tmp_path):
    X, y, w = events
    X = columns_of(name, X)
    if name != "categories":
        X = X.mask(np.random.default_rng(1).random(X.shape) < 0.02)
    model = small(**NETWORKS[name]).fit(X, y, w)
    if name == "snapshots":
        assert len(model._network_weights) == 4
    # A last bit of a value counts more where bins are narrow.
    tolerance = 5e-6 if name == "ramps" else 1e-6
    again = check(model, X, tmp_path / "model.onnx", tolerance=tolerance)
    assert (again.predict(X) == model.predict(X)).mean() > 0.999
    assert again.predict(X).dtype == model.classes_.dtype


@pytest.mark.parametrize("kind", ["full", "bottleneck", "semi"])
def test_two_paths(kind, events, tmp_path):
    X, y, w = events
    X = columns_of("", X)
    names = list(X.columns)
    model = small(feature_groups=FeatureSplit(names[:6], kind=kind))
    check(model.fit(X, y, w), X, tmp_path / "model.onnx")


def test_several_classes(events, tmp_path):
    X, _, w = events
    X, y = columns_of("", X), np.array(["Z", "H", "top"])[np.arange(N_EVENTS) % 3]
    model = small(n_members=2, augmenter=SymmetryAugmenter()).fit(X, y, np.abs(w))
    again = check(model, X, tmp_path / "model.onnx", pos_label="H", threshold=0.4)
    assert again.classes_.tolist() == ["H", "Z", "top"]
    chosen = again.predict_proba(X)[:, 0] >= 0.4
    np.testing.assert_array_equal(again.selected(X), chosen)
    assert ((again.predict(X) == "H") == chosen).all()


def test_arrays_have_inputs_by_position(tmp_path):
    sample = make_gaussian_events(300, random_state=0)
    X, y = sample.data.to_numpy(), np.asarray(sample.target)
    again = check(small().fit(X, y), X, tmp_path / "model.onnx")
    assert again.feature_names_in_.tolist() == [f"x{i}" for i in range(X.shape[1])]
    with pytest.raises(ValueError, match="must have the column 'x2'"):
        again.predict_proba(X[:, :2])


@pytest.mark.parametrize("rule", ["hash", "modulo"])
@pytest.mark.parametrize("columns", [NUMBERS, ["event"]])
def test_the_rule_of_the_folds_is_inside(rule, columns, events, tmp_path):
    X, y, w = events
    X = columns_of("", X).assign(**X[columns])
    model = CrossFitClassifier(
        small(), cv=EventNumberKFold(3, rule=rule), event_number=columns
    ).fit(X, y, w)
    path = tmp_path / "model.onnx"
    again = check(model, X, path)
    assert again.has_folds
    # Numbers up to the largest of 64 bits, which no float holds.
    rng = np.random.default_rng(2)
    new = X.assign(event=rng.integers(2**62, 2**63 - 1, N_EVENTS, dtype=np.int64))
    folds = again.fold_numbers(new)
    np.testing.assert_array_equal(folds, model.fold_numbers(new))
    assert set(folds) == {0, 1, 2}
    for k, one in enumerate(model.estimators_):
        own = new[folds == k]
        np.testing.assert_allclose(
            again.predict_proba(own),
            one.predict_proba(own.drop(columns=columns)),
            rtol=0,
            atol=1e-6,
        )
    single = X.iloc[[5]]
    np.testing.assert_allclose(
        again.predict_proba(single), model.predict_proba(single), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("n_columns", [1, 2])
def test_numbers_may_come_beside_the_events(n_columns, events, tmp_path):
    X, y, w = events
    numbers = X[NUMBERS].to_numpy() if n_columns == 2 else X["event"].to_numpy()
    X = columns_of("", X)
    model = CrossFitClassifier(small(), cv=3).fit(X, y, w, event_number=numbers)
    path = tmp_path / "model.onnx"
    test = to_onnx(model, path, X, event_number=numbers).self_test
    assert (test.n_wrong_folds, test.passed) == (0, True)
    again = ExportedClassifier(path)
    np.testing.assert_allclose(
        again.predict_proba(X, numbers),
        model.predict_proba(X, event_number=numbers),
        rtol=0,
        atol=1e-6,
    )
    names = [value.name for value in onnx.load(path).graph.input]
    assert names[-n_columns:] == NUMBERS[-n_columns:]
    with pytest.raises(ValueError, match="`event_number` must be passed"):
        again.predict_proba(X)
    with pytest.raises(ExportError, match="`event_number` must be passed"):
        to_onnx(model, tmp_path / "other.onnx", X)
    assert not (tmp_path / "other.onnx").exists()


def test_the_mean_of_folds(events, tmp_path):
    X, y, w = events
    X = columns_of("", X)
    with pytest.warns(match="New events must be scored by one model"):
        model = CrossFitClassifier(small(), cv=3).fit(X, y, w)
    again = check(model, X, tmp_path / "model.onnx")
    with pytest.raises(ExportError, match="must have models of folds"):
        again.fold_numbers(X)


def test_a_cut_selects_events(events, tmp_path):
    X, y, w = events
    X = columns_of("", X)
    model = small().fit(X, y, w)
    for method, scores in (
        ("predict_proba", model.predict_proba(X)[:, 1]),
        ("decision_function", model.decision_function(X)),
    ):
        path = tmp_path / f"{method}.onnx"
        cut = float(np.quantile(scores, 0.7))
        again = check(model, X, path, threshold=cut, response_method=method)
        own = again.predict_proba(X)[:, 1]
        if method == "decision_function":
            own = again.decision_function(X)
        np.testing.assert_array_equal(again.selected(X), own >= cut)
        assert again.threshold_ == cut
        labels = np.where(again.selected(X), *model.classes_[::-1])
        np.testing.assert_array_equal(again.predict(X), labels)
    background = to_onnx(
        model,
        tmp_path / "b.onnx",
        X,
        pos_label=model.classes_[0],
        threshold=0.0,
        response_method="decision_function",
    )
    swapped = ExportedClassifier(background.paths[0])
    np.testing.assert_array_equal(
        swapped.selected(X), swapped.decision_function(X) <= 0.0
    )
    plain = to_onnx(model, tmp_path / "plain.onnx", X)
    with pytest.raises(ExportError, match="`threshold` must have been given"):
        ExportedClassifier(plain.paths[0]).selected(X)


def test_columns_that_nothing_uses_are_left_out(events, tmp_path):
    X, y, w = events
    X = columns_of("", X)
    model = small().fit(X, y, w)
    again = check(model, X, tmp_path / "model.onnx")
    more = X[X.columns[::-1]].assign(another=1.0)
    np.testing.assert_array_equal(again.predict_proba(more), again.predict_proba(X))
    with pytest.raises(ValueError, match=f"must have the column {X.columns[3]!r}"):
        again.predict_proba(X.drop(columns=X.columns[3]))


def test_unknown_categories_are_nan_or_the_mean(events, tmp_path):
    X, y, w = events
    X = columns_of("categories", X)
    unknown = X.iloc[:20].assign(channel="gamma")
    for handle, is_nan in (("error", True), ("mean", False)):
        model = small(categorical_features=CATEGORIES, handle_unknown=handle)
        path = tmp_path / f"{handle}.onnx"
        again = check(model.fit(X, y, w), X, path)
        found = again.predict_proba(unknown)
        assert np.isnan(found).all() == is_nan
        if not is_nan:
            np.testing.assert_allclose(
                found, model.predict_proba(unknown), rtol=0, atol=1e-6
            )


def test_the_file_tells_what_it_is(events, tmp_path):
    X, y, w = events
    X = columns_of("categories", X)
    model = small(categorical_features=CATEGORIES).fit(X, y, w)
    path = tmp_path / "model.onnx"
    name = X.columns[0]
    to_onnx(model, path, X, units={name: "GeV"}, threshold=0.25)
    proto = onnx.load(path)
    assert (proto.ir_version, proto.producer_name) == (8, "skhep_dnn")
    assert {d.domain: d.version for d in proto.opset_import} == {"": 17}
    known = {p.key: p.value for p in proto.metadata_props}
    metadata = json.loads(known["skhep_dnn"])
    assert [i["name"] for i in metadata["inputs"]] == list(X.columns)
    assert metadata["inputs"][0]["unit"] == "GeV"
    codes = next(i for i in metadata["inputs"] if i["name"] == "channel")
    assert (codes["categories"], codes["dtype"]) == (["e", "mu", "tau"], "int64")
    assert metadata["classes"] == model.classes_.tolist()
    assert metadata["threshold"] == 0.25
    assert metadata["self_test"]["n_events"] == 1000
    assert metadata["self_test"]["largest_difference"] < 1e-5
    assert {"skhep-dnn", "torch", "scikit-learn"} <= set(metadata["versions"])
    # Any number of events, and inputs by name, for everyone.
    session = InferenceSession(path)
    assert {i.name for i in session.get_inputs()} == set(X.columns)
    assert all(i.shape[0] == "n_events" for i in session.get_inputs())


def test_exported_classifiers_can_be_kept(events, tmp_path):
    X, y, w = events
    X = columns_of("", X)
    path = tmp_path / "model.onnx"
    again = check(small().fit(X, y, w), X, path)
    both = ExportedClassifier(path, n_jobs=2)
    np.testing.assert_array_equal(both.predict_proba(X), again.predict_proba(X))
    loaded = pickle.loads(pickle.dumps(again))
    np.testing.assert_array_equal(loaded.predict_proba(X), again.predict_proba(X))
    assert repr(again) == f"ExportedClassifier({str(path)!r})"


def test_basic_files_use_the_operators_of_sofie_alone(events, tmp_path):
    X, y, w = events
    X = columns_of("categories", X).assign(**X[NUMBERS])
    model = CrossFitClassifier(
        small(
            augmenter=SymmetryAugmenter(),
            categorical_features=CATEGORIES,
            missing_values=-999.0,
            activation=["softmax", "gelu"],
            numeric_scaling="standard",
            numeric_embedding="piecewise_linear",
        ),
        cv=3,
        event_number=NUMBERS,
    ).fit(X, y, w)
    exported = to_onnx(model, tmp_path / "model.onnx", X, profile="basic")
    assert [p.name for p in exported.paths] == [f"model_fold{k}.onnx" for k in range(3)]
    inputs = model.inputs(X)
    for path, one in zip(exported.paths, model.estimators_, strict=True):
        proto = onnx.load(path)
        kinds = {n.op_type for n in proto.graph.node}
        assert kinds <= set(SOFIE.split())
        assert [i.name for i in proto.graph.input] == ["events"]
        again = ExportedClassifier(path)
        np.testing.assert_allclose(
            again.predict_proba(inputs), one.predict_proba(inputs), rtol=0, atol=1e-5
        )
        assert (again.predict(inputs) == one.predict(inputs)).mean() > 0.999


# tmva/sofie/README.md of ROOT, written out once more on purpose.
SOFIE = """
    Abs Add AveragePool BatchNormalization Cast Concat Constant ConstantOfShape Conv
    ConvTranspose Cos Div Einsum Elu Equal Erf Exp Expand EyeLike Flatten GRU Gather
    Gemm GlobalAveragePool Greater GreaterOrEqual Identity If LSTM LayerNormalization
    LeakyRelu Less LessOrEqual Log MatMul Max MaxPool Mean Min Mul Neg Pad Pow RNN
    RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal
    ReduceMean ReduceProd ReduceSum ReduceSumSquare Relu Reshape ScatterElements Selu
    Shape Sigmoid Sin Slice Softmax Split Sqrt Squeeze Sub Sum Tanh Tile TopK Transpose
    Unsqueeze Where
"""


def test_without_events_some_are_made_up(events, tmp_path):
    X, y, w = events
    own = columns_of("categories", X)
    model = CrossFitClassifier(
        small(categorical_features=CATEGORIES, augmenter=SymmetryAugmenter()),
        cv=3,
        event_number=NUMBERS,
    ).fit(own.assign(**X[NUMBERS]), y, w)
    path = tmp_path / "model.onnx"
    exported = to_onnx(model, path)
    assert exported.manifest is None
    assert [one.name for one in tmp_path.iterdir()] == ["model.onnx"]
    assert exported.self_test.n_events == 1000
    assert (exported.self_test.passed, exported.self_test.n_wrong_folds) == (True, 0)
    again = ExportedClassifier(path)
    np.testing.assert_allclose(
        again.predict_proba(X), model.predict_proba(own.assign(**X[NUMBERS])), atol=1e-6
    )
    to_cpp(model, tmp_path / "model.hpp")
    assert len(to_onnx(model, path, profile="basic").paths) == 3


def test_made_up_events_have_numbers_in_the_range_of_the_network(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal([1e5, -3.0, 0.01], [1e3, 1.0, 1e-3], size=(500, 3))
    model = small().fit(X, (X[:, 1] > -3.0).astype(int))
    inputs = scoring_program(model, X).inputs
    made, numbers = made_up_events(model, inputs, None)
    assert (made.shape, numbers) == ((1000, 3), None)
    np.testing.assert_allclose(np.nanmedian(made, axis=0), [1e5, -3.0, 0.01], rtol=0.1)
    assert 0 < np.isnan(made).mean() < 0.1
    assert to_onnx(model, tmp_path / "array.onnx").self_test.passed
    beside = CrossFitClassifier(small(), cv=2)
    beside.fit(X, X[:, 1] > -3.0, event_number=np.arange(500))
    test = to_onnx(
        beside, tmp_path / "beside.onnx", event_number=np.arange(300)
    ).self_test
    assert (test.n_events, test.n_wrong_folds) == (300, 0)


def test_a_classifier_that_refuses_made_up_events(tmp_path):
    X = np.random.default_rng(0).integers(0, 3, size=(300, 2)).astype(float)
    encoder = OneHotEncoder(sparse_output=False)
    model = make_pipeline(encoder, LogisticRegression()).fit(X, X[:, 0] > 1)
    with pytest.raises(ExportError, match="`X` must be passed for a classifier that"):
        to_onnx(model, tmp_path / "model.onnx")
    assert to_onnx(model, tmp_path / "model.onnx", X).self_test.passed


def test_files_that_are_there_are_kept(events, tmp_path):
    X, y, w = events
    X = columns_of("", X)
    model = small().fit(X, y, w)
    path = tmp_path / "model.onnx"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="must be a new file"):
        to_onnx(model, path, X)
    assert path.read_text() == "mine"
    to_onnx(model, path, X, overwrite=True)
    assert len(path.read_bytes()) > 1000
    with pytest.raises(FileNotFoundError, match="must be in a folder that is there"):
        to_onnx(model, tmp_path / "nowhere" / "model.onnx", X)


def test_a_file_that_does_not_agree_is_not_written(events, tmp_path):
    X, y, w = events
    X = columns_of("", X)
    model = small().fit(X, y, w)
    model.predict_proba = lambda _: np.full((1000, 2), 0.5)  # something else
    with pytest.raises(ExportError, match="must agree with the classifier to 1e-05"):
        to_onnx(model, tmp_path / "model.onnx", X)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"units": {"nothing": "GeV"}}, ValueError, "`units` must be of columns"),
        ({"pos_label": 17}, ValueError, "`pos_label` must be one of the classes"),
    ],
)
def test_wrong_arguments(options, error, message, events, tmp_path):
    X, y, w = events
    X = columns_of("", X)
    model = small().fit(X, y, w)
    with pytest.raises(error, match=message):
        to_onnx(model, tmp_path / "model.onnx", X, **options)
    assert list(tmp_path.iterdir()) == []


def test_columns_must_not_be_called_as_outputs(events, tmp_path):
    X, y, w = events
    X = columns_of("", X).rename(columns={X.columns[0]: "label"})
    model = small().fit(X, y, w)
    with pytest.raises(ExportError, match=r"must not be called .* got \['label'\]"):
        to_onnx(model, tmp_path / "model.onnx", X)


def test_columns_may_be_called_as_steps(events, tmp_path):
    X, y, w = events
    X = columns_of("", X)
    X = X.rename(columns=dict(zip(X.columns, ["gemm_0", "add_1"], strict=False)))
    check(small().fit(X, y, w), X, tmp_path / "model.onnx")


def test_files_that_are_not_ours(tmp_path):
    path = tmp_path / "model.onnx"
    with pytest.raises(FileNotFoundError, match="must be a file that can be read"):
        ExportedClassifier(path)
    path.write_bytes(b"no model")
    with pytest.raises(ExportError, match="must be one of ONNX"):
        ExportedClassifier(path)
    helper = onnx.helper
    info = helper.make_tensor_value_info("x", 1, [1])
    other = helper.make_tensor_value_info("y", 1, [1])
    node = helper.make_node("Identity", ["x"], ["y"])
    graph = helper.make_graph([node], "g", [info], [other])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    proto.ir_version = 8
    onnx.save(proto, path)
    with pytest.raises(ExportError, match="must have been written by `to_onnx`"):
        ExportedClassifier(path)


def test_tables_of_other_kinds(events, tmp_path):
    polars = pytest.importorskip("polars")
    X, y, w = events
    X = columns_of("", X)
    model = small().fit(X, y, w)
    again = check(model, X, tmp_path / "model.onnx")
    foreign = polars.from_pandas(X)
    np.testing.assert_array_equal(again.predict_proba(foreign), again.predict_proba(X))
    wide = X.astype(pd.Float64Dtype())
    np.testing.assert_array_equal(again.predict_proba(wide), again.predict_proba(X))
