"""Files that would run code, fill the memory or crash if they were read with trust.

The payloads make a marker file. That they work is shown beside: skops makes the marker
where it is told to trust whole packages, as does a net of skorch.
"""

import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier
from skorch import NeuralNet

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.exceptions import ModelFileError, SkhepDNNError, UntrustedTypeError
from skhep_dnn.export import load_model, model_metadata, save_model
from skhep_dnn.export._model_tree import nodes, type_name
from tests.export.model_files import (
    as_skops,
    edited,
    node,
    partial,
    row,
    table,
    value,
    with_attribute,
)

skops_io = pytest.importorskip("skops.io", reason="models are saved by skops")

X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.where(X[:, 0] > 0.0, "s", "b")
MODEL = LogisticRegression().fit(X, Y)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skops"


@pytest.fixture
def marker(tmp_path):
    """Return the file that a payload makes, which must not be there in the end."""
    file = tmp_path / "marker"
    yield file
    assert not file.exists()


class Payload:
    """Makes a file where it is unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


def hub_folder(folder, marker):
    """Return a folder of a model that torch.hub.load would run."""
    place = folder / "hub"
    place.mkdir()
    code = f"import os\nos.mkdir({str(marker)!r})\ndef model(): pass\n"
    (place / "hubconf.py").write_text(code)
    return place


def called_by_keys(function, key, **kwds):
    """Return a dict whose key is made by a function: skops calls it."""
    return table({str(key): value(1)}, [partial(function, **kwds)])


CALLS = {
    "os.system": lambda marker: [
        table({f"touch {marker}": value(1)}, [node("FunctionNode", "posix.system")]),
        called_by_keys("posix.system", f"touch {marker}"),
        node("ListNode", "os.mkdir", content=[value(str(marker))]),
        node("NdArrayNode", "os.mkdir", type="json", content=[], shape=row(value(0))),
        node("ConstructorFromReduceNode", "os.mkdir", content=row(value(str(marker)))),
    ],
    "builtins.eval": lambda marker: [
        called_by_keys("builtins.eval", f"__import__('os').mkdir({str(marker)!r})"),
        node("TypeNode", "builtins.eval"),
    ],
    "partial of os.mkdir": lambda marker: [partial("posix.mkdir", value(str(marker)))],
    "torch.load": lambda marker: [
        node("FunctionNode", "torch.serialization.load"),
        called_by_keys("torch.serialization.load", marker, weights_only=value(False)),
    ],
    "subprocess.Popen": lambda marker: [
        node(
            "ConstructorFromReduceNode",
            "subprocess.Popen",
            content=row(value(["touch", str(marker)])),
        ),
        node("ObjectNode", "subprocess.Popen", content=table({})),
    ],
    "numpy.load": lambda marker: [
        called_by_keys("numpy.load", marker, allow_pickle=value(True)),
        node("FunctionNode", "numpy.load"),
    ],
    "fetch from a server": lambda _: [
        node("FunctionNode", "sklearn.datasets._openml.fetch_openml")
    ],
    "operator.methodcaller": lambda _: [
        node("OperatorFuncNode", "operator.methodcaller", attrs=row(value("system")))
    ],
    "bound method": lambda _: [
        node(
            "MethodNode",
            "sklearn.linear_model._logistic.LogisticRegression",
            content={
                "func": "fit",
                "obj": node(
                    "ObjectNode", "sklearn.linear_model._logistic.LogisticRegression"
                ),
            },
        )
    ],
    "class of another library": lambda _: [
        node("ObjectNode", "optuna.storages._rdb.storage.RDBStorage", content=table({}))
    ],
    "files of another library": lambda _: [
        node(
            "ObjectNode",
            "skhep_dnn.model_selection._results_folder.ResultsFolder",
            content=table({}),
        )
    ],
}


@pytest.mark.parametrize("name", list(CALLS))
def test_functions_and_types_that_are_not_known_are_refused(name, path, marker):
    for payload in CALLS[name](marker):
        edited(MODEL, path, schema=with_attribute(payload))
        with pytest.raises(SkhepDNNError, match=r"model\.extra_"):
            load_model(path)


def test_a_list_of_whole_packages_lets_code_in(path, marker, tmp_path):
    folder = hub_folder(tmp_path, marker)
    options = {"model": value("model"), "source": value("local")}
    payload = called_by_keys("torch.hub.load", folder, **options)
    edited(MODEL, path, schema=with_attribute(payload))
    # What one trusts who trusts all of torch, of functools and of skorch.
    names = skops_io.get_untrusted_types(data=as_skops(path))
    assert {name.split(".")[0] for name in names} == {"functools", "torch"}
    skops_io.loads(as_skops(path), trusted=names)
    assert marker.is_dir()
    marker.rmdir()
    with pytest.raises(UntrustedTypeError, match=r"torch\.hub\.load"):
        load_model(path)
    # Who trusts the function as an attribute has not trusted the file to call it.
    with pytest.raises(ModelFileError, match="keys of texts and numbers"):
        load_model(path, trusted=["torch.hub.load"])


def test_the_state_of_a_net_of_skorch_is_a_pickle(path, marker, tmp_path):
    stored = tmp_path / "payload.bin"
    stored.write_bytes(pickle.dumps(Payload(marker)))
    state = table(
        {
            "device": value("cpu"),
            "__cuda_dependent_attributes__": node(
                "BytesNode", "builtins.bytes", file="9.bin"
            ),
        }
    )

    def add_file(files):
        files["9.bin"] = stored.read_bytes()

    def net_of(name):
        change = with_attribute(node("ObjectNode", name, content=state))
        edited(MODEL, path, schema=change, files=add_file)

    net_of("skorch.net.NeuralNet")
    with pytest.raises(UntrustedTypeError, match=r"skorch\.net\.NeuralNet"):
        load_model(path)
    with pytest.raises(TypeError):  # after the payload, which returns no dict
        skops_io.loads(as_skops(path), trusted=[f"{NeuralNet.__module__}.NeuralNet"])
    assert marker.is_dir()
    marker.rmdir()
    net_of("skhep_dnn.neural_network._engine.net.MemberNet")
    with pytest.raises(ModelFileError, match="arrays and plain values"):
        load_model(path)
    name = "skhep_dnn.neural_network._engine.net.MemberNet"
    with pytest.raises(ValueError, match="arrays and plain values"):
        skops_io.loads(as_skops(path), trusted=[name])


def test_nets_are_stored_without_pickle(path):
    model = WeightedDNNClassifier(n_layers=1, width=2, max_epochs=1).fit(X, Y)
    save_model(model, path)
    with zipfile.ZipFile(path) as file:
        assert {name.split(".")[1] for name in file.namelist()} == {"npy", "json"}
    with zipfile.ZipFile(io.BytesIO(skops_io.dumps(model))) as file:
        assert {name.split(".")[1] for name in file.namelist()} == {"npy", "json"}


def test_a_net_takes_settings_of_its_own_class_alone(path):
    model = WeightedDNNClassifier(n_layers=1, width=2, max_epochs=1).fit(X, Y)
    optimizer = node("TypeNode", "builtins.print")
    other = table({"optimisation": table({"optimizer": optimizer})})

    def change(schema):
        for found in nodes(schema):
            if type_name(found.state).endswith("TrainingSettings"):
                found.state["__module__"] = "sklearn.metrics._scorer"
                found.state["__class__"] = "_Scorer"
                found.state["content"] = other
                found.state.pop("__id__", None)

    edited(model, path, schema=change)
    with pytest.raises(ModelFileError, match="TrainingSettings"):
        load_model(path)


def test_a_pickle_with_the_suffix_is_refused(path, marker):
    path.write_bytes(pickle.dumps(Payload(marker)))
    for read in (load_model, model_metadata):
        with pytest.raises(ModelFileError, match="a pickle"):
            read(path)


def test_pickled_arrays_are_refused(path, marker):
    buffer = io.BytesIO()
    payload = np.array([Payload(marker)], dtype=object)
    np.save(buffer, payload, allow_pickle=True)

    def swap(files):
        files["1.npy"] = buffer.getvalue()

    edited(MODEL, path, files=swap)
    with pytest.raises(ModelFileError, match="array of numbers or texts"):
        load_model(path)


@pytest.mark.parametrize("shape", ["(1000000000000,)", "(3,)", "(-1,)"])
def test_arrays_of_other_lengths_are_refused(shape, path):
    def lie(files):
        header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
        text = header.ljust(117) + "\n"
        magic = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little")
        files["1.npy"] = magic + text.encode() + bytes(8)

    edited(MODEL, path, files=lie)
    with pytest.raises(ModelFileError, match="array"):
        load_model(path)


def changed(path, old, new):
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))


def test_changed_bytes_are_noticed(path):
    save_model(MODEL, path)
    data = path.read_bytes()
    for k in range(40, len(data), 97):
        path.write_bytes(data[:k] + bytes([data[k] ^ 1]) + data[k + 1 :])
        try:
            loaded = load_model(path)
        except ModelFileError:
            continue
        # Of a few bytes, those of times and versions of the archive, nothing is read.
        np.testing.assert_array_equal(loaded.coef_, MODEL.coef_)


def test_changed_content_with_a_right_checksum_of_the_archive_is_noticed(path):
    save_model(MODEL, path)
    for name, old, new in (
        ("schema.json", b'"C"', b'"D"'),
        ("metadata.json", b"LogisticRegression", b"LogisticRegressioN"),
    ):
        with zipfile.ZipFile(path) as file:
            entries = {k: file.read(k) for k in file.namelist()}
        assert old in entries[name]
        entries[name] = entries[name].replace(old, new)
        other = path.with_name("other.skops")
        with zipfile.ZipFile(other, "w") as file:
            for k, data in entries.items():
                file.writestr(k, data)
        for read in (load_model, model_metadata):
            with pytest.raises(ModelFileError, match="sum"):
                read(other)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_truncated_files_are_refused(share, path):
    save_model(MODEL, path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(path)


@pytest.mark.parametrize("name", ["../marker", "/marker", "a/b.npy", "x.py", "1.npz"])
def test_other_names_of_entries_are_refused(name, path, marker):
    save_model(MODEL, path)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(name, b"")
    with pytest.raises(ModelFileError, match="entries"):
        load_model(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_entries_of_one_name_are_refused(path):
    save_model(MODEL, path)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("schema.json", b"{}")
    with pytest.raises(ModelFileError, match="entries"):
        load_model(path)


def test_compressed_entries_are_refused_before_they_are_read(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("1.npy", bytes(10**8))
    assert path.stat().st_size < 10**6
    with pytest.raises(ModelFileError, match="compressed"):
        load_model(path)


def test_entries_that_overlap_are_refused(path):
    with zipfile.ZipFile(path, "w") as file:
        for k in range(9):
            file.writestr(f"{k}.npy", bytes(10_000 if k == 0 else 0))
    with zipfile.ZipFile(path) as file:
        infos = file.infolist()
    data = bytearray(path.read_bytes())
    position = data.index(b"PK\x01\x02")
    for _ in infos:  # all of them are to be the first one
        data[position + 16 : position + 28] = infos[0].CRC.to_bytes(4, "little") + (
            (10_000).to_bytes(4, "little") * 2
        )
        data[position + 42 : position + 46] = bytes(4)
        position = data.find(b"PK\x01\x02", position + 4)
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match="larger than itself"):
        load_model(path)


def test_nodes_without_end_are_refused(path):
    deep = value(1)
    for _ in range(20_000):
        deep = [deep]
    text = "[" * 20_000 + "]" * 20_000

    def change(entries):
        entries["7.npy"] = text.encode()

    edited(MODEL, path, files=change)  # an entry that nothing names
    assert load_model(path).C == MODEL.C
    level = value(1)
    for _ in range(300):
        level = node("ListNode", "builtins.list", content=[level])
    edited(MODEL, path, schema=with_attribute(level))
    with pytest.raises(ModelFileError, match="RecursionError"):
        load_model(path)


def test_old_protocols_of_skops_are_refused(path):
    def change(schema):
        schema["protocol"] = 0

    edited(MODEL, path, schema=change)
    with pytest.raises(ModelFileError, match="protocol"):
        load_model(path)


def test_two_objects_of_one_number_are_refused(path):
    def change(schema):
        first = node("ListNode", "builtins.list", content=[value(1)], __id__=999)
        second = {**first, "content": [value(2)]}
        with_attribute(row(first, second))(schema)

    edited(MODEL, path, schema=change)
    with pytest.raises(ModelFileError, match="one object of each number"):
        load_model(path)


def swapped_nodes(change):
    """Return a change of the files that acts on the nodes of decision trees."""

    def swap(files):
        for name, data in files.items():
            if name.endswith(".npy"):
                array = np.load(io.BytesIO(data))
                if array.dtype.names is not None:
                    change(array)
                    buffer = io.BytesIO()
                    np.save(buffer, array)
                    files[name] = buffer.getvalue()

    return swap


@pytest.mark.parametrize(
    ("model", "column", "wrong", "message"),
    [
        (DecisionTreeClassifier(max_depth=2), "left_child", 10**6, "later ones"),
        (DecisionTreeClassifier(max_depth=2), "right_child", 0, "later ones"),
        (DecisionTreeClassifier(max_depth=2), "feature", 3, "columns below 3"),
        (DecisionTreeClassifier(max_depth=2), "feature", -7, "columns below 3"),
        (HistGradientBoostingClassifier(max_iter=1), "left", 10**6, "later ones"),
        (HistGradientBoostingClassifier(max_iter=1), "right", 0, "later ones"),
        (HistGradientBoostingClassifier(max_iter=1), "feature_idx", 3, "below 3"),
    ],
    ids=["left", "loop", "beyond", "before", "histogram", "its loop", "its columns"],
)
def test_trees_that_point_elsewhere_are_refused(model, column, wrong, message, path):
    def change(array):
        array[column][0] = wrong

    edited(model.fit(X, Y), path, files=swapped_nodes(change))
    with pytest.raises(ModelFileError, match=message):
        load_model(path)


def test_trees_have_no_more_columns_than_their_models(path):
    model = DecisionTreeClassifier(max_depth=2).fit(X, Y)

    def fewer(schema):
        attributes = schema["content"]["content"]
        attributes["n_features_in_"]["content"] = json.dumps(0)

    edited(model, path, schema=fewer)
    with pytest.raises(ModelFileError, match="columns below 0"):
        load_model(path)
