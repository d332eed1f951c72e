"""Searches that are killed, and models that wait, raise or kill their process."""

import os
import signal
import time
from pathlib import Path

import joblib
import numpy as np
from scipy.stats import loguniform
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.model_selection import OptunaSearchCV

SPACE = {"C": loguniform(1e-3, 1e1), "fit_intercept": [True, False]}
EVENTS = make_gaussian_events(200, random_state=0)
WEIGHTS = np.abs(EVENTS.sample_weight)


class TwoArgumentsError(Exception):
    """Cannot be unpickled."""

    def __init__(self, one, two):
        super().__init__(f"{one} {two}")


class Waiting(LogisticRegression):
    """Counts its fits in a file, and waits in the one that another file names."""

    def __init__(self, C=1.0, fit_intercept=True, folder=None, n_jobs=None, verbose=0):
        super().__init__(C=C, fit_intercept=fit_intercept)
        self.folder = folder
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        folder = Path(self.folder)
        with (folder / "fits").open("a") as file:
            file.write(f"{os.getpid()} {self.C}\n")
        n_fits = len((folder / "fits").read_text().splitlines())
        plan = folder / "wait_in_fit"
        if plan.exists() and n_fits == int(plan.read_text()):
            (folder / "waiting").touch()
            while plan.exists():
                time.sleep(0.01)
        model = LogisticRegression(C=self.C, fit_intercept=self.fit_intercept)
        self.__dict__.update(vars(model.fit(X, y, sample_weight)), n_jobs=self.n_jobs)
        return self


class Deadly(LogisticRegression):
    """Kills its process with one value of C, as often as it is told."""

    def __init__(self, C=1.0, fit_intercept=True, folder=None, deadly=None, times=1):
        super().__init__(C=C, fit_intercept=fit_intercept)
        self.folder = folder
        self.deadly = deadly
        self.times = times

    def fit(self, X, y, sample_weight=None):
        marks = Path(self.folder) / "kills"
        if self.deadly == self.C:
            with marks.open("a") as file:
                file.write(f"{os.getpid()}\n")
            if len(marks.read_text().splitlines()) <= self.times:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y, sample_weight)


class Broken(LogisticRegression):
    """Raises with small values of C."""

    def __init__(self, C=1.0, fit_intercept=True, below=np.inf, strange=False):
        super().__init__(C=C, fit_intercept=fit_intercept)
        self.below = below
        self.strange = strange

    def fit(self, X, y, sample_weight=None):
        if self.below > self.C:
            if self.strange:
                raise TwoArgumentsError(self.C, "and more")
            msg = f"C is {self.C}"
            raise ArithmeticError(msg)
        return super().fit(X, y, sample_weight)


def make_search(estimator=None, space=None, **options):
    """A search that takes little time."""
    settings = {"cv": 3, "n_replicas": 5, "random_state": 0, "refit": False}
    model = LogisticRegression() if estimator is None else estimator
    return OptunaSearchCV(
        model, SPACE if space is None else space, **{**settings, **options}
    )


def fit(search):
    """Fit it to events with weights."""
    with threadpool_limits(1):  # threads that wait for each other take all the time
        return search.fit(EVENTS.data, EVENTS.target, sample_weight=WEIGHTS)


def summary(search):
    """What two searches must have in common, to the bit."""
    table = search.cv_results_
    names = [name for name in table if "test_" in name]
    return {
        "trial": table["trial"].tolist(),
        "params": table["params"],
        "best_params": search.best_params_,
        # As text, in which all bits are and nan is equal to itself.
        **{name: repr(table[name].tolist()) for name in names},
    }


def run(result, go, estimator, options):
    """Wait for a file, search, and write what came of it; in a process of its own."""
    while go is not None and not Path(go).exists():
        time.sleep(0.005)
    try:
        found = summary(fit(make_search(estimator, **options)))
    except BaseException as error:
        found = error
        if not isinstance(error, (Exception, KeyboardInterrupt)):
            raise
    part = Path(f"{result}.part")
    joblib.dump(found, part)
    part.replace(result)
