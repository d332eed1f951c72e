"""Scores of files: those of the whole table, event by event, or no file at all."""

import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from scipy.special import logit
from sklearn import config_context
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from benchmarks.common.peak_memory import PeakMemory, in_fresh_process
from benchmarks.common.real_events import data_path
from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import iter_events, make_gaussian_events, read_events
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.exceptions import AssumedSignalWarning, DataFileError
from skhep_dnn.export import ExportedClassifier, apply_model, to_onnx
from skhep_dnn.model_selection import EventNumberKFold, SignificanceThresholdClassifier
from tests.datasets.event_files import (
    write_csv,
    write_ntuple,
    write_parquet,
    write_tree,
)

N = 1500
EVENTS = make_gaussian_events(N, random_state=0)
RUN = np.repeat(np.int64([355_000, 348_251, 2**53 + 1]), N // 3)
NUMBER = np.random.default_rng(0).permutation(N) * 7 + 2**60 + 1
X = EVENTS.data.assign(run=RUN, event=NUMBER)
Y, W = EVENTS.target, np.abs(EVENTS.sample_weight)
FEATURES = list(EVENTS.data)
network = partial(
    WeightedDNNClassifier,
    n_members=2,
    n_layers=1,
    width=8,
    max_epochs=2,
    numeric_scaling="standard",
    random_state=0,
)
trees = partial(DecisionTreeClassifier, max_depth=4, random_state=0)
WRITE = {
    "e.root": write_tree,
    "ntuple.root": write_ntuple,
    "e.parquet": write_parquet,
    "e.csv.gz": write_csv,
}


@pytest.fixture(scope="module")
def model():
    return CrossFitClassifier(network(), cv=3, event_number=["run", "event"]).fit(
        X, Y, W
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("events")
    for name, write in WRITE.items():
        write(X, made / name)
    return made


@pytest.mark.parametrize("source", WRITE)
@pytest.mark.parametrize("output", ["s.root", "s.parquet"])
def test_each_event_has_the_score_of_the_model_of_its_fold(
    model, folder, tmp_path, source, output
):
    expected = model.predict_proba(X)[:, 1]
    for chunk_size in (97, 1000, 100_000):
        path = apply_model(
            model,
            folder / source,
            tmp_path / output,
            chunk_size=chunk_size,
            logit=True,
            overwrite=True,
        )
        assert path == tmp_path / output
        found = read_events(path)
        assert found.columns.tolist() == ["run", "event", "score", "logit", "fold"]
        assert found.dtypes.astype(str).tolist() == [
            *("int64", "int64", "float64", "float64", "int32")
        ]
        np.testing.assert_array_equal(found["run"], RUN)
        np.testing.assert_array_equal(found["event"], NUMBER)
        np.testing.assert_array_equal(found["score"], expected)
        np.testing.assert_array_equal(found["logit"], model.decision_function(X))
    folds = EventNumberKFold(3).fold_numbers(groups=X[["run", "event"]])
    np.testing.assert_array_equal(found["fold"], folds)
    for k, fitted in enumerate(model.estimators_):
        rows = folds == k
        own = fitted.predict_proba(X.loc[rows, FEATURES])[:, 1]
        np.testing.assert_array_equal(found["score"][rows], own)
    assert sorted(p.name for p in tmp_path.iterdir()) == [output]


def test_the_tree_is_a_friend_with_an_entry_for_each_entry(model, folder, tmp_path):
    apply_model(model, folder / "e.root", tmp_path / "s.root", output_tree="dnn")
    with uproot.open(tmp_path / "s.root") as file:
        assert file.classnames() == {"dnn;1": "TTree"}
        assert file["dnn"].num_entries == N
        types = {b.name: b.typename for b in file["dnn"].branches}
    assert types == {
        "run": "int64_t",
        "event": "int64_t",
        "score": "double",
        "fold": "int32_t",
    }
    apply_model(
        model, folder / "e.root", tmp_path / "r.root", root_format="rntuple", keep=[]
    )
    with uproot.open(tmp_path / "r.root") as file:
        assert file.classnames() == {"scores;1": "ROOT::RNTuple"}
        assert file["scores"].keys() == ["score", "fold"]


def test_several_files_become_one(model, tmp_path):
    for k, part in enumerate([X[:400], X[400:401], X[401:]]):
        write_tree(part, tmp_path / f"part_{k}.root")
    path = apply_model(
        model, f"{tmp_path}/part_*.root", tmp_path / "s.root", chunk_size=300
    )
    np.testing.assert_array_equal(
        read_events(path)["score"], model.predict_proba(X)[:, 1]
    )


def test_kept_columns_and_a_selection(model, folder, tmp_path):
    path = apply_model(
        model,
        folder / "e.parquet",
        tmp_path / "s.parquet",
        keep=["event", FEATURES[0]],
        selection=f"{FEATURES[0]} > 0",
        chunk_size=200,
    )
    found = read_events(path)
    chosen = X[X[FEATURES[0]] > 0]
    assert found.columns.tolist() == ["event", FEATURES[0], "score", "fold"]
    np.testing.assert_array_equal(found["event"], chosen["event"])
    np.testing.assert_array_equal(found["score"], model.predict_proba(chosen)[:, 1])
    for options, message in [
        (
            {"selection": "run > 3"},
            "`selection` must be None for a .root file, got 'run",
        ),
        (
            {"keep": ["score"]},
            r"`keep` must not name columns of the scores, got \['sco",
        ),
    ]:
        write_tree(X.assign(score=1.0), tmp_path / "e.root")
        with pytest.raises(ValueError, match=message):
            apply_model(model, tmp_path / "e.root", tmp_path / "s.root", **options)
    with pytest.raises(TypeError, match=r"`keep` must hold names, got the str 'event'"):
        apply_model(model, folder / "e.root", tmp_path / "s.root", keep="event")


def test_texts_are_kept_in_parquet_and_not_in_root(model, tmp_path):
    X.assign(channel=np.where(Y == "s", "ee", None)).to_parquet(tmp_path / "e.parquet")
    keep = ["channel", "event"]
    path = apply_model(
        model, tmp_path / "e.parquet", tmp_path / "s.parquet", keep=keep, chunk_size=400
    )
    channel = read_events(path)["channel"]
    np.testing.assert_array_equal(channel == "ee", Y == "s")
    np.testing.assert_array_equal(channel.isna(), Y == "b")
    with pytest.raises(
        ValueError, match=r"must name columns of plain numbers .*'channel'"
    ):
        apply_model(model, tmp_path / "e.parquet", tmp_path / "s.root", keep=keep)


def test_a_table_without_events(model, tmp_path):
    X[:0].to_parquet(tmp_path / "e.parquet")
    for name in ("s.root", "s.parquet"):
        found = read_events(apply_model(model, tmp_path / "e.parquet", tmp_path / name))
        assert found.columns.tolist() == ["run", "event", "score", "fold"]
        assert found.dtypes.astype(str).tolist() == [
            "int64",
            "int64",
            "float64",
            "int32",
        ]
        assert len(found) == 0


# ------------------------------------------------------------------------------- models


def scores_of(model, folder, tmp_path, **options):
    path = tmp_path / "s.parquet"
    apply_model(
        model, folder / "e.parquet", path, chunk_size=333, overwrite=True, **options
    )
    return read_events(path)


@pytest.mark.parametrize("routing", [False, True])
def test_numbers_beside_the_table(folder, tmp_path, routing):
    with config_context(enable_metadata_routing=routing):
        fitted = CrossFitClassifier(trees(), cv=3).fit(
            X[FEATURES], Y, event_number=X[["run", "event"]]
        )
        found = scores_of(fitted, folder, tmp_path, event_number=["run", "event"])
        own = fitted.predict_proba(X[FEATURES], event_number=X[["run", "event"]])
        np.testing.assert_array_equal(found["score"], own[:, 1])
        assert found.columns.tolist() == ["run", "event", "score", "fold"]
        np.testing.assert_array_equal(
            found["fold"], EventNumberKFold(3).fold_numbers(groups=X[["run", "event"]])
        )
        with pytest.raises(
            ValueError, match="`event_number` must be passed to predictio"
        ):
            scores_of(fitted, folder, tmp_path)


def test_signed_run_numbers_beside_unsigned_event_numbers(tmp_path):
    """Together in an array they would be floats, and lose digits."""
    unsigned = X.assign(event=NUMBER.astype(np.uint64))
    unsigned.to_parquet(tmp_path / "e.parquet")
    fitted = CrossFitClassifier(trees(), cv=3).fit(
        X[FEATURES], Y, event_number=X[["run", "event"]]
    )
    found = scores_of(fitted, tmp_path, tmp_path, event_number=["run", "event"])
    own = fitted.predict_proba(X[FEATURES], event_number=X[["run", "event"]])
    np.testing.assert_array_equal(found["score"], own[:, 1])
    assert found["event"].dtype == np.uint64


@pytest.mark.parametrize("where", ["outside", "inside", "column by position"])
def test_pipelines_and_cross_fitting(folder, tmp_path, where):
    if where == "outside":
        inner = make_pipeline(StandardScaler(), trees())
        fitted = CrossFitClassifier(inner, cv=3, event_number="event")
        numbers = "event"
    elif where == "inside":
        scaler = StandardScaler().set_output(transform="pandas")
        fitted = make_pipeline(scaler, CrossFitClassifier(trees(), cv=3))
        numbers = None
    else:
        fitted = CrossFitClassifier(trees(), cv=3, event_number=-1 + X.shape[1])
        numbers = "event"
    if numbers:
        fitted.fit(X, Y)
        found = scores_of(fitted, folder, tmp_path)
        own = fitted.predict_proba(X)
        folds = fitted.fold_numbers(X)
    else:
        fitted.fit(X[FEATURES], Y, crossfitclassifier__event_number=NUMBER)
        found = scores_of(fitted, folder, tmp_path, event_number="event")
        own = fitted.predict_proba(X[FEATURES], event_number=NUMBER)
        folds = EventNumberKFold(3).fold_numbers(groups=NUMBER)
    np.testing.assert_array_equal(found["score"], own[:, 1])
    np.testing.assert_array_equal(found["fold"], folds)
    np.testing.assert_array_equal(found["event"], NUMBER)


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
def test_a_cut_selects_by_its_own_threshold(model, folder, tmp_path):
    cut = SignificanceThresholdClassifier(model, kind="ams", n_replicas=0).fit(X, Y, W)
    found = scores_of(cut, folder, tmp_path, logit=True)
    assert found.columns.tolist() == [
        *("run", "event", "score", "logit", "fold", "selected")
    ]
    assert found["selected"].dtype == np.bool_
    assert 0 < found["selected"].sum() < N
    np.testing.assert_array_equal(found["selected"], cut.predict(X) == "s")
    np.testing.assert_array_equal(
        found["selected"], found["logit"] >= cut.best_threshold_
    )
    np.testing.assert_array_equal(found["score"], cut.predict_proba(X)[:, 1])
    np.testing.assert_array_equal(found["fold"], cut.estimator_.fold_numbers(X))


def test_a_signal_that_is_the_smaller_label(folder, tmp_path):
    fitted = trees().fit(X[FEATURES], Y)
    p = fitted.predict_proba(X[FEATURES])
    np.testing.assert_array_equal(
        scores_of(fitted, folder, tmp_path, pos_label="b")["score"], p[:, 0]
    )
    fixed = FixedThresholdClassifier(trees(), threshold=0.7, pos_label="b")
    found = scores_of(fixed.fit(X[FEATURES], Y), folder, tmp_path)
    np.testing.assert_array_equal(found["score"], p[:, 0])
    np.testing.assert_array_equal(found["selected"], p[:, 0] >= 0.7)
    unclear = trees().fit(X[FEATURES], np.where(Y == "s", "ttH", "ZZ"))
    with pytest.warns(AssumedSignalWarning, match="'ttH', the larger one"):
        scores_of(unclear, folder, tmp_path)


def test_several_classes(folder, tmp_path):
    labels = np.where(Y == "b", "Z", np.where(NUMBER % 2, "ggH", "VBF"))
    fitted = HistGradientBoostingClassifier(max_iter=3, max_bins=31).fit(
        X[FEATURES], labels
    )
    p = fitted.predict_proba(X[FEATURES])
    found = scores_of(fitted, folder, tmp_path)
    assert found.columns.tolist() == ["score_VBF", "score_Z", "score_ggH"]
    np.testing.assert_array_equal(found, p)
    found = scores_of(fitted, folder, tmp_path, pos_label=["ggH", "VBF"], logit=True)
    assert found.columns.tolist() == [
        *("score", "score_VBF", "score_Z", "score_ggH"),
        *("logit", "logit_VBF", "logit_Z", "logit_ggH"),
    ]
    np.testing.assert_array_equal(found["score"], p[:, 0] + p[:, 2])
    np.testing.assert_allclose(found["logit"], logit(p[:, 0] + p[:, 2]), rtol=1e-9)
    np.testing.assert_allclose(found["logit_Z"], logit(p[:, 1]), rtol=1e-9)


def test_other_classifiers(folder, tmp_path):
    search = GridSearchCV(trees(), {"max_depth": [1, 3]}, cv=2).fit(X[FEATURES], Y)
    found = scores_of(search, folder, tmp_path)
    np.testing.assert_array_equal(
        found["score"], search.predict_proba(X[FEATURES])[:, 1]
    )
    line = LogisticRegression().fit(X[FEATURES].to_numpy(), Y)
    found = scores_of(line, folder, tmp_path, columns=FEATURES, logit=True)
    # products of matrices round by the number of their rows
    expected = line.predict_proba(X[FEATURES].to_numpy())[:, 1]
    np.testing.assert_allclose(found["score"], expected, rtol=1e-14)
    np.testing.assert_allclose(found["logit"], logit(expected), rtol=1e-10, atol=1e-13)
    with pytest.raises(
        ValueError, match="`columns` must be named for a model that was"
    ):
        scores_of(line, folder, tmp_path)
    with pytest.raises(
        ValueError, match=f"must name the {len(FEATURES)} columns .* got 1"
    ):
        scores_of(line, folder, tmp_path, columns=["run"])
    with pytest.raises(ValueError, match="must be those that the model was fitted to"):
        scores_of(search, folder, tmp_path, columns=FEATURES[::-1])


def test_an_exported_model_is_asked_as_any_other(model, folder, tmp_path):
    """It has no `fit`, and may tell its folds."""
    exported = SimpleNamespace(
        classes_=model.classes_,
        feature_names_in_=np.array(FEATURES, dtype=object),
        combine_="fold",
        threshold_=0.4,
        predict_proba=lambda X, event_number: model.predict_proba(
            pd.concat([X, event_number], axis=1)
        ),
        predict=lambda X, event_number: np.where(
            model.predict_proba(pd.concat([X, event_number], axis=1))[:, 1] >= 0.4,
            "s",
            "b",
        ),
        fold_numbers=lambda X, event_number: model.cv_.fold_numbers(
            X, groups=event_number
        ),
    )
    found = scores_of(exported, folder, tmp_path, event_number=["run", "event"])
    np.testing.assert_array_equal(found["score"], model.predict_proba(X)[:, 1])
    np.testing.assert_array_equal(found["fold"], model.fold_numbers(X))
    np.testing.assert_array_equal(found["selected"], found["score"] >= 0.4)


def test_models_that_cannot_be_applied(folder, tmp_path):
    with pytest.raises(
        TypeError, match="fitted classifier with probabilities, got a SVC"
    ):
        scores_of(SVC().fit(X[FEATURES], Y), folder, tmp_path)
    with pytest.raises(NotFittedError):
        scores_of(trees(), folder, tmp_path)


# ------------------------------------------------------------------- whole or not there


class Failing(DecisionTreeClassifier):
    """Fails, or waits to be killed, at the second chunk."""

    def predict_proba(self, X):
        self.n_calls = getattr(self, "n_calls", 0) + 1
        if self.n_calls == 2 and self.max_depth == 1:
            msg = "no more"
            raise RuntimeError(msg)
        if self.n_calls == 2:
            Path("waiting").touch()
            time.sleep(60)
        return super().predict_proba(X)


@pytest.mark.parametrize("output", ["s.root", "s.parquet"])
def test_an_output_is_whole_or_as_it_was(folder, tmp_path, output):
    failing = Failing(max_depth=1).fit(X[FEATURES], Y)
    write = partial(apply_model, source=folder / "e.root", path=tmp_path / output)
    with pytest.raises(RuntimeError, match="no more"):
        write(failing, chunk_size=500)
    assert list(tmp_path.iterdir()) == []
    write(trees().fit(X[FEATURES], Y))
    before = (tmp_path / output).read_bytes()
    with pytest.raises(
        FileExistsError, match=r"`path` must be a new file, got .*overwrite"
    ):
        write(failing)
    failing.n_calls = 0
    with pytest.raises(RuntimeError, match="no more"):
        write(failing, chunk_size=500, overwrite=True)
    assert (tmp_path / output).read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [output]


KILLED = """
from sklearn.tree import DecisionTreeClassifier
from skhep_dnn.export import ExportedClassifier, apply_model, to_onnx
from tests.export.test_apply_model import FEATURES, Failing, X, Y
model = Failing(max_depth=2).fit(X[FEATURES], Y)
apply_model(model, {source!r}, {output!r}, chunk_size=500)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
@pytest.mark.parametrize("output", ["s.root", "s.parquet"])
def test_who_is_killed_leaves_no_file_of_that_name(folder, tmp_path, output):
    code = KILLED.format(source=str(folder / "e.root"), output=output)
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(root)!r})\n{code}",
        ],
        cwd=tmp_path,
    )
    while not (tmp_path / "waiting").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = sorted(p.name for p in tmp_path.iterdir())
    assert left == [f"{output}.{process.pid}.part", "waiting"]


def test_what_is_wrong_is_told_before_anything_is_written(model, folder, tmp_path):
    apply = partial(apply_model, model, folder / "e.root")
    write_tree(X.drop(columns=FEATURES[0]), tmp_path / "e.root")
    with pytest.raises(DataFileError, match=f"must have the column '{FEATURES[0]}'"):
        apply_model(model, tmp_path / "e.root", tmp_path / "s.root")
    (tmp_path / "broken.root").write_bytes((folder / "e.root").read_bytes()[:-50])
    sources = [folder / "e.root", tmp_path / "broken.root"]
    with pytest.raises(DataFileError, match=r"broken.root"):
        apply_model(model, sources, tmp_path / "s.root")
    for path, options, error, message in [
        (
            "s.csv",
            {},
            ValueError,
            "`path` must end in '.root', '.parquet' or '.pq', got",
        ),
        ("no/s.root", {}, FileNotFoundError, "The folder of `path` must exist, got"),
        ("s.root", {"root_format": "x"}, ValueError, "must be 'ttree' or 'rntuple'"),
        (
            "s.root",
            {"output_tree": "a/b"},
            ValueError,
            "must be a name without `/` and",
        ),
        (
            "s.root",
            {"chunk_size": 0},
            ValueError,
            "`chunk_size` must be a whole number",
        ),
        ("s.root", {"pos_label": "x"}, ValueError, "`pos_label` must be .*got 'x'"),
        ("e.root", {}, FileExistsError, "must be a new file"),
    ]:
        with pytest.raises(error, match=message):
            apply(tmp_path / path, **options)
    copy = tmp_path / "copy.root"
    copy.write_bytes((folder / "e.root").read_bytes())
    with pytest.raises(FileExistsError, match="another file than the source"):
        apply_model(model, copy, copy, overwrite=True)
    with pytest.raises(TypeError, match="files without processes, got a mapping"):
        apply_model(model, {"a": copy}, tmp_path / "s.root")
    names = {"e.root", "broken.root", "copy.root"}
    assert {p.name for p in tmp_path.iterdir()} == names


def test_progress_is_shown(model, folder, tmp_path, capsys):
    apply_model(model, folder / "e.root", tmp_path / "s.root", verbose=1)
    shown = capsys.readouterr().err
    assert "Applying: 100%" in shown
    assert f"{N}/{N}" in shown


@pytest.mark.parametrize(
    ("output", "library"), [("s.root", "uproot"), ("s.pq", "pyarrow")]
)
def test_a_library_that_is_missing_names_the_extra(
    model, tmp_path, monkeypatch, output, library
):
    write_csv(X, tmp_path / "e.csv")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf'{library} must .*"skhep-dnn\[root\]"'):
        apply_model(model, tmp_path / "e.csv", tmp_path / output)


# ------------------------------------------------------------------------------- memory


class Mean:
    """A classifier that needs no memory to speak of."""

    classes_ = np.array([0, 1])
    feature_names_in_ = np.array([f"x{k}" for k in range(8)], dtype=object)

    def predict_proba(self, X):
        p = 0.5 + 0.01 * X["x0"].to_numpy(dtype=np.float64)
        return np.column_stack([1.0 - p, p])


def write_many(path, n_chunks):
    frames = (
        pd.DataFrame({f"x{k}": np.float32(np.arange(50_000) % 7) for k in range(8)})
        for _ in range(n_chunks)
    )
    if path.suffix == ".parquet":
        first = next(frames)
        schema = pa.Table.from_pandas(first).schema
        with pq.ParquetWriter(
            path, schema, compression=None, use_dictionary=False
        ) as f:
            f.write_table(pa.Table.from_pandas(first))
            for frame in frames:
                f.write_table(pa.Table.from_pandas(frame))
        return
    with uproot.recreate(path, compression=None) as file:
        tree = file.mktree("t", dict.fromkeys(Mean.feature_names_in_, np.float32))
        for frame in frames:
            tree.extend({name: frame[name].to_numpy() for name in frame})


def peak_of_apply(source, output):
    small = source.with_name(f"small{source.suffix}")
    write_many(small, 1)
    apply_model(Mean(), small, output.with_name(f"small_{output.name}"))
    with PeakMemory() as peak:
        apply_model(Mean(), source, output, chunk_size=20_000)
    return peak.private


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("suffix", [".root", ".parquet"])
def test_memory_does_not_grow_with_the_file(tmp_path, suffix):
    peaks = {}
    for n_chunks in (10, 40):
        source = tmp_path / f"e{n_chunks}{suffix}"
        in_fresh_process(write_many, source, n_chunks)
        output = tmp_path / f"s{n_chunks}{suffix}"
        peaks[n_chunks] = in_fresh_process(peak_of_apply, source, output)
        assert source.stat().st_size > n_chunks * 1.5e6
    size = 40 * 50_000 * 8 * 4
    assert peaks[40] < 0.2 * size
    assert peaks[40] < peaks[10] + 5e6


# --------------------------------------------------------------------------- real files


def test_the_example_of_tmva_from_files_to_a_friend_tree(tmp_path):
    path = data_path("tmva_class_example.root")
    if not path.exists():
        pytest.skip(f"{path} not found (set SKHEP_DNN_DATA)")
    names = [f"var{k}" for k in range(1, 5)]
    events = read_events(
        {"signal": f"{path}:TreeS", "background": f"{path}:TreeB"},
        names,
        signal="signal",
        weight={"signal": 1.0, "background": "weight"},
    )
    rows = np.arange(len(events)) % 6 == 0
    part = events[rows]
    numbers = part.index.to_numpy()
    small = network(n_members=1, max_epochs=4, batch_size=64)
    fitted = CrossFitClassifier(small, cv=2)
    fitted.fit(part[names], part["label"], part["weight"], event_number=numbers)
    means = {}
    for tree in ("TreeS", "TreeB"):
        # the trees have no numbers, so that files with some are written
        frame = read_events(path, names, tree=tree).assign(event=lambda t: t.index)
        write_tree(frame, tmp_path / f"{tree}.root", tree)
        friend = apply_model(
            fitted,
            tmp_path / f"{tree}.root",
            tmp_path / f"{tree}_scores.root",
            event_number="event",
        )
        found = read_events(friend)
        expected = fitted.predict_proba(frame[names], event_number=frame["event"])[:, 1]
        np.testing.assert_array_equal(found["score"], expected)
        np.testing.assert_array_equal(found["event"], np.arange(6000))
        means[tree] = found["score"].mean()
    assert means["TreeS"] > means["TreeB"] + 0.1


def test_muons_of_the_jagged_file_train_end_to_end(tmp_path):
    path = data_path("uproot-HZZ.root")
    if not path.exists():
        pytest.skip(f"{path} not found (set SKHEP_DNN_DATA)")
    names = [
        *("Muon_Px[0]", "Muon_Py[0]", "Muon_Pz[0]", "Muon_E[0]"),
        *("MET_px", "MET_py", "Jet_E[0]", "NJet"),
    ]
    events = read_events(path, [*names, "NMuon", "EventWeight"], selection="NMuon >= 1")
    two_muons = (events["NMuon"] >= 2).to_numpy().astype(int)
    weight = events["EventWeight"]
    assert (weight == 0).any()
    assert events["Jet_E[0]"].isna().any()
    fitted = CrossFitClassifier(network(n_members=1), cv=2)
    fitted.fit(events[names], two_muons, weight, event_number=events.index)
    out = apply_model(
        fitted.estimators_[0], path, tmp_path / "s.parquet", selection="NMuon >= 1"
    )
    found = read_events(out)
    expected = fitted.estimators_[0].predict_proba(events[names])[:, 1]
    np.testing.assert_array_equal(found["score"], expected)
    friend = apply_model(
        fitted.estimators_[0], path, tmp_path / "s.root", chunk_size=500
    )
    assert len(read_events(friend)) == 2421
    scored = pd.concat(list(iter_events(friend, chunk_size=1000)))
    np.testing.assert_array_equal(scored.loc[events.index, "score"], expected)


def test_an_exported_model_is_applied_like_the_classifier(model, folder, tmp_path):
    pytest.importorskip("onnxruntime")
    # Without labels the manifest has no significance, noisy with few events.
    to_onnx(model, tmp_path / "model.onnx", X, threshold=0.5)
    exported = ExportedClassifier(tmp_path / "model.onnx")
    path = apply_model(exported, folder / "e.root", tmp_path / "s.root", chunk_size=400)
    found = read_events(path)
    names = ["run", "event", "score", "fold", "selected"]
    assert sorted(found.columns) == sorted(names)
    expected = model.predict_proba(X)[:, 1]
    np.testing.assert_allclose(found["score"], expected, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(found["fold"], model.fold_numbers(X))
    np.testing.assert_array_equal(found["selected"], exported.selected(X))
