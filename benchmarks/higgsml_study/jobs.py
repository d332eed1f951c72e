"""Which models the study fits, on which events; and how what is done is kept.

One job fits one row once and scores events that the fit has not seen. Its result, the
scores and the times, is a file that is written at once when the job is done: a study
that was interrupted goes on where it stopped. The name of the file has a digest of the
settings, the events and the split, but not of the package: delete the folder `jobs`
after a change of it.

Times are those of one thread's processor, which other processes disturb less than a
clock: all jobs run with one thread. The time of scoring is the best of a few rounds.
"""

import hashlib
import os
from dataclasses import dataclass
from functools import cache, cached_property
from time import process_time

import joblib
import numpy as np
from joblib import Parallel, delayed, parallel_config
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.utils import Bunch
from tqdm import tqdm

from benchmarks.common.out_of_fold import N_FOLDS, Run
from benchmarks.common.samples import part_of, strata
from benchmarks.higgsml_study.metrics import challenge_figures, out_of_fold_figures
from benchmarks.higgsml_study.rows import key_of, make_model
from skhep_dnn.datasets import make_higgs_events

__all__ = ["Challenge", "OutOfFold", "Study"]

ROUNDS, ENOUGH_SECONDS = 5, 0.5


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Five folds, stratified by class and jet multiplicity: each is scored untouched.

    Attributes
    ----------
    events : Bunch
        Events with weights of the full yields.
    """

    events: Bunch
    n_folds = N_FOLDS

    @cached_property
    def key(self):
        """A text that changes with the events."""
        return f"out of fold {_digest(self.events)}"

    def split(self, repeat, fold):
        """Return the events to train on, and the samples to score by name."""
        train, test = self._folds(repeat)[fold]
        return part_of(self.events, train), {"test": self.events.data.iloc[test]}

    def measure(self, results, repeat):
        """Return the figures of one repeat from the results of its folds."""
        n_samples = len(self.events.target)
        scores, fold = np.empty(n_samples), np.empty(n_samples, dtype=int)
        for k, (_, test) in enumerate(self._folds(repeat)):
            scores[test], fold[test] = results[k]["test"], k
        return out_of_fold_figures(Run(scores, fold, np.nan), self.events)

    def _folds(self, repeat):
        folds = StratifiedKFold(self.n_folds, shuffle=True, random_state=repeat)
        return list(folds.split(self.events.data, strata(self.events)))


@dataclass(frozen=True, eq=False)
class Challenge:
    """The split of the article: train, validate, and score the public and private set.

    Four fifths of the training set train, another fifth in each repeat chooses the cut.

    Attributes
    ----------
    train, public, private : Bunch
        The sets of the challenge, with weights of the full yields.
    """

    train: Bunch
    public: Bunch
    private: Bunch
    n_folds = 1

    @cached_property
    def key(self):
        """A text that changes with the events."""
        samples = (self.train, self.public, self.private)
        return f"challenge {[_digest(events) for events in samples]}"

    def split(self, repeat, _fold):
        """Return the events to train on, and the samples to score by name."""
        train, validation = self._parts(repeat)
        return train, {
            "validation": validation.data,
            "public": self.public.data,
            "private": self.private.data,
        }

    def measure(self, results, repeat):
        """Return the figures of one repeat."""
        _, validation = self._parts(repeat)
        return challenge_figures(
            results[0], validation, self.public, self.private, repeat
        )

    def _parts(self, repeat):
        parts = train_test_split(
            np.arange(len(self.train.target)),
            test_size=0.2,
            stratify=strata(self.train),
            random_state=repeat,
        )
        return [part_of(self.train, members) for members in parts]


@dataclass(frozen=True, eq=False)
class Study:
    """Rows to fit on the splits of a design, with a folder for what is done.

    Attributes
    ----------
    design : OutOfFold or Challenge
        What is fitted and scored, and what is measured from it.
    rows : list of str
        Names of the rows.
    repeats : int
        Number of repeats, each with a split and initial networks of its own.
    options : dict
        Options of the classifier that replace those of all rows.
    folder : Path
        Where the results are kept.
    """

    design: OutOfFold | Challenge
    rows: list[str]
    repeats: int
    options: dict[str, object]
    folder: os.PathLike

    def run(self, n_jobs):
        """Fit what is not yet done; repeats come last, and rows of a fold together."""
        self.folder.mkdir(parents=True, exist_ok=True)
        jobs = [
            (row, repeat, fold)
            for repeat in range(self.repeats)
            for fold in range(self.design.n_folds)
            for row in self.rows
        ]
        todo = [job for job in jobs if not self._file(*job).exists()]
        with parallel_config("loky", inner_max_num_threads=1):
            done = Parallel(n_jobs, return_as="generator_unordered")(
                delayed(_finish)(
                    self._file(*job),
                    make_model(job[0], job[1], **self.options),
                    *self.design.split(*job[1:]),
                )
                for job in todo
            )
            progress = tqdm(
                done, total=len(jobs), initial=len(jobs) - len(todo), unit="fit"
            )
            for _ in progress:
                pass

    def results(self, row, repeat):
        """Return the scores and the times of each fold."""
        files = [self._file(row, repeat, k) for k in range(self.design.n_folds)]
        return [dict(np.load(file)) for file in files]

    def measure(self, row):
        """Return the figures of a row for each repeat."""
        return [
            self.design.measure(self.results(row, repeat), repeat)
            for repeat in range(self.repeats)
        ]

    def seconds(self, row):
        """Return the times of training and of scoring, of each repeat and fold."""
        return {
            name: np.array(
                [
                    float(result[f"{name}_seconds"])
                    for repeat in range(self.repeats)
                    for result in self.results(row, repeat)
                ]
            )
            for name in ("training", "inference")
        }

    def _file(self, row, repeat, fold):
        key = (key_of(row, **self.options), self.design.key, repeat, fold)
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:12]
        return self.folder / f"{row}_repeat{repeat}_fold{fold}_{digest}.npz"


def _finish(file, model, train, samples):
    """Fit and score one model; keep the result under its final name when complete."""
    _warm_up()
    start = process_time()
    model.fit(train.data, train.target, sample_weight=train.sample_weight)
    seconds = {"training_seconds": process_time() - start, "inference_seconds": 0.0}
    scores = {}
    for name, X in samples.items():
        scores[name], taken = _score(model, X)
        seconds["inference_seconds"] += taken
    unfinished = file.with_suffix(f".{os.getpid()}.part")
    with unfinished.open("wb") as stream:
        np.savez(stream, **scores, **seconds)
    unfinished.replace(file)


@cache
def _warm_up():
    """Fit something once in each process: the first fit loads and sets up libraries."""
    events = make_higgs_events(1_000, random_state=0)
    make_model("baseline", 0, max_epochs=1, batch_size=32).fit(
        events.data, events.target, sample_weight=events.sample_weight
    )


def _score(model, X):
    taken = []
    while len(taken) < ROUNDS and sum(taken) < ENOUGH_SECONDS:
        start = process_time()
        scores = model.decision_function(X)
        taken.append(process_time() - start)
    return scores, min(taken)


def _digest(events):
    parts = (events.data.to_numpy(), events.target.astype("U1"), events.sample_weight)
    return joblib.hash([np.ascontiguousarray(part) for part in parts])
