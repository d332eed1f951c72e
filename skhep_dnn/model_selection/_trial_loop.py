"""Ask and tell: proposals in this process, their trials here or in workers.

A worker that is killed takes the pool with it; the trials it had are run again in a new
one, and no trial that has ended is lost.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from time import monotonic, sleep

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray
from optuna import Trial
from tqdm.auto import tqdm

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

MAX_CRASHES = 3  # of the workers of one trial, which is then recorded as failed
N_WITHOUT_SCORE = 3  # so many trials without a finite score end a search
POLL_SECONDS = 0.5


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
        Name of the score.

    Returns
    -------
    value : float
        nan if it did not complete.
    """
    if record.state != "complete":
        return float("nan")
    if metric in record.pooled:
        return record.pooled[metric].value
    return float(np.mean(record.test_scores.get(metric, [np.nan])))


def run_trials(
    study: SearchStudy,
    setup: TrialSetup,
    budget: Budget,
    rules: SearchRules,
    *,
    n_jobs: int | None,
    verbose: int,
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
        loop = _TrialLoop(study, setup, budget, rules, owner, n_jobs, verbose)
        best = loop.run()
    _check_any_success(study, loop.first_failure)
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
    ) -> None:
        self.study, self.setup, self.rules = study, setup, rules
        self.owner = owner
        self.n_jobs = effective_n_jobs(n_jobs)
        limits = [n for n in (budget.n_trials, study.n_points) if n is not None]
        self.n_trials = min(limits, default=None)
        self.deadline = np.inf
        if budget.timeout is not None:
            self.deadline = monotonic() + budget.timeout
        self.best: TrialOutcome | None = None
        self.first_failure: Exception | None = None
        self.running: dict[int, tuple[Trial, TrialTask]] = {}
        self.crashes: Counter[int] = Counter()
        n_ended, _ = study.count()
        self.bar = tqdm(
            desc="Trials", total=self.n_trials, initial=n_ended, disable=not verbose
        )

    def run(self) -> TrialOutcome | None:
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
        return self.best

    def _outcomes(self) -> Iterator[TrialOutcome]:
        if self.n_jobs == 1:
            return (run_trial(self.setup, task) for task in self._tasks())
        tasks = (delayed(run_trial)(self.setup, task) for task in self._tasks())
        # No more are proposed ahead than can run, so that each knows the ones before.
        parallel = Parallel(
            self.n_jobs, return_as="generator_unordered", pre_dispatch=self.n_jobs
        )
        found: Iterator[TrialOutcome] = parallel(tasks)
        return found

    def _tasks(self) -> Iterator[TrialTask]:
        for _, task in list(self.running.values()):  # of a pool that was lost
            yield task
        while not self._is_full():
            rule = self._rule()
            trial, task = self.study.propose(self.owner, self.setup)
            task = replace(task, rule=rule)
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
        record = outcome.record
        trial, _ = self.running.pop(record.number)
        value = worth(record, self.rules.metric)
        self.study.finish(self.owner, trial, outcome, value)
        if record.is_admissible and value > self._best_value():
            self.best = outcome  # all others are let go, with their predictions
        self.bar.update()
        if outcome.exception is not None:
            if self.rules.error_score == "raise":
                raise outcome.exception
            self.first_failure = self.first_failure or outcome.exception
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
            return MedianRule(
                metric, medians_of([r.test_scores[metric] for r in admissible])
            )
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

    def _count_crash(self) -> None:
        """Give up trials that have brought down their worker again and again."""
        self.crashes.update(self.running.keys())
        _logger.warning("A worker was killed; its trials are run again.")
        for number in [n for n in self.running if self.crashes[n] >= MAX_CRASHES]:
            _, task = self.running[number]
            self._end(lost_trial(task, f"Its worker was killed {MAX_CRASHES} times."))

    def _check_scores(self) -> None:
        records = self.study.records()[:N_WITHOUT_SCORE]
        undefined = [
            record
            for record in records
            if record.state == "complete"
            and not np.isfinite(worth(record, self.rules.metric))
        ]
        enough = min(N_WITHOUT_SCORE, self.n_trials or N_WITHOUT_SCORE)
        if len(undefined) == enough:
            msg = (
                f"The scores must be finite, got nan in the first {enough} trials, "
                "none of which failed. Look at the warnings of the scorer, and choose "
                "one that is defined for such models, or larger folds."
            )
            raise ValueError(msg)


def _check_any_success(study: SearchStudy, first: Exception | None) -> None:
    records = study.records()
    if records and all(record.state == "failed" for record in records):
        msg = (
            f"At least one trial must succeed, got {len(records)} that failed. Mend "
            "the estimator, the data or the space."
        )
        if first is not None:
            first.add_note(msg)
            raise first
        msg += f" The first failure was:\n{records[0].error}"
        raise ValueError(msg)
    if not records:
        msg = (
            "At least one trial must end, got none in the time there was. Give a "
            "longer `timeout`."
        )
        raise ValueError(msg)
