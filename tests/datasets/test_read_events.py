"""Events of files: each format against what was written, in chunks and as a whole."""

import sys
from pathlib import Path

import awkward as ak
import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from sklearn.linear_model import LogisticRegression

from benchmarks.common.real_events import data_path
from skhep_dnn.datasets import iter_events, read_events
from skhep_dnn.exceptions import DataFileError, ExpressionError
from tests.datasets.event_files import (
    FORMATS,
    NUMBERS,
    expected,
    table,
    write_csv,
    write_ntuple,
    write_tree,
)

TABLE = table(431)
equal = pd.testing.assert_frame_equal


@pytest.fixture(params=FORMATS)
def written(request, tmp_path):
    """The table in a file of each format, and what must be read from it."""
    suffix, write = FORMATS[request.param]
    path = tmp_path / f"events{suffix}"
    write(TABLE, path)
    return path, expected(TABLE, request.param)


def test_what_is_read_is_what_was_written(written):
    path, frame = written
    found = read_events(path)
    equal(found, frame)
    assert found.index.equals(pd.RangeIndex(len(TABLE)))
    for name, dtype in frame.dtypes.items():
        assert found[name].dtype == dtype
        assert not isinstance(dtype, np.dtype) or found[name].dtype.isnative


@pytest.mark.parametrize("size", [1, 7, 64, 200, 430, 431, 432, 10_000])
def test_chunks_one_after_the_other_are_the_whole(written, size):
    if size == 1:
        size = 23 if ".csv" in written[0].name else 11
    path, frame = written
    chunks = list(iter_events(path, chunk_size=size))
    equal(pd.concat(chunks), frame)
    assert [len(chunk) for chunk in chunks[:-1]] == [size] * (len(chunks) - 1)
    starts = np.arange(0, len(TABLE), size)
    assert [chunk.attrs["entry_start"] for chunk in chunks] == starts.tolist()
    assert chunks[-1].attrs["entry_stop"] == len(TABLE)
    assert chunks[0].attrs["file"] == str(path)
    assert {chunk.dtypes["event"] for chunk in chunks} == {np.dtype(np.uint64)}


@pytest.mark.parametrize("seed", range(4))
def test_random_tables_columns_selections_and_chunks(written, seed):
    path, frame = written
    rng = np.random.default_rng(seed)
    names = rng.permutation(frame.columns)[: rng.integers(1, 6)].tolist()
    cut = int(rng.integers(0, 5))
    selection = f"n_jets >= {cut} and not passed or pt < 20"
    chosen = frame[((frame["n_jets"] >= cut) & ~frame["passed"]) | (frame["pt"] < 20)]
    found = read_events(path, names, selection=selection, weight="2 * mass - pt")
    expected_weight = 2.0 * chosen["mass"] - chosen["pt"].astype(float)
    equal(found, chosen[names].assign(weight=expected_weight))
    chunks = iter_events(
        path,
        names,
        chunk_size=int(rng.integers(20, 500)),
        selection=selection,
        weight="2 * mass - pt",
    )
    equal(pd.concat(list(chunks)), found)


def test_the_same_as_pandas_uproot_and_pyarrow(tmp_path):
    for name in ("tree", "parquet", "csv"):
        suffix, write = FORMATS[name]
        write(TABLE, tmp_path / f"events{suffix}")
    with uproot.open(tmp_path / "events.root") as file:
        arrays = file["events"].arrays(NUMBERS, library="np")
    found = read_events(tmp_path / "events.root", NUMBERS)
    for name in NUMBERS:
        np.testing.assert_array_equal(found[name].to_numpy(), arrays[name])
        assert found[name].dtype == arrays[name].dtype.newbyteorder("=")
    equal(
        read_events(tmp_path / "events.parquet"),
        pq.read_table(tmp_path / "events.parquet").to_pandas(),
    )
    equal(read_events(tmp_path / "events.csv"), pd.read_csv(tmp_path / "events.csv"))


def test_columns_have_the_order_that_was_asked_for(written):
    path, frame = written
    names = ["n_jets", "event", "pt", "run"]
    equal(read_events(path, names), frame[names])
    equal(read_events(path, np.array(names)), frame[names])


def test_a_table_without_events_has_its_columns(tmp_path):
    empty = TABLE[:0]
    for name, (suffix, write) in FORMATS.items():
        path = tmp_path / f"{name}{suffix}"
        write(empty, path)
        found = read_events(path, NUMBERS, weight="2 * pt")
        assert found.columns.tolist() == [*NUMBERS, "weight"]
        assert len(found) == 0
        assert list(iter_events(path, NUMBERS)) == []
        if name not in {"csv", "gzip"}:  # which have no types of their own
            assert found.dtypes["event"] == np.uint64
            assert found.dtypes["pt"] == np.float32


def test_a_selection_of_nothing_has_the_dtypes(written):
    path, frame = written
    equal(read_events(path, selection="pt < -1"), frame[:0])


# ----------------------------------------------------------------- files and processes


@pytest.fixture
def three_files(tmp_path):
    parts = [TABLE[:100], TABLE[100:130], TABLE[130:]]
    for k, part in enumerate(parts):
        write_tree(part[NUMBERS], tmp_path / f"part_{k}.root")
    return tmp_path


def test_several_files_one_after_the_other(three_files):
    frame = TABLE[NUMBERS]
    paths = [three_files / f"part_{k}.root" for k in range(3)]
    equal(read_events(paths), frame)
    equal(read_events([str(path) for path in paths]), frame)
    equal(read_events(f"{three_files}/part_*.root"), frame)
    equal(read_events(f"{three_files}/part_*.root:events"), frame)
    equal(read_events(f"{three_files}/**/part_?.root", tree="events"), frame)
    chunks = list(iter_events(paths, chunk_size=80))
    equal(pd.concat(chunks), frame)
    places = [(Path(c.attrs["file"]).stem, c.attrs["entry_start"]) for c in chunks]
    assert places[:4] == [("part_0", 0), ("part_0", 80), ("part_1", 0), ("part_2", 0)]


def test_processes_labels_and_weights(three_files):
    source = {
        "Z": [three_files / "part_0.root", three_files / "part_1.root"],
        "H": str(three_files / "part_2.root:events"),
    }
    found = read_events(
        source,
        ["pt", "process", "mass"],
        weight={"Z": "mass / 2", "H": 3.0},
        scale={"Z": 0.5, "H": 2.0},
        signal="H",
    )
    assert found.columns.tolist() == ["pt", "process", "mass", "label", "weight"]
    is_z = np.arange(len(TABLE)) < 130
    np.testing.assert_array_equal(found["process"], np.where(is_z, "Z", "H"))
    np.testing.assert_array_equal(found["label"], np.where(is_z, "b", "s"))
    np.testing.assert_allclose(
        found["weight"], np.where(is_z, 0.25 * TABLE["mass"], 6.0)
    )
    for part in iter_events(source, ["pt"], chunk_size=50, signal=["H", "Z"]):
        assert part["process"].dtype == found["process"].dtype
        assert set(part["label"]) == {"s"}
    only = read_events(source, ["pt"], scale=0.1, selection="process == 'H'")
    assert set(only["weight"]) == {0.1}
    assert len(only) == 301
    LogisticRegression().fit(found[["pt"]], found["label"], found["weight"])


def test_names_of_added_columns(three_files):
    source = {"a": three_files / "part_0.root", "b": three_files / "part_1.root"}
    found = read_events(
        source,
        ["pt"],
        weight=1.0,
        signal="a",
        process_name="sample",
        label_name="y",
        weight_name="w",
    )
    assert found.columns.tolist() == ["pt", "sample", "y", "w"]


def test_the_trees_of_tmva_as_signal_and_background():
    """TreeS has no weights, TreeB has some."""
    path = data_path("tmva_class_example.root")
    if not path.exists():
        pytest.skip(f"{path} not found (set SKHEP_DNN_DATA)")
    source = {"signal": f"{path}:TreeS", "background": f"{path}:TreeB"}
    found = read_events(
        source, weight={"signal": 1.0, "background": "weight"}, signal="signal"
    )
    assert found.columns.tolist() == [
        *("var1", "var2", "var3", "var4"),
        *("process", "label", "weight"),
    ]
    with uproot.open(path) as file:
        weight = file["TreeB"]["weight"].array(library="np")
        var1 = file["TreeS"]["var1"].array(library="np")
    np.testing.assert_array_equal(found["weight"][:6000], 1.0)
    np.testing.assert_array_equal(found["weight"][6000:], weight.astype(np.float64))
    np.testing.assert_array_equal(found["var1"][:6000], var1)
    assert found["var1"].dtype == np.float32
    with pytest.raises(
        DataFileError, match=r"TreeS' must have the column 'weight'.*ano"
    ):
        read_events(source, ["var1"], weight="weight")
    with pytest.raises(DataFileError, match=r"with .'weight'. more than .*Name the"):
        read_events(source)
    with pytest.raises(DataFileError, match=r"one tree.*\['TreeS', 'TreeB'\]"):
        read_events(path)


# ------------------------------------------------------------------------------- dtypes


def test_numbers_of_several_files_have_a_common_dtype(tmp_path):
    def read(first, second):
        pd.DataFrame({"x": first}).to_parquet(tmp_path / "0.parquet")
        pd.DataFrame({"x": second}).to_parquet(tmp_path / "1.parquet")
        found = read_events(tmp_path / "*.parquet")
        chunks = list(iter_events(tmp_path / "*.parquet", chunk_size=2))
        equal(pd.concat(chunks), found)
        return found["x"]

    big = 2**62 + 1
    for first, second, dtype in [
        (np.int32([1, 2]), np.int64([big]), "int64"),
        (np.float32([1, 2]), np.float64([0.1]), "float64"),
        (np.int32([1, 2]), np.float32([0.5]), "float64"),
        (np.array([True, False, True]), np.int8([3]), "int8"),
        (pd.array([big, None], dtype="Int64"), np.int64([big]), "Int64"),
        (pd.Categorical(["a", "b"]), pd.Categorical(["c"]), "category"),
    ]:
        found = read(first, second)
        assert found.dtype == dtype
        values = [*pd.Series(first).tolist(), *pd.Series(second).tolist()]
        assert all(
            (pd.isna(a) and pd.isna(b)) or a == b
            for a, b in zip(found, values, strict=True)
        )
    with pytest.raises(DataFileError, match=r"'x'.*loses digits: 4611686018427387905"):
        read(np.int64([big]), np.float64([0.5]))
    with pytest.raises(
        DataFileError, match="'x' must be of one kind in all files, got"
    ):
        read(np.int64([1]), np.array(["a"]))


def test_missing_values(tmp_path):
    big = 2**63 - 3
    frame = pd.DataFrame(
        {
            "event": pd.array([big, None, 5, 6], dtype="Int64"),
            "n": pd.array([1, 2, None, 3], dtype="Int32"),
            "ok": pd.array([True, None, False, True], dtype="boolean"),
            "x": np.array([1.5, np.nan, 2.0, 3.0], dtype=np.float32),
            "s": ["a", None, "c", "d"],
        }
    )
    kinds = {"event": "Int64", "n": "float64", "ok": "float64", "x": "float32"}
    frame.to_parquet(tmp_path / "e.parquet", row_group_size=1)
    frame.to_csv(tmp_path / "e.csv", index=False)
    for suffix in ("parquet", "csv"):
        path = tmp_path / f"e.{suffix}"
        found = read_events(path)
        if suffix == "csv":
            kinds |= {"n": "Int64", "x": "float64"}
        assert found.drop(columns="s").dtypes.astype(str).to_dict() == kinds
        assert found["event"][0] == big
        np.testing.assert_array_equal(found["ok"], [1.0, np.nan, 0.0, 1.0])
        np.testing.assert_array_equal(found["x"], [1.5, np.nan, 2.0, 3.0])
        assert found["s"].isna().tolist() == [False, True, False, False]
        for size in (1, 2, 3):
            chunks = list(iter_events(path, chunk_size=size))
            assert all((c.dtypes == found.dtypes).all() for c in chunks)
            equal(pd.concat(chunks), found)


def test_types_of_a_csv_do_not_depend_on_the_chunk(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("a,b,c,d,e\n1,1,True,,1\n2,2.5,x,,18446744073709551615\n,3,1,,3\n")
    found = read_events(path)
    dtypes = {"a": "Int64", "b": "float64", "d": "float64", "e": "uint64"}
    assert found.drop(columns="c").dtypes.astype(str).to_dict() == dtypes
    assert found["c"].tolist() == ["True", "x", "1"]
    assert found["e"][1] == 2**64 - 1
    for size in (1, 2):
        equal(pd.concat(list(iter_events(path, chunk_size=size))), found)


def test_lines_of_a_csv(tmp_path):
    path = tmp_path / "e.csv"
    path.write_bytes('\ufeffx,"y ""z"", w"\r\n1,"a\nb"\r\n\r\n2,"c,d"\r\n'.encode())
    found = read_events(path)
    assert found.columns.tolist() == ["x", 'y "z", w']
    assert found.iloc[:, 1].tolist() == ["a\nb", "c,d"]
    path.write_text("x\n1\n\n3\n")
    np.testing.assert_array_equal(read_events(path)["x"].astype(float), [1, np.nan, 3])
    exact = np.random.default_rng(0).normal(size=5000) * 10.0 ** np.arange(
        -250, 250, 0.1
    )
    write_csv(pd.DataFrame({"x": exact}), path)
    np.testing.assert_array_equal(read_events(path)["x"], exact)


# ----------------------------------------------------------------- lists and structures


LISTS = ak.Array(
    {
        "n": np.int32([2, 0, 1, 3]),
        "pt": [[50.0, 20.0], [], [30.0], [9.0, 8.0, 7.0]],
        "id": [[1, -2], [], [3], [4, 5, 6]],
    }
)


def write_lists(path):
    with uproot.recreate(path / "tree.root") as file:
        tree = {name: LISTS[name] for name in LISTS.fields}
        tree["id"] = ak.values_astype(tree["id"], np.int32)
        file.mktree("t", {n: a.type if n != "n" else "int32" for n, a in tree.items()})
        file["t"].extend(tree)
        file.mkrntuple("r", LISTS)
    pq.write_table(
        pa.table(
            {
                "n": pa.array([2, 0, 1, 3]),
                "pt": pa.array(LISTS["pt"].to_list(), pa.list_(pa.float32())),
                "id": pa.array([[1, -2], None, [3], [4, 5, 6]], pa.list_(pa.int64())),
                "fixed": pa.array([[1, 2]] * 4, pa.list_(pa.int16(), 2)),
            }
        ),
        path / "e.parquet",
        row_group_size=2,
    )


@pytest.mark.parametrize("name", ["tree.root:t", "tree.root:r", "e.parquet"])
def test_entries_of_lists(tmp_path, name):
    write_lists(tmp_path)
    source = f"{tmp_path}/{name}"
    found = read_events(source, ["pt[1]", "n", "pt[0]", "id[0]", "pt[3]"])
    assert found.columns.tolist() == ["pt[1]", "n", "pt[0]", "id[0]", "pt[3]"]
    np.testing.assert_array_equal(found["pt[0]"], [50.0, np.nan, 30.0, 9.0])
    np.testing.assert_array_equal(found["pt[1]"], [20.0, np.nan, np.nan, 8.0])
    assert found["pt[3]"].isna().all()
    assert found["id[0]"].isna().tolist() == [False, True, False, False]
    assert found["id[0]"].dropna().tolist() == [1, 3, 4]
    assert found["id[0]"].dtype == ("float64" if name.endswith(":t") else "Int64")
    for size in (1, 3):
        chunks = list(iter_events(source, list(found), chunk_size=size))
        equal(pd.concat(chunks), found)
    chosen = read_events(source, ["n"], selection="`pt[0]` > 20 and `pt[1]` >= 0")
    assert chosen["n"].tolist() == [2]
    with pytest.raises(
        DataFileError, match=r"'pt' of .* got lists. .*\['pt\[0\]', 'pt"
    ):
        read_events(source, ["n", "pt"])
    with pytest.raises(DataFileError, match=r'lists in \[.*columns=\["pt\[0\]'):
        read_events(source)
    with pytest.raises(DataFileError, match=r"got it, and an index, 'n.0.'"):
        read_events(source, ["n[0]"])


def test_lists_of_one_length_have_no_missing_values(tmp_path):
    write_lists(tmp_path)
    found = read_events(tmp_path / "e.parquet", ["fixed[1]"])
    with pytest.raises(
        DataFileError, match=r"got lists of 2, and 'fixed\[2\]'. Take a"
    ):
        read_events(tmp_path / "e.parquet", ["fixed[2]"])
    assert found["fixed[1]"].tolist() == [2] * 4
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    with uproot.recreate(tmp_path / "f.root") as file:
        file.mktree("t", {"x": (np.float32, (3,))})
        file["t"].extend({"x": x})
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["x"] = x
    records = np.zeros(4, dtype=[("x", np.float32, 3), ("y", ">i4")])
    records["x"] = x
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file["events"] = records
    for name in ("f.root", "f.h5", "g.h5"):
        found = read_events(tmp_path / name, ["x[2]", "x[0]"])
        np.testing.assert_array_equal(found, x[:, [2, 0]])
        assert (found.dtypes == np.float32).all()
    assert read_events(tmp_path / "g.h5", ["y"])["y"].dtype == np.dtype(np.int32)


def test_records_are_columns_in_an_ntuple_and_refused_elsewhere(tmp_path):
    records = ak.Array({"mu": [{"pt": 1.0, "q": 1}, {"pt": 2.0, "q": -1}], "n": [1, 2]})
    with uproot.recreate(tmp_path / "r.root") as file:
        file.mkrntuple("r", records)
    found = read_events(tmp_path / "r.root")
    assert found.to_dict("list") == {"mu.pt": [1.0, 2.0], "mu.q": [1, -1], "n": [1, 2]}
    nested = ak.Array({"vv": [[[1.0]], [[2.0], []]], "n": [1, 2]})
    with uproot.recreate(tmp_path / "v.root") as file:
        file.mkrntuple("r", nested)
    pq.write_table(
        pa.table({"s": pa.array([{"a": 1}]), "vv": [[[1.0]]], "n": [1]}),
        tmp_path / "s.parquet",
    )
    for name, column in [("v.root", "vv"), ("s.parquet", "s"), ("s.parquet", "vv")]:
        message = f"'{column}' of .* must have one value .*Leave it out"
        with pytest.raises(DataFileError, match=message):
            read_events(tmp_path / name, [column])
        with pytest.raises(DataFileError, match=r"nested ones in .*Name the columns"):
            read_events(tmp_path / name)
        assert len(read_events(tmp_path / name, ["n"])) in {1, 2}


def test_leading_muons_of_the_real_file():
    path = data_path("uproot-HZZ.root")
    if not path.exists():
        pytest.skip(f"{path} not found (set SKHEP_DNN_DATA)")
    found = read_events(path, ["Muon_Px[0]", "Muon_Charge[1]", "NMuon"])
    with uproot.open(path) as file:
        events = file["events"].arrays(["Muon_Px", "Muon_Charge", "NMuon"])
    leading = ak.fill_none(ak.firsts(events["Muon_Px"]), np.nan)
    np.testing.assert_array_equal(found["Muon_Px[0]"], ak.to_numpy(leading))
    assert found["Muon_Px[0]"].dtype == np.float32
    assert (found["Muon_Px[0]"].isna() == (found["NMuon"] == 0)).all()
    second = ak.to_list(
        ak.fill_none(ak.pad_none(events["Muon_Charge"], 2)[:, 1], np.nan)
    )
    np.testing.assert_array_equal(found["Muon_Charge[1]"], second)


# ----------------------------------------------------------------------- tables inside


def test_the_tables_of_an_hdf5_file(tmp_path):
    path = tmp_path / "e.h5"
    with h5py.File(path, "w") as file:
        file["a/x"] = [1.0, 2.0]
        file["b/inner/y"] = [1, 2, 3]
        file["c"] = np.zeros(2, dtype=[("z", "f4")])
        file["b/lumi"] = 3.0
    assert read_events(path, tree="a")["x"].tolist() == [1.0, 2.0]
    assert read_events(f"{path}:b/inner")["y"].tolist() == [1, 2, 3]
    assert read_events(f"{path}:/c").columns.tolist() == ["z"]
    with pytest.raises(
        DataFileError, match=r"got \['/a', '/b/inner', '/c'\]. Name one"
    ):
        read_events(path)
    with pytest.raises(DataFileError, match="must have this table, got the tables"):
        read_events(path, tree="d")
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = [1.0, 2.0], [1.0]
    with pytest.raises(DataFileError, match=r"lengths {'x': 2, 'y': 1}. Put those"):
        read_events(path)


def test_what_pandas_wrote_needs_pytables(tmp_path):
    path = tmp_path / "e.h5"
    with h5py.File(path, "w") as file:
        file.create_group("events").attrs["pandas_type"] = "frame"
    if "tables" not in sys.modules:
        try:
            import tables  # noqa: F401, PLC0415
        except ImportError:
            with pytest.raises(
                ImportError, match=r"PyTables must be installed .*to_parq"
            ):
                read_events(path)
            return
    frame = TABLE[NUMBERS].assign(event=np.arange(len(TABLE)))
    for kind in ("fixed", "table"):
        frame.to_hdf(path, key="events", mode="w", format=kind)
        equal(read_events(path), frame)
        equal(
            pd.concat(list(iter_events(path, ["pt", "run"], chunk_size=100))),
            frame[["pt", "run"]],
        )


def test_the_newest_cycle_of_a_tree_and_trees_in_folders(tmp_path):
    with uproot.recreate(tmp_path / "e.root") as file:
        file.mktree("d/t", {"x": np.float32})
        file["d/t"].extend({"x": np.float32([1, 2])})
        file.mktree("d/t", {"x": np.float32})
        file["d/t"].extend({"x": np.float32([3])})
        file["h"] = np.histogram([1.0, 2.0])
    assert read_events(tmp_path / "e.root")["x"].tolist() == [3.0]
    assert read_events(f"{tmp_path}/e.root:d/t")["x"].tolist() == [3.0]
    with pytest.raises(
        DataFileError, match=r"must have this tree, got \['d/t'\] among"
    ):
        read_events(tmp_path / "e.root", tree="t")


# ------------------------------------------------------------------ arguments, messages


def test_columns_that_are_not_there_are_named(three_files):
    path = three_files / "part_0.root"
    with pytest.raises(DataFileError, match=r"'mas', got 7 .*mean \['mass'\]"):
        read_events(path, ["mas"])
    write_tree(TABLE[["pt", "mass"]], three_files / "part_3.root")
    with pytest.raises(DataFileError, match=r"part_3.root' must have the column 'run'"):
        read_events(f"{three_files}/part_*.root", ["pt", "run"])
    with pytest.raises(DataFileError, match=r"same columns .*part_3.* without \['char"):
        read_events(f"{three_files}/part_*.root")
    with pytest.raises(DataFileError, match="must have the column 'met'"):
        read_events(path, ["pt"], selection="met > 3")
    with pytest.raises(DataFileError, match=r"'w'.* needed for `weight`"):
        read_events(path, ["pt"], weight="w")
    with pytest.raises(ExpressionError, match="At position 4"):
        read_events(path, ["pt"], selection="pt => 3")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"columns": "pt"}, TypeError, r"got the str 'pt'. Pass a list, \['pt'\]"),
        ({"columns": []}, ValueError, r"at least one column, and each once, got \[\]"),
        ({"columns": ["pt", "pt"]}, ValueError, r"each once, got \['pt'\]"),
        ({"columns": [0]}, TypeError, r"must hold names, got \[0\]"),
        ({"format": "json"}, ValueError, "`format` must be one of .* got 'json'"),
        (
            {"format": "csv"},
            DataFileError,
            "must be csv .* first bytes are those of ro",
        ),
        ({"tree": "other"}, DataFileError, r"must have this tree, got \['events'\]"),
        (
            {"signal": "H"},
            ValueError,
            r"`signal` must name processes .* are \[\]. Pass",
        ),
        ({"scale": np.nan}, ValueError, "`scale` must be a finite number for each"),
        ({"weight": True}, ValueError, "`weight` must be a finite number or an exp"),
        (
            {"weight": {"H": 1.0}},
            ValueError,
            r"`weight` must have an entry for each pr",
        ),
        ({"weight_name": "label"}, ValueError, "must be three names, got 'process'"),
    ],
)
def test_arguments_that_are_wrong(three_files, arguments, error, message):
    for function in (read_events, iter_events):
        with pytest.raises(error, match=message):
            function(three_files / "part_0.root", **arguments)


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "all"])
def test_sizes_of_chunks_that_are_wrong(size):
    with pytest.raises(
        ValueError, match=r"`chunk_size` must be a whole number of at le"
    ):
        iter_events("events.csv", chunk_size=size)


def test_sources_that_are_wrong(three_files):
    path = three_files / "part_0.root"
    for source, error, message in [
        (3, TypeError, "`source` must be a path, a list .* got 3"),
        ([], ValueError, r"must name a file at least, got an empty list"),
        ({}, ValueError, "must name a process and its files"),
        ({1: path}, TypeError, "names of processes as its keys, got 1"),
        ([path, [path]], TypeError, "must hold paths, got"),
        ({"a": {"b": path}}, TypeError, "`source` must be a path"),
        ("https://host/e.root", ValueError, "must be a file of this machine"),
        (f"{three_files}/no_*.root", FileNotFoundError, "must match files, got none"),
        (f"{three_files}/no.root", FileNotFoundError, "must be a file that exists"),
        (f"{three_files}/events.dat", ValueError, r"suffix .* must be one of \['.csv'"),
    ]:
        with pytest.raises(error, match=message):
            read_events(source)
    with pytest.raises(ValueError, match=r"named once, got 'events' in .*tree='other'"):
        read_events(f"{path}:events", tree="other")
    with pytest.raises(
        ValueError, match="`tree` must be None for files of the format c"
    ):
        read_events("events.csv", tree="t")
    write_tree(TABLE.rename(columns={"pt": "process"}), path)
    with pytest.raises(ValueError, match=r"names of their own, got \['process'\]"):
        read_events({"a": path})


def test_names_with_colons_and_brackets_are_files_if_they_exist(tmp_path):
    for name in ("a:b.csv", "[1].csv"):
        (tmp_path / name).write_text("x\n1\n")
        assert read_events(tmp_path / name)["x"].tolist() == [1]
    write_ntuple(TABLE, tmp_path / "odd.data")
    assert len(read_events(f"{tmp_path}/odd.data:events", format="root")) == len(TABLE)


@pytest.mark.parametrize(
    ("name", "library"),
    [("tree", "uproot"), ("parquet", "pyarrow"), ("records", "h5py")],
)
def test_a_library_that_is_missing_names_the_extra(
    tmp_path, monkeypatch, name, library
):
    suffix, write = FORMATS[name]
    write(TABLE, tmp_path / f"e{suffix}")
    monkeypatch.setitem(sys.modules, library, None)
    message = rf'{library} must be installed .*pip install "skhep-dnn\[root\]"'
    with pytest.raises(ImportError, match=message):
        read_events(tmp_path / f"e{suffix}")


def test_progress_is_shown(three_files, capsys):
    read_events(f"{three_files}/part_*.root", verbose=1)
    shown = capsys.readouterr().err
    assert "Reading: 100%" in shown
    assert "431/431" in shown
    read_events(f"{three_files}/part_*.root")
    assert not capsys.readouterr().err
