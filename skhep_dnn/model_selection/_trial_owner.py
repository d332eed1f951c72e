"""Who runs a trial of a shared study, and what becomes of it when its owner dies.

The name of the owner is written into a trial before it runs, and into the study, once a
minute, that the owner lives. Both are attributes, which every storage of Optuna has. In
a journal a heartbeat is a line of some 200 bytes, 300 kB in a day for each search.
A trial whose owner is gone goes back to the queue of the study, from which the next who
asks takes it, with its number, its attributes and the parameters it already has.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from skhep_dnn.model_selection._processes import Process

__all__ = ["OWNER", "TrialOwner"]

_logger = logging.getLogger(__name__)

OWNER = "skhep_dnn:owner"
_HEARTBEAT = "skhep_dnn:heartbeat "


class TrialOwner:
    """Asks and tells trials of a study that others may work at, too.

    To be used as a context: inside of it a thread keeps the heartbeat, and when it is
    left, by an error as well, trials that were asked and not told go back to the queue.

    Parameters
    ----------
    study : optuna.study.Study
        The study.
    heartbeat_interval : float, default=60.0
        Seconds from one heartbeat to the next.
    grace_period : float, default=300.0
        Seconds without a heartbeat after which an owner that cannot be seen from here,
        on another host, is taken for dead. The clocks of the hosts must agree better
        than that. An owner on this host is seen, and needs no heartbeat.

    Notes
    -----
    A storage cannot change a state on the condition that nobody else has done so since
    it was looked at. Two owners that release the same trial at the same time therefore
    write their name into it and look whose name is there, and only that one releases
    it. If one is held up between looking and writing for as long as the other takes to
    release the trial and a third to ask it, the trial runs twice. The same holds for
    two that take a trial from the queue of SQLite. The first result then stays.

    A new trial has the name of its owner from the beginning. Trials that were asked by
    other means have none and are left alone; so that one whose process is gone does not
    run for ever, one without parameters is taken for left after the grace period.

    A trial that runs again keeps the values that were reported before: a report for one
    of these steps is ignored by Optuna, with a warning.

    Examples
    --------
    >>> import optuna
    >>> from skhep_dnn.model_selection._trial_owner import TrialOwner
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study()
    >>> with TrialOwner(study) as owner:
    ...     trial = owner.ask()
    ...     owner.tell(trial, trial.suggest_float("x", 1.0, 1.0) ** 2)
    >>> study.best_value
    1.0
    """

    def __init__(
        self,
        study: Study,
        *,
        heartbeat_interval: float = 60.0,
        grace_period: float = 300.0,
    ) -> None:
        self.study = study
        self.heartbeat_interval = heartbeat_interval
        self.grace_period = grace_period
        # One process may own trials of a study twice, in two threads.
        self.name = f"{Process.current()} {uuid.uuid4().hex[:8]}"
        self._storage = study._storage
        self._left = threading.Event()
        self._heart = threading.Thread(target=self._keep_beating, daemon=True)

    def __enter__(self) -> Self:
        """Begin to be alive."""
        self._beat()
        self._heart.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Give back what was asked and not told."""
        self._left.set()
        self._heart.join()
        for trial in self._trials(TrialState.RUNNING):
            if trial.user_attrs.get(OWNER) == self.name:
                self._release(trial)

    def ask(self) -> Trial:
        """Take a trial: one that others have left, or a new one.

        Returns
        -------
        trial : optuna.trial.Trial
            The trial, which is now running and belongs to this owner.
        """
        self.release_stale()
        while self._trials(TrialState.WAITING):
            trial = self.study.ask()
            # SQLite may give a trial from the queue to two, who ask at the same time.
            # It belongs to the one whose name is there in the end.
            with suppress(UpdateFinishedTrialError):
                trial.set_user_attr(OWNER, self.name)
                if self._is_running(trial._trial_id, owner=self.name):
                    return trial
        return self._new_trial()

    def _new_trial(self) -> Trial:
        # `study.ask` would make a trial without a name, and a process that is killed
        # before it writes its own leaves one of which nobody knows that it is stale.
        template = create_trial(state=TrialState.RUNNING, user_attrs={OWNER: self.name})
        study = self.study
        study._thread_local.cached_all_trials = None  # as `study.ask` does
        return Trial(study, self._storage.create_new_trial(study._study_id, template))

    def tell(
        self,
        trial: Trial,
        values: float | Sequence[float] | None = None,
        state: TrialState | None = None,
    ) -> None:
        """Finish a trial, unless somebody else has finished it.

        Parameters
        ----------
        trial : optuna.trial.Trial
            A trial that was asked here.
        values : float or sequence of float, default=None
            Its score, or scores; None if it has none.
        state : optuna.trial.TrialState, default=None
            Its state; None for one that follows from the scores.
        """
        with suppress(UpdateFinishedTrialError):
            # Back from the queue, should this owner have been taken for dead.
            self._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
            self.study.tell(trial, values, state)

    def give_back(self, trial: Trial) -> None:
        """Put a trial that is not run after all into the queue.

        Parameters
        ----------
        trial : optuna.trial.Trial
            A trial that was asked here.
        """
        found = self._storage.get_trial(trial._trial_id)
        if found.user_attrs.get(OWNER) == self.name:
            self._release(found)

    def release_stale(self) -> list[int]:
        """Give running trials whose owner is gone back to the queue.

        Returns
        -------
        numbers : list of int
            Numbers of these trials.
        """
        return [
            trial.number
            for trial in self._trials(TrialState.RUNNING)
            if self._is_stale(trial) and self._release(trial)
        ]

    def _trials(self, state: TrialState) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=(state,))

    def _is_stale(self, trial: FrozenTrial) -> bool:
        owner = trial.user_attrs.get(OWNER)
        if owner is None:
            return not trial.params and _age(trial) > self.grace_period
        process = Process.parse(owner)
        alive = None if process is None else process.is_alive()
        if alive is not None:
            return not alive
        last_beat = self.study.user_attrs.get(_HEARTBEAT + owner, 0.0)
        return time.time() - last_beat > self.grace_period

    def _release(self, trial: FrozenTrial) -> bool:
        """Put a running trial into the queue, unless its owner has changed."""
        number = trial._trial_id
        with suppress(UpdateFinishedTrialError):
            if not self._is_running(number, owner=trial.user_attrs.get(OWNER)):
                return False
            # A trial in the queue belongs to who put it there: whoever takes it cannot
            # be mistaken for the owner that is gone, until it has written its own name.
            self._storage.set_trial_user_attr(number, OWNER, self.name)
            if self._is_running(number, owner=self.name):
                _logger.info("Trial %d goes back to the queue.", trial.number)
                return self._storage.set_trial_state_values(number, TrialState.WAITING)
        return False

    def _is_running(self, trial_id: int, owner: str | None) -> bool:
        trial = self._storage.get_trial(trial_id)
        there = trial.user_attrs.get(OWNER)
        return trial.state == TrialState.RUNNING and there == owner

    def _beat(self) -> None:
        self.study.set_user_attr(_HEARTBEAT + self.name, time.time())

    def _keep_beating(self) -> None:
        while not self._left.wait(self.heartbeat_interval):
            try:
                self._beat()
            except (OSError, StorageInternalError) as error:
                _logger.warning("A heartbeat could not be written: %s", error)


def _age(trial: FrozenTrial) -> float:
    """Seconds for which a trial has been running."""
    begin = trial.datetime_start
    return 0.0 if begin is None else time.time() - begin.timestamp()
