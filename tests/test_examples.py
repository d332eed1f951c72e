"""The main job, on fewer events than `make demo` takes."""

import importlib.util
from pathlib import Path

import matplotlib as mpl
import pytest
from sklearn.utils import Bunch

from skhep_dnn.datasets import make_higgs_events

EXAMPLES = Path(__file__).parents[1] / "examples"
FIGURES = ["discriminant", "roc_curve", "significance_scan", "training_history"]


@pytest.fixture
def main_job(monkeypatch):
    spec = importlib.util.spec_from_file_location("main_job", EXAMPLES / "main_job.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "N_REPLICAS", 20)
    yield module
    mpl.pyplot.close("all")


def run(main_job, monkeypatch, folder, *arguments):
    arguments = ["main_job.py", "--output", str(folder), *arguments]
    monkeypatch.setattr("sys.argv", arguments)
    main_job.main()


def test_main_job_prints_one_table_and_writes_four_figures(
    main_job, monkeypatch, tmp_path, capsys
):
    events = make_higgs_events(3000, random_state=0)
    monkeypatch.setattr(main_job, "load", lambda _path: (events, "toy events"))
    run(main_job, monkeypatch, tmp_path / "figures")
    printed = capsys.readouterr().out
    for text in (
        "3000 toy events: 1500 train, 600 choose the cut,",
        "692.0 signal and 411000 background events",
        "weighted AUC",
        "AMS at the cut",
        "no performance",
        "minus HistGradientBoosting, paired: AUC",
    ):
        assert text in printed
    written = sorted(path.stem for path in (tmp_path / "figures").glob("*.png"))
    assert written == FIGURES


def test_main_job_takes_a_part_of_the_higgsml_file(main_job, higgsml_file):
    events, kind = main_job.load(higgsml_file)
    assert kind == "HiggsML events (6.0% of the training set)"
    assert events.sample_weight[events.target == "s"].sum() == pytest.approx(691.9886)


def test_the_parts_of_the_main_job_share_no_event_and_have_the_full_yields(main_job):
    events = make_higgs_events(2000, random_state=0)
    parts = main_job.split(Bunch(**events))
    indices = [set(X.index) for X, _, _ in parts]
    assert sum(map(len, indices)) == len(set.union(*indices)) == 2000
    for _, y, w in parts:
        assert w[y == "s"].sum() == pytest.approx(691.99)
        assert w[y == "b"].sum() == pytest.approx(410_999.85)
