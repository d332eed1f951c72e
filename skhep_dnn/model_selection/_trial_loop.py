"""Ask and tell: proposals in this process, their trials here or in workers.

A worker that is killed takes the pool with it; the trials it had are run again in a new
one, and no trial that has ended is lost.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from time import monotonic, sleep

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from optuna import Trial
from tqdm.auto import tqdm

from skhep_dnn.model_selection._pooled import OutOfFold
from skhep_dnn.model_selection._study import SearchStudy
from skhep_dnn.model_selection._trial import (
    TrialOutcome,
    TrialSetup,
    TrialTask,
    lost_trial,
    run_trial,
)
from skhep_dnn.model_selection._trial_owner import TrialOwner
from skhep_dnn.model_selection._trial_record import TrialRecord

__all__ = ["Budget", "run_trials"]

_logger = logging.getLogger(__name__)

MAX_CRASHES = 3  # of the workers of one trial, which is then recorded as failed
N_WITHOUT_SCORE = 3  # so many trials without a finite score end a search
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Budget:
    """When a search ends: after trials of all processes, or seconds of this one."""

    n_trials: int | None
    timeout: float | None


@dataclass
class _Best:
    """The best trial of this process with its predictions; all others are let go."""

    value: float = -np.inf
    number: int | None = None
    passes: list[OutOfFold] | None = None

    def update(self, outcome: TrialOutcome, value: float) -> None:
        if np.isfinite(value) and value > self.value:
            self.value, self.passes = value, outcome.passes
            self.number = outcome.record.number


def worth(record: TrialRecord, metric: str | None) -> float:
    """Return the pooled score of a trial, else the mean over its folds.

    Parameters
    ----------
    record : TrialRecord
        A trial that has ended.
    metric : str or None
        Name of the score; None for the first.

    Returns
    -------
    value : float
        nan if it did not complete.
    """
    if record.state != "complete":
        return float("nan")
    name = metric or next(iter(record.test_scores))
    if name in record.pooled:
        return record.pooled[name].value
    return float(np.mean(record.test_scores.get(name, [np.nan])))


def run_trials(
    study: SearchStudy,
    setup: TrialSetup,
    budget: Budget,
    *,
    metric: str | None,
    n_jobs: int | None,
    verbose: int,
) -> tuple[int, list[OutOfFold]] | None:
    """Run trials until the budget is spent.

    Parameters
    ----------
    study : SearchStudy
        Where trials come from, and where their records go.
    setup : TrialSetup
        What all trials have in common.
    budget : Budget
        When it ends.
    metric : str or None
        Name of the score that is maximised; None for the first.
    n_jobs : int or None
        Trials at the same time.
    verbose : int
        Above 0 shows a progress bar.

    Returns
    -------
    best : (number, list of OutOfFold) or None
        The best trial of this process, with its predictions.

    Raises
    ------
    ValueError
        If all trials fail, or none has a finite score.
    """
    with TrialOwner(study.study) as owner:
        loop = _TrialLoop(study, setup, budget, owner, metric, n_jobs, verbose)
        best = loop.run()
    _check_any_success(study)
    return best


class _TrialLoop:
    def __init__(
        self,
        study: SearchStudy,
        setup: TrialSetup,
        budget: Budget,
        owner: TrialOwner,
        metric: str | None,
        n_jobs: int | None,
        verbose: int,
    ) -> None:
        self.study, self.setup, self.owner = study, setup, owner
        self.n_jobs = effective_n_jobs(n_jobs)
        limits = [n for n in (budget.n_trials, study.n_points) if n is not None]
        self.n_trials = min(limits, default=None)
        self.deadline = np.inf
        if budget.timeout is not None:
            self.deadline = monotonic() + budget.timeout
        self.best = _Best()
        self.metric = metric
        self.running: dict[int, tuple[Trial, TrialTask]] = {}
        self.crashes: Counter[int] = Counter()
        n_ended, _ = study.count()
        self.bar = tqdm(
            desc="Trials", total=self.n_trials, initial=n_ended, disable=not verbose
        )

    def run(self) -> tuple[int, list[OutOfFold]] | None:
        """Run until nothing is left to do, here or in another process."""
        with self.bar:
            while not self._is_spent():
                try:
                    for outcome in self._outcomes():
                        self._end(outcome)
                except BrokenProcessPool:
                    self._count_crash()
                # What others run counts, and comes back if they die.
                if not self._is_spent():
                    sleep(POLL_SECONDS)
        if self.best.number is None or self.best.passes is None:
            return None
        return self.best.number, self.best.passes

    def _outcomes(self) -> Iterator[TrialOutcome]:
        if self.n_jobs == 1:
            return (run_trial(self.setup, task) for task in self._tasks())
        tasks = (delayed(run_trial)(self.setup, task) for task in self._tasks())
        # No more are proposed ahead than can run, so that each knows the ones before.
        return Parallel(
            self.n_jobs, return_as="generator_unordered", pre_dispatch=self.n_jobs
        )(tasks)

    def _tasks(self) -> Iterator[TrialTask]:
        for _, task in list(self.running.values()):  # of a pool that was lost
            yield task
        while not self._is_full():
            trial, task = self.study.propose(self.owner)
            self.running[task.number] = trial, task
            yield task

    def _is_full(self) -> bool:
        if monotonic() > self.deadline:
            return True
        return self.n_trials is not None and sum(self.study.count()) >= self.n_trials

    def _is_spent(self) -> bool:
        if monotonic() > self.deadline:
            return True
        n_ended, _ = self.study.count()
        return self.n_trials is not None and n_ended >= self.n_trials

    def _end(self, outcome: TrialOutcome) -> None:
        trial, _ = self.running.pop(outcome.record.number)
        value = worth(outcome.record, self.metric)
        self.study.finish(self.owner, trial, outcome, value)
        self.best.update(outcome, value)
        self.bar.update()
        if outcome.exception is not None and self.setup.rules.error_score == "raise":
            raise outcome.exception
        self._check_scores()

    def _count_crash(self) -> None:
        """Give up trials that have brought down their worker again and again."""
        self.crashes.update(self.running.keys())
        _logger.warning("A worker was killed; its trials are run again.")
        for number in [n for n in self.running if self.crashes[n] >= MAX_CRASHES]:
            _, task = self.running[number]
            self._end(lost_trial(task, f"Its worker was killed {MAX_CRASHES} times."))

    def _check_scores(self) -> None:
        records = self.study.records()[:N_WITHOUT_SCORE]
        complete = [record for record in records if record.state == "complete"]
        undefined = [r for r in complete if not np.isfinite(worth(r, self.metric))]
        enough = min(N_WITHOUT_SCORE, self.n_trials or N_WITHOUT_SCORE)
        if len(undefined) == enough:
            msg = (
                f"The scores must be finite, got nan in the first {enough} trials, "
                "none of which failed. Look at the warnings of the scorer, and choose "
                "one that is defined for such models, or larger folds."
            )
            raise ValueError(msg)


def _check_any_success(study: SearchStudy) -> None:
    records = study.records()
    if records and all(record.state == "failed" for record in records):
        msg = (
            f"At least one trial must succeed, got {len(records)} that failed. Mend "
            "the estimator, the data or the space; the first failure was:\n"
            f"{records[0].error}"
        )
        raise ValueError(msg)
    if not records:
        msg = (
            "At least one trial must end, got none in the time there was. Give a "
            "longer `timeout`."
        )
        raise ValueError(msg)
