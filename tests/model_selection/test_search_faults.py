"""Searches whose processes are killed, share a storage, or lose it."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import optuna
import pytest
from distributed import Client, LocalCluster, get_task_stream
from optuna.trial import TrialState
from sklearn.linear_model import LogisticRegression

from skhep_dnn.exceptions import DataFileError
from skhep_dnn.model_selection import Limit, SearchSpace, _trial_loop
from skhep_dnn.model_selection._storage import close_storage, open_storage
from skhep_dnn.model_selection._trial import run_trial
from tests.model_selection.faulty import (
    EVENTS,
    SPACE,
    WEIGHTS,
    Broken,
    Deadly,
    Waiting,
    fit,
    make_search,
    run,
    summary,
)

# Children are forked from a server that has imported the package once, for all tests.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.model_selection.faulty"])
LINUX = pytest.mark.skipif(os.name != "posix", reason="a kill is a signal of POSIX")
pytestmark = [LINUX]

SLOW = pytest.mark.slow
N_FOLDS = 3
GRID = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0]


@dataclass
class Child:
    """A process that searches, and the file it leaves its result in."""

    process: multiprocessing.Process
    path: Path

    def result(self):
        self.process.join(timeout=120)
        found = joblib.load(self.path)
        if isinstance(found, BaseException):
            raise found
        return found

    def signal(self, number):
        os.kill(self.process.pid, number)
        self.process.join(timeout=60)


@pytest.fixture
def start(tmp_path):
    """Start a search in a process of its own, and end it with the test."""
    children = []

    def start(estimator=None, go=None, **options):
        path = tmp_path / f"result_{len(children)}"
        process = PROCESSES.Process(target=run, args=(path, go, estimator, options))
        process.start()
        children.append(Child(process, path))
        return children[-1]

    yield start
    for child in children:
        child.process.kill()
        child.process.join()


def wait_for(path, child):
    """Wait for a file that a process makes."""
    while not path.exists():
        assert child.process.is_alive()
        time.sleep(0.005)


def trials_of(place):
    storage = open_storage(place)
    try:
        study = optuna.load_study(study_name="search", storage=storage)
        return study.get_trials(deepcopy=True)
    finally:
        close_storage(storage)


def n_finished(place):
    return sum(trial.state.is_finished() for trial in trials_of(place))


def scores_by_params(search):
    table = search.cv_results_
    return {
        json.dumps(params, sort_keys=True): [
            table[f"split{k}_test_score"][row] for k in range(N_FOLDS)
        ]
        for row, params in enumerate(table["params"])
    }


SAMPLERS = [
    ("tpe", 14, (1, 11, 13)),
    pytest.param("random", 6, (0, 2, 5), marks=SLOW),
    pytest.param("evolutionary", 34, (1, 30, 33), marks=SLOW),
    pytest.param("gp", 14, (1, 11, 13), marks=SLOW),
    pytest.param("cmaes", 14, (1, 11, 13), marks=SLOW),
]


@pytest.mark.parametrize(("sampler", "n_trials", "in_trials"), SAMPLERS)
def test_kills_of_the_parent_change_nothing(
    tmp_path, start, sampler, n_trials, in_trials
):
    options = {"sampler": sampler, "n_trials": n_trials}
    estimator = Waiting(folder=str(tmp_path))
    stored = {"storage": tmp_path / "search.log", "directory": tmp_path / "trials"}
    for n_kills, number in enumerate(in_trials):
        # One fit of each trial that was killed was begun in vain, or two.
        n_fits = number * N_FOLDS + 2 * n_kills + 2
        (tmp_path / "wait_in_fit").write_text(str(n_fits))
        child = start(estimator, **options, **stored)
        wait_for(tmp_path / "waiting", child)
        before = n_finished(stored["storage"])
        child.signal(signal.SIGKILL)
        assert before == n_finished(stored["storage"]) == number
        assert trials_of(stored["storage"])[number].state == TrialState.RUNNING
        (tmp_path / "waiting").unlink()
    (tmp_path / "wait_in_fit").unlink()
    found = start(estimator, **options, **stored).result()
    expected = summary(fit(make_search(**options)))
    assert found == expected
    assert n_finished(stored["storage"]) == n_trials
    n_fits = len((tmp_path / "fits").read_text().splitlines())
    # The best trial once more for its predictions, unless the last process ran it.
    assert n_fits - n_trials * N_FOLDS - 2 * len(in_trials) in {0, N_FOLDS}
    assert len(list(stored["directory"].glob("trial_*.json"))) == n_trials


@pytest.mark.slow
def test_twenty_kills_at_random_times_lose_nothing(tmp_path, start):
    stored = {"storage": tmp_path / "search.log", "directory": tmp_path / "trials"}
    rng, n_kills, n_before = random.Random(1), 0, 0
    options = {"n_trials": 60}
    while n_kills < 20:
        child = start(**options, **stored)
        time.sleep(rng.uniform(0.0, 0.5))
        if not child.process.is_alive():
            break
        child.signal(signal.SIGKILL)
        n_kills += 1
        if (stored["storage"]).exists() and n_before:
            assert n_finished(stored["storage"]) >= n_before
        try:
            n_before = n_finished(stored["storage"])
        except (KeyError, OSError):
            n_before = 0
    assert n_kills == 20
    found = start(**options, **stored).result()
    assert found == summary(fit(make_search(**options)))
    assert n_finished(stored["storage"]) == 60
    assert len(list(stored["directory"].glob("trial_*.json"))) == 60


def deadly_search(tmp_path, times, **options):
    estimator = Deadly(folder=str(tmp_path), deadly=0.1, times=times)
    return make_search(
        estimator, {"C": GRID}, sampler="grid", n_trials=None, timeout=300, **options
    )


@pytest.mark.slow
def test_a_worker_that_is_killed_once_costs_no_trial(tmp_path, caplog):
    search = fit(deadly_search(tmp_path, times=1, n_jobs=2))
    assert "A worker was killed; its trials are run again" in caplog.text
    assert search.cv_results_["state"].tolist() == 6 * ["complete"]
    assert len((tmp_path / "kills").read_text().splitlines()) == 1 + N_FOLDS
    one = fit(make_search(space={"C": GRID}, sampler="grid", n_trials=6))
    assert scores_by_params(search) == scores_by_params(one)


@pytest.mark.slow
def test_only_the_trial_that_kills_its_workers_is_given_up(tmp_path):
    search = fit(deadly_search(tmp_path, times=99, n_jobs=2))
    states = dict(zip(GRID, search.cv_results_["state"].tolist(), strict=True))
    assert states == {C: "failed" if C == 0.1 else "complete" for C in GRID}
    assert len((tmp_path / "kills").read_text().splitlines()) == 3
    assert "Its worker was killed 3 times" in search.records_[2].error
    assert len(search.study_.trials) == len(GRID)


KINDS = ["journal", "sqlite", pytest.param("postgresql", marks=SLOW)]


@pytest.mark.parametrize("kind", KINDS)
def test_three_processes_share_the_trials(tmp_path, start, kind, request):
    place = {
        "journal": tmp_path / "search.log",
        "sqlite": f"sqlite:///{tmp_path}/search.db",
    }.get(kind)
    if place is None:
        place = request.getfixturevalue("postgresql")
    children = [
        start(
            go=tmp_path / "go",
            storage=place,
            directory=tmp_path / "trials",
            n_trials=12,
            random_state=None,
        )
        for _ in range(3)
    ]
    (tmp_path / "go").touch()
    first, *others = [child.result() for child in children]
    for other in others:
        assert other == first
    assert first["trial"] == list(range(12))
    records = [t for t in trials_of(place) if t.state.is_finished()]
    assert [trial.number for trial in records] == list(range(12))
    if kind == "postgresql":
        storage = open_storage(place)
        optuna.delete_study(study_name="search", storage=storage)
        close_storage(storage)


def test_a_killed_process_leaves_its_last_trial_to_one_that_waits(tmp_path, start):
    """The last trial of all: the other process has nothing else to do."""
    estimator = Waiting(folder=str(tmp_path))
    options = {"storage": tmp_path / "search.log", "n_trials": 3}
    (tmp_path / "wait_in_fit").write_text(str(2 * N_FOLDS + 1))
    first = start(estimator, **options)
    wait_for(tmp_path / "waiting", first)
    second = start(estimator, **options)
    time.sleep(1.0)
    assert second.process.is_alive()
    first.signal(signal.SIGKILL)
    assert second.result()["trial"] == [0, 1, 2]


def test_what_was_asked_too_much_waits_for_a_longer_search(tmp_path):
    search = fit(make_search(n_trials=2, storage=tmp_path / "search.log"))
    study = search.study_
    study.add_trial(optuna.trial.create_trial(state=TrialState.WAITING))
    fit(search)
    assert study.trials[2].state == TrialState.WAITING
    fit(search.set_params(n_trials=3))
    assert search.cv_results_["trial"].tolist() == [0, 1, 2]
    assert study.trials[2].state == TrialState.COMPLETE


@pytest.mark.parametrize("sampler", ["tpe", pytest.param("evolutionary", marks=SLOW)])
@pytest.mark.parametrize("has_storage", [True, False])
def test_a_lost_storage_comes_back_from_the_files(tmp_path, sampler, has_storage):
    space = SearchSpace(SPACE, limits={"c": Limit(size_of, high=5.0)})
    n_trials = {"tpe": 13, "evolutionary": 33}[sampler]
    options = {"space": space, "sampler": sampler, "directory": tmp_path / "trials"}
    if has_storage:
        options["storage"] = tmp_path / "search.log"
    before = summary(fit(make_search(n_trials=n_trials - 2, **options)))
    assert list((tmp_path / "trials").glob("rejected_*.json"))
    (tmp_path / "search.log").unlink(missing_ok=True)
    again = fit(make_search(n_trials=n_trials - 2, **options))
    assert summary(again) == before
    (tmp_path / "search.log").unlink(missing_ok=True)
    found = fit(make_search(n_trials=n_trials, **options))
    whole = fit(make_search(space=space, sampler=sampler, n_trials=n_trials))
    assert summary(found) == summary(whole)


def size_of(model, X, y):
    return model.C


def test_a_grid_with_limits_ends(tmp_path):
    space = SearchSpace({"C": GRID}, limits={"c": Limit(size_of, high=0.5)})
    search = fit(make_search(space=space, sampler="grid", n_trials=10))
    assert [p["C"] for p in search.cv_results_["params"]] == GRID[:4]


def test_a_trial_that_was_lost_in_the_middle_is_run_again(tmp_path):
    options = {"directory": tmp_path, "space": {"C": GRID}, "sampler": "grid"}
    before = summary(fit(make_search(n_trials=6, **options)))
    (tmp_path / "trial_00002.json").unlink()
    assert summary(fit(make_search(n_trials=6, **options))) == before
    assert (tmp_path / "trial_00002.json").exists()


def test_files_that_a_kill_has_kept_from_being_written_are(tmp_path):
    options = {"storage": tmp_path / "search.log", "directory": tmp_path / "trials"}
    fit(make_search(n_trials=3, **options))
    path = tmp_path / "trials" / "trial_00002.json"
    text = path.read_text()
    path.unlink()
    fit(make_search(n_trials=3, **options))
    assert json.loads(path.read_text()) == json.loads(text)


def test_a_restoration_that_was_killed_goes_on(tmp_path):
    options = {"storage": tmp_path / "search.log", "directory": tmp_path / "trials"}
    before = summary(fit(make_search(n_trials=4, **options)))
    # As it is after a kill: some trials, and not yet what the study is about.
    (tmp_path / "search.log").unlink()
    shutil.copytree(tmp_path / "trials", tmp_path / "all")
    (tmp_path / "trials" / "trial_00003.json").unlink()
    (tmp_path / "trials" / "trial_00002.json").unlink()
    fit(make_search(n_trials=2, **options))
    shutil.copytree(tmp_path / "all", tmp_path / "trials", dirs_exist_ok=True)
    assert summary(fit(make_search(n_trials=4, **options))) == before


@pytest.mark.parametrize("content", ["half", "", "{}", "[1]"])
@pytest.mark.parametrize("name", ["trial_00001.json", "search.json"])
def test_a_broken_file_is_named(tmp_path, one_search, name, content):
    shutil.copytree(one_search, tmp_path, dirs_exist_ok=True)
    path = tmp_path / name
    text = path.read_text()
    path.write_text(text[: len(text) // 2] if content == "half" else content)
    with pytest.raises(DataFileError, match=rf"{name}` must hold .* one JSON object"):
        fit(make_search(n_trials=3, directory=tmp_path))


def test_a_file_of_another_name_is_named(tmp_path, one_search):
    shutil.copytree(one_search, tmp_path, dirs_exist_ok=True)
    shutil.copy(tmp_path / "trial_00001.json", tmp_path / "trial_copy.json")
    with pytest.raises(DataFileError, match=r"trial_copy.json` must be named after"):
        fit(make_search(n_trials=3, directory=tmp_path))


@pytest.fixture(scope="module")
def one_search(tmp_path_factory):
    """Directory of a search of three trials."""
    folder = tmp_path_factory.mktemp("one")
    fit(make_search(n_trials=3, directory=folder))
    return folder


OTHERS = {
    "`estimator`": {"estimator": LogisticRegression(max_iter=50)},
    "`space`": {"space": {"C": [0.1, 1.0, 2.0]}},
    "`scoring`": {"scoring": "roc_auc"},
    "`splits`": {"cv": 4},
    "`random_state` must be that of the stored search, 0, got 1": {"random_state": 1},
}


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("has_storage", [True, False])
def test_another_search_is_refused(tmp_path, one_search, what, has_storage):
    shutil.copytree(one_search, tmp_path / "trials")
    options = {"n_trials": 4, "directory": tmp_path / "trials", **OTHERS[what]}
    if has_storage:  # which knows nothing of it yet
        options["storage"] = tmp_path / "search.log"
    with pytest.raises(ValueError, match=what):
        fit(make_search(**options))
    assert len(list((tmp_path / "trials").iterdir())) == 4


@pytest.mark.parametrize("what", ["X", "y", "fit_arguments"])
def test_other_data_are_refused(tmp_path, one_search, what):
    shutil.copytree(one_search, tmp_path, dirs_exist_ok=True)
    X, y, w = EVENTS.data.copy(), EVENTS.target.copy(), WEIGHTS.copy()
    if what == "X":
        X.iloc[0, 0] += 1.0
    elif what == "y":
        y[:2] = y[:2][::-1]
        y[0] = "s" if y[0] == "b" else "b"
    else:
        w[3] *= 2.0
    with pytest.raises(ValueError, match=f"`{what}`"):
        make_search(n_trials=4, directory=tmp_path).fit(X, y, sample_weight=w)


def test_a_directory_of_a_search_with_another_seed_is_refused(tmp_path, one_search):
    shutil.copytree(one_search, tmp_path / "trials")
    options = {"n_trials": 1, "storage": tmp_path / "search.log"}
    fit(make_search(**options, random_state=5))
    options["directory"] = tmp_path / "trials"
    with pytest.raises(ValueError, match="must have the same seed, got"):
        fit(make_search(**options, random_state=None))


def test_jobs_and_messages_of_the_estimator_are_no_difference(tmp_path):
    model = Waiting(folder=str(tmp_path), n_jobs=1, verbose=0)
    options = {"n_trials": 1, "directory": tmp_path / "trials"}
    first = fit(make_search(model, **options))
    again = fit(make_search(model.set_params(n_jobs=2, verbose=1), **options))
    assert summary(first) == summary(again)


def space_of_functions(trial):
    names = [f"width_{k}" for k in range(2) if "a" in {"a", "b", "c"}]
    widths = [trial.suggest_float(name, 0.1, 1.0) for name in names]
    return {"C": max(widths, key=lambda width: width)}


def test_another_process_knows_a_function_of_the_trial_again(tmp_path, start):
    options = {"space": space_of_functions, "directory": tmp_path, "n_trials": 2}
    expected = summary(fit(make_search(**options)))
    assert start(**options).result() == expected


def test_a_time_budget_ends_between_trials(tmp_path):
    search = make_search(n_trials=None, timeout=0.5, storage=tmp_path / "search.log")
    fit(search)
    n_first = len(search.cv_results_["trial"])
    assert n_first >= 1
    assert {t.state for t in search.study_.trials} == {TrialState.COMPLETE}
    fit(search.set_params(timeout=None, n_trials=n_first + 2))
    whole = fit(make_search(n_trials=n_first + 2))
    assert summary(search) == summary(whole)


def test_an_interrupted_trial_goes_back_to_the_queue(tmp_path, start):
    estimator = Waiting(folder=str(tmp_path))
    options = {"storage": tmp_path / "search.log", "n_trials": 4}
    (tmp_path / "wait_in_fit").write_text(str(2 * N_FOLDS + 1))
    child = start(estimator, **options)
    wait_for(tmp_path / "waiting", child)
    child.signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        child.result()
    states = [trial.state for trial in trials_of(options["storage"])]
    assert states == 2 * [TrialState.COMPLETE] + [TrialState.WAITING]
    (tmp_path / "wait_in_fit").unlink()
    found = start(estimator, **options).result()
    assert found == summary(fit(make_search(n_trials=4)))


@pytest.mark.slow
def test_trials_of_workers_that_are_interrupted_go_back(tmp_path):
    search = make_search(
        Waiting(folder=str(tmp_path)),
        n_trials=4,
        n_jobs=2,
        storage=tmp_path / "search.log",
    )
    (tmp_path / "wait_in_fit").write_text("7")

    def interrupt():
        while not (tmp_path / "waiting").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        fit(search)
    thread.join()
    states = [trial.state for trial in trials_of(tmp_path / "search.log")]
    assert TrialState.WAITING in states
    assert TrialState.RUNNING not in states
    (tmp_path / "wait_in_fit").unlink()
    assert fit(search).cv_results_["trial"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("strange", [False, True])
def test_a_broken_trial_is_recorded_and_the_others_go_on(n_jobs, strange):
    model = Broken(below=0.05, strange=strange)
    options = {"space": {"C": GRID}, "sampler": "grid", "n_trials": 6}
    search = fit(make_search(model, n_jobs=n_jobs, **options))
    assert search.cv_results_["state"].tolist() == 2 * ["failed"] + 4 * ["complete"]
    kind = (
        "TwoArgumentsError: 0.01 and more" if strange else "ArithmeticError: C is 0.01"
    )
    assert kind in search.records_[0].error
    assert "Traceback" in search.records_[0].error
    assert np.isnan(search.cv_results_["mean_test_score"][:2]).all()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_if_all_fail_the_first_failure_is_raised(n_jobs):
    with pytest.raises(ArithmeticError, match="C is") as caught:
        fit(make_search(Broken(), n_trials=3, n_jobs=n_jobs))
    assert "At least one trial must succeed, got 3" in caught.value.__notes__[0]


def nan_score(model, X, y, sample_weight=None):
    return float("nan")


@pytest.mark.filterwarnings("ignore:The figure must be defined on nearly all replicas")
def test_scores_that_are_all_undefined_end_the_search():
    with pytest.raises(ValueError, match="must be finite, got nan in the first 3"):
        fit(make_search(n_trials=10, scoring=nan_score))
    options = {"space": {"C": GRID}, "sampler": "grid", "scoring": nan_score}
    model = Broken(below=0.02)
    with pytest.raises(ValueError, match="must be finite, got nan in 5 trials"):
        fit(make_search(model, n_trials=6, **options))


@pytest.mark.parametrize("n_deaths", [1, 2, 99])
def test_crashes_are_blamed_on_the_trial_that_causes_them(monkeypatch, n_deaths):
    """A pool that breaks, without the time that it takes to start another one."""
    deaths = []

    def run_or_die(setup, task):
        if task.params["C"] == 0.1 and len(deaths) < n_deaths:
            deaths.append(task.number)
            raise BrokenProcessPool
        time.sleep(0.05)
        return run_trial(setup, task)

    monkeypatch.setattr(_trial_loop, "_run_elsewhere", run_or_die)
    options = {"space": {"C": GRID}, "sampler": "grid", "n_trials": 6}
    with joblib.parallel_config("threading"):
        search = fit(make_search(n_jobs=2, **options))
    assert deaths == min(n_deaths, 3) * [2]
    expected = 6 * ["complete"]
    if n_deaths > 3:
        expected[2] = "failed"
        assert "Its worker was killed 3 times" in search.records_[2].error
    assert search.cv_results_["state"].tolist() == expected
    assert len(search.study_.trials) == 6


def test_the_same_seed_gives_the_same_trials():
    one, two = (fit(make_search(n_trials=12)) for _ in range(2))
    assert summary(one) == summary(two)
    other = fit(make_search(n_trials=12, random_state=1))
    assert other.cv_results_["params"] != one.cv_results_["params"]


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_how_trials_are_run_does_not_change_their_scores(backend):
    options = {"sampler": "random", "n_trials": 6}
    expected = summary(fit(make_search(**options)))
    with joblib.parallel_config(backend):
        assert summary(fit(make_search(**options, n_jobs=2))) == expected


def test_a_drawn_seed_is_stored(tmp_path):
    options = {"random_state": None, "storage": tmp_path / "search.log"}
    fit(make_search(n_trials=3, **options))
    again = fit(make_search(n_trials=6, **options))
    seed = again.study_.user_attrs["skhep_dnn:search"]["seed"]
    whole = fit(make_search(n_trials=6, random_state=seed))
    assert summary(again) == summary(whole)
    fit(make_search(n_trials=1, random_state=None))
    fresh = fit(make_search(n_trials=6, random_state=None))
    assert fresh.cv_results_["params"] != whole.cv_results_["params"]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_failure_can_end_the_search(n_jobs):
    search = make_search(Broken(), n_trials=5, n_jobs=n_jobs, error_score="raise")
    with pytest.raises(ArithmeticError, match="C is"):
        fit(search)


@pytest.fixture(scope="module", params=[False, pytest.param(True, marks=SLOW)])
def cluster(request, tmp_path_factory):
    """A cluster of dask with two workers: threads, or processes, which are slow."""
    cluster = LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=request.param,
        dashboard_address=":0",
        local_directory=tmp_path_factory.mktemp("dask"),
    )
    with cluster, Client(cluster):
        yield cluster


def test_the_workers_of_dask_give_the_same_scores(cluster):
    options = {"sampler": "random", "n_trials": 6}
    with get_task_stream() as tasks, joblib.parallel_config("dask"):
        found = summary(fit(make_search(**options, n_jobs=2)))
    assert len(tasks.data) >= 6
    assert found == summary(fit(make_search(**options)))


@pytest.mark.slow
def test_the_death_of_a_worker_of_dask_does_not_end_the_search(tmp_path):
    """Dask tries three times more; joblib waits for ever if it gives up then."""
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with (
        LocalCluster(**options, local_directory=tmp_path / "dask") as cluster,
        Client(cluster),
        joblib.parallel_config("dask"),
    ):
        search = fit(deadly_search(tmp_path, times=1, n_jobs=2))
    assert search.cv_results_["state"].tolist() == 6 * ["complete"]
    assert (tmp_path / "kills").read_text()


@pytest.fixture
def ray():
    """Ray's backend of joblib, on two cores of this machine."""
    ray = pytest.importorskip("ray", reason="ray is not installed")
    from ray.util.joblib import register_ray  # noqa: PLC0415

    register_ray()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_the_workers_of_ray_give_the_same_scores(ray):
    options = {"sampler": "random", "n_trials": 6}
    with joblib.parallel_config("ray"):
        found = summary(fit(make_search(**options, n_jobs=2)))
    assert found == summary(fit(make_search(**options)))
