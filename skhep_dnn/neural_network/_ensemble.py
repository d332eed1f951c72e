"""An ensemble of networks that can be trained: `fit`, `partial_fit` and logits.

The estimator owns what scikit-learn expects (flat parameters, labels, columns, weights)
and hands clean arrays to the engine; the engine (`_training`, `_net`) knows neither
labels nor DataFrames.
"""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._sklearn import _fit_context
from skhep_dnn._tables import check_table
from skhep_dnn.neural_network._diagram import network_diagram
from skhep_dnn.neural_network._inputs import ColumnEncoder
from skhep_dnn.neural_network._member_weights import WeightRules
from skhep_dnn.neural_network._net import MemberNet
from skhep_dnn.neural_network._options import check_options, check_options_of_stream
from skhep_dnn.neural_network._parameters import NetworkParameters
from skhep_dnn.neural_network._plan import member_seeds, plan_groups
from skhep_dnn.neural_network._prediction import ensemble_logits, out_of_fold_logits
from skhep_dnn.neural_network._results import joined_net, record_training
from skhep_dnn.neural_network._samples import (
    Sample,
    check_explicit,
    check_more,
    check_training,
)
from skhep_dnn.neural_network._settings import weight_rules
from skhep_dnn.neural_network._stream import check_part, train_pass
from skhep_dnn.neural_network._threads import one_thread
from skhep_dnn.neural_network._training import group_result, train_groups
from skhep_dnn.preprocessing import SymmetryAugmenter
from skhep_dnn.weights._scheme import WeightScheme

__all__ = ["NetworkEnsemble"]


class NetworkEnsemble(NetworkParameters):
    """Base of `WeightedDNNClassifier`: how its members are trained and evaluated."""

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
    history_: pd.DataFrame
    weight_report_: pd.DataFrame
    callbacks_: list[list[tuple[str, Any]]]
    oof_decision_function_: NDArray[np.float64]
    _weight_rules: WeightRules
    _weight_scheme: WeightScheme

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
            as good as absent.
        X_val, y_val, sample_weight_val : array-like, default=None
            An explicit validation sample for all members.
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
        start = getattr(self, "net_", None) if self.warm_start else None
        check_options(self, explicit=X_val is not None)
        if start is None:
            self.__dict__.pop("net_", None)  # a failed fit leaves no half-new model
            sample = check_training(self, X, y, sample_weight, groups)
        else:
            sample = check_more(self, X, y, sample_weight, groups)
        explicit = check_explicit(self, X_val, y_val, sample_weight_val)
        seeds = member_seeds(check_random_state(self.random_state), self.n_members)
        plan = plan_groups(self, sample, explicit, seeds, start)
        results = train_groups(
            plan.groups, callbacks=self.callbacks or [], n_jobs=self.n_jobs
        )
        self.weight_report_, self._weight_scheme = plan.report, plan.scheme
        self._weight_rules = weight_rules(self)
        net = joined_net(plan.groups, results)
        record_training(self, net, results, has_negative=sample.has_negative)
        self._score_out_of_fold(sample, plan.untouched)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train all members for one pass over some events, and go on with each call.

        The first call learns classes, categories, scaling and the factors of the
        classes from its events; they stay. `signal_weight` may change from call to
        call, as may all that does not change the shape of the networks or what has
        been learnt. As many calls on all events as there are `max_epochs` are the same
        as `fit`. For callbacks each call is a training of its own.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Their labels; of all classes in the first call.
        classes : array-like of shape (n_classes,), default=None
            All classes; None takes those of the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights; None counts each event once.

        Returns
        -------
        self : WeightedDNNClassifier

        Raises
        ------
        ValueError
            As `fit`; or if an option needs a validation sample, the networks would
            change their shape, or `schedule` has run through its `max_epochs`.
        NonFiniteLossError
            If a loss becomes nan or infinite; the last state is kept.
        """
        check_options_of_stream(self)
        sample = check_part(self, X, y, classes, sample_weight)
        with one_thread():
            net, data = train_pass(self, sample)
        results = [group_result(net, data)]
        record_training(self, net, results, has_negative=sample.has_negative)
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
        columns = self.encoder_.transform(table, self)
        return ensemble_logits(
            self.net_.module_, columns, self._network_weights, self.n_jobs
        )

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
        return (self.member_weights_[:, np.newaxis] * self._shares_of_networks).ravel()

    def _score_out_of_fold(
        self, sample: Sample, untouched: list[NDArray[np.int64]]
    ) -> None:
        self.__dict__.pop("oof_decision_function_", None)
        if not any(len(rows) for rows in untouched):
            return
        logits = out_of_fold_logits(
            self.net_.module_,
            sample.columns,
            untouched,
            self._network_weights,
            self.n_jobs,
        )
        passed = np.full((len(sample.present), *logits.shape[1:]), np.nan)
        passed[sample.present] = logits
        self.oof_decision_function_ = passed

    def _sk_visual_block_(self) -> Any:
        """Return the networks, for the HTML representation."""
        return network_diagram(self)

    def __sklearn_tags__(self) -> Tags:
        """Return scikit-learn's tags: undefined values are allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = self.categorical_features is not None
        return tags
