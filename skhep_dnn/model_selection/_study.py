"""A search as it is stored: its study, the record of every trial, files of these.

Optuna's study knows what was proposed and what it was worth; the record of each trial
is an attribute of it, and with a directory a file as well. A study that was lost comes
back from the files.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import distribution_to_json, json_to_distribution
from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

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

__all__ = ["SearchStudy"]

_logger = logging.getLogger(__name__)

_ABOUT = "skhep_dnn:search"
_RECORD = "skhep_dnn:record"
_STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
_SEEDS = "skhep_dnn:seeds"
_MAX_SEED = 2**31 - 1
MAX_REJECTED = 1000  # proposals in a row that exceed a limit


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

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, Any]:
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, Any]
    ) -> dict[str, Any]:
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        return self._of(trial).sample_independent(
            study, trial, param_name, param_distribution
        )

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
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

    def _of(self, trial: FrozenTrial) -> BaseSampler:
        number = trial.number
        if number not in self._own:
            seed = trial_seed(self._seed, number)
            self._own[number] = make_sampler(self._rule, seed, self._space)
        return self._own[number]


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
        with _quiet():
            study = optuna.create_study(
                storage=open_storage(storage),
                study_name=name or "search",
                direction=StudyDirection.MAXIMIZE,
                load_if_exists=True,
            )
        place = None if directory is None else Path(directory)
        if place is not None:
            place.mkdir(parents=True, exist_ok=True)
        about = _about(study, place, own, seed)
        study.sampler = _SamplerOfTrial(sampler, about["seed"], space)
        found = cls(study, space, about["seed"], n_points, place)
        if place is not None and not study.get_trials(deepcopy=False):
            found._load_files(place)
        return found

    def propose(
        self, owner: TrialOwner, setup: TrialSetup
    ) -> tuple[optuna.Trial, TrialTask]:
        """Return a trial, new or left behind by another process, and its task.

        What exceeds a limit of the space is told so, and another one is proposed.
        """
        for _ in range(MAX_REJECTED):
            trial = owner.ask()
            params = self.space.suggest(trial)
            estimator = with_params(setup.estimator, params)
            excess = self.space.excess(estimator, setup.events.X, setup.events.y)
            for name, value in excess.items():
                trial.set_constraint(name, value)
            if not any(value > 0.0 for value in excess.values()):
                seed = trial_seed(self.seed, trial.number)
                return trial, TrialTask(trial.number, params, seed)
            owner.tell(trial, state=TrialState.PRUNED)
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
        trial.set_user_attr(_RECORD, record.to_json())
        if record.violation is not None:
            trial.set_constraint("overtraining", record.violation)
        state = _STATES[record.state]
        if state == TrialState.COMPLETE and not np.isfinite(value):
            state = TrialState.FAIL
        owner.tell(trial, value if state == TrialState.COMPLETE else None, state)
        if self.directory is not None:
            self._write_file(self.directory, record.number)

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

    def count(self) -> tuple[int, int]:
        """Return how many trials have ended, and how many are under way."""
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return len(self._ended()), len(running)

    def seed_spread(self) -> dict[str, float] | None:
        """Return how much a score changes with the seeds, None if it is not known."""
        found: dict[str, float] | None = self.study.user_attrs.get(_SEEDS)
        return found

    def keep_seed_spread(self, spread: dict[str, float]) -> None:
        """Store how much a score changes with the seeds."""
        self.study.set_user_attr(_SEEDS, spread)

    def _ended(self) -> list[FrozenTrial]:
        states = tuple(_STATES.values())
        trials = self.study.get_trials(deepcopy=False, states=states)
        return [trial for trial in trials if _RECORD in trial.user_attrs]

    def _write_file(self, directory: Path, number: int) -> None:
        """Write a trial that has ended, at once or not at all."""
        trial = self.study.get_trials(deepcopy=False)[number]
        record = TrialRecord.from_json(trial.user_attrs[_RECORD])
        text = record.to_json(
            optuna={
                "state": trial.state.name,
                "value": trial.value if trial.state == TrialState.COMPLETE else None,
                "params": trial.params,
                "distributions": {
                    name: distribution_to_json(distribution)
                    for name, distribution in trial.distributions.items()
                },
                "system_attrs": trial.system_attrs,
            }
        )
        _write(directory / f"trial_{number:05d}.json", text)

    def _load_files(self, directory: Path) -> None:
        for path in sorted(directory.glob("trial_*.json")):
            values = _read(path)
            while len(self.study.get_trials(deepcopy=False)) < values["number"]:
                # Of a trial that had not ended: its number stays free.
                self.study.add_trial(create_trial(state=TrialState.FAIL))
            stored = values["optuna"]
            self.study.add_trial(
                create_trial(
                    state=TrialState[stored["state"]],
                    value=stored["value"],
                    params=stored["params"],
                    distributions={
                        name: json_to_distribution(text)
                        for name, text in stored["distributions"].items()
                    },
                    user_attrs={_RECORD: path.read_text(encoding="utf-8")},
                    system_attrs=stored["system_attrs"],
                )
            )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from printing to the terminal of who did not ask."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _about(
    study: Study, directory: Path | None, own: Mapping[str, str], seed: int | None
) -> dict[str, Any]:
    """Return what is stored about the search, which must be this one."""
    path = None if directory is None else directory / "search.json"
    about = study.user_attrs.get(_ABOUT)
    if about is None and path is not None and path.exists():
        about = _read(path)
    if about is None:
        drawn = int(np.random.default_rng().integers(_MAX_SEED))
        about = {"seed": drawn if seed is None else seed, "fingerprint": dict(own)}
    check_fingerprint(about["fingerprint"], own)
    if seed is not None and about["seed"] != seed:
        msg = (
            f"`random_state` must be that of the stored search, {about['seed']}, got "
            f"{seed}. Pass the same, or None."
        )
        raise ValueError(msg)
    study.set_user_attr(_ABOUT, about)
    if path is not None:
        _write(path, json.dumps(about, indent=1))
    return about


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        msg = (
            f"`{path}` must hold one JSON object, got something else: {error}. Remove "
            "the file; its trial is then run again."
        )
        raise DataFileError(msg) from error


def _write(path: Path, text: str) -> None:
    """Write a file whole: who reads it finds the old text or the new one."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
