"""Code in the pages that is no doctest: each block is run here, made small."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression

from skhep_dnn import SymmetryAugmenter, WeightedDNNClassifier
from skhep_dnn.datasets import make_gaussian_events, make_higgs_events
from skhep_dnn.export import apply_model, to_cpp
from skhep_dnn.metrics import weighted_roc_auc
from skhep_dnn.model_selection import OptunaSearchCV
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import InvariantFeatures
from skhep_dnn.weights import training_weights
from tests.datasets.event_files import write_tree
from tests.real_root import run_in_root

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)


def blocks():
    """Return the blocks of Python that are no doctests, with the page of each."""
    return [
        (page.relative_to(ROOT).as_posix(), block)
        for page in PAGES
        for block in BLOCK.findall(page.read_text())
        if ">>>" not in block
    ]


def block_of(page, word):
    (found,) = [b for name, b in blocks() if name == page and word in b]
    return found


def test_there_are_no_other_blocks_than_those_that_are_run_here():
    assert [(page, block.split()[1]) for page, block in blocks()] == [
        ("docs/benchmarks.md", "="),
        ("docs/guides/into_cpp.md", "ROOT"),
        ("docs/guides/root_in_and_out.md", "ROOT"),
        ("docs/guides/tuning.md", "sklearn.callback"),
        ("docs/guides/tuning.md", "dask_jobqueue"),
    ]


def run(code, **names):
    exec(compile(code, "page", "exec"), names)
    return names


def shortened(code, **numbers):
    """Return the code with other values of some arguments."""
    for name, value in numbers.items():
        code, count = re.subn(rf"\b{name}=\d+", f"{name}={value}", code)
        assert count == 1, name
    return code


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
def test_the_blend_of_the_benchmarks():
    events = make_higgs_events(2000, random_state=0)
    code = block_of("docs/benchmarks.md", "VotingClassifier")
    code = shortened(code, n_members=1, max_epochs=2, max_iter=20)
    names = run(
        code,
        X=events.data,
        y=events.target,
        w=events.sample_weight,
        HistGradientBoostingClassifier=HistGradientBoostingClassifier,
        InvariantFeatures=InvariantFeatures,
        SymmetryAugmenter=SymmetryAugmenter,
        VotingClassifier=VotingClassifier,
        WeightedDNNClassifier=WeightedDNNClassifier,
        make_weighted_pipeline=make_weighted_pipeline,
        training_weights=training_weights,
    )
    score = names["model"].predict_proba(events.data)[:, 1]
    assert weighted_roc_auc(events.target, score, events.sample_weight) > 0.75


def small_search():
    """Return a search of two trials, and the events that the page has."""
    events = make_gaussian_events(300, random_state=0)
    search = OptunaSearchCV(
        LogisticRegression(), {"C": [0.1, 1.0]}, n_trials=2, cv=2, random_state=0
    )
    names = {"X": events.data, "y": events.target, "w": events.sample_weight}
    return {"search": search, **names}


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
def test_the_progress_bar_of_a_search(capsys):
    names = run(block_of("docs/guides/tuning.md", "ProgressBar"), **small_search())
    assert len(names["search"].records_) == 2
    assert "OptunaSearchCV" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
def test_the_cluster_of_dask(monkeypatch):
    """Two workers of this machine in place of those that SLURM would start."""
    distributed = pytest.importorskip("distributed")
    asked = []

    def cluster(**options):
        asked.append(options)
        made = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
        )
        monkeypatch.setattr(made, "scale", asked.append)
        return made

    module = SimpleNamespace(SLURMCluster=cluster)
    monkeypatch.setitem(sys.modules, "dask_jobqueue", module)
    code = shortened(block_of("docs/guides/tuning.md", "SLURMCluster"), n_jobs=2)
    names = run(code, **small_search())
    names["cluster"].close()
    assert asked[:2] == [{"cores": 4, "processes": 1, "memory": "8GB"}, 16]
    assert len(names["search"].records_) == 2


@pytest.mark.slow
def test_the_friend_tree_of_root(tmp_path):
    events = make_higgs_events(400, random_state=0).data
    events = events.assign(event=range(400))
    model = HistGradientBoostingClassifier(max_iter=3, max_bins=31)
    model.fit(events[["PRI_tau_pt", "PRI_met"]], events["PRI_lep_pt"] > 30)
    write_tree(events, tmp_path / "ttbar.root")
    apply_model(model, tmp_path / "ttbar.root", tmp_path / "ttbar_scores.root")
    code = block_of("docs/guides/root_in_and_out.md", "RDataFrame")
    found = run_in_root(
        f"import os\nos.chdir({str(tmp_path)!r})\n{code}\n"
        "result = [histogram.GetEntries(), histogram.GetMean()]"
    )
    score = model.predict_proba(events[["PRI_tau_pt", "PRI_met"]])[:, 1]
    chosen = score[(score > 0.5) & (events["PRI_met"] > 20)]
    assert found[0] == len(chosen) > 20
    assert found[1] == pytest.approx(chosen.mean())


@pytest.mark.slow
def test_the_header_in_root(tmp_path):
    events = make_higgs_events(400, random_state=0)
    X = events.data[["PRI_tau_pt", "PRI_met", "PRI_lep_pt"]]
    model = WeightedDNNClassifier(n_layers=1, width=8, max_epochs=1, random_state=0)
    model.fit(X, events.target, events.sample_weight)
    scores = model.predict_proba(X)[:, 1]
    threshold = float(np.median(scores)) + 1e-5
    to_cpp(model, tmp_path / "htt.hpp", X, threshold=threshold)
    write_tree(X, tmp_path / "data.root")
    code = block_of("docs/guides/into_cpp.md", "Declare")
    found = run_in_root(
        f"import os\nos.chdir({str(tmp_path)!r})\n{code}\n"
        "result = [histogram.GetEntries(), histogram.GetMean()]"
    )
    chosen = scores[scores > threshold]
    assert found[0] == pytest.approx(len(chosen), abs=1)
    assert found[1] == pytest.approx(chosen.mean(), abs=1e-3)
