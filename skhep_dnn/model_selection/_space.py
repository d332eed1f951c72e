"""The space that a search proposes parameters from, and what they must keep to.

A space is a dictionary of distributions and choices, or a function of the trial for
parameters that depend on each other. Optuna sees only what it can store; the estimator
gets the values themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skhep_dnn.model_selection._limits import Limit

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

    from skhep_dnn.model_selection._dimensions import Dimension

__all__ = ["Distributions", "SearchSpace", "as_space"]

Distributions: TypeAlias = (
    "Mapping[str, object] | Callable[[BaseTrial], Mapping[str, object]]"
)


@dataclass(frozen=True, eq=False)
class SearchSpace:
    """Parameters of an estimator to search, with the limits that they must keep to.

    A search takes a dictionary or a function in its place; a space of this class is
    needed for limits only.

    Parameters
    ----------
    distributions : dict or callable
        For each parameter of the estimator one of: a distribution of Optuna; a `range`
        of whole numbers; a sequence of choices of any kind; a distribution of scipy,
        as `RandomizedSearchCV` takes them, of which a quantile is searched. Or a
        function that is called with the trial, asks it for numbers and choices, and
        returns the parameters in a dictionary; it may ask for choices of numbers,
        strings, True, False and None only, which can be stored.
    limits : dict of str to Limit, default=None
        What parameters must keep to before they are worth a training. They are looked
        at in this order.
    n_trials : int, default=None
        Number of points that the source of the space has tried, for information.

    Raises
    ------
    TypeError
        If something is of another kind.
    ValueError
        If there are no parameters, or there is nothing to choose from.

    See Also
    --------
    search_space : Spaces of published analyses.

    Examples
    --------
    >>> from optuna.distributions import FloatDistribution
    >>> from optuna.trial import FixedTrial
    >>> from skhep_dnn.model_selection import Limit, SearchSpace, network_size
    >>> space = SearchSpace(
    ...     {
    ...         "learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
    ...         "hidden_layer_sizes": [(64,), (32, 32)],
    ...     },
    ...     limits={"n_parameters": Limit(network_size, high=10_000)},
    ... )
    >>> trial = {"learning_rate": 0.001, "hidden_layer_sizes": "1: (32, 32)"}
    >>> space.suggest(FixedTrial(trial))
    {'learning_rate': 0.001, 'hidden_layer_sizes': (32, 32)}

    The width of each of several layers:

    >>> def layers(trial):
    ...     n_layers = trial.suggest_int("n_layers", 1, 3)
    ...     widths = [trial.suggest_int(f"width_{k}", 8, 64) for k in range(n_layers)]
    ...     return {"hidden_layer_sizes": widths}
    >>> trial = {"n_layers": 2, "width_0": 32, "width_1": 16}
    >>> SearchSpace(layers).suggest(FixedTrial(trial))
    {'hidden_layer_sizes': [32, 16]}
    """

    distributions: Distributions
    limits: Mapping[str, Limit] | None = None
    n_trials: int | None = None
    _dimensions: tuple[Dimension, ...] | None = field(
        default=None, init=False, repr=False
    )

    def __post_init__(self) -> None:
        """Refuse what nothing can be proposed from where it is written."""
        _check_limits(self.limits)
        if isinstance(self.distributions, Mapping):
            object.__setattr__(self, "_dimensions", _dimensions(self.distributions))
        elif not callable(self.distributions):
            msg = (
                "`param_distributions` must be a dictionary or a function of the "
                f"trial, got {self.distributions!r}. For a list of dictionaries write "
                "a function that chooses one of them."
            )
            raise TypeError(msg)

    def suggest(self, trial: BaseTrial) -> dict[str, Any]:
        """Return the parameters of the estimator in a trial.

        Parameters
        ----------
        trial : optuna.trial.BaseTrial
            A trial that is running, or a `FixedTrial` of what a finished one stores.

        Returns
        -------
        params : dict
            For `set_params` of the estimator.
        """
        if self._dimensions is not None:
            return {part.name: part.suggest(trial) for part in self._dimensions}
        function = cast("Callable[[BaseTrial], Any]", self.distributions)
        params = function(trial)
        if not isinstance(params, Mapping) or not all(
            isinstance(name, str) for name in params
        ):
            msg = (
                "The function of the trial must return a dictionary of parameters, got "
                f"{params!r}. Return their names and values."
            )
            raise TypeError(msg)
        if not params:
            raise ValueError(_NO_PARAMETERS)
        return dict(params)

    def restored(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of the estimator from those of a finished trial.

        Parameters
        ----------
        stored : dict
            `params` of a trial.

        Returns
        -------
        params : dict
        """
        from optuna.trial import FixedTrial  # noqa: PLC0415 - it is slow to load

        return self.suggest(FixedTrial(dict(stored)))

    def check_estimator(self, estimator: BaseEstimator) -> None:
        """Refuse parameters that an estimator does not have.

        Of a function of the trial they are not known before it is called.

        Parameters
        ----------
        estimator : estimator
            The estimator to search for.

        Raises
        ------
        ValueError
            If a parameter is unknown.
        """
        if self._dimensions is None:
            return
        names = {part.name for part in self._dimensions}
        known = estimator.get_params(deep=True)
        unknown = [name for name in sorted(names) if not _is_known(name, known, names)]
        if unknown:
            msg = (
                f"The parameters must be those of {type(estimator).__name__}, got "
                f"{unknown!r}. Its `get_params()` has {sorted(known)!r}; those of a "
                "step of a pipeline begin with the name of the step and `__`."
            )
            raise ValueError(msg)

    def excess(
        self, estimator: BaseEstimator, X: ArrayLike, y: ArrayLike
    ) -> dict[str, float]:
        """Return by how much each limit is exceeded, before any training.

        Parameters
        ----------
        estimator : estimator
            Unfitted, with the parameters of a trial set.
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Labels.

        Returns
        -------
        excess : dict of str to float
            Above 0 where a limit is exceeded, as Optuna has constraints. The limits
            after the first one that is exceeded are not computed, and have 0.
        """
        excess = dict.fromkeys(self.limits or {}, 0.0)
        for name, limit in (self.limits or {}).items():
            excess[name] = limit.excess(estimator, X, y)
            if excess[name] > 0.0:
                break
        return excess

    @property
    def n_points(self) -> int:
        """Number of points of the grid.

        Raises
        ------
        ValueError
            If a parameter is continuous or the space is a function of the trial.
        """
        return prod(len(values) for _, values in self._stored_axes())

    def stored_point(self, position: int) -> dict[str, Any]:
        """Return one point of the grid as a trial stores it.

        Parameters
        ----------
        position : int
            From 0; the last parameter in alphabetical order varies fastest, as in
            `sklearn.model_selection.ParameterGrid`.

        Returns
        -------
        params : dict
            Of the trial.

        Raises
        ------
        IndexError
            If the grid has fewer points.
        """
        axes = self._stored_axes()
        shape = [len(values) for _, values in axes]
        if not 0 <= position < prod(shape):
            msg = (
                f"The grid has {prod(shape)} points, counted from 0, got the position "
                f"{position}. End the search there."
            )
            raise IndexError(msg)
        positions = np.unravel_index(position, shape)
        return {
            name: values[int(k)]
            for (name, values), k in zip(axes, positions, strict=True)
        }

    def grid(self) -> list[dict[str, Any]]:
        """Return all points, if no parameter is continuous.

        Returns
        -------
        points : list of dict
            Parameters of the estimator, in the order of
            `sklearn.model_selection.ParameterGrid`.

        Raises
        ------
        ValueError
            If a parameter is continuous or the space is a function of the trial.
        """
        points = [self.stored_point(k) for k in range(self.n_points)]
        return [self.restored(point) for point in points]

    @property
    def has_numbers(self) -> bool:
        """Whether some parameter is a range of numbers; True of a function."""
        if self._dimensions is None:
            return True
        return any(part.is_numeric for part in self._dimensions)

    def _stored_axes(self) -> list[tuple[str, Sequence[Any]]]:
        if self._dimensions is None:
            msg = (
                "A grid must be of a dictionary of parameters, got a function of the "
                "trial. Take another sampler, or write the choices as a dictionary."
            )
            raise ValueError(msg)
        axes = []
        for part in sorted(self._dimensions, key=lambda part: part.name):
            values = part.stored_values()
            if values is None:
                msg = (
                    f"A grid must be of whole numbers, steps and choices, got {part!r} "
                    f"for {part.name!r}. List its values, or take another sampler."
                )
                raise ValueError(msg)
            axes.append((part.stored_name, values))
        return axes


_NO_PARAMETERS = "A search space must have parameters, got none. Add what to search."


def as_space(param_distributions: Distributions | SearchSpace) -> SearchSpace:
    """Search space from a dictionary, a function of the trial or a space.

    Parameters
    ----------
    param_distributions : dict, callable or SearchSpace
        What a search is given; see `SearchSpace`.

    Returns
    -------
    space : SearchSpace

    Raises
    ------
    TypeError
        If it is of another kind.
    ValueError
        If there are no parameters, or there is nothing to choose from.
    """
    if isinstance(param_distributions, SearchSpace):
        return param_distributions
    return SearchSpace(param_distributions)


def _dimensions(distributions: Mapping[str, object]) -> tuple[Dimension, ...]:
    # Optuna takes half a second to load, which only those who search shall wait for.
    from skhep_dnn.model_selection._dimensions import as_dimension  # noqa: PLC0415

    if not distributions:
        raise ValueError(_NO_PARAMETERS)
    for name in distributions:
        if not isinstance(name, str):
            msg = (
                f"The names of parameters must be strings, got {name!r}. Write it as "
                "in `get_params` of the estimator."
            )
            raise TypeError(msg)
    return tuple(as_dimension(name, given) for name, given in distributions.items())


def _check_limits(limits: Any) -> None:
    if limits is not None and not isinstance(limits, Mapping):
        msg = (
            f"`limits` must be a dictionary of names to `Limit`, got {limits!r}. Name "
            "each limit."
        )
        raise TypeError(msg)
    for name, limit in (limits or {}).items():
        if not isinstance(limit, Limit):
            msg = f"`limits[{name!r}]` must be a `Limit`, got {limit!r}. Make it one."
            raise TypeError(msg)


def _is_known(name: str, known: Collection[str], searched: Collection[str]) -> bool:
    """Whether a parameter exists, or belongs to one that is searched as well."""
    parts = name.split("__")
    owners = {"__".join(parts[:k]) for k in range(1, len(parts))}
    return name in known or not owners.isdisjoint(searched)
