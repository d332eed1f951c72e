"""Friend trees and RNTuples as the real ROOT reads them, beside their trees."""

import numpy as np
import pandas as pd
import pytest
import uproot
from sklearn.tree import DecisionTreeClassifier

from skhep_dnn.datasets import make_gaussian_events, read_events
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.export import apply_model
from tests.datasets.event_files import table, write_ntuple, write_tree
from tests.real_root import run_in_root

pytestmark = pytest.mark.slow

N = 1200
EVENTS = make_gaussian_events(N, random_state=0)
X = EVENTS.data.assign(
    run=np.repeat(np.int64([355_000, 348_251, 362_345]), N // 3),
    event=np.random.default_rng(0).permutation(N) * 7 + 3_000_000_000,
)
FIRST = EVENTS.data.columns[0]


@pytest.fixture(scope="module")
def model():
    trees = DecisionTreeClassifier(max_depth=5, random_state=0)
    fitted = CrossFitClassifier(trees, cv=3, event_number=["run", "event"])
    return fitted.fit(X, EVENTS.target)


@pytest.fixture
def files(model, tmp_path):
    write_tree(X, tmp_path / "events.root")
    scores = apply_model(
        model, tmp_path / "events.root", tmp_path / "scores.root", chunk_size=500
    )
    return {
        "events": str(tmp_path / "events.root"),
        "scores": str(scores),
        "first": FIRST,
    }


def test_a_friend_by_the_order_of_the_entries(model, files):
    found = run_in_root(
        """
file = ROOT.TFile(events)
tree = file.Get("events")
tree.AddFriend("scores", scores)
result = []
for entry in tree:
    result.append([entry.event, entry.score, int(entry.fold), getattr(entry, first)])
""",
        **files,
    )
    event, score, fold, value = map(np.array, zip(*found, strict=True))
    np.testing.assert_array_equal(event, X["event"])
    np.testing.assert_array_equal(score, model.predict_proba(X)[:, 1])
    np.testing.assert_array_equal(fold, model.fold_numbers(X))
    np.testing.assert_array_equal(value, X[FIRST])


def test_a_friend_by_an_index_of_run_and_event(model, files, tmp_path):
    """Other entries, in another order, find their scores by their numbers."""
    part = X.sample(frac=0.4, random_state=1)
    write_tree(part, tmp_path / "skim.root")
    found = run_in_root(
        """
file, friends = ROOT.TFile(skim), ROOT.TFile(scores)
tree, friend = file.Get("events"), friends.Get("scores")
friend.BuildIndex("run", "event")
tree.AddFriend(friend)
result = []
for k in range(tree.GetEntries()):
    tree.GetEntry(k)
    result.append([tree.event, friend.event, friend.score, int(friend.fold)])
frame = ROOT.RDataFrame(tree).AsNumpy(["run", "event", "scores.score"])
result = [result, frame["scores.score"].tolist(), frame["event"].tolist()]
""",
        skim=str(tmp_path / "skim.root"),
        **files,
    )
    event, other, score, fold = map(np.array, zip(*found[0], strict=True))
    expected = model.predict_proba(part)[:, 1]
    np.testing.assert_array_equal(event, part["event"])
    np.testing.assert_array_equal(other, part["event"])
    np.testing.assert_array_equal(score, expected)
    np.testing.assert_array_equal(fold, model.fold_numbers(part))
    np.testing.assert_array_equal(found[1], expected)
    np.testing.assert_array_equal(found[2], part["event"])


def test_a_friend_of_a_chain(model, tmp_path):
    for k, part in enumerate([X[:500], X[500:]]):
        write_tree(part, tmp_path / f"part_{k}.root")
    apply_model(model, f"{tmp_path}/part_*.root", tmp_path / "scores.root")
    found = run_in_root(
        """
chain, friend = ROOT.TChain("events"), ROOT.TChain("scores")
for k in range(2):
    chain.Add(f"{folder}/part_{k}.root")
friend.Add(f"{folder}/scores.root")
chain.AddFriend(friend)
arrays = ROOT.RDataFrame(chain).AsNumpy(["event", "scores.score"])
result = [arrays["event"].tolist(), arrays["scores.score"].tolist()]
""",
        folder=str(tmp_path),
    )
    np.testing.assert_array_equal(found[0], X["event"])
    np.testing.assert_array_equal(found[1], model.predict_proba(X)[:, 1])


def test_an_ntuple_of_scores(model, files, tmp_path):
    apply_model(
        model,
        files["events"],
        tmp_path / "r.root",
        root_format="rntuple",
        chunk_size=333,
    )
    found = run_in_root(
        """
arrays = ROOT.RDataFrame("scores", path).AsNumpy(["run", "event", "score", "fold"])
result = {name: values.tolist() for name, values in arrays.items()}
""",
        path=str(tmp_path / "r.root"),
    )
    np.testing.assert_array_equal(found["event"], X["event"])
    np.testing.assert_array_equal(found["score"], model.predict_proba(X)[:, 1])
    np.testing.assert_array_equal(found["fold"], model.fold_numbers(X))


def test_what_root_writes_is_read(tmp_path):
    """Trees with lists and bools, and an RNTuple that RDataFrame wrote."""
    found = run_in_root(
        """
frame = ROOT.RDataFrame(300)
frame = frame.Define("event", "(ULong64_t)18446744073709551000 + rdfentry_")
frame = frame.Define("run", "(int)(rdfentry_ / 100)")
frame = frame.Define("pt", "(float)(0.1 * rdfentry_)")
frame = frame.Define("good", "rdfentry_ % 3 == 0").Define("n", "(int)(rdfentry_ % 4)")
frame = frame.Define("jet_pt", "ROOT::RVecF(n, pt)").Define("e", "0.1 * rdfentry_")
frame = frame.Define("name", 'std::string(n, \\'x\\')')
frame.Snapshot("events", tree)
options = ROOT.RDF.RSnapshotOptions()
options.fOutputFormat = ROOT.RDF.ESnapshotOutputFormat.kRNTuple
frame.Snapshot("events", ntuple, "", options)
result = 0
""",
        tree=str(tmp_path / "tree.root"),
        ntuple=str(tmp_path / "ntuple.root"),
    )
    assert found == 0
    k = np.arange(300)
    for name in ("tree", "ntuple"):
        columns = ["event", "run", "pt", "good", "e", "name", "jet_pt[1]"]
        frame = read_events(tmp_path / f"{name}.root", columns)
        np.testing.assert_array_equal(
            frame["event"], np.uint64(18446744073709551000) + k.astype(np.uint64)
        )
        assert frame["event"].dtype == np.uint64
        np.testing.assert_array_equal(frame["run"], k // 100)
        np.testing.assert_array_equal(frame["pt"], (0.1 * k).astype(np.float32))
        assert frame["pt"].dtype == np.float32
        np.testing.assert_array_equal(frame["e"], 0.1 * k)
        np.testing.assert_array_equal(frame["good"], k % 3 == 0)
        assert frame["name"].tolist() == ["x" * (i % 4) for i in k]
        second = np.where(k % 4 >= 2, frame["pt"], np.nan)
        np.testing.assert_array_equal(frame["jet_pt[1]"], second)


def test_tables_of_the_tests_are_read_alike_by_root(tmp_path):
    """So that what the other tests write is what an analysis has."""
    frame = table(200).drop(columns=["channel", "charge"])
    write_tree(frame, tmp_path / "tree.root")
    write_ntuple(frame, tmp_path / "ntuple.root")
    for name in ("tree", "ntuple"):
        found = run_in_root(
            """
arrays = ROOT.RDataFrame("events", path).AsNumpy()
result = {name: [int(x) if name in {"run", "event"} else float(x) for x in values]
          for name, values in arrays.items()}
""",
            path=str(tmp_path / f"{name}.root"),
        )
        own = read_events(tmp_path / f"{name}.root")
        for column in frame:
            np.testing.assert_array_equal(own[column], found[column])
            assert pd.Series(found[column]).tolist() == frame[column].tolist()


def test_a_large_tree_of_one_column_has_all_entries(tmp_path):
    with uproot.recreate(tmp_path / "e.root") as file:
        tree = file.mktree("t", {"x": np.float32})
        for k in range(30):
            tree.extend({"x": np.full(1000, k, dtype=np.float32)})
    found = run_in_root(
        'frame = ROOT.RDataFrame("t", path)\n'
        'result = [frame.Count().GetValue(), frame.Mean("x").GetValue()]',
        path=str(tmp_path / "e.root"),
    )
    own = read_events(tmp_path / "e.root")["x"]
    assert found == [len(own), own.astype(float).mean()]
