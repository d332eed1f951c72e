"""Samplers by name, made anew for every trial.

Optuna's samplers draw from a random state in the instance, which a killed search loses.
Made anew for every trial, with a seed of the search's own seed and the position of the
trial, a sampler knows only what the storage knows: a search that was killed and goes on
proposes what it would have proposed anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    GPSampler,
    NSGAIISampler,
    RandomSampler,
    TPESampler,
)

from skhep_dnn.model_selection._space import SearchSpace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna import Study
    from optuna.trial import FrozenTrial, TrialState

__all__ = ["SAMPLERS", "SamplerRule", "grid_size", "make_sampler", "trial_seed"]

SamplerRule: TypeAlias = str | BaseSampler | Callable[[int], BaseSampler]

SAMPLERS = ("random", "grid", "tpe", "gp", "cmaes", "evolutionary")

# The number of individuals in the evolution of tH networks (V. Kiseeva, "Automatic
# optimization of neural network parameters for data analysis of the Large Hadron
# Collider").
_POPULATION_SIZE = 30


def make_sampler(
    sampler: SamplerRule,
    seed: int,
    space: SearchSpace,
    *,
    position: int | None = None,
) -> BaseSampler:
    """Sampler for one trial.

    Except of an instance, proposals depend on nothing but the seed, the position and
    the trials in the storage. Trials of a killed process must be told as failed before
    the next one is asked for: running ones count as pending.

    Parameters
    ----------
    sampler : {"random", "grid", "tpe", "gp", "cmaes", "evolutionary"}, callable or \
            optuna.samplers.BaseSampler
        - "random" draws each parameter by itself.
        - "grid" walks through the points of a space without continuous parameters.
        - "tpe" compares the density of good points with that of the others, of all
          parameters together. Those that not every trial has are drawn one by one.
        - "gp" models the score by a Gaussian process with noise and takes the point of
          the largest expected improvement.
        - "cmaes" adapts the covariance of a normal distribution of the numbers; whole
          numbers are rounded. Choices, and parameters that not every trial has, are
          drawn by "tpe" one by one.
        - "evolutionary" breeds generations of 30 by selection, crossover and mutation
          (a parameter is drawn anew). Parameters that not every trial has are drawn at
          random, and so is the first generation.
        - A function of the seed returns a sampler.
        - A sampler is taken as it is. What it draws depends on how often it was asked
          before, which a search that was killed does not know.
    seed : int
        Seed of this trial; see `trial_seed`.
    space : SearchSpace
        What is searched.
    position : int or None, default=None
        Number of the trial among those that are not repetitions, from 0; None for the
        number that Optuna gave it.

    Returns
    -------
    sampler : optuna.samplers.BaseSampler

    Raises
    ------
    TypeError
        If `sampler` is of another kind, or the function returns something else.
    ValueError
        If the name is unknown, or the space does not fit the sampler.
    """
    if isinstance(sampler, BaseSampler):
        return sampler
    if isinstance(sampler, str):
        return _by_name(sampler, seed, space, position)
    if not callable(sampler):
        msg = (
            f"`sampler` must be one of {SAMPLERS!r}, a function of the seed or a "
            f"sampler of Optuna, got {sampler!r}. Name one."
        )
        raise TypeError(msg)
    made = sampler(seed)
    if not isinstance(made, BaseSampler):
        msg = (
            f"`sampler` must return a sampler of Optuna, got {made!r}. Return one that "
            "is made with the seed."
        )
        raise TypeError(msg)
    return made


def trial_seed(random_state: int, position: int) -> int:
    """Seed of one trial of a search.

    Parameters
    ----------
    random_state : int
        Seed of the search.
    position : int
        Number of the trial, from 0.

    Returns
    -------
    seed : int
        In [0, 2**32).
    """
    sequence = np.random.SeedSequence([random_state, position])
    return int(sequence.generate_state(1)[0])


def grid_size(sampler: SamplerRule, space: SearchSpace) -> int | None:
    """Number of trials after which nothing is left to propose.

    Parameters
    ----------
    sampler : str, callable or optuna.samplers.BaseSampler
        See `make_sampler`.
    space : SearchSpace
        What is searched.

    Returns
    -------
    n_points : int or None
        None except of "grid".

    Raises
    ------
    ValueError
        If the space has a continuous parameter and the sampler is "grid".
    """
    return space.n_points if isinstance(sampler, str) and sampler == "grid" else None


def _by_name(
    name: str, seed: int, space: SearchSpace, position: int | None
) -> BaseSampler:
    if name not in SAMPLERS:
        msg = f"`sampler` must be one of {SAMPLERS!r}, got {name!r}. Name one of them."
        raise ValueError(msg)
    if name == "random":
        return RandomSampler(seed=seed)
    if name == "grid":
        return _GridSampler(space, position)
    if name == "tpe":
        return TPESampler(seed=seed)
    if name == "gp":
        # Scores of trained networks are noisy.
        return GPSampler(
            seed=seed, deterministic_objective=False, warn_independent_sampling=False
        )
    if name == "evolutionary":
        return _EvolutionarySampler(seed=seed, population_size=_POPULATION_SIZE)
    if not space.has_numbers:
        msg = (
            'The space of "cmaes" must have a range of numbers, got choices alone: '
            f'{space!r}. Take "tpe".'
        )
        raise ValueError(msg)
    return _CmaEsSampler(seed, position)


class _GridSampler(BaseSampler):
    """Proposes the points of a grid, in order."""

    def __init__(self, space: SearchSpace, position: int | None) -> None:
        self._space = space
        self._position = position
        _ = space.n_points  # refuses what has no grid before the first trial

    def infer_relative_search_space(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
    ) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,  # noqa: ARG002
    ) -> Any:
        position = trial.number if self._position is None else self._position
        return self._space.stored_point(position)[param_name]


class _EvolutionarySampler(NSGAIISampler):
    """NSGA-II whose parents are in the order of their numbers.

    Optuna has them in that order where the study knows the parents already, and in the
    order of their ranks where it finds them: the first trial of a generation, or one
    after the storage was lost, would be bred from others than by its seed.
    """

    def get_parent_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        parents = super().get_parent_population(study, generation)
        return sorted(parents, key=lambda trial: trial.number)


class _CmaEsSampler(CmaEsSampler):
    """CMA-ES whose draws know a trial by its position, and which has no warnings.

    Optuna adds the number of the trial to the seed, which is another one after a trial
    was repeated. It warns of constraints that it does not use, in every trial.
    """

    def __init__(self, seed: int, position: int | None) -> None:
        others = TPESampler(seed=seed)
        super().__init__(
            seed=seed, independent_sampler=others, warn_independent_sampling=False
        )
        self._position = position

    def sample_relative(
        self,
        study: Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        if self._position is not None:
            trial = copy(trial)
            trial.number = self._position
        return super().sample_relative(study, trial, search_space)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        self._independent_sampler.after_trial(study, trial, state, values)
