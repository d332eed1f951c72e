"""Out-of-fold predictions of an estimator that sees some of the columns alone.

A bare `WeightedDNNClassifier` gets the whole table and a mask for each of its networks,
so that the networks of many sets of columns and all folds train as members of one
batch; any other estimator gets a table of the columns, and processes of joblib take
one set each.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isnan
from time import perf_counter
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from joblib.parallel import get_active_backend
from numpy.typing import NDArray
from sklearn.base import clone

from skhep_dnn._tables import select_columns
from skhep_dnn._told_columns import Gathering, told
from skhep_dnn.exceptions import FitTogetherError
from skhep_dnn.feature_selection._columns import named_table
from skhep_dnn.feature_selection._permutation import permuted_scores
from skhep_dnn.feature_selection._restriction import restricted_to_names
from skhep_dnn.feature_selection._scored_samples import make_samples
from skhep_dnn.model_selection._fit_folds import fit_folds
from skhep_dnn.model_selection._fold_classes import common_classes
from skhep_dnn.model_selection._folds import (
    Events,
    FoldResult,
    FoldRules,
    Rows,
    evaluate_fold,
)
from skhep_dnn.neural_network import WeightedDNNClassifier, fit_masks_together

__all__ = ["Subset", "SubsetTrainer", "Training"]

FloatArray = NDArray[np.float64]
Splits = Sequence[tuple[Rows, Rows]]

MEMBERS = 60  # of a batch at most: what a kill can cost
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Subset:
    """A set of columns, and how the estimator is trained on it.

    Attributes
    ----------
    label : str
        Tells iteration and candidate, as a name of a file.
    columns : tuple of int
        Positions of the columns that the estimator sees.
    seed : int, default=0
        Number of the seed.
    ranked : tuple of tuple of int, default=()
        Groups of columns of which the permutation importance is asked for.
    """

    label: str
    columns: tuple[int, ...]
    seed: int = 0
    ranked: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Training:
    """What came of the folds of a subset.

    Attributes
    ----------
    responses : list of dict of str to ndarray
        For each fold the predictions of its events, by the method that made them.
    classes : ndarray of shape (n_classes,) or None
        Labels of the classes; None for what is no classifier.
    seconds : float
        Time of the fits, in one process.
    importances : ndarray of shape (n_ranked, n_folds)
        Fall of the score of each fold when a group is permuted.
    """

    responses: list[dict[str, NDArray[Any]]]
    classes: NDArray[Any] | None
    seconds: float
    importances: FloatArray = field(default_factory=lambda: np.empty((0, 0)))


@dataclass(frozen=True)
class SubsetTrainer:
    """Trains an estimator on sets of columns, all on the same folds.

    Attributes
    ----------
    estimators : sequence of estimator
        One for each seed.
    events : Events
        The whole sample, with all columns.
    splits : sequence of (train, test)
        Positions of the events.
    rules : FoldRules
        What is scored and kept in each fold.
    n_repeats : int
        Permutations of each fold.
    seed : int
        Seed of the permutations.
    as_members : bool or "auto", default="auto"
        Whether the networks of many subsets train as members of one batch.
    n_jobs : int or None, default=None
        Number of processes.
    """

    estimators: Sequence[Any]
    events: Events
    splits: Splits
    rules: FoldRules
    n_repeats: int
    seed: int
    as_members: bool | str = "auto"
    n_jobs: int | None = None

    def train(self, subsets: Sequence[Subset]) -> Iterator[tuple[int, Training]]:
        """Yield the position of a subset and its training, as soon as it has ended.

        Parameters
        ----------
        subsets : sequence of Subset
            With one set of columns and many seeds, or one seed and many sets.

        Raises
        ------
        FitTogetherError
            If `as_members` is True and a subset cannot be trained with others.
        TypeError
            If `as_members` is True and the estimator is no network.
        """
        together = [k for k, subset in enumerate(subsets) if self._hides(subset)]
        if self.as_members is False:
            together = []
        alone = sorted(set(range(len(subsets))) - set(together))
        for block in self._blocks(together):
            try:
                found = self._masked([subsets[k] for k in block], self.n_jobs)
            except FitTogetherError as reason:
                if self.as_members is True:
                    raise
                _logger.info("The subsets are trained one by one: %s", reason)
                alone += block
            else:
                yield from zip(block, found, strict=True)
        yield from self._in_processes(subsets, alone)

    def _hides(self, subset: Subset) -> bool:
        """Return whether the columns can be hidden by masks."""
        if not self._is_network:
            return False
        seen = set(subset.columns)
        torn = [pair for pair in self._momenta if len(seen.intersection(pair)) == 1]
        if torn and self.as_members is True:
            msg = (
                "`groups` must keep both components of a momentum together where "
                f"`augmenter` rotates them, got the columns {torn[0]!r} apart. Put "
                'them into one group, or set as_members="auto".'
            )
            raise FitTogetherError(msg)
        return not torn

    @property
    def _is_network(self) -> bool:
        if isinstance(self.estimators[0], WeightedDNNClassifier):
            return True
        if self.as_members is True:
            msg = (
                "`as_members` must not be True for an estimator that is no "
                f"WeightedDNNClassifier, got {type(self.estimators[0]).__name__}. "
                "Leave it at 'auto'."
            )
            raise TypeError(msg)
        return False

    @cached_property
    def _momenta(self) -> list[tuple[int, int]]:
        """Columns that rotations mix."""
        model = self.estimators[0]
        if model.augmenter is None:
            return []
        augmenter = clone(model.augmenter)
        if isnan(augmenter.missing_values):
            augmenter.set_params(missing_values=model.missing_values)
        augmenter.fit(self.events.X)
        kernel = augmenter.kernel(list(range(augmenter.n_features_in_)))
        return list(zip(kernel.px, kernel.py, strict=True))

    def _blocks(self, positions: Sequence[int]) -> Iterator[list[int]]:
        """Yield parts of the subsets that train as one batch, the same anywhere."""
        if not positions:
            return
        n_members = self.estimators[0].n_members * len(self.splits)
        size = max(1, MEMBERS // n_members)
        for first in range(0, len(positions), size):
            yield list(positions[first : first + size])

    def _masked(self, subsets: Sequence[Subset], n_jobs: int | None) -> list[Training]:
        """Train networks that see masked columns, all together."""
        start = perf_counter()
        columns = list(dict.fromkeys(subset.columns for subset in subsets))
        seeds = list(dict.fromkeys(subset.seed for subset in subsets))
        samples = [self._sample(train) for train, _ in self.splits]
        models = fit_masks_together(
            [self.estimators[seed] for seed in seeds for _ in self.splits],
            samples * len(seeds),
            [np.isin(np.arange(self._n_features), of_one) for of_one in columns],
            n_jobs=self.estimators[0].n_jobs if n_jobs is None else n_jobs,
        )
        seconds = (perf_counter() - start) / len(subsets)
        found = []
        for subset in subsets:
            of_columns = models[columns.index(subset.columns)]
            first = seeds.index(subset.seed) * len(self.splits)
            own = of_columns[first : first + len(self.splits)]
            results = [
                evaluate_fold(model, self.events, train, test, self.rules, 0.0)
                for model, (train, test) in zip(own, self.splits, strict=True)
            ]
            found.append(self._training(subset, own, results, self.events, seconds))
        return found

    def _sample(self, train: Rows) -> dict[str, Any]:
        (X, y), params = self.events.of_fit(self.estimators[0], train)
        return {"X": X, "y": y, **params}

    @property
    def _n_features(self) -> int:
        n_features: int = self.events.X.shape[1]
        return n_features

    def _in_processes(
        self, subsets: Sequence[Subset], positions: Sequence[int]
    ) -> Iterator[tuple[int, Training]]:
        """Train on one subset after the other, several at the same time."""
        if not positions:
            return
        calls = (delayed(Gathering(self._alone))(k, subsets[k]) for k in positions)
        # Some backends, such as that of Ray, give back all results together.
        backend, _ = get_active_backend()
        as_they_come = backend.supports_return_generator
        return_as = "generator_unordered" if as_they_come else "list"
        yield from told(Parallel(self.n_jobs, return_as=return_as)(calls))

    def _alone(self, k: int, subset: Subset) -> tuple[int, Training]:
        if self._hides(subset):
            try:
                return k, self._masked([subset], 1)[0]
            except FitTogetherError as reason:
                _logger.info("The columns are left out, not hidden: %s", reason)
        return k, self._on_part(subset)

    def _on_part(self, subset: Subset) -> Training:
        """Train on a table of some columns."""
        start = perf_counter()
        columns = list(subset.columns)
        names = named_table(self.events.X)[1]
        kept = {names[i] for i in columns}
        estimator = restricted_to_names(self.estimators[subset.seed], names, kept)
        events = replace(self.events, X=select_columns(self.events.X, columns))
        rules = replace(self.rules, return_estimator=bool(subset.ranked))
        results = fit_folds(
            estimator,
            events,
            self.splits,
            rules,
            as_members="auto" if self.as_members is not False else False,
        )
        models = [result.estimator for result in results]
        places = [tuple(columns.index(i) for i in of_one) for of_one in subset.ranked]
        seconds = perf_counter() - start
        on_part = replace(subset, ranked=tuple(places))
        return self._training(on_part, models, results, events, seconds)

    def _training(
        self,
        subset: Subset,
        models: Sequence[Any],
        results: Sequence[FoldResult],
        events: Events,
        seconds: float,
    ) -> Training:
        kept = [result.predictions for result in results]
        return Training(
            responses=[predictions.responses for predictions in kept],
            classes=common_classes([getattr(p, "classes_", None) for p in kept]),
            seconds=seconds,
            importances=self._importances(subset, models, events),
        )

    def _importances(
        self, subset: Subset, models: Sequence[Any], events: Events
    ) -> FloatArray:
        """Return the fall of the score of each fold when a group is permuted."""
        if not subset.ranked:
            return np.empty((0, 0))
        rng = np.random.RandomState((self.seed + subset.seed) % 2**32)
        samples = make_samples(
            list(models),
            events.X,
            events.y,
            events.score_params.get("sample_weight"),
            [test for _, test in self.splits],
            None,
            rng,
        )
        seeds = rng.randint(2**31 - 1, size=(len(models), self.n_repeats))
        scorer: Callable[..., float] = next(iter(self.rules.scoring.scorers.values()))
        baseline, permuted = permuted_scores(samples, subset.ranked, scorer, seeds)
        falls: FloatArray = (baseline[:, np.newaxis, 0] - permuted[..., 0]).mean(axis=2)
        return falls
