"""The study of Strong (2020): its figures of merit, its rows, and how it goes on."""

import dataclasses
import json

import numpy as np
import pytest
from scipy.special import expit

from benchmarks.common.chosen_cut import MIN_PROBABILITY, chosen_cut, relative_to_cut
from benchmarks.common.out_of_fold import Run
from benchmarks.common.samples import part_of, strata
from benchmarks.higgsml_study import __main__ as higgsml_study
from benchmarks.higgsml_study.jobs import Challenge, OutOfFold, Study
from benchmarks.higgsml_study.metrics import (
    challenge_figures,
    out_of_fold_figures,
    subsamples,
)
from benchmarks.higgsml_study.rows import CUMULATIVE, PARENT, ROWS, key_of
from benchmarks.higgsml_study.tables import Row, frame_of, markdown, summary_of
from skhep_dnn.datasets import _higgsml_file, make_higgs_events
from skhep_dnn.metrics import significance_scan
from skhep_dnn.metrics._challenge import n_subsamples

N_EVENTS = {"t": 400, "b": 200, "v": 300, "u": 0}


@pytest.fixture(scope="module")
def events():
    return make_higgs_events(2000, random_state=0)


@pytest.fixture(scope="module")
def run(events):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=2000) + 2.0 * (events.target == "s")
    return Run(scores, rng.integers(5, size=2000), np.nan)


def test_subsamples_are_stratified(events):
    part = subsamples(events, 4)
    for stratum in np.unique(strata(events)):
        counts = np.bincount(part[strata(events) == stratum], minlength=4)
        assert np.ptp(counts) <= 1
    assert (subsamples(events, 1) == 0).all()


def test_a_part_has_the_full_yields(events):
    rows = np.arange(0, 2000, 3)
    part = part_of(events, rows)
    np.testing.assert_array_equal(part.data, events.data.iloc[rows])
    for label in ("s", "b"):
        full = events.sample_weight[events.target == label].sum()
        assert part.sample_weight[part.target == label].sum() == pytest.approx(full)


def test_a_cut_never_sees_the_fold_that_it_is_applied_to(events, run):
    before = relative_to_cut(run, events, MIN_PROBABILITY)
    scores = run.scores.copy()
    scores[run.fold == 2] = np.random.default_rng(1).normal(size=(run.fold == 2).sum())
    after = relative_to_cut(
        dataclasses.replace(run, scores=scores), events, MIN_PROBABILITY
    )
    cuts = [
        set((s - t)[run.fold == 2].round(9))
        for s, t in ((run.scores, before), (scores, after))
    ]
    assert cuts[0] == cuts[1]
    assert len(cuts[0]) == 1
    others = run.fold == 1
    assert not np.allclose((run.scores - before)[others], (scores - after)[others])


def test_only_scores_of_a_probability_of_nine_tenths_are_ranked(events, run):
    yields = {"s": 1.0, "b": 100.0}
    sample = (events.target, run.scores, events.sample_weight)
    cut = chosen_cut(*sample, yields=yields, min_probability=0.9)
    assert expit(cut) >= 0.9
    scan = significance_scan(
        *sample, kind="ams", signal_yield=yields["s"], background_yield=yields["b"]
    )
    z = np.empty(len(run.scores))
    z[np.argsort(-run.scores)] = scan.z
    ranked = np.flatnonzero(expit(run.scores) >= 0.9)
    best = ranked[np.argsort(-z[ranked], kind="stable")][: len(ranked) // 10]
    assert expit(cut) == pytest.approx(expit(run.scores[best]).mean(), rel=2e-3)
    low = (events.target, run.scores - 50.0, events.sample_weight)
    everything = chosen_cut(*low, yields=yields, min_probability=0.0)
    assert chosen_cut(*low, yields=yields, min_probability=0.9) == everything


def test_figures_of_pooled_scores(events, run):
    measured = out_of_fold_figures(run, events)
    value = {name: result.value for name, result in measured.results.items()}
    assert set(value) == {"AMS", "MMVA", "MVAC", "MAPA", "AUC", "log-loss"}
    assert value["MMVA"] >= value["MVAC"]
    assert value["AUC"] > 0.9
    assert measured.n_subsamples == n_subsamples(measured.n_eff)


def test_figures_of_the_challenge_use_the_validation_cut(events, run):
    scores = dict.fromkeys(("validation", "public", "private"), run.scores)
    measured = challenge_figures(scores, events, events, events, repeat=1)
    value = {name: result.value for name, result in measured.results.items()}
    assert value["AMS"] == pytest.approx(value["MVAC"])
    assert value["AMS"] == pytest.approx(value["public AMS"])
    scores["private"] = -run.scores
    other = challenge_figures(scores, events, events, events, repeat=1)
    assert other.results["AMS"].value < value["AMS"]
    assert other.results["MAPA"].value == pytest.approx(value["MAPA"])


def test_every_row_has_a_parent_and_a_key_of_its_own():
    assert set(PARENT) == set(ROWS) - {"baseline"}
    assert set(PARENT.values()) <= set(CUMULATIVE)
    assert len({key_of(name) for name in ROWS}) == len(ROWS)
    assert key_of("dense") != key_of("dense", max_epochs=2)


def row_of(results):
    times = {"training": np.array([1.0, 3.0]), "inference": np.array([2.0, 2.0])}
    return Row(results, times, times)


def test_tables_give_paired_differences_and_gains(events, run):
    worse = dataclasses.replace(run, scores=0.5 * run.scores)
    rows = {
        "baseline": row_of([out_of_fold_figures(worse, events)] * 2),
        "ensemble": row_of([out_of_fold_figures(run, events)] * 2),
    }
    summary = summary_of(rows, PARENT)
    auc, loss = (summary["ensemble"][figure] for figure in ("AUC", "log-loss"))
    assert auc["difference"] == 0.0  # the same order of the events
    assert auc["paired error"] == 0.0
    assert auc["error"] > 0.0
    assert auc["error over repeats"] == 0.0
    expected = -100 * loss["difference"] / summary["baseline"]["log-loss"]["value"]
    assert loss["gain upon, %"] == pytest.approx(expected)
    assert summary["ensemble"]["training time"]["error"] == pytest.approx(1.0)
    assert frame_of(summary).loc["ensemble", "AUC difference"] == 0.0
    text = markdown(summary)
    assert "| ensemble | baseline | " in text
    assert text.count("| ensemble |") == 3


@pytest.fixture
def challenge_file(tmp_path, monkeypatch):
    """A small file with all sets of the challenge."""
    frame = make_higgs_events(sum(N_EVENTS.values()), random_state=3).frame
    frame = frame.drop(columns="process").fillna(-999.0)
    frame["KaggleSet"] = np.repeat(list(N_EVENTS), list(N_EVENTS.values()))
    relative, label = frame["Weight"], frame["Label"]
    yields = label.map(_higgsml_file.FILE.yields)
    for name, groups in (
        ("Weight", [label]),
        ("KaggleWeight", [label, frame["KaggleSet"]]),
    ):
        frame[name] = relative / relative.groupby(groups).transform("sum") * yields
    facts = dataclasses.replace(_higgsml_file.FILE, n_events=N_EVENTS)
    monkeypatch.setattr(_higgsml_file, "FILE", facts)
    path = tmp_path / "higgsml.csv"
    frame.to_csv(path, index=False)
    return path


def test_a_full_file_is_split_as_in_the_challenge(challenge_file):
    design = higgsml_study.design_of(challenge_file)
    assert isinstance(design, Challenge)
    train, samples = design.split(repeat=0, _fold=0)
    sizes = {name: len(X) for name, X in samples.items()}
    assert sizes == {"validation": 80, "public": 200, "private": 300}
    assert len(train.target) == 320
    of_signal = train.sample_weight[train.target == "s"].sum()
    assert of_signal == pytest.approx(691.99, abs=0.01)


def test_a_file_of_training_events_is_split_in_folds(higgsml_file):
    design = higgsml_study.design_of(higgsml_file, quick=True)
    assert isinstance(design, OutOfFold)
    tested = [design.split(0, k)[1]["test"].index for k in range(design.n_folds)]
    assert sorted(np.concatenate(tested)) == list(range(1500))


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
def test_an_interrupted_study_goes_on_and_writes_tables_and_figures(
    challenge_file, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "output"
    arguments = ["--higgsml", challenge_file, "--rows", "swish_alone", "--jobs", "1"]
    arguments += ["--repeats", "2", "--output", folder]
    monkeypatch.setattr("sys.argv", ["higgsml_study.py", *map(str, arguments)])
    small = {"max_epochs": 2, "batch_size": 16}
    design = higgsml_study.design_of(challenge_file)
    Study(design, ["baseline"], 1, small, folder / "jobs").run(1)
    (first,) = (folder / "jobs").iterdir()
    written = first.stat().st_mtime_ns
    monkeypatch.setattr(
        higgsml_study, "Study", lambda *args: Study(*args[:3], small, args[-1])
    )
    higgsml_study.main()
    assert first.stat().st_mtime_ns == written
    assert len(list((folder / "jobs").iterdir())) == 4
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["design"] == "Challenge"
    assert list(last["rows"]) == ["baseline", "swish_alone"]
    assert last["rows"]["swish_alone"]["upon"] == "baseline"
    written = {file.name for file in folder.iterdir() if file.is_file()}
    assert written >= {"study.md", "study.csv", "study.json"}
    assert len([name for name in written if name.endswith(".png")]) == 3
