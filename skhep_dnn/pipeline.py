"""A pipeline whose `fit` takes event weights and hands them to its steps.

scikit-learn's `Pipeline` wants the weights of each step by name, or metadata routing
with a request set on each step, and a forgotten step is fitted without weights in
silence. Here one `sample_weight` reaches the final step and all steps that accept it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import UNUSED, MetadataRouter
from sklearn.utils.validation import has_fit_parameter

from skhep_dnn._arrays import defined_array
from skhep_dnn._event_sample import VALIDATION_WEIGHTS_ARE_MISSING
from skhep_dnn._native_methods import of_native_events
from skhep_dnn._sklearn import StrOptions, _name_estimators, _routing_enabled
from skhep_dnn._tables import native_events, native_values
from skhep_dnn._told_columns import warns_once
from skhep_dnn._warnings import WarnsOnce
from skhep_dnn._weighted_steps import (
    declines,
    final_step,
    gets_weights,
    is_predictor,
    requesting_weights,
    weighted_parts,
)
from skhep_dnn.exceptions import (
    MissingWeightsError,
    UnweightedStepWarning,
    WeightsError,
)

__all__ = ["WeightedPipeline", "make_weighted_pipeline"]

_FITS = ("fit", "fit_transform", "fit_predict")


class WeightedPipeline(WarnsOnce, Pipeline):
    """Pipeline that passes `sample_weight` to its final step and all that accept it.

    The steps need no requests and no prefixed names, with metadata routing or without:
    `fit(X, y, sample_weight=w)` works in itself and inside searches, cross-validation
    and calibration. A request that a step has set explicitly, such as
    ``StandardScaler().set_fit_request(sample_weight=False)``, is respected.

    Parameters
    ----------
    steps : list of (name, estimator)
        Transformers and a final estimator.
    transform_input : list of str, default=None
        As in `sklearn.pipeline.Pipeline`; needs metadata routing.
    memory : str or object with the joblib.Memory interface, default=None
        Cache of the fitted transformers.
    verbose : bool, default=False
        Print the time of each step.
    preprocessing_weights : {"error", "abs"}, default="error"
        What the steps before the final one get if there are negative weights, which
        most of them would misuse (`StandardScaler` can get a negative variance and
        then scales by 1 in silence): "abs" passes absolute values, "error" refuses.
        The final step gets the weights as they are. A step with a true attribute
        `accepts_negative_weights` gets them as they are, too.

    Attributes
    ----------
    named_steps : Bunch
        The steps by name.
    classes_ : ndarray of shape (n_classes,)
        Labels known to the final step, if it is a classifier.
    n_features_in_ : int
        Number of features seen by the first step.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen by the first step.

    See Also
    --------
    make_weighted_pipeline : Names the steps by itself.

    Notes
    -----
    A meta-estimator (a search, `StackingClassifier`, `SelectFromModel`) gets the
    weights and passes them on or refuses by its own rules. `ColumnTransformer` and
    `FeatureUnion` get them with metadata routing only, where the requests of their
    parts decide; without routing they are fitted without weights. Where a part would
    accept them, an `UnweightedStepWarning` says so, once: `make_weighted_pipeline`
    warns when it makes the pipeline, and `fit` only of what has not been told of this
    pipeline or of the one that it is a clone of. So the fits of a search do not repeat
    it, in other processes either. A `Pipeline` inside must be a `WeightedPipeline`,
    unless there is routing.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skhep_dnn.pipeline import WeightedPipeline
    >>> pipeline = WeightedPipeline(
    ...     [("scale", StandardScaler()), ("classify", LogisticRegression())]
    ... )
    >>> X, y, w = [[1.0], [2.0], [3.0]], ["b", "b", "s"], [1.0, 1.0, 2.0]
    >>> pipeline.fit(X, y, sample_weight=w).named_steps["scale"].mean_
    array([2.25])
    """

    # Weights are routed to the steps; the pipeline itself consumes none.
    __metadata_request__fit: ClassVar = {"sample_weight": UNUSED}

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Pipeline._parameter_constraints,
        "preprocessing_weights": [StrOptions({"abs", "error"})],
    }

    def __init__(
        self,
        steps: list[tuple[str, Any]],
        *,
        transform_input: list[str] | None = None,
        memory: object = None,
        verbose: bool = False,
        preprocessing_weights: Literal["abs", "error"] = "error",
    ) -> None:
        super().__init__(
            steps, transform_input=transform_input, memory=memory, verbose=verbose
        )
        self.preprocessing_weights = preprocessing_weights

    @warns_once
    def fit(
        self,
        X: object,
        y: object = None,
        sample_weight: ArrayLike | None = None,
        **params: Any,
    ) -> Self:
        """Fit the steps one after the other.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Events, as the first step expects them.
        y : array-like of shape (n_samples,), default=None
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones allowed; None passes none.
        **params : dict
            Further parameters of the steps: as ``step__parameter`` without metadata
            routing, else by the requests of the steps.

        Returns
        -------
        self : WeightedPipeline

        Raises
        ------
        WeightsError
            If there are negative weights, a step before the final one would get them
            and `preprocessing_weights="error"`.
        TypeError
            If weights are given and the final step predicts but accepts none, or a
            step is a plain `Pipeline` and metadata routing is off.
        ValueError
            If weights are given both as `sample_weight` and for a step by name, or a
            validation sample `X_val` would not be transformed like `X`.
        MissingWeightsError
            If there are weights and a validation sample, but no `sample_weight_val`
            although the final step takes it.

        Warns
        -----
        UnweightedStepWarning
            If weights are given, metadata routing is off, and parts of a step that
            accept weights cannot get them; once for the pipeline and its clones.
        """
        if sample_weight is not None:
            params["sample_weight"] = sample_weight
        return super().fit(native_events(X), native_values(y, "y"), **params)

    # A step of scikit-learn would drop a mask in silence.
    predict = of_native_events(Pipeline, "predict")
    predict_proba = of_native_events(Pipeline, "predict_proba")
    predict_log_proba = of_native_events(Pipeline, "predict_log_proba")
    decision_function = of_native_events(Pipeline, "decision_function")
    transform = of_native_events(Pipeline, "transform")
    fit_transform = of_native_events(Pipeline, "fit_transform")
    score = of_native_events(Pipeline, "score")

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the routing in which every step that accepts weights requests them.

        Returns
        -------
        routing : MetadataRouter
            Built from copies: the requests of the steps stay as they are.
        """
        router = MetadataRouter(owner=self)
        for name, (mapping, requests) in super().get_metadata_routing():
            router.add(method_mapping=mapping, **{name: requesting_weights(requests)})
        return router

    def __getitem__(self, ind: Any) -> Any:
        """Return a step, or for a slice a pipeline of the same kind."""
        item = super().__getitem__(ind)
        if isinstance(ind, slice):
            item.preprocessing_weights = self.preprocessing_weights
        return item

    # fit, fit_transform and fit_predict of the base class get the parameters of the
    # steps from here.
    def _check_method_params(
        self, method: str, props: Mapping[str, Any], **kwargs: Any
    ) -> Any:
        if props.get("sample_weight") is not None:
            self._check_steps()
        self._check_validation_sample(props)
        if not _routing_enabled():
            props = self._props_by_step(props)
        routed = super()._check_method_params(method, props, **kwargs)
        if props:
            self._guard_preprocessing(routed)
        return routed

    def _props_by_step(self, props: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters with one `sample_weight` turned into one per step."""
        expanded = dict(props)
        sample_weight = expanded.pop("sample_weight", None)
        if sample_weight is None:
            return expanded
        named = [key for key in expanded if key.endswith("__sample_weight")]
        if named:
            msg = (
                "Weights must be given once, got both `sample_weight` and "
                f"{', '.join(f'`{key}`' for key in named)}. Leave out one of them."
            )
            raise ValueError(msg)
        for _, name, step in self._iter():
            if gets_weights(step):
                expanded[f"{name}__sample_weight"] = sample_weight
        return expanded

    def _check_steps(self) -> None:
        """Refuse where the weights could not but be left out in silence."""
        for _, name, step in self._iter():
            plain = isinstance(step, Pipeline) and not isinstance(
                step, WeightedPipeline
            )
            if plain and not _routing_enabled():
                msg = (
                    f"The step {name!r} must be a WeightedPipeline to get weights "
                    "without metadata routing, got a Pipeline. Build it with "
                    "`make_weighted_pipeline`."
                )
                raise TypeError(msg)
        self._warn_of_unweighted_parts()
        final = self._final_estimator
        if is_predictor(final) and not (gets_weights(final) or declines(final)):
            msg = (
                "The final step must accept `sample_weight` in `fit`, got "
                f"{type(final).__name__}, which does not. Choose another estimator, or "
                "fit without weights."
            )
            raise TypeError(msg)

    def _warn_of_unweighted_parts(self) -> None:
        """Warn of parts of steps to which no weights are passed on."""
        if _routing_enabled():
            return
        for _, name, step in self._iter():
            parts = weighted_parts(step)
            if parts:
                msg = (
                    f"The parts {parts!r} of the step {name!r} accept `sample_weight`, "
                    f"but a {type(step).__name__} gets none without metadata "
                    "routing: they are fitted without weights. Set sklearn.set_config("
                    "enable_metadata_routing=True) and request weights for the parts, "
                    "or filter this warning if it is meant so."
                )
                self._warn_once(msg, UnweightedStepWarning)

    def _check_validation_sample(self, props: Mapping[str, Any]) -> None:
        """Refuse a validation sample without weights, or not transformed like `X`."""
        transformed = self.transform_input or []
        preprocessed = any(self._iter(with_final=False))
        for name, value in props.items():
            is_sample = value is not None and name.split("__")[-1] == "X_val"
            if is_sample and self._lacks_weights(name, props):
                raise MissingWeightsError(VALIDATION_WEIGHTS_ARE_MISSING)
            if is_sample and preprocessed and name not in transformed:
                msg = (
                    f"`{name}` must be transformed like `X` before the final step gets "
                    "it, got a pipeline that does not. Set "
                    "sklearn.set_config(enable_metadata_routing=True), build the "
                    'pipeline with transform_input=["X_val"] and call '
                    "set_fit_request(X_val=True, y_val=True, sample_weight_val=True) "
                    "of the final step."
                )
                raise ValueError(msg)

    def _lacks_weights(self, name: str, props: Mapping[str, Any]) -> bool:
        """Return whether validation events have no weights where training ones do."""
        prefix = name.removesuffix("X_val")
        given = (props.get("sample_weight"), props.get(f"{prefix}sample_weight"))
        takes = has_fit_parameter(final_step(self), "sample_weight_val")
        is_weighted = any(weights is not None for weights in given)
        return takes and is_weighted and props.get(f"{prefix}sample_weight_val") is None

    def _guard_preprocessing(self, routed: Any) -> None:
        """Replace the weights of all but the final step, or refuse negative ones."""
        for _, name, step in self._iter(with_final=False):
            if getattr(step, "accepts_negative_weights", False):
                continue
            for method in _FITS:
                params = routed[name].get(method, {})
                if params.get("sample_weight") is not None:
                    params["sample_weight"] = self._preprocessing_weights_of(
                        name, params["sample_weight"]
                    )

    def _preprocessing_weights_of(self, name: str, sample_weight: ArrayLike) -> Any:
        weights = defined_array(sample_weight, "sample_weight", WeightsError)
        n_negative = int(np.count_nonzero(weights < 0))
        if not n_negative:
            return sample_weight
        if self.preprocessing_weights == "error":
            msg = (
                f"The weights of the preprocessing step {name!r} must not be negative, "
                f"got {n_negative} negative ones. Build the pipeline with "
                "preprocessing_weights='abs' to give it absolute values; the final "
                "step gets the weights as they are."
            )
            raise WeightsError(msg)
        return np.abs(weights)


def make_weighted_pipeline(
    *steps: Any,
    memory: object = None,
    transform_input: list[str] | None = None,
    verbose: bool = False,
    preprocessing_weights: Literal["abs", "error"] = "error",
) -> WeightedPipeline:
    """Pipeline that passes event weights on, with steps named by their types.

    Parameters
    ----------
    *steps : estimators
        Transformers and a final estimator.
    memory : str or object with the joblib.Memory interface, default=None
        Cache of the fitted transformers.
    transform_input : list of str, default=None
        As in `sklearn.pipeline.Pipeline`; needs metadata routing.
    verbose : bool, default=False
        Print the time of each step.
    preprocessing_weights : {"error", "abs"}, default="error"
        What the steps before the final one get if there are negative weights:
        "abs" passes absolute values, "error" refuses.

    Returns
    -------
    pipeline : WeightedPipeline

    Warns
    -----
    UnweightedStepWarning
        If metadata routing is off, and parts of a step that accept weights cannot get
        them. The fits of the pipeline and of its clones do not repeat it.

    See Also
    --------
    WeightedPipeline : The class, with its rules.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skhep_dnn.pipeline import make_weighted_pipeline
    >>> pipeline = make_weighted_pipeline(
    ...     StandardScaler(), LogisticRegression(), preprocessing_weights="abs"
    ... )
    >>> X, y, w = [[1.0], [2.0], [3.0], [4.0]], ["b", "b", "s", "s"], [1, 2, -0.1, 0.3]
    >>> pipeline.fit(X, y, sample_weight=w).predict([[0.0]])
    array(['b'], dtype='<U1')
    """
    pipeline = WeightedPipeline(
        _name_estimators(steps),
        memory=memory,
        transform_input=transform_input,
        verbose=verbose,
        preprocessing_weights=preprocessing_weights,
    )
    pipeline._warn_of_unweighted_parts()
    return pipeline
