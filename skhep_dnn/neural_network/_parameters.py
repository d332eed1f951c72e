"""The parameters of the networks: their constraints, and a constructor of them all."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.metrics import get_scorer_names

from skhep_dnn._sklearn import HasMethods, Interval, StrOptions
from skhep_dnn.metrics._metric_scorer import METRIC_NAMES
from skhep_dnn.neural_network._activations import ACTIVATIONS
from skhep_dnn.neural_network._architecture import Embedding
from skhep_dnn.neural_network._averaging import AVERAGES, Average
from skhep_dnn.neural_network._inputs import Categorical, Unknown
from skhep_dnn.neural_network._losses import LOSSES, Loss
from skhep_dnn.neural_network._modules import CONNECTIONS
from skhep_dnn.neural_network._optimizers import OPTIMIZERS
from skhep_dnn.neural_network._schedules import SCHEDULES, Schedule
from skhep_dnn.neural_network._scoring import Scorer
from skhep_dnn.neural_network._snapshots import SNAPSHOTS, Snapshots
from skhep_dnn.neural_network._split import FeatureSplit
from skhep_dnn.preprocessing import SymmetryAugmenter
from skhep_dnn.weights import ClassWeight, NegativeWeights

__all__ = ["NetworkParameters"]

SCORER_NAMES = {*get_scorer_names(), *METRIC_NAMES}


class NetworkParameters(BaseEstimator):
    """Base of the estimators that train networks; their docstrings say what each is."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "width": [Interval(Integral, 1, None, closed="left")],
        "width_growth": [Interval(Real, -1.0, None, closed="neither")],
        "hidden_layer_sizes": ["array-like", None],
        "activation": [StrOptions(set(ACTIVATIONS)), list, tuple],
        "connection": [StrOptions(set(CONNECTIONS))],
        "dropout": [Interval(Real, 0.0, 1.0, closed="left"), "array-like"],
        "batch_norm": ["boolean"],
        "embedding_size": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"n-1", "half"}),
        ],
        "loss": [StrOptions(set(LOSSES)), callable],
        "label_smoothing": [Interval(Real, 0.0, 1.0, closed="left")],
        "l1": [Interval(Real, 0.0, None, closed="left")],
        "l2": [Interval(Real, 0.0, None, closed="left")],
        "clip_norm": [Interval(Real, 0.0, None, closed="neither"), None],
        "optimizer": [StrOptions(set(OPTIMIZERS))],
        "learning_rate": [Interval(Real, 0.0, None, closed="neither")],
        "beta_1": [Interval(Real, 0.0, 1.0, closed="left")],
        "beta_2": [Interval(Real, 0.0, 1.0, closed="left")],
        "optimizer_eps": [Interval(Real, 0.0, None, closed="neither")],
        "momentum": [Interval(Real, 0.0, 1.0, closed="left")],
        "nesterov": ["boolean"],
        "weight_decay": [Interval(Real, 0.0, None, closed="left")],
        "schedule": [StrOptions(set(SCHEDULES)), callable],
        "averaging": [StrOptions(set(AVERAGES)), HasMethods("begin"), None],
        "snapshots": [StrOptions(set(SNAPSHOTS)), Snapshots, None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "evaluations_per_epoch": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "scoring": [
            StrOptions(set(get_scorer_names()) | set(METRIC_NAMES)),
            callable,
            None,
        ],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "validation_fraction": [Interval(Real, 0.0, 1.0, closed="neither"), None],
        "cv": ["cv_object"],
        "validate_on_fold": ["boolean"],
        "stratify": ["array-like", None],
        "member_weighting": [StrOptions({"uniform", "inverse_loss"})],
        "feature_groups": [FeatureSplit, None],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "handle_unknown": [StrOptions({"error", "mean"})],
        "missing_values": [Real],
        "augmenter": [HasMethods(["fit", "kernel"]), None],
        "negative_weights": [StrOptions({"keep", "zero", "abs", "error"})],
        "max_weight": [Interval(Real, 0.0, None, closed="neither"), None],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "signal_weight": [Interval(Real, 0.0, None, closed="neither")],
        "pos_label": "no_validation",
        "warm_start": ["boolean"],
        "callbacks": [list, None],
        "device": [str],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(  # noqa: PLR0915 - one statement for each parameter
        self,
        *,
        n_members: int = 1,
        n_layers: int = 4,
        width: int = 64,
        width_growth: float = 0.0,
        hidden_layer_sizes: Sequence[int] | None = None,
        activation: str | Sequence[str] = "swish",
        connection: Literal["plain", "dense", "residual"] = "dense",
        dropout: float | Sequence[float] = 0.3,
        batch_norm: bool = False,
        embedding_size: Embedding = "n-1",
        loss: Literal["cross_entropy", "focal"] | Loss = "cross_entropy",
        label_smoothing: float = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        clip_norm: float | None = None,
        optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam",
        learning_rate: float = 5e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        optimizer_eps: float = 1e-3,
        momentum: float = 0.9,
        nesterov: bool = True,
        weight_decay: float = 0.0,
        schedule: Literal["constant", "one_cycle", "cosine_restarts", "linear_cycles"]
        | Schedule = "one_cycle",
        averaging: Literal["ema", "swa"] | Average | None = None,
        snapshots: Literal["sse", "fge"] | Snapshots | None = None,
        batch_size: int = 256,
        max_epochs: int = 20,
        evaluations_per_epoch: int = 1,
        early_stopping: bool = False,
        scoring: str | Scorer | None = None,
        n_iter_no_change: int = 10,
        tol: float = 0.0,
        validation_fraction: float | None = None,
        cv: Any = None,
        validate_on_fold: bool = False,
        stratify: Sequence[int | str] | None = None,
        member_weighting: Literal["uniform", "inverse_loss"] = "uniform",
        feature_groups: FeatureSplit | None = None,
        categorical_features: Categorical = None,
        handle_unknown: Unknown = "error",
        missing_values: float = float("nan"),
        augmenter: SymmetryAugmenter | None = None,
        negative_weights: NegativeWeights = "keep",
        max_weight: float | None = None,
        class_weight: ClassWeight = "balanced",
        signal_weight: float = 1.0,
        pos_label: object = None,
        warm_start: bool = False,
        callbacks: list[Any] | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_members = n_members
        self.n_layers = n_layers
        self.width = width
        self.width_growth = width_growth
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.connection = connection
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.embedding_size = embedding_size
        self.loss = loss
        self.label_smoothing = label_smoothing
        self.l1 = l1
        self.l2 = l2
        self.clip_norm = clip_norm
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.optimizer_eps = optimizer_eps
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.averaging = averaging
        self.snapshots = snapshots
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.evaluations_per_epoch = evaluations_per_epoch
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.validation_fraction = validation_fraction
        self.cv = cv
        self.validate_on_fold = validate_on_fold
        self.stratify = stratify
        self.member_weighting = member_weighting
        self.feature_groups = feature_groups
        self.categorical_features = categorical_features
        self.handle_unknown = handle_unknown
        self.missing_values = missing_values
        self.augmenter = augmenter
        self.negative_weights = negative_weights
        self.max_weight = max_weight
        self.class_weight = class_weight
        self.signal_weight = signal_weight
        self.pos_label = pos_label
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
