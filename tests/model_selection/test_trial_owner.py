"""Who runs a trial, and what becomes of it when its owner is killed."""

import sys
import time
from types import SimpleNamespace

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState

from skhep_dnn.model_selection import _processes, _trial_owner
from skhep_dnn.model_selection._trial_owner import OWNER, TrialOwner

LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="the start of a process is known on Linux alone"
)
ASK = """
import sys
import optuna
from skhep_dnn.model_selection._storage import open_storage
from skhep_dnn.model_selection._trial_owner import TrialOwner

study = optuna.load_study(study_name="toy", storage=open_storage(sys.argv[1]))
with TrialOwner(study) as owner:
    trial = owner.ask()
    x = trial.suggest_float("x", 0.0, 1.0)
    trial.set_user_attr("note", "kept")
    print(trial.number, x, flush=True)
    input()
"""
RUN = """
import sys
import optuna
from skhep_dnn.model_selection._storage import open_storage
from skhep_dnn.model_selection._trial_owner import TrialOwner

optuna.logging.set_verbosity(optuna.logging.WARNING)
print("ready", flush=True)
input()
storage = open_storage(sys.argv[1])
study = optuna.create_study(study_name="toy", storage=storage, load_if_exists=True)
with TrialOwner(study) as owner:
    for _ in range(10):
        trial = owner.ask()
        print(trial.number, flush=True)
        owner.tell(trial, trial.suggest_float("x", 0.0, 1.0))
"""


@pytest.fixture
def study(place, open_place):
    """An empty study in each kind of storage."""
    storage = open_place(place)
    yield optuna.create_study(study_name="toy", storage=storage)
    optuna.delete_study(study_name="toy", storage=storage)


@pytest.fixture
def elsewhere(monkeypatch):
    """Make owners of another host."""

    def make(study, **options):
        with monkeypatch.context() as patch:
            patch.setattr(_processes, "_table", lambda: "elsewhere")
            return TrialOwner(study, **options)

    return make


def kill(owner):
    """Do what a kill does: the heart stops and nothing is given back."""
    owner._left.set()
    owner._heart.join()


def states(study):
    return [trial.state for trial in study.trials]


def test_a_trial_knows_its_owner(study):
    with TrialOwner(study) as owner:
        trial = owner.ask()
        assert study.trials[0].user_attrs == {OWNER: owner.name}
        assert owner.name.startswith(str(_processes.Process.current()))
        owner.tell(trial, 1.0)
    assert study.best_value == 1.0


def test_numbers_follow_each_other(study):
    with TrialOwner(study) as owner:
        trials = [owner.ask() for _ in range(3)]
        for trial in trials:
            owner.tell(trial, float(trial.number))
    assert [trial.number for trial in trials] == [0, 1, 2]
    assert states(study) == 3 * [TrialState.COMPLETE]


@LINUX
def test_the_trials_of_a_dead_owner_keep_all_they_have(study, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_processes, "_status", lambda _: ("R", "earlier"))
        dead = TrialOwner(study).__enter__()
    trial = dead.ask()
    x = trial.suggest_float("x", 0.0, 1.0)
    trial.set_user_attr("note", "kept")
    kill(dead)
    with TrialOwner(study) as owner:
        again = owner.ask()
        assert again.number == trial.number
        # One parameter is found, the other had not been suggested yet.
        assert again.suggest_float("x", 0.0, 1.0) == x
        assert 2 <= again.suggest_int("y", 2, 3) <= 3
        assert again.user_attrs == {OWNER: owner.name, "note": "kept"}
        owner.tell(again, 1.0)
    assert states(study) == [TrialState.COMPLETE]
    assert study.best_params["x"] == x


def test_who_leaves_gives_back(study):
    def interrupted():
        with TrialOwner(study) as owner:
            owner.tell(owner.ask(), 0.0)
            seen.append(owner.ask().suggest_float("x", 0.0, 1.0))
            raise KeyboardInterrupt

    seen = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert states(study) == [TrialState.COMPLETE, TrialState.WAITING]
    with TrialOwner(study) as owner:
        trial = owner.ask()
        assert trial.number == 1
        assert trial.suggest_float("x", 0.0, 1.0) == seen[0]
        owner.tell(trial, state=TrialState.PRUNED)
    assert states(study) == [TrialState.COMPLETE, TrialState.PRUNED]


def test_the_trials_of_the_living_are_left_alone(study):
    with TrialOwner(study) as first, TrialOwner(study) as second:
        assert first.ask().number == 0
        assert second.release_stale() == []
        assert second.ask().number == 1
        assert states(study) == 2 * [TrialState.RUNNING]


def test_trials_that_were_asked_by_other_means_are_left_alone(study):
    study.ask().suggest_float("x", 0.0, 1.0)
    with TrialOwner(study, grace_period=0.0) as owner:
        assert owner.release_stale() == []
        assert owner.ask().number == 1


def test_a_new_trial_is_never_without_its_owner(study, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(optuna.Trial, "set_user_attr", killed)
    with TrialOwner(study) as owner:
        owner.ask()
        assert study.trials[0].user_attrs == {OWNER: owner.name}


def test_a_sampler_sees_the_trials_that_ended_before(study):
    seen = []

    class Watching(optuna.samplers.RandomSampler):
        def sample_independent(self, study, *_):
            trials = study._get_trials(deepcopy=False, use_cache=True)
            seen.append(sum(t.state == TrialState.COMPLETE for t in trials))
            return 0.5

    study.sampler = Watching()
    with TrialOwner(study) as owner:
        for _ in range(3):
            trial = owner.ask()
            owner.tell(trial, trial.suggest_float("x", 0.0, 1.0))
    assert seen == [0, 1, 2]


def test_a_trial_that_says_nothing_of_itself_is_taken_for_left(study):
    study.ask()
    with TrialOwner(study) as owner:
        assert owner.release_stale() == []
    with TrialOwner(study, grace_period=0.0) as owner:
        assert owner.release_stale() == [0]
        assert owner.ask().number == 0


def test_who_leaves_does_not_give_back_what_another_has_taken(study):
    with TrialOwner(study) as second:
        with TrialOwner(study) as first:
            trial = first.ask()
            study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
            assert second.ask().number == trial.number
        assert states(study) == [TrialState.RUNNING]


@pytest.mark.parametrize("finished", [False, True])
def test_of_two_that_got_a_trial_one_runs_it(study, monkeypatch, finished):
    for _ in range(2):  # SQLite may give a trial from the queue to two
        study.enqueue_trial({})
    with TrialOwner(study) as first, TrialOwner(study) as second:
        taken = second.ask()
        if finished:
            second.tell(taken, 1.0)
        write, ask = optuna.Trial.set_user_attr, study.ask

        def ask_the_same():
            monkeypatch.setattr(study, "ask", ask)
            return optuna.Trial(study, taken._trial_id)

        def write_before_another(self, key, value):
            write(self, key, value)
            if self.number == taken.number:
                write(self, key, second.name)

        monkeypatch.setattr(study, "ask", ask_the_same)
        monkeypatch.setattr(optuna.Trial, "set_user_attr", write_before_another)
        assert first.ask().number == 1


def test_trials_that_a_user_put_into_the_queue_are_taken(study):
    study.enqueue_trial({"x": 0.25})
    with TrialOwner(study) as owner:
        trial = owner.ask()
        assert trial.suggest_float("x", 0.0, 1.0) == 0.25
        assert study.trials[0].user_attrs[OWNER] == owner.name
        owner.tell(trial, 1.0)
    assert len(study.trials) == 1


def test_an_owner_on_another_host_has_a_grace_period(study, elsewhere, monkeypatch):
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(_trial_owner, "time", SimpleNamespace(time=lambda: clock.now))
    far = elsewhere(study).__enter__()
    far.ask()
    kill(far)
    with TrialOwner(study) as owner:
        clock.now = 1299.0
        assert owner.release_stale() == []
        far._beat()
        clock.now = 1301.0
        assert owner.release_stale() == []
        clock.now = 1600.0
        assert owner.release_stale() == [0]
        assert states(study) == [TrialState.WAITING]


def test_the_heart_beats_while_the_owner_is_there(study):
    def beats():
        return list(study.user_attrs.values())

    with TrialOwner(study, heartbeat_interval=0.01):
        (first,) = beats()
        end = time.monotonic() + 20.0
        while beats() == [first]:
            assert time.monotonic() < end
    (last,) = beats()
    assert last > first
    time.sleep(0.05)
    assert beats() == [last]


@pytest.mark.parametrize("error", [OSError("full"), StorageInternalError("closed")])
def test_the_heart_goes_on_when_it_cannot_write_for_a_while(monkeypatch, caplog, error):
    errors = [error]
    study = optuna.create_study()
    with TrialOwner(study, heartbeat_interval=0.01) as owner:
        beats = []

        def beat():
            if errors:
                raise errors.pop()
            beats.append(1)

        monkeypatch.setattr(owner, "_beat", beat)
        while len(beats) < 2:
            time.sleep(0.01)
    assert f"A heartbeat could not be written: {error}" in caplog.text


def test_who_was_taken_for_dead_may_still_tell(study):
    with TrialOwner(study) as owner:
        trial = owner.ask()
        study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
        owner.tell(trial, 1.0)
    assert study.best_value == 1.0


def test_the_first_result_stays(study):
    with TrialOwner(study) as first, TrialOwner(study) as second:
        trial = first.ask()
        study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
        again = second.ask()
        assert again.number == trial.number
        second.tell(again, 1.0)
        first.tell(trial, 2.0)
    assert [t.value for t in study.trials] == [1.0]


@pytest.fixture
def left_behind(study, elsewhere):
    """A running trial of an owner that is gone."""
    far = elsewhere(study).__enter__()
    far.ask()
    kill(far)
    (trial,) = study.get_trials(states=[TrialState.RUNNING])
    return trial


def test_a_trial_that_changed_its_owner_is_not_released(study, left_behind):
    with TrialOwner(study) as first, TrialOwner(study) as second:
        assert first._release(left_behind)
        assert first.ask().number == left_behind.number
        assert not second._release(left_behind)
        assert states(study) == [TrialState.RUNNING]


def test_a_trial_that_was_finished_meanwhile_is_not_released(study, left_behind):
    study.tell(left_behind.number, 1.0)
    with TrialOwner(study) as owner:
        assert not owner._release(left_behind)
    assert states(study) == [TrialState.COMPLETE]


def test_a_trial_finished_at_the_very_moment_is_not_released(
    study, left_behind, monkeypatch
):
    with TrialOwner(study) as owner:
        monkeypatch.setattr(owner, "_is_running", lambda *_, **__: True)
        study.tell(left_behind.number, 1.0)
        assert not owner._release(left_behind)
    assert states(study) == [TrialState.COMPLETE]


def test_of_two_that_release_a_trial_one_does(study, left_behind, monkeypatch):
    with TrialOwner(study) as first, TrialOwner(study) as second:
        write = first._storage.set_trial_user_attr

        def write_before_another(trial_id, key, value):
            write(trial_id, key, value)
            write(trial_id, key, second.name)

        with monkeypatch.context() as patch:
            storage = first._storage
            patch.setattr(storage, "set_trial_user_attr", write_before_another)
            assert not first._release(left_behind)
        assert states(study) == [TrialState.RUNNING]


# What is in memory dies with its process.
@LINUX
@pytest.mark.parametrize("place", ["journal", "sqlite", "postgresql"], indirect=True)
def test_a_killed_process_leaves_its_trial_to_the_next(study, place, start):
    child = start(ASK, place)
    number, x = child.stdout.readline().split()
    child.kill()
    child.wait()
    begin = time.monotonic()
    with TrialOwner(study) as owner:
        assert owner.release_stale() == [0]
        trial = owner.ask()
        assert time.monotonic() - begin < 5.0
        assert trial.number == int(number) == 0
        assert trial.suggest_float("x", 0.0, 1.0) == float(x)
        assert trial.user_attrs["note"] == "kept"


def go(children):
    """Let processes that have started begin at the same time."""
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()


def run_three(place, open_place, start):
    children = [start(RUN, place) for _ in range(3)]
    go(children)
    texts = [child.communicate(timeout=120)[0] for child in children]
    numbers = sorted(int(number) for text in texts for number in text.split())
    assert numbers == list(range(30))
    storage = open_place(place)
    study = optuna.load_study(study_name="toy", storage=storage)
    assert states(study) == 30 * [TrialState.COMPLETE]
    optuna.delete_study(study_name="toy", storage=storage)


def test_three_processes_share_a_journal(tmp_path, open_place, start):
    run_three(tmp_path / "study.log", open_place, start)


@pytest.mark.slow
def test_three_processes_share_a_new_sqlite_file(tmp_path, open_place, start):
    run_three(f"sqlite:///{tmp_path}/study.db", open_place, start)


@pytest.mark.slow
def test_three_processes_share_a_new_database(postgresql, open_place, start):
    run_three(postgresql, open_place, start)


@LINUX
@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:The last line:skhep_dnn.exceptions.JournalRepairWarning"
)
def test_no_trial_is_lost_when_processes_are_killed_at_any_time(
    tmp_path, open_place, start
):
    place = tmp_path / "study.log"
    for seed in range(4):
        children = [start(RUN, place) for _ in range(2)]
        go(children)
        time.sleep(0.2 + 0.05 * seed)
        for child in children:
            child.kill()
            child.wait()
    study = optuna.create_study(
        study_name="toy", storage=open_place(place), load_if_exists=True
    )
    with TrialOwner(study) as owner:
        while owner.release_stale() or owner._trials(TrialState.WAITING):
            trial = owner.ask()
            owner.tell(trial, trial.suggest_float("x", 0.0, 1.0))
    assert set(states(study)) <= {TrialState.COMPLETE}
    assert [trial.number for trial in study.trials] == list(range(len(study.trials)))
