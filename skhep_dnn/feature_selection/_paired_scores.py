"""Is a set of columns better than another one, on the same events and seeds.

The error of a score is that of its events and that of its seeds. Both are common, in
part, to sets of columns that are compared: the differences of events are taken before
they are squared. Each score carries a vector whose product with that of another one is
the covariance of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags

from skhep_dnn._sklearn import _num_samples
from skhep_dnn.feature_selection._subset_training import Splits, Training
from skhep_dnn.metrics._classification import probability_losses
from skhep_dnn.model_selection._folds import Events, FoldResult
from skhep_dnn.model_selection._pooled import OutOfFold, PoolRules, pool_folds
from skhep_dnn.model_selection._predictions import KeptPredictions
from skhep_dnn.model_selection._scoring import Scoring

__all__ = [
    "PairedDifference",
    "ScoredTraining",
    "ScoringRules",
    "compare",
    "covariance_of",
    "seed_variance",
    "trials_p_values",
]

FloatArray = NDArray[np.float64]

CERTAIN = 3.0  # errors
N_DRAWS = 20_000  # of a p-value: its error is below 0.004


@dataclass(frozen=True)
class ScoredTraining:
    """A training, its pooled score and how that fluctuates.

    Attributes
    ----------
    score : float
        Of the out-of-fold predictions of all events; greater is better.
    fluctuation : ndarray of shape (n_terms,)
        The product with that of another training is the covariance of the scores.
    seconds : float
        Time of the fits.
    importances : ndarray of shape (n_ranked, n_folds)
        Fall of the score when a group is permuted.
    """

    score: float
    fluctuation: FloatArray = field(repr=False)
    seconds: float = 0.0
    importances: FloatArray = field(
        default_factory=lambda: np.empty((0, 0)), repr=False
    )


@dataclass(frozen=True)
class PairedDifference:
    """The difference of two sets of columns, with what its error is made of."""

    value: float
    fluctuation: FloatArray = field(repr=False)
    seed_variance: float

    @property
    def error(self) -> float:
        """Standard error, of the events and of the seeds."""
        variance = float(covariance_of([self.fluctuation])[0, 0])
        return float(np.sqrt(variance + self.seed_variance))


@dataclass(frozen=True)
class ScoringRules:
    """How out-of-fold predictions become scores.

    Attributes
    ----------
    events : Events
        The whole sample.
    splits : sequence of (train, test)
        Positions of the events.
    scoring : Scoring
        One scorer, which knows the yields.
    is_log_loss : bool
        Whether it is minus the balanced log-loss, a mean over events, whose error
        needs no replicas.
    estimator : estimator
        What was trained.
    n_replicas : int
        Replicas of other scores.
    seed : int
        Seed of the replicas.
    """

    events: Events
    splits: Splits
    scoring: Scoring
    is_log_loss: bool
    estimator: BaseEstimator
    n_replicas: int
    seed: int = 0

    def score(self, training: Training) -> ScoredTraining:
        """Return the pooled score of a training, and how it fluctuates."""
        tags = get_tags(self.estimator)
        results = [
            FoldResult(
                test=test,
                predictions=KeptPredictions(responses, training.classes, tags),
                scores={},
                train_scores={},
                fit_time=0.0,
                score_time=0.0,
            )
            for (_, test), responses in zip(
                self.splits, training.responses, strict=True
            )
        ]
        n_replicas = 0 if self.is_log_loss else self.n_replicas
        pool = PoolRules(True, n_replicas, self.seed)
        passes, scores = pool_folds(results, self.events, self.scoring, pool)
        (pooled,) = scores.values()
        if self.is_log_loss:
            fluctuation = self._of_events(passes)
        else:
            n_defined = np.isfinite(pooled.replicas).sum()
            fluctuation = pooled.replicas - np.nanmean(pooled.replicas)
            fluctuation /= np.sqrt(max(n_defined - 1, 1))
        return ScoredTraining(
            pooled.value, fluctuation, training.seconds, training.importances
        )

    def _of_events(self, passes: Sequence[OutOfFold]) -> FloatArray:
        """Return what each event adds to the fluctuation of the log-loss.

        An event that counts a Poisson number of times changes the mean loss of its
        class by its share of the weights times its distance to this mean.
        """
        total = np.zeros(_num_samples(self.events.X))
        for one in passes:
            X, y, params = self.events.of_score(one.rows)
            weights = params.get("sample_weight")
            weights = np.ones(len(one.rows)) if weights is None else np.array(weights)
            codes, losses = probability_losses(y, one.predictions.predict_proba(X))
            names, position = np.unique(codes, return_inverse=True)
            shares = weights / np.bincount(position, weights)[position]
            means = np.bincount(position, shares * losses)
            total[one.rows] -= shares / len(names) * (losses - means[position])
        return total / len(passes)


def compare(
    trainings: Sequence[ScoredTraining],
    others: Sequence[ScoredTraining],
    variance: float,
) -> PairedDifference:
    """Compare two sets of columns, each trained with the same seeds.

    Parameters
    ----------
    trainings, others : sequence of ScoredTraining
        One for each seed, the same seeds in the same order; what is more is left out.
    variance : float
        Variance of one score with the seed of its training.

    Returns
    -------
    difference : PairedDifference
        The first less the second.
    """
    pairs = list(zip(trainings, others, strict=False))
    values = [one.score - other.score for one, other in pairs]
    parts = [one.fluctuation - other.fluctuation for one, other in pairs]
    return PairedDifference(
        float(np.mean(values)), np.mean(parts, axis=0), 2.0 * variance / len(pairs)
    )


def covariance_of(fluctuations: Sequence[FloatArray]) -> FloatArray:
    """Return the covariance of scores or differences, from what is defined in all.

    Parameters
    ----------
    fluctuations : sequence of ndarray of shape (n_terms,)
        A term that is nan, of a replica without a score, is left out for all.

    Returns
    -------
    covariance : ndarray of shape (n, n)
        nan if nothing is defined.
    """
    table = np.array(fluctuations)
    defined = np.isfinite(table).all(axis=0)
    n_defined = int(defined.sum())
    if n_defined == 0:
        return np.full((len(table), len(table)), np.nan)
    part = table[:, defined]
    covariance: FloatArray = part @ part.T * (table.shape[1] / n_defined)
    return covariance


def seed_variance(scores: Sequence[Sequence[float]]) -> float:
    """Return the variance with the seed that is left in a paired difference, halved.

    What a seed does to all sets of columns alike drops out of a difference at the same
    seed. How much that is shows in several sets; of the first one alone the whole
    variance is taken, and it counts as much as each further set.

    Parameters
    ----------
    scores : sequence of sequence of float
        For each set of columns its score with each seed, the same seeds for all.

    Returns
    -------
    variance : float
        That of one score; 0 where there is one seed.
    """
    table = np.array(scores, dtype=np.float64)
    n_sets, n_seeds = table.shape
    if n_seeds == 1:
        return 0.0
    first = table[0] - table[0].mean()
    rest = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    squares = float((first**2).sum() + (rest**2).sum())
    return squares / ((n_seeds - 1) * n_sets)


def trials_p_values(
    differences: Sequence[PairedDifference], seed: int = 0
) -> tuple[FloatArray, float]:
    """Return how likely luck alone makes the best of many as good as each of them.

    Of many removals that change nothing, one looks best. The best pull of correlated
    normal numbers with the covariance of the differences says by how much.

    Parameters
    ----------
    differences : sequence of PairedDifference
        To the same baseline, at one seed.
    seed : int, default=0
        Of the normal numbers.

    Returns
    -------
    p_values : ndarray of shape (n,)
        Probability that the largest of all pulls is at least that of the candidate,
        if no removal changes the score.
    luck : float
        Mean of the largest difference that luck alone makes, among the candidates that
        are less than three errors below 0; nan if there are none.
    """
    n = len(differences)
    covariance = covariance_of([d.fluctuation for d in differences])
    # A half of the variance of the seeds is the baseline's, which all have in common.
    of_seeds = np.array([d.seed_variance for d in differences]) / 2.0
    covariance = covariance + of_seeds.max() + np.diag(of_seeds)
    errors = np.sqrt(np.diag(covariance))
    if not np.isfinite(errors).all():
        return np.full(n, np.nan), float("nan")
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    draws = np.random.default_rng(seed).standard_normal((N_DRAWS, n)) @ root.T
    scale = np.where(errors > 0.0, errors, 1.0)
    largest = (draws / scale).max(axis=1)
    pulls = np.array([d.value for d in differences]) / scale
    p_values = np.array([np.mean(largest >= pull) for pull in pulls])
    # A column that is missed for certain is no candidate of luck.
    contenders = pulls > -CERTAIN
    luck = draws[:, contenders].max(axis=1).mean() if contenders.any() else np.nan
    return p_values, float(luck)
