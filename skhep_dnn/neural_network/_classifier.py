"""The classifier for weighted events: an ensemble of networks trained as one batch.

The estimator owns what scikit-learn expects (flat parameters, labels, columns, weights)
and hands clean arrays to the engine; the engine (`_training`, `_net`) knows neither
labels nor DataFrames.
"""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags, check_random_state, column_or_1d
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._sklearn import Interval, StrOptions, _fit_context
from skhep_dnn._validation import check_event_weights
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.neural_network._activations import ACTIVATIONS
from skhep_dnn.neural_network._architecture import Embedding
from skhep_dnn.neural_network._checks import (
    Sample,
    check_explicit,
    check_options,
    check_table,
    check_training,
)
from skhep_dnn.neural_network._inputs import Categorical
from skhep_dnn.neural_network._losses import LOSSES, Loss
from skhep_dnn.neural_network._modules import CONNECTIONS
from skhep_dnn.neural_network._net import MemberNet
from skhep_dnn.neural_network._optimizers import OPTIMIZERS
from skhep_dnn.neural_network._plan import plan_groups
from skhep_dnn.neural_network._prediction import ensemble_logits, out_of_fold_logits
from skhep_dnn.neural_network._results import (
    joined_history,
    joined_net,
    member_weights,
    warn_of_divergence,
)
from skhep_dnn.neural_network._schedules import SCHEDULES, Schedule
from skhep_dnn.neural_network._training import train_groups
from skhep_dnn.weights import ClassWeight, NegativeWeights

__all__ = ["WeightedDNNClassifier"]


class WeightedDNNClassifier(ClassifierMixin, BaseEstimator):
    """Deep neural network, or an ensemble of them, for weighted events.

    A binary classifier for tables of simulated events whose weights may be negative
    and span orders of magnitude. Raw columns go in: undefined values are filled,
    columns standardised and categories embedded inside the network. The members of
    an ensemble are trained together, as one batch of matrix products.

    Parameters
    ----------
    n_members : int, default=1
        Number of networks; their probabilities are averaged.
    n_layers : int, default=4
        Number of hidden layers.
    width : int, default=64
        Outputs of each hidden layer.
    width_growth : float, default=0.0
        Growth of the width: layer d, from 0, has `width * (1 + d * width_growth)`
        outputs.
    hidden_layer_sizes : sequence of int, default=None
        Outputs of each hidden layer one by one; replaces `n_layers`, `width` and
        `width_growth`.
    activation : {"relu", "prelu", "selu", "swish", "swish_learnt", "gelu", "tanh", \
            "sigmoid", "exponential", "softmax"} or sequence of them, default="swish"
        Activation of all hidden layers, or of each; each has its own initialisation.
        "swish_learnt" learns the beta of `x * sigmoid(beta * x)`, "prelu" the slope
        for negative values, one number for each layer.
    connection : {"plain", "dense", "residual"}, default="dense"
        What a hidden layer sees: the layer before; the inputs and all layers before;
        or the layer before, to which its output is added (layers of equal width).
    dropout : float or sequence of float, default=0.3
        Probability to drop a hidden output in training, in [0, 1), for all layers or
        for each; rounded to 1/256.
    embedding_size : int, "n-1" or "half", default="n-1"
        Numbers that stand for a category: a fixed number, one less than there are
        categories, or half as many, rounded up and at most 50.
    loss : {"cross_entropy", "focal"} or callable, default="cross_entropy"
        Loss of each event. A callable, such as `FocalLoss(gamma=1.0)`, maps logits and
        targets (0 or 1), both of shape (n_members, n_batch), to losses of that shape;
        the weights are applied to them.
    label_smoothing : float, default=0.0
        Share of each event that counts, in training, as half of either class, in
        [0, 1).
    l1, l2 : float, default=0.0
        Factors of the sum of `|w|` and of the sum of `w**2` over the weights of a
        member, without biases, added to its mean loss.
    clip_norm : float, default=None
        Largest norm of the gradients of one member; None does not clip.
    optimizer : {"adam", "adamw", "rmsprop", "sgd"}, default="adam"
        Optimiser; each uses those of the next parameters that it knows.
    learning_rate : float, default=5e-3
        Step size; the highest one of a schedule.
    beta_1 : float, default=0.9
        Decay of the mean gradient (adam, adamw). The schedule "one_cycle" moves it.
    beta_2 : float, default=0.999
        Decay of the mean squared gradient (adam, adamw, rmsprop).
    optimizer_eps : float, default=1e-3
        Added to the root of that mean (adam, adamw, rmsprop), for training weights
        with a mean `|w|` of 1.
    momentum : float, default=0.9
        Momentum of sgd. The schedule "one_cycle" moves it, unless it is 0.
    nesterov : bool, default=True
        Whether sgd with momentum looks ahead.
    weight_decay : float, default=0.0
        Decoupled decay of adamw, relative to the learning rate; see `l2` for others.
    schedule : {"constant", "one_cycle"} or callable, default="one_cycle"
        Course of the learning rate: constant, or one warm-up and one decay to zero
        over `max_epochs`. A callable, such as `OneCycle(warm_up=0.2)`, maps the
        progress from 0 to 1 to a factor on the learning rate and to the momentum,
        None to leave it.
    batch_size : int, default=256
        Largest number of events in a batch of one member.
    max_epochs : int, default=20
        Number of passes over the training events.
    early_stopping : bool, default=False
        Stop a member when its validation loss has not improved for
        `n_iter_no_change` epochs. Without effect under "one_cycle", whose cycle
        always runs to its end. The best epoch of a member is kept in any case
        where it has a validation sample, and the last one where it has none.
    n_iter_no_change : int, default=10
        Patience, in epochs.
    tol : float, default=0.0
        Decrease of the validation loss that ends the waiting.
    validation_fraction : float, default=None
        Share of the training events that each member holds out, drawn at random
        within each class, to validate on.
    cv : int, splitter or iterable, default=None
        Folds: member k leaves out fold k modulo their number and validates on it; an
        int means stratified, shuffled folds. With `validation_fraction` as well, it
        validates on a part of its own training folds instead and its fold stays
        untouched.
    member_weighting : {"uniform", "inverse_loss"}, default="uniform"
        Weights of the members in the mean: equal, or one over the best validation
        loss.
    categorical_features : sequence of str, int or bool, "from_dtype" or None, \
            default=None
        Columns of categories (numbers or strings), by name, position or mask, or the
        columns of a DataFrame that have the dtype "category". Each is embedded in
        `embedding_size` numbers.
    missing_values : float, default=nan
        Value that marks an undefined entry, such as -999.0; nan always does.
    negative_weights : {"keep", "zero", "abs", "error"}, default="keep"
        What becomes of negative weights in training; see
        `skhep_dnn.weights.training_weights`. Validation uses them as they are.
    max_weight : float, default=None
        Cap on training weights, in units of the mean `|w|` of the event's class.
    class_weight : "balanced", dict or None, default="balanced"
        Equal sums of training weights, a factor for each class, or none.
    signal_weight : float, default=1.0
        Additional factor on the training weights of the signal.
    pos_label : label, default=None
        The signal; None takes `classes_[1]`. It matters for `signal_weight` only:
        `decision_function` always points to `classes_[1]`, as in scikit-learn.
    callbacks : list of skorch callbacks, default=None
        Copied for each group of members, with the group's number in `group_`; the
        copies are in `callbacks_` after the fit.
    device : str, default="cpu"
        Torch device, or "auto" for an accelerator where there is one.
    n_jobs : int, default=None
        Number of processes in training and of threads in prediction; it has no
        effect on the results. None means 1 unless in a `joblib.parallel_config`.
    random_state : int, RandomState or None, default=None
        Seed of folds, initial weights, event order and dropout.
    verbose : int, default=0
        1 shows a progress bar with the weighted losses.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        Class labels, sorted.
    net_ : skorch.NeuralNet
        The trained members in one net; `net_.module_` is the torch module.
    history_ : DataFrame
        For each member and epoch: mean weighted training loss, validation loss (with
        "cross_entropy" the balanced log-loss), learning rate, and whether the epoch
        was kept.
    member_weights_ : ndarray of shape (n_members,)
        Weights of the members in the mean.
    best_loss_ : ndarray of shape (n_members,)
        Lowest validation loss of each member; nan without a validation sample.
    best_epoch_ : ndarray of shape (n_members,)
        The epoch that was kept, from 1.
    oof_decision_function_ : ndarray of shape (n_samples,)
        Logit of each training event by the members that it decided nothing for,
        neither weights nor the best epoch; nan without one. Only with `cv` and
        `validation_fraction`: with `cv` alone a fold decides the best epoch.
    n_parameters_ : int
        Number of parameters that one member learns.
    n_iter_ : ndarray of shape (n_members,)
        Number of epochs until the member's patience or the training ended.
    weight_report_ : DataFrame
        Yield, number of events and of effective events, share of negative weights
        and largest share of one event, by member, sample and class.
    callbacks_ : list of list
        The callbacks of each group.
    encoder_ : object
        What turns `X` into the columns of the network; `encoder_.categories_` lists
        the known categories of each column of them.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where `X` has them.

    See Also
    --------
    skhep_dnn.pipeline.make_weighted_pipeline : Pipeline that passes weights on.
    skhep_dnn.metrics.make_significance_scorer : Scorer for weighted events.

    Notes
    -----
    `sample_weight` always means the physics weight. Training weights are derived
    from it in one order: zero weights dropped, `negative_weights`, `max_weight`,
    `class_weight`, `signal_weight`, and one constant so that the mean of `|w|` is 1.
    The unit of the weights therefore does not matter.

    The same seed gives the same bits for any `n_jobs` and joblib backend.

    References
    ----------
    .. [1] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> events = make_gaussian_events(2000, random_state=0)
    >>> model = WeightedDNNClassifier(
    ...     n_layers=2, width=16, max_epochs=5, random_state=0
    ... )
    >>> model.fit(events.data, events.target, sample_weight=events.sample_weight)
    WeightedDNNClassifier(max_epochs=5, n_layers=2, random_state=0, width=16)
    >>> model.predict_proba(events.data[:3]).shape
    (3, 2)
    """

    net_: MemberNet
    oof_decision_function_: NDArray[np.float64]

    __metadata_request__fit: ClassVar = {"sample_weight": True}
    __metadata_request__score: ClassVar = {"sample_weight": True}

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "width": [Interval(Integral, 1, None, closed="left")],
        "width_growth": [Interval(Real, -1.0, None, closed="neither")],
        "hidden_layer_sizes": ["array-like", None],
        "activation": [StrOptions(set(ACTIVATIONS)), list, tuple],
        "connection": [StrOptions(set(CONNECTIONS))],
        "dropout": [Interval(Real, 0.0, 1.0, closed="left"), "array-like"],
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
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "validation_fraction": [Interval(Real, 0.0, 1.0, closed="neither"), None],
        "cv": ["cv_object"],
        "member_weighting": [StrOptions({"uniform", "inverse_loss"})],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "missing_values": [Real],
        "negative_weights": [StrOptions({"keep", "zero", "abs", "error"})],
        "max_weight": [Interval(Real, 0.0, None, closed="neither"), None],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "signal_weight": [Interval(Real, 0.0, None, closed="neither")],
        "pos_label": "no_validation",
        "callbacks": [list, None],
        "device": [str],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
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
        schedule: Literal["constant", "one_cycle"] | Schedule = "one_cycle",
        batch_size: int = 256,
        max_epochs: int = 20,
        early_stopping: bool = False,
        n_iter_no_change: int = 10,
        tol: float = 0.0,
        validation_fraction: float | None = None,
        cv: Any = None,
        member_weighting: Literal["uniform", "inverse_loss"] = "uniform",
        categorical_features: Categorical = None,
        missing_values: float = float("nan"),
        negative_weights: NegativeWeights = "keep",
        max_weight: float | None = None,
        class_weight: ClassWeight = "balanced",
        signal_weight: float = 1.0,
        pos_label: object = None,
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
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.validation_fraction = validation_fraction
        self.cv = cv
        self.member_weighting = member_weighting
        self.categorical_features = categorical_features
        self.missing_values = missing_values
        self.negative_weights = negative_weights
        self.max_weight = max_weight
        self.class_weight = class_weight
        self.signal_weight = signal_weight
        self.pos_label = pos_label
        self.callbacks = callbacks
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train all members.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events. Undefined values may be nan, None or `missing_values`.
        y : array-like of shape (n_samples,)
            Two kinds of labels of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights; None counts each event once. An event of weight zero is
            as good as absent.
        X_val, y_val, sample_weight_val : array-like, default=None
            An explicit validation sample for all members.

        Returns
        -------
        self : WeightedDNNClassifier

        Raises
        ------
        ValueError
            If `X` or `y` is not what is described above, options contradict each
            other, or weights cannot be used (`WeightsError`).
        NonFiniteLossError
            If a loss becomes nan or infinite.

        Warns
        -----
        LowStatisticsWarning
            If a class has fewer than 10 effective events for some member.
        DivergenceWarning
            If negative weights drove a training loss below zero and no validation
            sample picked the epoch.
        """
        self.__dict__.pop("net_", None)  # a failed fit leaves no half-new model
        check_options(self, explicit=X_val is not None)
        sample = check_training(self, X, y, sample_weight)
        explicit = check_explicit(self, X_val, y_val, sample_weight_val)
        random_state = check_random_state(self.random_state)
        plan = plan_groups(self, sample, explicit, random_state)
        results = train_groups(
            plan.groups, callbacks=self.callbacks or [], n_jobs=self.n_jobs
        )
        best_loss = np.concatenate([result.best_loss for result in results])
        self.member_weights_ = member_weights(self.member_weighting, best_loss)
        self.best_loss_ = best_loss
        self.best_epoch_ = np.concatenate([result.best_epoch for result in results])
        self.n_iter_ = np.concatenate([result.n_epochs for result in results])
        self.history_ = joined_history(results)
        self.weight_report_ = plan.report
        self.callbacks_ = [result.callbacks for result in results]
        self.net_ = joined_net(plan.groups, results)
        learnt = self.net_.module_.parameters()
        self.n_parameters_ = sum(p.numel() for p in learnt) // self.n_members
        self._score_out_of_fold(sample, plan.untouched)
        warn_of_divergence(self.history_)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Logit of the mean probability of `classes_[1]`.

        It never saturates: use it, not the probability, to rank signal-like events.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        y_score : ndarray of shape (n_samples,)
            Positive where `classes_[1]` is the more probable one.
        """
        check_is_fitted(self, "net_")
        table = check_table(self, X, reset=False)
        columns = self.encoder_.transform(table, self)
        return ensemble_logits(
            self.net_.module_, columns, self.member_weights_, self.n_jobs
        )

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class, on the prior of the training weights.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        probability : ndarray of shape (n_samples, 2)
            In the order of `classes_`. With `class_weight="balanced"` both classes
            are equally probable beforehand.
        """
        logit = self.decision_function(X)
        return np.column_stack([expit(-logit), expit(logit)])

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """More probable class of each event.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        is_second = self.decision_function(X) > 0.0
        return self.classes_[is_second.astype(np.intp)]

    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Weighted accuracy: the sum of weights classified right over the sum of all.

        Negative weights count as they are, in both sums; the accuracy can then lie
        outside [0, 1].

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            True labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights; None counts each event once.

        Returns
        -------
        accuracy : float

        Raises
        ------
        WeightsError
            If the weights do not sum to more than zero.
        """
        labels = column_or_1d(y)
        weights = check_event_weights(sample_weight, len(labels))
        total = float(weights.sum())
        if not total > 0.0:
            msg = (
                f"`sample_weight` must sum to more than zero, got {total:.6g}. Score "
                "a sample whose positive weights outweigh the negative ones."
            )
            raise WeightsError(msg)
        return accuracy_score(labels, self.predict(X), sample_weight=weights)

    def _score_out_of_fold(
        self, sample: Sample, untouched: list[NDArray[np.int64]]
    ) -> None:
        if hasattr(self, "oof_decision_function_"):
            del self.oof_decision_function_
        if self.cv is None or not any(len(rows) for rows in untouched):
            return
        module, weights = self.net_.module_, self.member_weights_
        logits = np.full(len(sample.position), np.nan)
        logits[sample.position >= 0] = out_of_fold_logits(
            module, sample.columns, untouched, weights, self.n_jobs
        )
        self.oof_decision_function_ = logits

    def __sklearn_tags__(self) -> Tags:
        """Return scikit-learn's tags: binary only, undefined values allowed."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = self.categorical_features is not None
        return tags
