"""Ask and tell: proposals in this process, their trials here or in workers.

A worker that is killed takes the pool with it; with dask or Ray a task whose workers
die too often comes back as an error. No trial that has ended is lost by that; those
under way are run again, each alone, so that it is known who is to blame.
"""

from __future__ import annotations

import logging
import pickle
import warnings
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from threading import RLock
from time import monotonic, sleep
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray
from optuna import Trial
from sklearn.utils.parallel import Parallel, delayed
from tqdm.auto import tqdm

from skhep_dnn._fit_tasks import FitTask
from skhep_dnn._told_columns import Finding, Gathering, told
from skhep_dnn.model_selection._folds import name_among
from skhep_dnn.model_selection._pruning import MedianRule, PairedTest, medians_of
from skhep_dnn.model_selection._study import SearchStudy
from skhep_dnn.model_selection._trial import (
    TrialOutcome,
    TrialSetup,
    TrialTask,
    lost_trial,
    run_trial,
    seed_spread,
)
from skhep_dnn.model_selection._trial_owner import TrialOwner
from skhep_dnn.model_selection._trial_record import TrialRecord

__all__ = ["Budget", "SearchRules", "run_trials", "worth"]

_logger = logging.getLogger(__name__)

_Gathered = tuple[TrialOutcome, list[Finding]]

MAX_CRASHES = 3  # of the workers of one trial, which is then recorded as failed
N_WITHOUT_SCORE = 3  # so many trials without a finite score end a search
POLL_SECONDS = 0.5

# What the backends of joblib raise if a worker is gone: loky, dask, Ray.
_LOST_WORKER = {
    "BrokenProcessPool",
    "KilledWorker",
    "WorkerCrashedError",
    "RayActorError",
    "NodeDiedError",
}


@dataclass(frozen=True)
class Budget:
    """When a search ends: after trials of all processes, or seconds of this one."""

    n_trials: int | None
    timeout: float | None


@dataclass(frozen=True)
class SearchRules:
    """What is maximised, and what a trial is compared with while it runs.

    Attributes
    ----------
    metric : str
        Name of the score.
    pruning : {"paired", "median"} or None
        When a trial is given up between its folds.
    error_score : "raise" or float
        Whether a failure ends the search.
    """

    metric: str
    pruning: str | None
    error_score: float | str


def worth(record: TrialRecord, metric: str) -> float:
    """Return the pooled score of a trial, else the mean over its folds.

    Parameters
    ----------
    record : TrialRecord
        A trial that has ended.
    metric : str
        Name of the score; the first one stands for a name that is not there.

    Returns
    -------
    value : float
        nan if it did not complete.
    """
    if record.state != "complete":
        return float("nan")
    name = name_among(record.test_scores, metric)
    if name in record.pooled:
        return record.pooled[name].value
    return float(np.mean(record.test_scores[name]))


def run_trials(
    study: SearchStudy,
    setup: TrialSetup,
    budget: Budget,
    rules: SearchRules,
    *,
    n_jobs: int | None,
    verbose: int,
    search_task: FitTask | None = None,
) -> TrialOutcome | None:
    """Run trials until the budget is spent.

    Parameters
    ----------
    study : SearchStudy
        Where trials come from, and where their records go.
    setup : TrialSetup
        What all trials have in common.
    budget : Budget
        When it ends.
    rules : SearchRules
        What is maximised.
    n_jobs : int or None
        Trials at the same time.
    verbose : int
        Above 0 shows a progress bar.
    search_task : FitTask or None, default=None
        The task that the trials are part of; None where nobody hears of them.

    Returns
    -------
    best : TrialOutcome or None
        The best trial of this process, with its predictions.

    Raises
    ------
    ValueError
        If no trial ends in time, or none has a finite score.
    Exception
        The first failure, if all trials fail.
    """
    with TrialOwner(study.study) as owner:
        loop = _TrialLoop(
            study, setup, budget, rules, owner, n_jobs, verbose, search_task
        )
        best = loop.run()
    _check_any_success(study, loop.first_failure, rules.metric)
    return best


class _TrialLoop:
    def __init__(
        self,
        study: SearchStudy,
        setup: TrialSetup,
        budget: Budget,
        rules: SearchRules,
        owner: TrialOwner,
        n_jobs: int | None,
        verbose: int,
        search_task: FitTask | None,
    ) -> None:
        self.study, self.setup, self.rules = study, setup, rules
        self.owner, self.search_task = owner, search_task
        self.n_jobs = effective_n_jobs(n_jobs)
        self.n_trials = budget.n_trials
        self.deadline = np.inf
        if budget.timeout is not None:
            self.deadline = monotonic() + budget.timeout
        self.best: TrialOutcome | None = None
        self.first_failure: Exception | None = None
        self.running: dict[int, tuple[Trial, TrialTask]] = {}
        self.crashes: Counter[int] = Counter()
        # joblib asks for tasks in a thread of its own.
        self.lock = RLock()
        self.is_over = False
        limits = [n for n in (self.n_trials, study.n_points) if n is not None]
        self.bar = tqdm(
            desc="Trials",
            total=min(limits, default=None),
            initial=study.count().recorded,
            disable=not verbose,
        )

    def run(self) -> TrialOutcome | None:
        """Run until nothing is left to do, here or in another process."""
        try:
            with self.bar:
                while not self._is_spent():
                    self._run_suspects()
                    self._work(self._tasks(), self.running.keys())
                    # What others run counts, and comes back if they die.
                    if not self.running and not self._is_spent():
                        self.owner.release_stale()
                        sleep(0.01 if self._has_room() else POLL_SECONDS)
        finally:
            with self.lock:  # nothing is asked any more, for nobody would run it
                self.is_over = True
        return self.best

    def _run_suspects(self) -> None:
        """Run what was under way when a worker was killed, one after the other."""
        while self.running and monotonic() <= self.deadline:
            number = min(self.running)
            _, task = self.running[number]
            self._work([task], [number])

    def _work(self, tasks: Iterable[TrialTask], numbers: Iterable[int]) -> None:
        """Run tasks; if a worker is killed, blame those that have not ended."""
        try:
            with self._outcomes(tasks) as outcomes:
                for outcome in outcomes:
                    self._end(outcome)
        except Exception as error:
            kinds = {kind.__name__ for kind in type(error).__mro__}
            if error is self.first_failure or kinds.isdisjoint(_LOST_WORKER):
                raise
            self._count_crash(list(numbers), error)

    @contextmanager
    def _outcomes(
        self, tasks: Iterable[TrialTask]
    ) -> Iterator[Generator[TrialOutcome, None, None]]:
        """Give the outcomes of tasks as they come; what is not waited for is ended."""
        if self.n_jobs == 1:
            yield (run_trial(self.setup, task) for task in tasks)
            return
        calls = (delayed(Gathering(_run_elsewhere))(self.setup, task) for task in tasks)
        found = _results(self.n_jobs, calls)
        try:
            yield told(found)
        finally:
            with warnings.catch_warnings():  # joblib's, on tasks that are cancelled
                warnings.simplefilter("ignore", UserWarning)
                found.close()

    def _tasks(self) -> Iterator[TrialTask]:
        while True:
            with self.lock:
                task = self._next_task()
            if task is None:
                return
            yield task

    def _next_task(self) -> TrialTask | None:
        if self.is_over or not self._has_room():
            return None
        rule = self._rule()
        found = self.study.propose(self.owner, self.setup, self.n_trials)
        if found is None:
            return None
        trial, task = found
        task = replace(task, rule=rule, heard_as=self._heard_as(task.number))
        self.running[task.number] = trial, task
        return task

    def _heard_as(self, number: int) -> FitTask | None:
        if self.search_task is None:
            return None
        n_splits = len(self.setup.splits)
        return self.search_task.subtask("trial", number=number, n_subtasks=n_splits)

    def _has_room(self) -> bool:
        """Return whether another trial may begin."""
        if monotonic() > self.deadline:
            return False
        counts = self.study.count()
        n_taken = counts.recorded + counts.running
        return not self._reaches(n_taken, n_taken + counts.rejected)

    def _is_spent(self) -> bool:
        if monotonic() > self.deadline:
            return True
        counts = self.study.count()
        return self._reaches(counts.recorded, counts.recorded + counts.rejected)

    def _reaches(self, n_worth_a_fit: int, n_proposed: int) -> bool:
        """Return whether numbers of trials are the budget, or all points of a grid."""
        if self.n_trials is not None and n_worth_a_fit >= self.n_trials:
            return True
        return self.study.n_points is not None and n_proposed >= self.study.n_points

    def _end(self, outcome: TrialOutcome) -> None:
        record = outcome.record
        with self.lock:
            trial, _ = self.running.pop(record.number)
            value = worth(record, self.rules.metric)
            self.study.finish(self.owner, trial, outcome, value)
            if record.is_admissible and value > self._best_value():
                self.best = outcome  # all others are let go, with their predictions
        self.bar.update()
        if outcome.exception is not None:
            self.first_failure = self.first_failure or outcome.exception
            if self.rules.error_score == "raise":
                raise outcome.exception
        self._check_scores()

    def _best_value(self) -> float:
        if self.best is None:
            return -np.inf
        return worth(self.best.record, self.rules.metric)

    def _rule(self) -> PairedTest | MedianRule | None:
        """Return when the next trial is given up, by what is known of the others."""
        if self.rules.pruning is None:
            return None
        metric = self.rules.metric
        admissible = [r for r in self.study.records() if r.is_admissible]
        if self.rules.pruning == "median":
            scores = [
                r.test_scores[name_among(r.test_scores, metric)] for r in admissible
            ]
            return MedianRule(metric, medians_of(scores))
        if not admissible:
            return None
        best = max(admissible, key=lambda record: worth(record, metric))
        losses = self._losses_of(best)
        if losses is None:
            return None
        spread = self._seed_spread(best)
        n_looks = max(len(self.setup.splits) - 1, 1)
        return PairedTest(losses, spread["fold_loss"], n_looks)

    def _losses_of(self, best: TrialRecord) -> NDArray[np.float64] | None:
        """Return the losses of the best trial, computed again if it ran elsewhere."""
        if self.best is None or self.best.record.number != best.number:
            self.best = self.study.run_again(best, self.setup)
        return self.best.losses

    def _seed_spread(self, best: TrialRecord) -> dict[str, float]:
        spread = self.study.seed_spread()
        if spread is None:
            params = self.study.params_of([best])[0]
            value = worth(best, self.rules.metric)
            spread = seed_spread(self.setup, params, self.rules.metric, value)
            self.study.keep_seed_spread(spread)
        return spread

    def _count_crash(self, numbers: Iterable[int], error: Exception) -> None:
        """Give up a trial that has brought down its workers again and again."""
        _logger.warning("A worker was killed; its trials are run again: %s", error)
        for number in self.running.keys() & set(numbers):
            self.crashes[number] += 1
            # The first one may have been another's fault; since then it ran alone.
            if self.crashes[number] >= MAX_CRASHES:
                _, task = self.running[number]
                reason = (
                    f"Its worker was killed {MAX_CRASHES} times, at last by: {error}"
                )
                self._end(lost_trial(task, reason))

    def _check_scores(self) -> None:
        metric = self.rules.metric
        enough = min(N_WITHOUT_SCORE, self.n_trials or N_WITHOUT_SCORE)
        first = self.study.records()[:enough]
        if len(first) == enough and all(_is_undefined(r, metric) for r in first):
            raise ValueError(_undefined(f"in the first {enough} trials"))


def _results(n_jobs: int, calls: Iterator[Any]) -> Generator[_Gathered, None, None]:
    """Return what comes of calls, as it comes, or of so many at the same time."""
    try:
        # No more are proposed ahead than can run, so that each knows most of those
        # before: all but the ones that run at the same time, and the one that has just
        # ended, which joblib replaces before it gives back the result.
        parallel = Parallel(
            n_jobs,
            return_as="generator_unordered",
            pre_dispatch=n_jobs,
            batch_size=1,
        )
    except ValueError:  # of Ray, whose backend gives back all results together
        return _in_rounds(n_jobs, calls)
    found: Generator[_Gathered, None, None] = parallel(calls)
    return found


def _in_rounds(n_jobs: int, calls: Iterator[Any]) -> Generator[_Gathered, None, None]:
    while together := list(islice(calls, n_jobs)):
        yield from Parallel(n_jobs, batch_size=1)(together)


def _run_elsewhere(setup: TrialSetup, task: TrialTask) -> TrialOutcome:
    """Run a trial in a worker, from which only comes back what can be pickled."""
    outcome = run_trial(setup, task)
    if outcome.exception is not None:
        try:
            pickle.loads(pickle.dumps(outcome.exception))
        except Exception:  # noqa: BLE001 - of a class that pickles in its own way
            error = RuntimeError(outcome.record.error)
            return replace(outcome, exception=error)
    return outcome


def _is_undefined(record: TrialRecord, metric: str) -> bool:
    return record.state == "complete" and not np.isfinite(worth(record, metric))


def _undefined(where: str) -> str:
    return (
        f"The scores must be finite, got nan {where}, none of which failed. Look at "
        "the warnings of the scorer, and choose one that is defined for such models, "
        "or larger folds."
    )


def _check_any_success(
    study: SearchStudy, first: Exception | None, metric: str
) -> None:
    records = study.records()
    if not records:
        msg = (
            "At least one trial must end, got none in the time there was. Give a "
            "longer `timeout`."
        )
        raise ValueError(msg)
    if all(record.state == "failed" for record in records):
        msg = (
            f"At least one trial must succeed, got {len(records)} that failed. Mend "
            "the estimator, the data or the space."
        )
        if first is not None:
            first.add_note(msg)
            raise first
        msg += f" The first failure was:\n{records[0].error}"
        raise ValueError(msg)
    complete = [record for record in records if record.state == "complete"]
    if complete and all(_is_undefined(record, metric) for record in complete):
        raise ValueError(_undefined(f"in {len(complete)} trials"))
