"""Samplers that are made anew for every trial, from the storage alone."""

import subprocess
import sys
import warnings
from itertools import product

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from skhep_dnn.model_selection import SearchSpace
from skhep_dnn.model_selection._samplers import (
    SAMPLERS,
    grid_size,
    make_sampler,
    trial_seed,
)
from skhep_dnn.model_selection._study import _SamplerOfTrial

PLANE = SearchSpace({"x": FloatDistribution(-5, 5), "y": FloatDistribution(-5, 5)})
MIXED = SearchSpace(
    {
        "x": FloatDistribution(-5, 5),
        "rate": FloatDistribution(1e-4, 1e-1, log=True),
        "width": range(8, 65, 8),
        "sizes": [(8,), (16, 8), None],
    }
)
STEPS = SearchSpace({"x": FloatDistribution(-5, 5, step=1), "sizes": [(8,), None, 3]})


def conditional(trial):
    params = {"x": trial.suggest_float("x", -5, 5)}
    if trial.suggest_categorical("deep", [True, False]):
        params["width"] = trial.suggest_int("width", 8, 64)
    return params


CONDITIONAL = SearchSpace(conditional)
SPACES = {"mixed": MIXED, "steps": STEPS, "conditional": CONDITIONAL}


@pytest.fixture(autouse=True)
def _quiet():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


def height(params):
    """Return a deterministic score, the higher the better."""
    x = params.get("x", 0.0)
    return -((x - 1.5) ** 2) - abs(params.get("width", 16) - 32) / 8.0


def journal(path):
    return JournalStorage(JournalFileBackend(str(path)))


def database(path):
    return RDBStorage(f"sqlite:///{path}")


STORAGES = {"journal": journal, "database": database}


def propose(study, name, space, position, random_state=7):
    """Ask for one trial and tell its score."""
    seed = trial_seed(random_state, position)
    study.sampler = make_sampler(name, seed, space, position=position)
    trial = study.ask()
    study.tell(trial, height(space.suggest(trial)))
    return trial.params


def search(study, name, space, positions):
    return [propose(study, name, space, position) for position in positions]


def new_study(storage=None):
    return optuna.create_study(
        storage=storage, study_name="search", direction="maximize"
    )


@pytest.mark.parametrize(
    ("name", "space"),
    [
        ("grid", "steps"),
        *product([n for n in SAMPLERS if n != "grid"], ["mixed", "conditional"]),
    ],
)
def test_a_reloaded_study_goes_on_as_if_nothing_had_happened(name, space, tmp_path):
    n_trials = {"evolutionary": 65, "gp": 12}.get(name, 25)
    expected = search(new_study(), name, SPACES[space], range(n_trials))
    new_study(journal(tmp_path / "study"))
    for position in range(n_trials):
        # Nothing is kept in memory from one trial to the next.
        storage = journal(tmp_path / "study")
        study = optuna.load_study(study_name="search", storage=storage)
        found = propose(study, name, SPACES[space], position)
        assert found == expected[position], position
    assert len({repr(params) for params in expected}) > 5


IN_A_PROCESS = """
import sys
sys.path.insert(0, {folder!r})
import optuna
optuna.logging.set_verbosity(optuna.logging.WARNING)
from test_samplers import SPACES, STORAGES, propose
storage = STORAGES[{storage!r}]({path!r})
study = optuna.load_study(study_name="search", storage=storage)
print(repr(propose(study, {name!r}, SPACES[{space!r}], {position})))
"""


@pytest.mark.slow
@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("name", SAMPLERS)
def test_each_trial_in_a_process_of_its_own(name, storage, tmp_path, request):
    space = "steps" if name == "grid" else "mixed"
    first = {"evolutionary": 60, "grid": 3}.get(name, 12)
    expected = search(new_study(), name, SPACES[space], range(first + 2))
    path = tmp_path / "study"
    search(new_study(STORAGES[storage](path)), name, SPACES[space], range(first))
    for position in range(first, first + 2):
        code = IN_A_PROCESS.format(
            folder=str(request.path.parent),
            storage=storage,
            path=str(path),
            name=name,
            space=space,
            position=position,
        )
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        assert run.stdout.strip() == repr(expected[position])


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_killed_trial_is_proposed_again(name):
    space = STEPS if name == "grid" else MIXED
    first, last = {"evolutionary": (62, 64), "gp": (11, 12)}.get(name, (13, 16))
    expected = search(new_study(), name, space, range(last))
    study = new_study()
    assert search(study, name, space, range(first)) == expected[:first]
    for _ in range(2):  # killed, and found dead by the next process
        study.sampler = make_sampler(name, trial_seed(7, first), space, position=first)
        trial = study.ask()
        space.suggest(trial)
        study.tell(trial, state=TrialState.FAIL)
    assert search(study, name, space, range(first, last)) == expected[first:]


def test_seeds():
    seeds = {trial_seed(r, k) for r in range(20) for k in range(50)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert trial_seed(0, 1) == trial_seed(0, 1)


@pytest.mark.parametrize("name", ["random", "tpe", "gp", "cmaes", "evolutionary"])
def test_another_seed_gives_other_proposals(name):
    one = propose(new_study(), name, MIXED, 0, random_state=1)
    assert one != propose(new_study(), name, MIXED, 0, random_state=2)
    assert one == propose(new_study(), name, MIXED, 0, random_state=1)


def best_of(name, n_trials, random_state):
    study = new_study()
    for position in range(n_trials):
        seed = trial_seed(random_state, position)
        study.sampler = make_sampler(name, seed, PLANE, position=position)
        trial = study.ask()
        point = PLANE.suggest(trial)
        study.tell(trial, -((point["x"] - 1.5) ** 2) - 4 * (point["y"] + 2.0) ** 2)
    return study.best_value


@pytest.mark.parametrize(
    ("name", "n_trials", "share"),
    [
        ("tpe", 60, 0.5),
        pytest.param("gp", 25, 0.1, marks=pytest.mark.slow),
        ("cmaes", 90, 0.1),
        ("evolutionary", 150, 0.5),
    ],
)
def test_the_minimum_of_a_quadratic_is_found_better_than_at_random(
    name, n_trials, share
):
    seeds = range(2 if name == "gp" else 4)
    by_chance = np.mean([best_of("random", n_trials, seed) for seed in seeds])
    found = np.mean([best_of(name, n_trials, seed) for seed in seeds])
    assert -found < -share * by_chance


def test_the_grid_is_walked_in_order():
    study = new_study()
    assert grid_size("grid", STEPS) == 33
    for position in range(33):
        propose(study, "grid", STEPS, position)
    found = [STEPS.restored(trial.params) for trial in study.trials]
    assert found == STEPS.grid()
    with pytest.raises(IndexError, match=r"has 33 points, .* position 33\. End the"):
        propose(study, "grid", STEPS, 33)


def test_the_grid_without_positions_follows_the_numbers_of_trials():
    study = optuna.create_study(sampler=make_sampler("grid", 0, STEPS))
    study.optimize(lambda trial: height(STEPS.suggest(trial)), n_trials=33)
    assert [STEPS.restored(t.params) for t in study.trials] == STEPS.grid()


@pytest.mark.parametrize("sampler", ["random", "tpe", lambda _: None])
def test_others_have_no_end(sampler):
    assert grid_size(sampler, MIXED) is None


def test_a_continuous_space_has_no_grid():
    with pytest.raises(ValueError, match="for 'rate'"):
        make_sampler("grid", 0, MIXED)
    with pytest.raises(ValueError, match="a dictionary of parameters"):
        grid_size("grid", CONDITIONAL)


def test_choices_beside_cmaes_are_learnt_too():
    space = SearchSpace({"x": FloatDistribution(-5, 5), "good": [(False,), (True,)]})
    study = new_study()
    for position in range(60):
        study.sampler = make_sampler(
            "cmaes", trial_seed(1, position), space, position=position
        )
        trial = study.ask()
        params = space.suggest(trial)
        study.tell(trial, height(params) + 20.0 * params["good"][0])
    last = [space.restored(trial.params)["good"][0] for trial in study.trials[30:]]
    assert np.mean(last) > 0.7


def test_cmaes_needs_a_number():
    space = SearchSpace({"activation": ["relu", "tanh"], "width": range(3, 4)})
    with pytest.raises(ValueError, match=r'must have a range of numbers, .*Take "tpe"'):
        make_sampler("cmaes", 0, space)


@pytest.mark.parametrize("name", ["tpe", "gp", "cmaes", "evolutionary"])
def test_constraints_bring_no_warning(name):
    study = new_study()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for position in range(12):
            study.sampler = make_sampler(
                name, trial_seed(0, position), MIXED, position=position
            )
            trial = study.ask()
            params = MIXED.suggest(trial)
            trial.set_constraint("width", params["width"] - 40.0)
            study.tell(trial, height(params))


def test_functions_of_the_seed_and_instances():
    sampler = optuna.samplers.QMCSampler
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        made = make_sampler(lambda seed: sampler(seed=seed), 3, MIXED)
    assert made._seed == 3
    assert make_sampler(made, 4, MIXED) is made


@pytest.mark.parametrize(
    ("sampler", "error", "message"),
    [
        ("bayes", ValueError, "must be one of .*'gp', .* got 'bayes'. Name one"),
        (3, TypeError, "a function of the seed or a sampler of Optuna, got 3"),
        (lambda _: "tpe", TypeError, "must return a sampler of Optuna, got 'tpe'"),
    ],
)
def test_what_is_no_sampler(sampler, error, message):
    with pytest.raises(error, match=message):
        make_sampler(sampler, 0, MIXED)


# "gp" takes what it knows of the trial itself for one more point to keep away from.
@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "gp"])
def test_a_trial_that_is_killed_between_two_parameters_is_proposed_again(name):
    space = STEPS if name == "grid" else MIXED
    first = {"evolutionary": 62}.get(name, 13)

    def asked(study, n_trials):
        """Return the proposals of a process that has nothing but the study."""
        study.sampler = _SamplerOfTrial(name, 7, space)
        found = []
        for _ in range(n_trials):
            trial = study.ask()
            found.append(space.suggest(trial))
            study.tell(trial, float(len(found) % 5))
        return found

    *before, expected = asked(new_study(), first + 1)
    study = new_study()
    assert asked(study, first) == before
    study.sampler = _SamplerOfTrial(name, 7, space)
    trial = study.ask()
    trial._suggest(*next(iter(space.distributions.items())))
    study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
    assert asked(study, 1) == [expected]
