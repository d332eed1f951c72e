"""The classifier for weighted events: an ensemble of networks trained as one batch.

The estimator owns what scikit-learn expects (flat parameters, labels, columns, weights)
and is the only one that sets learned attributes. `_preparation` turns a table into
records of members, `_engine` trains them and knows neither labels nor tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import fields, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import get_scorer_names
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._event_sample import (
    EventSample,
    Targets,
    check_event_sample,
    check_two_classes,
    has_validation_sample,
)
from skhep_dnn._fit_tasks import CallbackSupportMixin, FitTask, has_callbacks
from skhep_dnn._fold_numbers import as_splitter
from skhep_dnn._learnt_table import LearntTable
from skhep_dnn._logits import (
    labels,
    log_probability,
    probabilities,
    weighted_accuracy,
)
from skhep_dnn._messages import shown
from skhep_dnn._sklearn import (
    HasMethods,
    Interval,
    StrOptions,
    _fit_context,
    clone_sharing,
)
from skhep_dnn._tables import check_table, column_positions
from skhep_dnn._told_columns import tell, warns_once
from skhep_dnn._warnings import WarnsOnce, warn_caller
from skhep_dnn.exceptions import (
    CancellingWeightsWarning,
    DivergenceWarning,
    IgnoredParameterWarning,
    UnscoredEventsWarning,
    WeightsError,
)
from skhep_dnn.metrics._metric_scorer import METRIC_NAMES
from skhep_dnn.neural_network._activations import ACTIVATIONS, activation_names
from skhep_dnn.neural_network._averaging import AVERAGES, Average
from skhep_dnn.neural_network._engine.callbacks import (
    check_callbacks,
    check_monitors,
    note_copies,
)
from skhep_dnn.neural_network._engine.data import Events, Member, MemberSample
from skhep_dnn.neural_network._engine.net import MemberNet
from skhep_dnn.neural_network._engine.one_pass import train_one_pass
from skhep_dnn.neural_network._engine.prediction import (
    ensemble_logits,
    out_of_fold_logits,
)
from skhep_dnn.neural_network._engine.results import (
    Evaluation,
    TrainedMembers,
    member_states,
)
from skhep_dnn.neural_network._engine.settings import (
    TrainingSettings,
    check_same_networks,
)
from skhep_dnn.neural_network._engine.training import MemberTraining, train_members
from skhep_dnn.neural_network._feature_split import FeatureSplit
from skhep_dnn.neural_network._html_diagram import network_diagram
from skhep_dnn.neural_network._losses import LOSSES, Loss
from skhep_dnn.neural_network._networks.inputs import SCALINGS
from skhep_dnn.neural_network._networks.network import CONNECTIONS
from skhep_dnn.neural_network._networks.shapes import (
    Embedding,
    columns_of_inputs,
    embedding_width,
    hidden_widths,
    layer_dropout,
    split_layout,
)
from skhep_dnn.neural_network._numeric_embedding import (
    EMBEDDINGS,
    NumericEmbedding,
    PeriodicEmbedding,
    PiecewiseLinearEmbedding,
)
from skhep_dnn.neural_network._optimizers import OPTIMIZERS
from skhep_dnn.neural_network._parameter_checks import (
    FIXED_AFTER_A_FIT,
    FIXED_IN_A_STREAM,
    FIXED_IN_A_WARM_START,
    check_left_at_default,
    check_splits,
    check_unchanged,
    check_without_validation,
    copied_values,
    why_none_stops_early,
)
from skhep_dnn.neural_network._preparation.column_findings import column_findings
from skhep_dnn.neural_network._preparation.columns import (
    Categorical,
    ColumnEncoder,
    Unknown,
    fitted_augmenter,
)
from skhep_dnn.neural_network._preparation.member_splits import (
    Split,
    SplitRules,
    member_splits,
    untouched_events,
)
from skhep_dnn.neural_network._preparation.members import (
    MemberSeeds,
    WeightRules,
    make_members,
    member_seeds,
    weigh_members,
)
from skhep_dnn.neural_network._preparation.prepared_fit import PreparedFit
from skhep_dnn.neural_network._preparation.refinement import (
    Refinement,
    sign_settings,
)
from skhep_dnn.neural_network._preparation.sample import (
    Sample,
    check_all_classes,
    encoded,
    without_weightless,
)
from skhep_dnn.neural_network._preparation.validation_scores import Scorer, as_scorer
from skhep_dnn.neural_network._schedules import SCHEDULES, Schedule
from skhep_dnn.neural_network._snapshots import SNAPSHOTS, Snapshots
from skhep_dnn.preprocessing import SymmetryAugmenter
from skhep_dnn.weights import ClassWeight, NegativeWeights
from skhep_dnn.weights._scheme import (
    CANCELLING_KEY,
    WeightScheme,
    cancelling_message,
)

__all__ = ["WeightedDNNClassifier"]


class WeightedDNNClassifier(
    WarnsOnce, CallbackSupportMixin, ClassifierMixin, BaseEstimator
):
    """Deep neural network, or an ensemble of them, for weighted events.

    A classifier for tables of simulated events whose weights may be negative and span
    orders of magnitude. Raw columns go in: undefined values are filled, columns
    standardised and categories embedded inside the network. The members of an
    ensemble are trained together, as one batch of matrix products.

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
    dropout : float or sequence of float, default=0.4
        Probability to drop a hidden output in training, in [0, 1), for all layers or
        for each; rounded to 1/256.
    batch_norm : bool, default=False
        Whether the input of each activation is normalised over the batch, with
        statistics weighted by the training weights.
    numeric_scaling : {"standard", "robust", "quantile"}, default="robust"
        How numbers are scaled, by the absolute values of the training weights of each
        member: by mean and standard deviation; by median and quartiles (of columns of
        up to 32 different values, mean and standard deviation), with a smooth end of
        the tails at 8 scaled units [2]_; or along 33 quantiles, so that their density
        becomes a normal one. Undefined values become 0 afterwards.
    scale_learning_rate : float or None, default=20.0
        Step size, in units of `learning_rate`, of a factor of each number, which is
        learnt from 1 on [2]_; None for no factors.
    numeric_embedding : {"periodic", "piecewise_linear"}, PeriodicEmbedding, \
            PiecewiseLinearEmbedding or None, default="periodic"
        What stands for a number: itself alone, or with it sums of waves over its value,
        or of its places in bins [3]_, which are learnt; and then learnt numbers stand
        for an undefined value. With this, a factor or another scaling than "standard",
        azimuths that the augmenter knows enter as sine and cosine.
    embedding_size : int, "n-1" or "half", default="n-1"
        Numbers that stand for a category: a fixed number, one less than there are
        categories, or half as many, rounded up and at most 50.
    loss : {"cross_entropy", "focal"} or callable, default="cross_entropy"
        Loss of each event. A callable, such as `FocalLoss(gamma=1.0)`, maps logits and
        targets (0 or 1), both of shape (n_members, n_batch), to losses of that shape;
        the weights are applied to them. With more than two classes the logits have one
        more axis and the targets are positions in `classes_`. A loss that cannot be
        a sum over events has an attribute `needs_batch = True`: it gets the weights
        as well and returns the mean loss of each member.
    label_smoothing : float, default=0.0
        Share of each event that counts, in training, for all classes alike, in
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
    schedule : {"constant", "one_cycle", "cosine_restarts", "linear_cycles"} or \
            callable, default="one_cycle"
        Course of the learning rate: constant; one warm-up and one decay to zero over
        `max_epochs`; half-cosines that restart, each twice as long as the one before;
        or cycles of a pass between a tenth and all of it. A callable, such as
        `OneCycle(warm_up=0.2)`, `CosineRestarts` or `LinearCycles`, maps the passes
        done and their planned number to a factor on the learning rate and to the
        momentum, None to leave it.
    averaging : {"ema", "swa"} or Average, default=None
        Averages of the parameters over the training: `ExponentialAverage` over steps,
        or `StochasticWeightAverage`, whose start is found on a validation sample.
        They take the place of the running parameters, where there is a validation
        sample only if they do better on it.
    snapshots : {"sse", "fge"} or Snapshots, default=None
        Earlier states of each member that are averaged with its best one at
        prediction: five of them weighted by 1/n, or nine of equal weight, of the ends
        of the cycles of `schedule`.
    batch_size : int, default=256
        Largest number of events in a batch of one member.
    max_epochs : int, default=20
        Number of passes over the training events.
    evaluations_per_epoch : int, default=1
        Number of evaluations of the validation sample in a pass.
    early_stopping : bool, default=False
        Stop a member when it has not improved for `n_iter_no_change`. Without effect,
        of which a warning tells, under "one_cycle", whose cycle always runs to its
        end, and where a schedule has no more cycles than the patience. The best state
        of a member is kept in any case where it has a validation sample, and the last
        one where it has none.
    scoring : str or callable, default=None
        What "best" means: the highest score of a scorer, such as "roc_auc" (its
        version for signed weights) or one of `make_significance_scorer`; None is the
        lowest validation loss. The weights of a member's validation sample are scaled
        per class to the yields of all events; those of `X_val` are as passed.
    n_iter_no_change : int, default=10
        Patience, in evaluations, or in whole cycles of a schedule that goes in cycles.
    tol : float, default=0.0
        Decrease of the validation loss, or increase of the score, that ends the
        waiting.
    validation_fraction : float, default=None
        Share of the training events that each member holds out, drawn at random
        within each class, to validate on.
    cv : int, splitter, iterable or fold numbers, default=None
        Folds: member k leaves out fold k modulo their number; an int means
        stratified, shuffled folds, a column such as ``df["event"] % 5`` the fold of
        each event, -1 for one that all members train on. The fold stays untouched, and
        is scored in `oof_decision_function_`.
    validate_on_fold : bool, default=False
        Whether a member validates on the fold that it leaves out, as in [1]_. The fold
        then decides the best epoch, and there is no `oof_decision_function_`.
    stratify : sequence of str or int, default=None
        Columns, by name or position, of few values, whose shares are kept equal, as
        those of the classes are, by `validation_fraction` and an int as `cv`.
    member_weighting : {"uniform", "inverse_loss"}, default="uniform"
        Weights of the members in the mean: equal, or one over the best validation
        loss.
    feature_groups : FeatureSplit, default=None
        A second path for some of the columns: a single wide layer beside the hidden
        ones.
    categorical_features : sequence of str, int or bool, "from_dtype" or None, \
            default=None
        Columns of categories (numbers or strings), by name, position or mask, or those
        with a dtype of categories: "category" of pandas, dictionaries of Arrow,
        "Categorical" and "Enum" of polars. Each is embedded in `embedding_size`
        numbers.
    handle_unknown : {"error", "mean"}, default="error"
        What becomes, in prediction, of a category that was not seen in `fit`: an
        error, or the mean of the embeddings of all that were.
    missing_values : float, default=nan
        Value that marks an undefined entry, such as -999.0; nan always does, and so
        does a mask of `numpy.ma`. `fit` warns of a value that looks like a mark and is
        not named here.
    augmenter : SymmetryAugmenter, default=None
        Transformations under which the density of the events does not change. Each
        use of an event in training is transformed at random, on the raw columns;
        validation and prediction take the mean over its fixed variants. It learns its
        columns in `fit`, and takes over `missing_values` unless it has its own.
    negative_weights : {"keep", "zero", "abs", "error", "refine"}, \
            default="refine"
        What becomes of negative weights in training: they are kept, set to zero, made
        positive, or refused; see `skhep_dnn.weights.training_weights`. With "refine"
        each event of a class that has some gets `|w|` times the mean sign of the
        weights near it, as from `refined_weights`: the density is that of the signed
        weights, the noise that of positive ones. Small networks learn the mean sign
        from the training events of the member alone; `partial_fit`, which sees parts,
        refuses negative weights with it. Validation uses the weights as they are.
    max_weight : float, default=None
        Cap on training weights, in units of the mean `|w|` of the event's class.
    class_weight : "balanced", dict or None, default="balanced"
        Equal sums of training weights, a factor for each class, or none. A factor of
        a class that is not there has no effect.
    signal_weight : float, default=1.0
        Additional factor on the training weights of the signal.
    pos_label : label or list of labels, default=None
        The signal, one class or several; None takes `classes_[1]` of two. It matters
        for `signal_weight`, and of more than two classes for a `scoring` such as
        "roc_auc", which takes the signal against all others; `decision_function`
        always points to `classes_[1]`, as in scikit-learn.
    warm_start : bool, default=False
        Whether `fit` goes on from the networks of the last one, with their classes,
        categories and scaling; optimiser and schedule begin anew.
    callbacks : list of skorch callbacks, default=None
        Copied for each group of members, with the group's number in `group_`; the
        copies are in `callbacks_` after the fit. Containers and arrays in a callback
        are copied with it; all else, such as a file or a trial of Optuna, is shared.
        Callbacks that report to somebody (`SkorchPruningCallback`, loggers, `PrintLog`,
        or any with an attribute `sees_all_members = True`) are called once for all
        groups. An epoch of theirs ends with each evaluation. EarlyStopping and
        ReduceLROnPlateau, which act on a mean loss, need `n_members=1`.
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
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    net_ : skorch.NeuralNet
        The trained members in one net; `net_.module_` is the torch module.
    history_ : DataFrame
        For each member and evaluation: passes done ("epoch"), mean weighted training
        loss, validation loss (with "cross_entropy" the balanced log-loss) and score,
        validation loss of the average, learning rate and momentum of the last step
        (`beta_1` of adam; nan of an optimiser without), and whether the state was kept.
    member_weights_ : ndarray of shape (n_members,)
        Weights of the members in the mean.
    best_loss_ : ndarray of shape (n_members,)
        Validation loss of each member's kept state; nan without a validation sample.
    best_epoch_ : ndarray of shape (n_members,)
        Passes until the state that was kept.
    validation_scores_ : list of ndarray
        Score of each evaluation of each member: by `scoring`, or minus the validation
        loss; nan without a validation sample.
    oof_decision_function_ : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Logit of each training event by the members that it decided nothing for,
        neither weights nor the best epoch; nan without one. Only with `cv` and
        without `validate_on_fold`; of the last `fit`.
    n_parameters_ : int
        Number of parameters that one member learns.
    n_iter_ : ndarray of shape (n_members,)
        Number of evaluations until the member's patience or the training ended.
    weight_report_ : DataFrame
        Yield, and of the weights in the loss the number of events and of effective
        events, the share of negative ones and the largest share of one event, by
        member, sample and class; of the last `fit`. "signed_n_eff" are the effective
        events of the signed physics weights, the precision of the yield, and
        "clipped_fraction" is the share of events whose weight in the loss is 0: under
        "refine" those near which negative weights prevail.
    callbacks_ : list of list
        The callbacks of each group; one that is there once is in all lists.
    augmenter_ : SymmetryAugmenter or None
        The fitted augmenter.
    encoder_ : object
        What turns `X` into the columns of the network; `encoder_.categories_` lists
        the known categories of each column of them.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where `X` has them.

    See Also
    --------
    skhep_dnn.neural_network.refined_weights : Positive weights for any classifier.
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
    .. [2] D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by default: strong
       pre-tuned MLPs and boosted trees on tabular data", arXiv:2407.04491, Sec. 3.
    .. [3] Y. Gorishniy, I. Rubachev, A. Babenko, "On embeddings for numerical features
       in tabular deep learning", arXiv:2203.05556.

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

    classes_: NDArray[Any]
    augmenter_: SymmetryAugmenter | None
    encoder_: ColumnEncoder
    n_features_in_: int
    net_: MemberNet
    member_weights_: NDArray[np.float64]
    _shares_of_networks: NDArray[np.float64]
    best_loss_: NDArray[np.float64]
    best_epoch_: NDArray[np.float64]
    n_iter_: NDArray[np.int64]
    n_parameters_: int
    history_ = LearntTable()
    weight_report_ = LearntTable()
    callbacks_: list[list[tuple[str, Any]]]
    oof_decision_function_: NDArray[np.float64]
    _weight_scheme: WeightScheme
    _trained_with: dict[str, Any]
    _come: Targets

    __metadata_request__fit: ClassVar = {"sample_weight": True, "groups": True}
    __metadata_request__partial_fit: ClassVar = {"sample_weight": True}
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
        "batch_norm": ["boolean"],
        "numeric_scaling": [StrOptions(set(SCALINGS))],
        "scale_learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "numeric_embedding": [
            StrOptions(set(EMBEDDINGS)),
            PeriodicEmbedding,
            PiecewiseLinearEmbedding,
            None,
        ],
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
        "scoring": [StrOptions({*get_scorer_names(), *METRIC_NAMES}), callable, None],
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
        "negative_weights": [StrOptions({"keep", "zero", "abs", "error", "refine"})],
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

    # Parameters by which a fit splits its rows, unless they are None: what wraps an
    # estimator around copies of events must know them.
    _splits_rows_by: ClassVar = ("validation_fraction", "cv")
    # Parameters that hold events out, or judge states by them. At their defaults all
    # events train and the last state is kept: `partial_fit` and a learning-rate range
    # test know nothing else.
    _judging_parameters: ClassVar = (
        "averaging",
        "snapshots",
        "evaluations_per_epoch",
        "early_stopping",
        "scoring",
        "validation_fraction",
        "cv",
        "validate_on_fold",
        "stratify",
        "member_weighting",
    )

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
        dropout: float | Sequence[float] = 0.4,
        batch_norm: bool = False,
        numeric_scaling: Literal["standard", "robust", "quantile"] = "robust",
        scale_learning_rate: float | None = 20.0,
        numeric_embedding: Literal["periodic", "piecewise_linear"]
        | NumericEmbedding
        | None = "periodic",
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
        negative_weights: NegativeWeights = "refine",
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
        self.numeric_scaling = numeric_scaling
        self.scale_learning_rate = scale_learning_rate
        self.numeric_embedding = numeric_embedding
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

    @warns_once
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Train all members.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events, in an array or a table of pandas, polars or pyarrow. Undefined
            values may be nan, None, NA or `missing_values`. An array of float32 in C
            order, also a memory-mapped one, is not copied unless events of weight
            zero have to be left out.
        y : array-like of shape (n_samples,)
            Labels of two classes or more, of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights; None counts each event once. An event of weight zero is
            as good as absent, and so is a class that has no others.
        X_val, y_val, sample_weight_val : array-like, default=None
            An explicit validation sample for all members. Its weights must come with
            `sample_weight`; without it they may, and then judge a training that
            counts each event once.
        groups : array-like of shape (n_samples,), default=None
            Events of one group stay together where `validation_fraction` or `cv`
            splits the sample.

        Returns
        -------
        self : WeightedDNNClassifier

        Raises
        ------
        TypeError
            If `X` is sparse or not yet collected.
        ValueError
            If `X` or `y` is not what is described above, options contradict each
            other, weights cannot be used (`WeightsError`), or those of the validation
            sample are missing (`MissingWeightsError`).
        NonFiniteLossError
            If a loss becomes nan or infinite.

        Warns
        -----
        IgnoredParameterWarning
            If `schedule` leaves `early_stopping` without effect.
        UnscoredEventsWarning
            If there are more folds than members, so that events of some get no
            out-of-fold score.
        LowStatisticsWarning
            If a class has fewer than 10 effective events for some member.
        UndeclaredMissingValueWarning
            If a value that is not `missing_values` looks like a mark of undefined
            entries: at the edge of the range of a column, in more than 1 % of the
            events, and farther from the next value than the range of the others.
        LostPrecisionWarning
            If float32 does not keep the values of a column apart, such as those of a
            time in seconds since 1970.
        CancellingWeightsWarning
            If negative weights are kept that take more than a fifth from the sum of
            `|w|` of a class.
        DivergenceWarning
            If negative weights drove a training loss below zero and no validation
            sample picked the epoch.
        """
        prepared = self._prepare(
            X, y, sample_weight, X_val, y_val, sample_weight_val, groups
        )
        training = self._training(prepared)
        n_evaluations = self.max_epochs * self.evaluations_per_epoch
        task = FitTask.of_fit(self, n_subtasks=n_evaluations)
        if not has_callbacks(self):
            return self._finish(prepared, training.run(self.n_jobs))
        task.begin(X, y, sample_weight)
        self._finish(prepared, self._told(training, task, (X, y, sample_weight)))
        task.end(X, y, sample_weight)
        return self

    def _training(
        self, prepared: PreparedFit, offset: NDArray[np.float64] | None = None
    ) -> MemberTraining:
        """Return the training of `fit`, perhaps on top of known logits of the events.

        `offset` has one row for each event of `prepared.events`.
        """
        held_out = prepared.held_out
        return train_members(
            prepared.settings,
            prepared.members,
            prepared.events.X,
            prepared.events.y,
            X_val=None if held_out is None else held_out.X,
            y_val=None if held_out is None else held_out.y,
            offset=offset,
            callbacks=self.callbacks or [],
            largest_sample=prepared.largest_sample,
        )

    def _told(
        self, training: MemberTraining, task: FitTask, sample: tuple[Any, ...]
    ) -> TrainedMembers:
        """Train, and tell scikit-learn's callbacks of each evaluation."""
        is_stopped = False
        while not is_stopped:
            turn = task.subtask("evaluation").begin(*sample)
            if next(training, None) is None:  # patience has ended the one before
                turn.end()
                break
            is_stopped = turn.end(
                *sample, learnt=lambda: self._learnt(training.so_far())
            )
            is_stopped = is_stopped or task.is_full
        return training.result()

    @warns_once
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train all members for one pass over some events, and go on with each call.

        The first call learns classes, categories and scaling from its events; they
        stay. The factors of the classes are learnt from all that has come, until there
        were events of every class, and stay then. What changes the shape of the
        networks or what has been learnt must not change from call to call; all else
        may, and takes effect. `callbacks` that change are copied anew. As many calls on
        all events as there are `max_epochs` are the same as `fit`. For callbacks each
        call is a training of its own.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Their labels, not of all classes in every call.
        classes : array-like of shape (n_classes,), default=None
            All classes, those too that have yet to come; None takes those of the first
            call.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights; None counts each event once.

        Returns
        -------
        self : WeightedDNNClassifier

        Raises
        ------
        ValueError
            As `fit`; or if an option needs a validation sample, a parameter has
            changed that must not, `schedule` has run through its `max_epochs`, or a
            weight is negative with negative_weights="refine" (`WeightsError`).
        NonFiniteLossError
            If a loss becomes nan or infinite; the last state is kept.

        Warns
        -----
        UndeclaredMissingValueWarning, LostPrecisionWarning
            As `fit`, in the first call.
        """
        settings = self._settings_of_stream()
        before = getattr(self, "net_", None)
        sample = self._part(X, y, classes, sample_weight)
        rules = self._make_weight_rules()
        # The factors of the classes stay, once all have come: with factors of each part
        # a small one would balance itself anew.
        come = sample.events.targets
        if before is None:
            scheme = rules.scheme_so_far(come)
        elif self._weight_scheme.is_complete:
            scheme = self._weight_scheme
        else:
            come = self._come.followed_by(come)
            scheme = rules.scheme_so_far(come)
        weights = rules.apply(scheme, sample.events.targets)
        rows = np.flatnonzero(weights)
        if len(rows) == 0:
            msg = (
                "`sample_weight` must leave events to train on, got none whose "
                "training weight is not zero. Pass a larger part of the events, or "
                "choose another `negative_weights`."
            )
            raise WeightsError(msg)
        seeds = member_seeds(check_random_state(self.random_state), self.n_members)
        events = MemberSample(rows, weights[rows])
        task = FitTask.of_fit(self).begin(X, y, sample_weight)
        trained = train_one_pass(
            before,
            self._with_columns(settings),
            make_members([events] * self.n_members, seeds),
            sample.columns,
            sample.target,
            callbacks=self._callbacks_of_stream(),
        )
        learnt = self._learnt(trained)
        self._record(learnt, scheme, has_negative=sample.has_negative)
        self._trained_with = copied_values(self, FIXED_IN_A_STREAM)
        self._given_callbacks = list(self.callbacks or [])
        if not scheme.is_complete:
            self._come = come
        task.end(X, y, sample_weight, learnt=lambda: learnt)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Logit of the mean probability of `classes_[1]`, or of each of many classes.

        It never saturates: use it, not the probability, to rank signal-like events.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        y_score : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Positive where `classes_[1]` is the more probable one. With more than two
            classes, that of each class against the rest.
        """
        check_is_fitted(self, "net_")
        table = check_table(self, X, reset=False)
        columns = self.encoder_.transform(table)
        return ensemble_logits(
            self.net_.module_, columns, self._network_weights, self.n_jobs
        )

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class, on the prior of the training weights.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`. With `class_weight="balanced"` all classes
            are equally probable beforehand.
        """
        return probabilities(self.decision_function(X))

    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Logarithm of the probability of each class, from its logit.

        It is exact where `predict_proba` is rounded to 0 or 1.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return log_probability(self.decision_function(X))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Most probable class of each event.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        return labels(self.decision_function(X), self.classes_)

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
        return weighted_accuracy(y, self.predict(X), sample_weight)

    @property
    def validation_scores_(self) -> list[NDArray[np.float64]]:
        """Score of each evaluation of each member, by `scoring` or minus the loss."""
        check_is_fitted(self, "net_")
        rows = self.history_
        is_scored = rows["valid_score"].notna().any()
        scores = rows["valid_score"] if is_scored else -rows["valid_loss"]
        return [part.to_numpy() for _, part in scores.groupby(rows["member"])]

    @property
    def _network_weights(self) -> NDArray[np.float64]:
        """Weights of all networks: of each member, shared among its snapshots."""
        return _of_networks(self.member_weights_, self._shares_of_networks)

    def __sklearn_clone__(self) -> Self:
        """Return an unfitted copy, which has the same callbacks.

        They may hold on to something outside, such as a trial of a search; `fit` copies
        what it changes in them.
        """
        new: Self = self._shares_told(clone_sharing(self, "callbacks"))
        return new

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a copy; its callbacks hold on to the same things outside."""
        given = self.callbacks if isinstance(self.callbacks, list) else []
        fitted = [item for group in getattr(self, "callbacks_", ()) for item in group]
        note_copies([*given, *fitted], memo)
        new = memo[id(self)] = object.__new__(type(self))
        new.__dict__.update(deepcopy(self.__dict__, memo))
        return new

    def __sklearn_tags__(self) -> Tags:
        """Return scikit-learn's tags: undefined values are allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = self.categorical_features is not None
        return tags

    def _sk_visual_block_(self) -> Any:
        """Return the networks, for the HTML representation."""
        is_fitted = hasattr(self, "net_")
        widths = self._hidden_widths
        return network_diagram(
            n_columns=self.n_features_in_ if is_fitted else None,
            n_categorical=len(self.encoder_.n_categories) if is_fitted else 0,
            n_inputs=self.net_.settings.n_inputs if is_fitted else None,
            numeric_scaling=self.numeric_scaling,
            scale_learning_rate=self.scale_learning_rate,
            numeric_embedding=self.numeric_embedding,
            widths=widths,
            activation=activation_names(self.activation, len(widths)),
            dropout=layer_dropout(self.dropout, len(widths)),
            connection=self.connection,
            batch_norm=self.batch_norm,
            split=self.feature_groups,
            n_members=self.n_members,
            n_classes=len(self.classes_) if is_fitted else None,
            n_parameters=self.n_parameters_ if is_fitted else None,
        )

    @_fit_context(prefer_skip_nested_validation=True)
    def _prepare(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> PreparedFit:
        """Do what comes before the training in `fit`, whose arguments these are.

        Columns, categories and classes are learnt here.
        """
        explicit = has_validation_sample(
            X_val, y_val, sample_weight_val, is_weighted=sample_weight is not None
        )
        settings = self._checked_settings(explicit=explicit)
        reason = why_none_stops_early(settings)
        if reason is not None:
            self._warn_once(reason, IgnoredParameterWarning)
        start = getattr(self, "net_", None) if self.warm_start else None
        if start is None:
            self.__dict__.pop("net_", None)  # a failed fit leaves no half-new model
            sample = self._learn_columns(X, y, sample_weight, groups)
        else:
            known = {name: self._trained_with[name] for name in FIXED_IN_A_WARM_START}
            check_unchanged(known, self)
            sample = self._further_sample(X, y, sample_weight, groups)
            check_all_classes(
                sample.events,
                "y",
                "Pass events of all classes that the networks of the warm start know, "
                "or start anew with warm_start=False.",
            )
        held_out = None
        if explicit:
            held_out = self._held_out_sample(X_val, y_val, sample_weight_val)
        settings = self._with_columns(settings)
        rules = self._make_weight_rules()
        # What is wrong with the whole sample is said of the whole, before any fold.
        scheme = rules.scheme_of_whole(sample.events.targets)
        self._warn_of_cancelling(sample.events.targets)
        seeds = member_seeds(check_random_state(self.random_state), self.n_members)
        splits = self._split(sample, seeds)
        own_splits = splits[: self.n_members]
        if self._make_split_rules().leaves_out:
            self._warn_of_unscored(splits)
        weighed = weigh_members(
            own_splits,
            sample.events.targets,
            rules,
            None if held_out is None else held_out.events.targets,
            self._refinement(sample, settings, seeds),
        )
        members = make_members(
            weighed.training,
            seeds,
            weighed.validation,
            scorer=as_scorer(self.scoring, len(self.classes_), self.pos_label),
            judged=sample if held_out is None else held_out,
            starts=None if start is None else _states(start, settings, self.n_members),
        )
        return PreparedFit(
            settings=settings,
            members=members,
            events=Events(sample.columns, sample.target),
            held_out=None
            if held_out is None
            else Events(held_out.columns, held_out.target),
            largest_sample=self._largest_sample(members, splits),
            splits=own_splits,
            present=sample.present,
            has_negative=sample.has_negative,
            scheme=scheme,
            report=weighed.report,
        )

    def _finish(self, prepared: PreparedFit, trained: TrainedMembers) -> Self:
        """Do what comes after the training in `fit`: record what was learnt."""
        learnt = self._learnt(trained)
        out_of_fold = self._out_of_fold(learnt, prepared)
        if out_of_fold is not None:
            learnt["oof_decision_function_"] = out_of_fold
        learnt["weight_report_"] = prepared.report
        self.__dict__.pop("oof_decision_function_", None)  # of a fit before
        self._record(learnt, prepared.scheme, has_negative=prepared.has_negative)
        self._trained_with = copied_values(self, FIXED_AFTER_A_FIT)
        self.__dict__.pop("_given_callbacks", None)  # of calls before
        return self

    @property
    def _column_names(self) -> list[str] | None:
        names = getattr(self, "feature_names_in_", None)
        return None if names is None else names.tolist()

    @property
    def _hidden_widths(self) -> list[int]:
        return hidden_widths(
            self.hidden_layer_sizes, self.n_layers, self.width, self.width_growth
        )

    def _checked_settings(self, *, explicit: bool) -> TrainingSettings:
        """Check the conditions between parameters, before any event is looked at.

        Returns
        -------
        settings : TrainingSettings
            What the members share, as far as it is known without the columns: the
            parameters of equal name.
        """
        names = [field.name for field in fields(TrainingSettings)]
        same = {name: getattr(self, name) for name in names if hasattr(self, name)}
        same |= {
            "hidden_layer_sizes": self._hidden_widths,
            "verbose": int(self.verbose),
        }
        settings = TrainingSettings(**same, n_numeric=1)
        rules = self._make_split_rules()
        check_splits(rules, explicit=explicit)
        if not (explicit or rules.validates):
            check_without_validation(
                early_stopping=self.early_stopping,
                evaluations_per_epoch=self.evaluations_per_epoch,
                scoring=self.scoring,
                averaging=settings.rules.averaging,
                member_weighting=self.member_weighting,
            )
        callbacks = self.callbacks or []
        check_callbacks(callbacks, self.n_members, settings.rules.schedule)
        check_monitors(callbacks, validates=explicit or rules.validates)
        return settings

    def _settings_of_stream(self) -> TrainingSettings:
        """Check that `partial_fit` can give what is asked, and goes on as it began."""
        if hasattr(self, "net_"):
            check_unchanged(self._trained_with, self)
        defaults = type(self)().get_params(deep=False)
        values = {name: getattr(self, name) for name in self._judging_parameters}
        check_left_at_default(values, defaults)
        return self._checked_settings(explicit=False)

    def _with_columns(self, settings: TrainingSettings) -> TrainingSettings:
        """Return the settings with what the columns and classes have told."""
        encoder = self.encoder_
        sizes = [embedding_width(n, self.embedding_size) for n in encoder.n_categories]
        kernel, split = None, None
        if self.augmenter_ is not None:
            kernel = self.augmenter_.kernel([*encoder.numeric_, *encoder.categorical_])
        settings = replace(
            settings,
            n_numeric=len(encoder.numeric_),
            embeddings=list(zip(encoder.n_categories, sizes, strict=True)),
            n_outputs=1 if len(self.classes_) == 2 else len(self.classes_),
            kernel=kernel,
        )
        if self.feature_groups is not None:
            split = split_layout(
                self.feature_groups,
                column_positions(
                    self.feature_groups.wide,
                    self._column_names,
                    self.n_features_in_,
                    "feature_groups",
                ),
                columns_of_inputs(
                    encoder.numeric_,
                    encoder.categorical_,
                    sizes,
                    settings.columns_of_numbers,
                ),
                settings.networks["activation"][0],
            )
        return replace(settings, split=split)

    def _make_split_rules(self) -> SplitRules:
        return SplitRules(
            cv=as_splitter(self.cv),
            validate_on_fold=self.validate_on_fold,
            validation_fraction=self.validation_fraction,
            stratify=self.stratify,
        )

    def _make_weight_rules(self) -> WeightRules:
        return WeightRules(
            negative_weights=self.negative_weights,
            max_weight=self.max_weight,
            class_weight=self.class_weight,
            signal_weight=self.signal_weight,
            pos_label=self.pos_label,
        )

    def _warn_of_cancelling(self, targets: Targets) -> None:
        """Warn of classes in which negative weights that are kept cancel much."""
        if self.negative_weights != "keep":
            return
        message = cancelling_message(
            targets.codes, targets.classes, targets.sample_weight
        )
        if message is not None:
            self._warn_once(message, CancellingWeightsWarning, key=CANCELLING_KEY)

    def _refinement(
        self, sample: Sample, settings: TrainingSettings, seeds: MemberSeeds
    ) -> Refinement | None:
        """Return what refines the weights of training events, where that is asked."""
        if self.negative_weights != "refine" or not sample.has_negative:
            return None
        return Refinement(
            columns=sample.columns,
            targets=sample.events.targets,
            groups=sample.events.groups,
            settings=sign_settings(settings),
            seed=seeds.folds,
            n_jobs=self.n_jobs,
        )

    def _learn_columns(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        groups: ArrayLike | None = None,
        *,
        classes: NDArray[Any] | None = None,
    ) -> Sample:
        """Check the first sample; learn its columns, categories and classes from it.

        `classes` are those of all events, where they are known.
        """
        table = check_table(self, X, reset=True)
        events, present = without_weightless(
            *self._checked(table, y, sample_weight, groups, classes=classes)
        )
        check_two_classes(events.targets.classes, "y" if classes is None else "classes")
        encoder = ColumnEncoder(
            self.categorical_features, self.missing_values, self.handle_unknown
        )
        self.encoder_ = encoder.fit(events.X, self._column_names)
        self.classes_ = events.targets.classes
        self.augmenter_ = fitted_augmenter(
            self.augmenter, events.X, self.missing_values
        )
        sample = encoded(events, present, self.encoder_)
        tell(column_findings(sample, self.encoder_))
        return sample

    def _further_sample(
        self,
        X: ArrayLike | None,
        y: ArrayLike | None,
        sample_weight: ArrayLike | None,
        groups: ArrayLike | None = None,
        *,
        suffix: str = "",
    ) -> Sample:
        """Check further events, of classes, columns and categories that are known."""
        table = check_table(self, X, reset=False)
        events, present = without_weightless(
            *self._checked(
                table, y, sample_weight, groups, classes=self.classes_, suffix=suffix
            )
        )
        encoder = self.encoder_.with_unknown(self.handle_unknown)
        return encoded(events, present, encoder)

    def _held_out_sample(
        self,
        X_val: ArrayLike | None,
        y_val: ArrayLike | None,
        sample_weight_val: ArrayLike | None,
    ) -> Sample:
        """Check the explicit validation sample."""
        sample = self._further_sample(X_val, y_val, sample_weight_val, suffix="_val")
        check_all_classes(
            sample.events,
            "y_val",
            "Pass validation events of all classes, with the same labels as in `y`.",
        )
        return sample

    def _split(self, sample: Sample, seeds: MemberSeeds) -> list[Split]:
        """Return a split for each member, then for each fold that has no member."""
        return member_splits(
            sample,
            self._make_split_rules(),
            self._column_names,
            seeds=seeds.splits,
            fold_seed=seeds.folds,
        )

    def _warn_of_unscored(self, splits: Sequence[Split]) -> None:
        """Warn of folds that no member leaves out."""
        n_members, n_folds = self.n_members, len(splits)
        if n_members < n_folds:
            msg = (
                "`n_members` must be at least the number of folds for all events to "
                f"get an out-of-fold score, got {n_members} for {n_folds} folds: "
                f"{n_folds - n_members} of them stay nan in `oof_decision_function_`. "
                f"Set n_members={n_folds}; or, if the folds are there to find the best "
                "state of a member, validate_on_fold=True."
            )
            self._warn_once(msg, UnscoredEventsWarning)

    def _largest_sample(
        self, members: Sequence[Member], splits: Sequence[Split]
    ) -> int:
        """Return the number of training events that the batches are made for."""
        sizes = [len(member.rows) for member in members]
        if isinstance(self.cv, Integral) and self.negative_weights != "zero":
            # Own folds have nearly one size, those without a member included: with
            # batches for the largest a larger ensemble contains the smaller one.
            sizes += [len(split.train) for split in splits]
        return max(sizes)

    def _part(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None,
        sample_weight: ArrayLike | None,
    ) -> Sample:
        """Check one part of the events, the first or another one."""
        if hasattr(self, "net_"):
            _check_same_classes(self.classes_, classes)
            return self._further_sample(X, y, sample_weight)
        known = None if classes is None else np.unique(classes)
        return self._learn_columns(X, y, sample_weight, classes=known)

    def _callbacks_of_stream(self) -> list[Any] | None:
        """Return the callbacks of a call of `partial_fit`; None: those before go on."""
        callbacks = list(self.callbacks or [])
        given = getattr(self, "_given_callbacks", None)
        if not hasattr(self, "net_") or given is None or len(given) != len(callbacks):
            return callbacks
        pairs = zip(given, callbacks, strict=True)
        return None if all(old is new for old, new in pairs) else callbacks

    def _checked(
        self, table: Any, *parts: Any, **known: Any
    ) -> tuple[EventSample, NDArray[np.bool_]]:
        return check_event_sample(table, *parts, estimator=type(self).__name__, **known)

    def _learnt(self, trained: TrainedMembers) -> dict[str, Any]:
        """Return the attributes that any training has learnt; nothing is set yet."""
        history = _history_table(trained)
        parameters = trained.net.module_.parameters()
        n_networks = trained.network_weights.size
        return {
            "member_weights_": _member_weights(
                self.member_weighting, trained.best_loss
            ),
            "_shares_of_networks": trained.network_weights,
            "best_loss_": trained.best_loss,
            "best_epoch_": history.loc[history["kept"], "epoch"].to_numpy(np.float64),
            "n_iter_": trained.n_evaluations,
            "history_": history,
            "callbacks_": trained.callbacks,
            "n_parameters_": sum(p.numel() for p in parameters) // n_networks,
            "net_": trained.net,
        }

    def _out_of_fold(
        self, learnt: Mapping[str, Any], prepared: PreparedFit
    ) -> NDArray[np.float64] | None:
        """Return the logits of the events that some member decided nothing for."""
        if not self._make_split_rules().leaves_out:
            return None
        columns, present = prepared.events.X, prepared.present
        untouched = untouched_events(prepared.splits, len(columns))
        if not any(len(rows) for rows in untouched):
            return None
        logits = out_of_fold_logits(
            learnt["net_"].module_,
            columns,
            untouched,
            _of_networks(learnt["member_weights_"], learnt["_shares_of_networks"]),
            self.n_jobs,
        )
        passed = np.full((len(present), *logits.shape[1:]), np.nan)
        passed[present] = logits
        return passed

    def _record(
        self,
        learnt: Mapping[str, Any],
        scheme: WeightScheme,
        *,
        has_negative: bool,
    ) -> None:
        """Set all that was learnt, at once: no failed fit leaves a half-new model."""
        self._weight_scheme = scheme
        self.__dict__.pop("_come", None)
        self.encoder_ = self.encoder_.with_unknown(self.handle_unknown)
        for name, value in learnt.items():
            setattr(self, name, value)
        if has_negative and not getattr(self.loss, "needs_batch", False):
            _warn_of_divergence(self.history_)


def _of_networks(
    member_weights: NDArray[np.float64], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    return (member_weights[:, np.newaxis] * shares).ravel()


def _states(
    start: MemberNet, settings: TrainingSettings, n_members: int
) -> list[dict[str, NDArray[np.float32]]]:
    """Return the states to go on from, which must be those of the same networks."""
    states = member_states(start)
    check_same_networks(start.settings, settings, len(states), n_members)
    return states


def _check_same_classes(known: NDArray[Any], classes: ArrayLike | None) -> None:
    if classes is not None and not np.array_equal(known, np.unique(classes)):
        msg = (
            f"`classes` must be the classes of the first call, {shown(known)}, got "
            f"{shown(np.unique(classes))}. Leave it out, or start anew."
        )
        raise ValueError(msg)


def _history_table(trained: TrainedMembers) -> pd.DataFrame:
    """Return one row for each member and evaluation, until its patience ended."""
    frames = []
    pairs = zip(trained.histories, trained.best_evaluation, strict=True)
    for member, (history, best) in enumerate(pairs):
        frame = pd.DataFrame(history, columns=Evaluation._fields, dtype=np.float64)
        frame.insert(0, "member", member)
        frame["kept"] = np.arange(1, len(frame) + 1) == best
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _member_weights(
    member_weighting: str, best_loss: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weights of the members in the mean probability; their sum is 1."""
    if member_weighting == "uniform":
        return np.full(len(best_loss), 1.0 / len(best_loss))
    if (best_loss <= 0.0).any():
        msg = (
            'member_weighting="inverse_loss" must have positive validation losses, '
            f"got {best_loss.min():.3g} for member {best_loss.argmin()}. Use "
            'member_weighting="uniform".'
        )
        raise WeightsError(msg)
    return (1.0 / best_loss) / (1.0 / best_loss).sum()


def _warn_of_divergence(history: pd.DataFrame) -> None:
    last = history.groupby("member").last()
    if last["valid_loss"].isna().all() and (last["train_loss"] < 0.0).any():
        losses = last["train_loss"]
        msg = (
            f"The training loss of member {losses.idxmin()} must stay above zero, got "
            f"{losses.min():.3g}: negative weights leave it unbounded below and the "
            "network follows them. Give a validation sample (`validation_fraction`, "
            "`validate_on_fold` or `X_val`), whose best epoch is kept, or set "
            'negative_weights="refine", "zero" or "abs".'
        )
        warn_caller(msg, DivergenceWarning)
