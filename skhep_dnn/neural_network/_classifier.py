"""The classifier for weighted events: an ensemble of networks trained as one batch."""

from typing import ClassVar

from skhep_dnn.neural_network._ensemble import NetworkEnsemble
from skhep_dnn.neural_network._response import LogitClassifierMixin

__all__ = ["WeightedDNNClassifier"]


class WeightedDNNClassifier(LogitClassifierMixin, NetworkEnsemble):
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
    dropout : float or sequence of float, default=0.3
        Probability to drop a hidden output in training, in [0, 1), for all layers or
        for each; rounded to 1/256.
    batch_norm : bool, default=False
        Whether the input of each activation is normalised over the batch, with
        statistics weighted by the training weights.
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
        Stop a member when it has not improved for `n_iter_no_change`.
        Without effect under "one_cycle", whose cycle always runs to its end. The best
        state of a member is kept in any case where it has a validation sample, and
        the last one where it has none.
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
    cv : int, splitter or iterable, default=None
        Folds: member k leaves out fold k modulo their number; an int means
        stratified, shuffled folds. The fold stays untouched, and is scored in
        `oof_decision_function_`.
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
        Value that marks an undefined entry, such as -999.0; nan always does.
    augmenter : SymmetryAugmenter, default=None
        Transformations under which the density of the events does not change. Each
        use of an event in training is transformed at random, on the raw columns;
        validation and prediction take the mean over its fixed variants. It learns its
        columns in `fit`, and takes over `missing_values` unless it has its own.
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
        The signal; None takes `classes_[1]` of two. It matters for `signal_weight`
        only: `decision_function` always points to `classes_[1]`, as in scikit-learn.
    warm_start : bool, default=False
        Whether `fit` goes on from the networks of the last one, with their classes,
        categories and scaling; optimiser and schedule begin anew.
    callbacks : list of skorch callbacks, default=None
        Copied for each group of members, with the group's number in `group_`; the
        copies are in `callbacks_` after the fit. An epoch of theirs ends with each
        evaluation. EarlyStopping and ReduceLROnPlateau, which act on a mean loss, need
        `n_members=1`.
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
        without `validate_on_fold`.
    n_parameters_ : int
        Number of parameters that one member learns.
    n_iter_ : ndarray of shape (n_members,)
        Number of evaluations until the member's patience or the training ended.
    weight_report_ : DataFrame
        Yield, number of events and of effective events, share of negative weights
        and largest share of one event, by member, sample and class; of the last `fit`.
    callbacks_ : list of list
        The callbacks of each group.
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

    __metadata_request__fit: ClassVar = {"sample_weight": True, "groups": True}
    __metadata_request__partial_fit: ClassVar = {"sample_weight": True}
    __metadata_request__score: ClassVar = {"sample_weight": True}
