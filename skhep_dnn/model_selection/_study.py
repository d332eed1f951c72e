"""A search as it is stored: its study, the record of every trial, files of these.

Optuna's study knows what was proposed and what it was worth; the record of each trial
is an attribute of it, and with a directory a file as well. A study that was lost comes
back from the files: who makes it anew adds the trials before it says what the study is
about, and others wait for that.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import optuna
from optuna.distributions import distribution_to_json, json_to_distribution
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from skhep_dnn._whole_file import make_directory, write_whole
from skhep_dnn.exceptions import DataFileError
from skhep_dnn.model_selection._fingerprint import check_fingerprint
from skhep_dnn.model_selection._samplers import grid_size, make_sampler, trial_seed
from skhep_dnn.model_selection._space import SearchSpace
from skhep_dnn.model_selection._storage import open_storage
from skhep_dnn.model_selection._trial import (
    TrialOutcome,
    TrialSetup,
    TrialTask,
    run_trial,
    with_params,
)
from skhep_dnn.model_selection._trial_owner import TrialOwner
from skhep_dnn.model_selection._trial_record import TrialRecord
from skhep_dnn.neural_network._engine.torch_settings import usual_modes

__all__ = ["MAX_SEED", "SearchStudy", "TrialCounts"]

_logger = logging.getLogger(__name__)

_ABOUT = "skhep_dnn:search"
_ABOUT_FILE = "search.json"
_RECORD = "skhep_dnn:record"
_STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
_SEEDS = "skhep_dnn:seeds"
MAX_SEED = 2**31 - 1
MAX_REJECTED = 1000  # proposals in a row that exceed a limit
PATIENCE = 5.0  # seconds without a sign of who makes a study, until it counts as dead


class _SamplerOfTrial(BaseSampler):
    """Asks a sampler that is made for each trial, with a seed of its own.

    Parameters
    ----------
    sampler : str, callable or optuna.samplers.BaseSampler
        As in `make_sampler`.
    seed : int
        Seed of the search.
    space : SearchSpace
        What is searched.
    """

    def __init__(self, sampler: Any, seed: int, space: SearchSpace) -> None:
        self._rule, self._seed, self._space = sampler, seed, space
        self._own: dict[int, BaseSampler] = {}
        self._drawn: dict[int, set[str]] = {}  # parameters of each of its trials

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, Any]:
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, Any]
    ) -> dict[str, Any]:
        found = self._of(trial).sample_relative(study, trial, search_space)
        self._drawn[trial.number].update(found)
        return found

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        sampler, drawn = self._of(trial), self._drawn[trial.number]
        # A process that was killed between two parameters has stored the first one: it
        # takes its random numbers again, so that the second one gets its own.
        for name, distribution in trial.distributions.items():
            if name not in drawn and not distribution.single():
                sampler.sample_independent(study, trial, name, distribution)
                drawn.add(name)
        drawn.add(param_name)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._own.pop(trial.number, None)  # of a trial that is asked again
        self._of(trial).before_trial(study, trial)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        self._of(trial).after_trial(study, trial, state, values)
        self._own.pop(trial.number, None)
        self._drawn.pop(trial.number, None)

    def _of(self, trial: FrozenTrial) -> BaseSampler:
        number = trial.number
        if number not in self._own:
            seed = trial_seed(self._seed, number)
            self._own[number] = make_sampler(self._rule, seed, self._space)
            self._drawn[number] = set()
        return self._own[number]


@dataclass(frozen=True)
class TrialCounts:
    """How many trials a study has.

    Attributes
    ----------
    recorded : int
        Those that have ended with a record.
    rejected : int
        Those that have ended without, since they exceed a limit of the space.
    running : int
        Those that are under way, in any process.
    """

    recorded: int
    rejected: int
    running: int


@dataclass(frozen=True)
class SearchStudy:
    """The study of a search, with its records.

    Attributes
    ----------
    study : optuna.Study
        The study.
    space : SearchSpace
        What is searched.
    seed : int
        Seed of the search.
    n_points : int or None
        Number of trials after which nothing is left to propose.
    directory : Path or None
        Where records are written to.
    """

    study: Study
    space: SearchSpace
    seed: int
    n_points: int | None
    directory: Path | None
    _known: dict[int, TrialRecord] = field(default_factory=dict, repr=False)

    @classmethod
    def open(
        cls,
        storage: Any,
        name: str | None,
        directory: str | os.PathLike[str] | None,
        *,
        own: Mapping[str, str],
        seed: int | None,
        sampler: Any,
        space: SearchSpace,
    ) -> SearchStudy:
        """Open a stored search, bring it back from its files, or begin one.

        Parameters
        ----------
        storage : str, path, optuna.storages.BaseStorage or None
            Where it lives.
        name : str or None
            Its name there.
        directory : str, path or None
            Where its records are written to.
        own : dict of str to str
            Fingerprint of this search.
        seed : int or None
            Its seed; None draws one, or takes that of the stored search.
        sampler : str, callable or optuna.samplers.BaseSampler
            How parameters are proposed.
        space : SearchSpace
            What is searched.

        Returns
        -------
        study : SearchStudy

        Raises
        ------
        ValueError
            If what is stored is another search.
        """
        n_points = grid_size(sampler, space)
        study, is_new = _create(open_storage(storage), name or "search")
        place = None if directory is None else Path(directory)
        stored = study.user_attrs.get(_ABOUT)
        if stored is None and not is_new:
            stored = _wait_for_about(study)
        about = _about(stored, place, own, seed)
        study.sampler = _SamplerOfTrial(sampler, about["seed"], space)
        found = cls(study, space, about["seed"], n_points, place)
        if place is not None:
            make_directory(place, "directory")
            write_whole(place / _ABOUT_FILE, json.dumps(about, indent=1))
            found._load_files(place)
            found._write_missing_files(place)
        if stored is None:
            study.set_user_attr(_ABOUT, about)
        return found

    def propose(
        self, owner: TrialOwner, setup: TrialSetup, n_trials: int | None
    ) -> tuple[optuna.Trial, TrialTask] | None:
        """Return a trial, new or left behind by another process, and its task.

        What exceeds a limit of the space is told so, and another one is proposed. None
        if other processes have asked for the last ones at the same time: the trial
        then waits in the queue, should there ever be more.
        """
        for _ in range(MAX_REJECTED):
            with usual_modes():  # the sampler "gp" takes gradients by torch
                trial = owner.ask()
            if not self._has_room(trial.number, n_trials):
                owner.give_back(trial)
                return None
            with usual_modes():
                params = self.space.suggest(trial)
            estimator = with_params(setup.estimator, params)
            excess = self.space.excess(estimator, setup.events.X, setup.events.y)
            for name, value in excess.items():
                _set_constraint(trial, name, value)
            if not any(value > 0.0 for value in excess.values()):
                seed = trial_seed(self.seed, trial.number)
                return trial, TrialTask(trial.number, params, seed)
            owner.tell(trial, state=TrialState.PRUNED)
            if self.directory is not None:
                self._write_file(self.directory, trial.number)
        msg = (
            f"The limits of the space must leave something to propose, got "
            f"{MAX_REJECTED} proposals in a row that exceed {self.space.limits!r}. "
            "Raise the limits, or make the space smaller."
        )
        raise ValueError(msg)

    def finish(
        self,
        owner: TrialOwner,
        trial: optuna.Trial,
        outcome: TrialOutcome,
        value: float,
    ) -> None:
        """Store the record of a trial, and tell what it was worth."""
        record = outcome.record
        state = _STATES[record.state]
        if state == TrialState.COMPLETE and not np.isfinite(value):
            state = TrialState.FAIL
        # Another process has finished it, should this one have been taken for dead.
        with suppress(UpdateFinishedTrialError):
            trial.set_user_attr(_RECORD, record.to_json())
            if record.violation is not None:
                _set_constraint(trial, "overtraining", record.violation)
            owner.tell(trial, value if state == TrialState.COMPLETE else None, state)
        if self.directory is not None:
            self._write_file(self.directory, record.number, outcome.history)

    def records(self) -> list[TrialRecord]:
        """Return the records of all trials that have ended, by number."""
        for trial in self._ended():
            if trial.number not in self._known:
                text = trial.user_attrs[_RECORD]
                self._known[trial.number] = TrialRecord.from_json(text)
        return [self._known[number] for number in sorted(self._known)]

    def params_of(self, records: Sequence[TrialRecord]) -> list[dict[str, Any]]:
        """Return the values of the parameters of each record."""
        trials = {trial.number: trial for trial in self._ended()}
        return [self.space.suggest(trials[record.number]) for record in records]

    def run_again(self, record: TrialRecord, setup: TrialSetup) -> TrialOutcome:
        """Return the outcome of a trial that ran elsewhere, computed again."""
        task = TrialTask(record.number, self.params_of([record])[0], record.seed)
        _logger.info("Trial %d is run again for its predictions.", record.number)
        return run_trial(setup, task)

    def count(self) -> TrialCounts:
        """Return how many trials there are."""
        trials = self.study.get_trials(deepcopy=False)
        return TrialCounts(
            recorded=sum(_has_record(trial) for trial in trials),
            rejected=sum(_is_rejected(trial) for trial in trials),
            running=sum(trial.state == TrialState.RUNNING for trial in trials),
        )

    def seed_spread(self) -> dict[str, float] | None:
        """Return how much a score changes with the seeds, None if it is not known."""
        found: dict[str, float] | None = self.study.user_attrs.get(_SEEDS)
        return found

    def keep_seed_spread(self, spread: dict[str, float]) -> None:
        """Store how much a score changes with the seeds."""
        self.study.set_user_attr(_SEEDS, spread)

    def _has_room(self, number: int, n_trials: int | None) -> bool:
        """Return whether a trial is among the first ones that there may be."""
        if self.n_points is not None and number >= self.n_points:
            return False
        if n_trials is None:
            return True
        unfinished = (TrialState.RUNNING, TrialState.WAITING)
        before = self.study.get_trials(deepcopy=False)[:number]
        n_before = sum(t.state in unfinished or _has_record(t) for t in before)
        return n_before < n_trials

    def _ended(self) -> list[FrozenTrial]:
        return [t for t in self.study.get_trials(deepcopy=False) if _has_record(t)]

    def _write_file(
        self, directory: Path, number: int, history: Sequence[Any] | None = None
    ) -> None:
        """Write a trial that has ended, at once or not at all.

        The histories of its folds are in the file alone: in the study they would be
        most of its size.
        """
        trial = self.study.get_trials(deepcopy=False)[number]
        stored = {
            "state": trial.state.name,
            "value": trial.value if trial.state == TrialState.COMPLETE else None,
            "params": trial.params,
            "distributions": {
                name: distribution_to_json(distribution)
                for name, distribution in trial.distributions.items()
            },
            "system_attrs": trial.system_attrs,
        }
        if _has_record(trial):
            record = TrialRecord.from_json(trial.user_attrs[_RECORD])
            text = record.to_json(optuna=stored, history=history)
        else:
            text = json.dumps({"number": number, "optuna": stored}, indent=1)
        write_whole(directory / _file_name(trial), text)

    def _write_missing_files(self, directory: Path) -> None:
        """Write what a process that was killed had told and not written."""
        for trial in self.study.get_trials(deepcopy=False):
            is_ended = _has_record(trial) or _is_rejected(trial)
            if is_ended and not (directory / _file_name(trial)).exists():
                self._write_file(directory, trial.number)

    def _load_files(self, directory: Path) -> None:
        """Add the trials that are in the files and no longer in the study."""
        # The files first: of a trial that another process ends meanwhile, the study
        # knows before there is a file.
        paths = [*directory.glob("trial_*.json"), *directory.glob("rejected_*.json")]
        n_known = len(self.study.get_trials(deepcopy=False))
        for number, path in sorted((_number(path), path) for path in paths):
            if number < n_known:
                continue
            trial = _trial_of(path)
            while n_known < number:
                # Of a trial that had not ended: it is run again, with its number.
                self.study.add_trial(create_trial(state=TrialState.WAITING))
                n_known += 1
            self.study.add_trial(trial)
            n_known += 1


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from printing to the terminal of who did not ask."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _create(storage: BaseStorage, name: str) -> tuple[Study, bool]:
    """Return the study, and whether this process has made it."""
    with _quiet():
        try:
            study = optuna.create_study(
                storage=storage, study_name=name, direction=StudyDirection.MAXIMIZE
            )
        except DuplicatedStudyError:
            return optuna.load_study(storage=storage, study_name=name), False
    return study, True


def _wait_for_about(study: Study) -> dict[str, Any] | None:
    """Return what another process is about to store; None if it does no more."""
    n_known, since = -1, monotonic()
    while monotonic() - since < PATIENCE:
        about: dict[str, Any] | None = study.user_attrs.get(_ABOUT)
        if about is not None:
            return about
        n_now = len(study.get_trials(deepcopy=False))
        if n_now != n_known:  # it brings back the trials, one by one
            n_known, since = n_now, monotonic()
        sleep(0.02)
    return None


def _about(
    stored: dict[str, Any] | None,
    directory: Path | None,
    own: Mapping[str, str],
    seed: int | None,
) -> dict[str, Any]:
    """Return what is known of the search, in the study and in its file, or new."""
    known = [] if stored is None else [stored]
    if directory is not None and (directory / _ABOUT_FILE).exists():
        known.append(_read_about(directory / _ABOUT_FILE))
    for about in known:
        check_fingerprint(about["fingerprint"], own)
        if seed is not None and about["seed"] != seed:
            msg = (
                "`random_state` must be that of the stored search, "
                f"{about['seed']}, got {seed}. Pass the same, or None."
            )
            raise ValueError(msg)
    if len({about["seed"] for about in known}) > 1:
        msg = (
            f"The search in `storage` and that in {str(directory)!r} must have the "
            f"same seed, got {[about['seed'] for about in known]}. Give another "
            "`directory`, or another `storage` or `study_name`."
        )
        raise ValueError(msg)
    if known:
        return known[0]
    drawn = int(np.random.default_rng().integers(MAX_SEED))
    return {"seed": drawn if seed is None else seed, "fingerprint": dict(own)}


def _has_record(trial: FrozenTrial) -> bool:
    return trial.state.is_finished() and _RECORD in trial.user_attrs


def _is_rejected(trial: FrozenTrial) -> bool:
    return trial.state.is_finished() and _RECORD not in trial.user_attrs


def _set_constraint(trial: optuna.Trial, name: str, value: float) -> None:
    """Set a constraint, unless a trial that runs again has it from before."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The constraint value is ignored")
        trial.set_constraint(name, value)


def _file_name(trial: FrozenTrial) -> str:
    kind = "trial" if _has_record(trial) else "rejected"
    return f"{kind}_{trial.number:05d}.json"


def _number(path: Path) -> int:
    """Return the number of the trial that a file is named after."""
    digits = path.stem.rpartition("_")[2]
    if not digits.isdecimal():
        msg = (
            f"`{path}` must be named after the number of its trial, got "
            f"{digits!r}. Remove what does not belong to the search."
        )
        raise DataFileError(msg)
    return int(digits)


def _trial_of(path: Path) -> FrozenTrial:
    """Return the trial that is written in a file."""
    text = _text_of(path)
    try:
        stored = json.loads(text)["optuna"]
        attributes = {}
        if path.name.startswith("trial_"):
            attributes[_RECORD] = TrialRecord.from_json(text).to_json()
        return create_trial(
            state=TrialState[stored["state"]],
            value=stored["value"],
            params=stored["params"],
            distributions={
                name: json_to_distribution(form)
                for name, form in stored["distributions"].items()
            },
            user_attrs=attributes,
            system_attrs=stored["system_attrs"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = (
            f"`{path}` must hold the record of a trial as one JSON object, got "
            f"something else: {error!r}. Remove the file; its trial is then run again."
        )
        raise DataFileError(msg) from error


def _read_about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(_text_of(path))
        return {"seed": int(about["seed"]), "fingerprint": dict(about["fingerprint"])}
    except (ValueError, KeyError, TypeError) as error:
        msg = (
            f"`{path}` must hold the seed and the fingerprint of the search as one "
            f"JSON object, got something else: {error!r}. Remove the file and pass "
            "the `random_state` that the search was begun with."
        )
        raise DataFileError(msg) from error


def _text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="replace")
