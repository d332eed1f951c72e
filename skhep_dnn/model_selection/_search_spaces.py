"""Search spaces of published analyses, in the parameters of WeightedDNNClassifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from skhep_dnn.model_selection._limits import Limit, last_width, network_size
from skhep_dnn.model_selection._space import SearchSpace

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

__all__ = ["SEARCH_SPACES", "search_space"]


def search_space(name: str = "default", *, prefix: str = "") -> SearchSpace:
    """Search space of a published analysis, or a first one for any.

    The keys are parameters of `WeightedDNNClassifier`. What a source keeps constant,
    and this classifier has another default for, is in the space with a single value.
    Passes, early stopping, folds and ensembles are left to the estimator unless they
    are named here.

    Parameters
    ----------
    name : {"default", "qcd", "standard_model", "ssww", "higgsml", "tH", "tH_bsm"}, \
            default="default"
        - "default": learning rate and dropout. On three tables a search of 20 trials
          found as much in it as in spaces with the shape of the networks, `l2`,
          batches or passes as well, or more: on two of them the luckiest trial of
          these was worse on unseen events than the classifier with its defaults.
        - "qcd", "standard_model": the search of [1]_, Sec. 2 and its appendix, for the
          network of 5 inputs against multi-jet QCD events and for the one of 50 inputs
          for single top quarks. The printed ranges are the same for both. They have
          no epsilon of Adam: `optimizer_eps` stays that of the classifier.
        - "ssww": the 11 free parameters of [2]_, for the polarisation of same-sign WW:
          layers, neurons, dropout, L1 and L2, batch size, the learning rate and the
          three other parameters of Adam, and the weight of the signal. Their ranges are
          not printed; these are ours. The schedules of its population-based training
          are no points of a space.
        - "higgsml": the random search of [3]_, Sec. 3.10.2, in densely connected
          networks with Swish and the one-cycle policy: 350 points of three networks
          each, with between 5e3 and 1e5 parameters and a last hidden layer wider than
          one. The L2 constants are those before the printed factor 1e-5, which is
          about the mean weight of an event there, where each class has the sum 1: here
          the mean weight is 1. Whether they multiply half of the sum of squares is not
          said. A growth of exactly 1 is excluded there, and is not here.
        - "tH", "tH_bsm": the evolution of [4]_, for the signal in the Standard Model
          and beyond; the space is the same and `n_trials` is that of the generations
          after which its networks were found, 16 and 10 of 30 individuals. Layers have
          widths and activations of their own. Printed are the options and what was
          found, not the ranges: widths are multiples of 16 up to 1600, batches have up
          to 256 events, and there are up to 5 layers. Widths and activations of layers
          that a network does not have are drawn as well, so that a mutation of
          `n_layers` brings inherited ones back. The choice of input variables, the
          number of iterations and the second output of its networks have no
          counterpart here.
    prefix : str, default=""
        Written before the keys, such as `dnn__` for the step of a pipeline.

    Returns
    -------
    space : SearchSpace
        For `param_distributions` of a search.

    Raises
    ------
    ValueError
        If the name is unknown.

    References
    ----------
    .. [1] L. Dudko, P. Volkov, G. Vorotnikov, A. Zaborenko, "Application of Deep
       Learning Technique to an Analysis of Hard Scattering Processes at Colliders",
       DLCP'21, CEUR Workshop Proceedings.
    .. [2] E. Bachmann, "Automated Hyperparameter Optimization of Neural Networks for
       ATLAS analyses", DPG Spring Meeting, Dresden 2023, T 63.1.
    .. [3] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427.
    .. [4] V. Kiseeva et al., "Automatic optimization of neural network parameters for
       data analysis of the Large Hadron Collider"; I. R. Boiko et al., Phys. Part.
       Nuclei Lett. 21, 481-488 (2024).

    Examples
    --------
    >>> from skhep_dnn.model_selection import search_space
    >>> space = search_space("qcd", prefix="dnn__")
    >>> sorted(space.distributions)[:3]
    ['dnn__activation', 'dnn__connection', 'dnn__dropout']
    >>> space.n_points
    2800
    >>> search_space("higgsml").n_trials
    350
    """
    if not isinstance(name, str) or name not in SEARCH_SPACES:
        msg = (
            f"`name` must be one of {sorted(SEARCH_SPACES)!r}, got {name!r}. Name one "
            "of them; a space of your own is passed to the search itself."
        )
        raise ValueError(msg)
    space = SEARCH_SPACES[name]()
    return _prefixed(space, prefix) if prefix else space


def _default() -> SearchSpace:
    # Chosen by benchmarks/bench_search_spaces.py.
    from optuna.distributions import (  # noqa: PLC0415 - it is slow to load
        FloatDistribution,
    )

    return SearchSpace(
        {
            "learning_rate": FloatDistribution(5e-4, 2e-2, log=True),
            "dropout": FloatDistribution(0.0, 0.5),
        }
    )


def _top() -> SearchSpace:
    from optuna.distributions import FloatDistribution  # noqa: PLC0415

    return SearchSpace(
        {
            "n_layers": range(1, 8),
            "width": range(50, 1001, 50),
            "activation": ["relu", "tanh"],
            "dropout": FloatDistribution(0.1, 0.5, step=0.1),
            "learning_rate": [1e-2, 1e-3],
            "connection": ["plain"],
            "optimizer": ["adam"],
            "schedule": ["constant"],
        }
    )


def _ssww() -> SearchSpace:
    from optuna.distributions import (  # noqa: PLC0415
        FloatDistribution,
        IntDistribution,
    )

    return SearchSpace(
        {
            "n_layers": range(1, 7),
            "width": IntDistribution(16, 512, log=True),
            "dropout": FloatDistribution(0.0, 0.5),
            "l1": FloatDistribution(1e-8, 1e-3, log=True),
            "l2": FloatDistribution(1e-8, 1e-3, log=True),
            "batch_size": [64, 128, 256, 512, 1024, 2048],
            "learning_rate": FloatDistribution(1e-4, 3e-2, log=True),
            "beta_1": FloatDistribution(0.8, 0.99),
            "beta_2": FloatDistribution(0.9, 0.9999),
            "optimizer_eps": FloatDistribution(1e-8, 1e-2, log=True),
            "signal_weight": FloatDistribution(0.1, 10.0, log=True),
            "connection": ["plain"],
            "optimizer": ["adam"],
            "schedule": ["constant"],  # one_cycle would move beta_1
        }
    )


def _higgsml() -> SearchSpace:
    from optuna.distributions import FloatDistribution  # noqa: PLC0415

    return SearchSpace(
        {
            "n_layers": range(2, 9),
            "width": range(33, 101),
            "width_growth": FloatDistribution(-0.2, 1.0),
            "l2": [0.0, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6],
            "dropout": [0.0, 0.05, 0.1, 0.25, 0.5],
            "n_members": [3],
            "connection": ["dense"],
            "activation": ["swish"],
            "schedule": ["one_cycle"],
            "learning_rate": [1e-2],
            "batch_size": [256],
        },
        # Networks with a last layer of no width have no size.
        limits={
            "last_width": Limit(last_width, low=2),
            "n_parameters": Limit(network_size, low=5_001, high=99_999),
        },
        n_trials=350,
    )


_MOST_LAYERS = 5
_POPULATION_SIZE = 30


def _evolved_layers(trial: BaseTrial) -> dict[str, Any]:
    """Parameters of a network whose layers have widths and activations of their own."""
    n_layers = trial.suggest_int("n_layers", 1, _MOST_LAYERS)
    # Also those of layers that are not there: each individual has the same genes.
    widths = [
        trial.suggest_int(f"width_{k}", 16, 1600, step=16) for k in range(_MOST_LAYERS)
    ]
    activations = [
        trial.suggest_categorical(f"activation_{k}", ("relu", "softmax", "exponential"))
        for k in range(_MOST_LAYERS)
    ]
    return {
        "hidden_layer_sizes": tuple(widths[:n_layers]),
        "activation": tuple(activations[:n_layers]),
        "optimizer": trial.suggest_categorical("optimizer", ("adam", "sgd", "rmsprop")),
        "batch_size": trial.suggest_int("batch_size", 16, 256),
        "connection": "plain",
    }


def _th() -> SearchSpace:
    return SearchSpace(_evolved_layers, n_trials=16 * _POPULATION_SIZE)


def _th_bsm() -> SearchSpace:
    return SearchSpace(_evolved_layers, n_trials=10 * _POPULATION_SIZE)


SEARCH_SPACES: dict[str, Callable[[], SearchSpace]] = {
    "default": _default,
    "qcd": _top,
    "standard_model": _top,
    "ssww": _ssww,
    "higgsml": _higgsml,
    "tH": _th,
    "tH_bsm": _th_bsm,
}


@dataclass(frozen=True)
class _Prefixed:
    """A function of the trial, whose parameters get a prefix."""

    function: Callable[[BaseTrial], Mapping[str, Any]]
    prefix: str

    def __call__(self, trial: BaseTrial) -> dict[str, Any]:
        """Return the parameters of the step."""
        params = self.function(trial)
        return {f"{self.prefix}{name}": value for name, value in params.items()}


def _prefixed(space: SearchSpace, prefix: str) -> SearchSpace:
    given = space.distributions
    if isinstance(given, Mapping):
        keys = {f"{prefix}{name}": value for name, value in given.items()}
        return replace(space, distributions=keys)
    return replace(space, distributions=_Prefixed(given, prefix))
