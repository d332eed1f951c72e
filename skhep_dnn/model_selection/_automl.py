"""An AutoML library as a scikit-learn classifier that takes signed event weights."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._event_sample import check_event_sample, check_two_classes
from skhep_dnn._sklearn import Interval, StrOptions, _fit_context
from skhep_dnn._tables import check_table, is_category
from skhep_dnn._told_columns import warns_once
from skhep_dnn._warnings import WarnsOnce
from skhep_dnn.exceptions import ChangedWeightsWarning
from skhep_dnn.model_selection._automl_backends import BACKENDS, FitSettings
from skhep_dnn.model_selection._positive_weights import (
    WORDS,
    PositiveWeights,
    positive_training_weights,
)
from skhep_dnn.model_selection._results_folder import ResultsFolder
from skhep_dnn.weights import ClassWeight

__all__ = ["AutoMLClassifier"]

_TIME_LIMITS = {"quick": 300.0, "thorough": 3600.0}


class AutoMLClassifier(WarnsOnce, ClassifierMixin, BaseEstimator):
    """Classifier that an AutoML library finds, as a baseline for a network.

    The library tries its models (linear ones, trees, boosted trees, neural networks)
    and combines the best. This adapter gives it what it needs: positive weights with
    the density of the signed ones, classes of equal sums, plain columns, a folder for
    its files, which is temporary and goes with the fitted object.

    Parameters
    ----------
    mode : {"quick", "thorough"}, default="quick"
        A few models with their defaults ("Explain" of mljar, "medium_quality" of
        AutoGluon), or tuned, stacked and combined ones ("Compete", "best_quality").
    backend : {"mljar", "autogluon"}, default="mljar"
        The library, which must be installed: mljar-supervised comes with the extra
        "automl", autogluon.tabular has to be installed by itself.
    negative_weights : {"refine", "abs"}, default="refine"
        What takes the place of negative weights, of which no library makes a model:
        `refined_weights` of the training events, or `|w|`.
    class_weight : "balanced", dict or None, default="balanced"
        "balanced" gives all classes the same sum of weights; a dict maps classes to
        factors; None leaves them.
    time_limit : float, default=None
        Seconds of a fit, as far as the library keeps to them; None takes 300 in quick
        and 3600 in thorough mode.
    options : dict, default=None
        Further arguments of the library: of ``supervised.AutoML``, or of
        ``TabularPredictor.fit``. They go before those that `mode` sets.
    n_jobs : int, default=1
        Cores; -1 for all.
    random_state : int, RandomState instance or None, default=None
        Seed of the library and of the refinement.
    verbose : int, default=0
        Above 0 lets the library print.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if the table had names of text.
    weights_used_ : {"given", "refined", "absolute"}
        Which weights the library got.
    results_folder_ : ResultsFolder
        Its `path` is where the library keeps its files, such as the leaderboard.

    Raises
    ------
    ImportError
        By `fit`, if the library is not installed.

    Warns
    -----
    ChangedWeightsWarning
        If negative weights are replaced, or a model of the library ignores weights.

    See Also
    --------
    compare_classifiers : Compares it with others on the same folds.
    skhep_dnn.neural_network.refined_weights : The weights.

    Notes
    -----
    mljar's neural network and nearest neighbours take no weights; the others do, and
    the choice among all of them is made by weighted scores. The library splits its
    training events at random: it cannot keep copies of an event together.

    References
    ----------
    .. [1] A. Płońska, P. Płoński, "MLJAR: State-of-the-art Automated Machine Learning
       Framework for Tabular Data" (2021), https://github.com/mljar/mljar-supervised.
    .. [2] N. Erickson et al., "AutoGluon-Tabular: Robust and Accurate AutoML for
       Structured Data", arXiv:2003.06505.

    Examples
    --------
    >>> from skhep_dnn.model_selection import AutoMLClassifier
    >>> model = AutoMLClassifier(mode="quick", time_limit=60, random_state=0)
    >>> model  # model.fit(X, y, sample_weight=w)
    AutoMLClassifier(random_state=0, time_limit=60)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "mode": [StrOptions({"quick", "thorough"})],
        "backend": [StrOptions(set(BACKENDS))],
        "negative_weights": [StrOptions({"refine", "abs"})],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "time_limit": [Interval(Real, 0, None, closed="neither"), None],
        "options": [dict, None],
        "n_jobs": [Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }
    __metadata_request__fit: ClassVar = {"sample_weight": True}
    __metadata_request__score: ClassVar = {"sample_weight": True}

    def __init__(
        self,
        *,
        mode: Literal["quick", "thorough"] = "quick",
        backend: Literal["mljar", "autogluon"] = "mljar",
        negative_weights: PositiveWeights = "refine",
        class_weight: ClassWeight = "balanced",
        time_limit: float | None = None,
        options: Mapping[str, Any] | None = None,
        n_jobs: int = 1,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.mode = mode
        self.backend = backend
        self.negative_weights = negative_weights
        self.class_weight = class_weight
        self.time_limit = time_limit
        self.options = options
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @warns_once
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Let the library find a classifier.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events: numbers, not finite where undefined, and categories by dtype.
        y : array-like of shape (n_samples,)
            Labels of two classes or more.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones allowed; None counts every event once.

        Returns
        -------
        self : AutoMLClassifier
        """
        table = check_table(self, X, reset=True)
        sample, _ = check_event_sample(
            table, y, sample_weight, estimator=type(self).__name__
        )
        targets = sample.targets
        check_two_classes(targets.classes)
        random = check_random_state(self.random_state)
        seeds = [int(seed) for seed in random.randint(2**31 - 1, size=2)]
        is_signed = bool((targets.sample_weight < 0.0).any())
        weights = positive_training_weights(
            sample.X,
            sample.y,
            targets.sample_weight,
            negative_weights=self.negative_weights,
            class_weight=self.class_weight,
            random_state=seeds[0],
        )
        used = np.flatnonzero(weights != 0.0)
        backend = BACKENDS[self.backend]
        self._tell_of_weights(is_signed, sample.is_weighted, backend)
        limit = self.time_limit
        settings = FitSettings(
            mode=self.mode,
            n_classes=len(targets.classes),
            time_limit=_TIME_LIMITS[self.mode] if limit is None else limit,
            seed=seeds[1],
            n_jobs=self.n_jobs,
            verbose=int(self.verbose),
            options=dict(self.options or {}),
        )
        events = _plain_columns(sample.X).iloc[used].reset_index(drop=True)
        folder = ResultsFolder()
        model = backend.fit(
            events, targets.codes[used], weights[used], folder.path, settings
        )
        self.classes_ = targets.classes
        self.weights_used_ = WORDS[self.negative_weights] if is_signed else "given"
        self.results_folder_ = folder
        self._model = model
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
            With the classes in the order of `classes_`, of equal priors if they were
            balanced.
        """
        check_is_fitted(self)
        events = _plain_columns(check_table(self, X, reset=False))
        backend = BACKENDS[self.backend]
        if self._model is None:  # it came from elsewhere, with its folder
            self._model = backend.load(self.results_folder_.path)
        return backend.predict_proba(self._model, events, len(self.classes_))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each event.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def __sklearn_tags__(self) -> Any:
        """Undefined values and categories are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.non_deterministic = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """The model is loaded again from the files of its folder."""
        state = dict(super().__getstate__())
        if "_model" in state:
            state["_model"] = None
        return state

    def _tell_of_weights(
        self, is_signed: bool, is_weighted: bool, backend: Any
    ) -> None:
        parts = []
        if is_signed:
            parts.append(
                f"got negative ones, of which it makes no model, and gets "
                f"{WORDS[self.negative_weights]} ones instead"
            )
        if is_weighted and backend.ignores_weights:
            ignoring = " and ".join(f"{name!r}" for name in backend.ignores_weights)
            parts.append(f"its {ignoring} take no weights at all")
        if parts:
            msg = (
                f"`sample_weight` must be positive and taken by every model of the "
                f"library {self.backend!r} to be used as it is: {'; '.join(parts)}. "
                "Compare by weighted scores of other events, or leave models out by "
                "`options`."
            )
            self._warn_once(msg, ChangedWeightsWarning)


def _plain_columns(table: Any) -> pd.DataFrame:
    """Return a table with columns of numbers or texts, named by their positions."""
    frame = pd.DataFrame(table)
    frame = frame.set_axis([f"x{k}" for k in range(frame.shape[1])], axis=1)
    columns = {}
    for name, column in frame.items():
        if is_category(column.dtype):
            columns[name] = column.astype("string").astype(object)
        else:
            numbers = column.astype(np.float64)
            columns[name] = numbers.where(np.isfinite(numbers))
    return pd.DataFrame(columns)
