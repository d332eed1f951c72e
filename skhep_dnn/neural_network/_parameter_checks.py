"""Conditions between parameters of the classifier, from their values."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from skhep_dnn._messages import shown
from skhep_dnn.neural_network._averaging import Average
from skhep_dnn.neural_network._engine.settings import TrainingSettings
from skhep_dnn.neural_network._preparation.member_splits import SplitRules
from skhep_dnn.neural_network._schedules import CyclicSchedule

__all__ = [
    "FIXED_AFTER_A_FIT",
    "FIXED_IN_A_STREAM",
    "FIXED_IN_A_WARM_START",
    "check_left_at_default",
    "check_splits",
    "check_unchanged",
    "check_without_validation",
    "copied_values",
    "why_none_stops_early",
]

# What the networks are made of, and what columns and categories were learnt with.
FIXED_IN_A_WARM_START = (
    "n_members",
    "n_layers",
    "width",
    "width_growth",
    "hidden_layer_sizes",
    "activation",
    "connection",
    "batch_norm",
    "numeric_scaling",
    "scale_learning_rate",
    "numeric_embedding",
    "embedding_size",
    "feature_groups",
    "categorical_features",
    "missing_values",
    "augmenter",
)
# With what `partial_fit` goes on as well: the optimiser with its state, and the rules
# that the factors of the classes were learnt with.
FIXED_AFTER_A_FIT = (
    *FIXED_IN_A_WARM_START,
    "optimizer",
    "device",
    "negative_weights",
    "max_weight",
    "class_weight",
)
# Between the calls of `partial_fit` random numbers go on, too, and nothing waits for an
# improvement.
FIXED_IN_A_STREAM = (*FIXED_AFTER_A_FIT, "random_state", "n_iter_no_change", "tol")


def check_splits(rules: SplitRules, *, explicit: bool) -> None:
    """Refuse ways to split the events that contradict each other.

    Parameters
    ----------
    rules : SplitRules
        How the members split the events.
    explicit : bool
        Whether a validation sample was passed.
    """
    if explicit:
        for name in ("cv", "validation_fraction", "stratify"):
            if getattr(rules, name) is not None:
                msg = (
                    f"`{name}` must be None when a validation sample is passed, got "
                    f"{getattr(rules, name)!r}. Leave out `X_val` or `{name}`."
                )
                raise ValueError(msg)
    if rules.validate_on_fold and rules.cv is None:
        msg = "validate_on_fold=True must come with folds, got cv=None. Set `cv`."
        raise ValueError(msg)
    if rules.validate_on_fold and rules.validation_fraction is not None:
        msg = (
            "`validation_fraction` must be None with validate_on_fold=True, got "
            f"{rules.validation_fraction!r}. Keep one of the two."
        )
        raise ValueError(msg)
    draws = rules.validation_fraction is not None or isinstance(rules.cv, Integral)
    if rules.stratify is not None and not draws:
        msg = (
            "`stratify` must come with events to split, got neither "
            "`validation_fraction` nor an int as `cv`. Set one of them, or leave it "
            "out."
        )
        raise ValueError(msg)


def check_without_validation(
    *,
    early_stopping: bool,
    evaluations_per_epoch: int,
    scoring: Any,
    averaging: Average | None,
    member_weighting: str,
) -> None:
    """Refuse what needs a validation sample, where there is none."""
    compares = averaging is not None and averaging.needs_validation
    needs = {
        "early_stopping=True": early_stopping,
        "evaluations_per_epoch > 1": evaluations_per_epoch > 1,
        "`scoring`": scoring is not None,
        "`averaging` with comparisons": compares,
        'member_weighting="inverse_loss"': member_weighting == "inverse_loss",
    }
    for name, is_needed in needs.items():
        if is_needed:
            msg = (
                f"{name} must have a validation sample, got none. Set "
                "`validation_fraction`, or `cv` and `validate_on_fold`, or pass "
                "`X_val` and `y_val`."
            )
            raise ValueError(msg)


def why_none_stops_early(settings: TrainingSettings) -> str | None:
    """Return why a schedule leaves `early_stopping` without effect, or None.

    A patience of more evaluations than there are is plain to see: it gets no reason.
    """
    if not settings.early_stopping:
        return None
    if settings.patience is None:
        return (
            "early_stopping=True must come with a schedule that may end at any time, "
            f"got {settings.schedule!r}, whose only cycle always runs to its end: no "
            'member stops early. Set schedule="constant" or one that goes in cycles, '
            "or leave early_stopping=False; the best state is kept in any case."
        )
    is_cyclic = isinstance(settings.rules.schedule, CyclicSchedule)
    if settings.may_stop_early or not is_cyclic:
        return None
    return (
        "early_stopping=True must have a patience that ends before the training, got "
        f"n_iter_no_change={settings.n_iter_no_change} cycles of "
        f"{settings.schedule!r} in {settings.max_epochs} passes: no member stops "
        "early. Lower `n_iter_no_change`, raise `max_epochs`, or leave "
        "early_stopping=False; the best state is kept in any case."
    )


def check_left_at_default(values: dict[str, Any], defaults: dict[str, Any]) -> None:
    """Refuse parameters that ask for what `partial_fit` cannot give.

    Parameters
    ----------
    values, defaults : dict
        Values and defaults of the parameters that hold events out or judge states.
    """
    for name, value in values.items():
        default = defaults[name]
        if value is not None if default is None else value != default:
            msg = (
                f"`{name}` must be left at its default for `partial_fit`, which keeps "
                f"the last state and has no validation sample, got {value!r}. Judge "
                "the model on events of your own between the calls, or use `fit`."
            )
            raise ValueError(msg)


def copied_values(model: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Return copies of parameters of a model, which no change in place reaches.

    A generator of random numbers stays itself: it changes with each use.
    """
    values = {name: getattr(model, name) for name in names}
    return {
        name: value
        if isinstance(value, np.random.RandomState)
        else clone(value, safe=False)
        for name, value in values.items()
    }


def check_unchanged(before: Mapping[str, Any], model: Any) -> None:
    """Refuse parameters that have changed, where a training goes on that needs them.

    Parameters
    ----------
    before : mapping of str to object
        The values that the training began with.
    model : estimator
        Has the values of now.
    """
    for name, value in before.items():
        now = getattr(model, name)
        if not _same(value, now):
            msg = (
                f"`{name}` must stay {shown(value)}, with which the training began "
                f"that goes on, got {shown(now)}. Set it back, or start anew: with "
                "`fit` and warm_start=False, or with a `clone`."
            )
            raise ValueError(msg)


def _same(one: Any, other: Any) -> bool:
    """Return whether two values of a parameter say the same."""
    if one is other:
        return True
    if _is_sequence(one) and _is_sequence(other):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(_same(*pair) for pair in pairs)
    if isinstance(one, BaseEstimator) or is_dataclass(one):
        return type(one) is type(other) and _same(_parts(one), _parts(other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if _is_sequence(one) or _is_sequence(other):
        return False
    return bool(one == other) or shown(one) == shown(other) == "nan"


def _is_sequence(value: Any) -> bool:
    return bool(np.iterable(value)) and not isinstance(value, str | Mapping)


def _parts(value: Any) -> dict[str, Any]:
    if isinstance(value, BaseEstimator):
        return value.get_params(deep=False)
    return {field.name: getattr(value, field.name) for field in fields(value)}
