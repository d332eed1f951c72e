"""Checks of the options of a classifier: the conditions between parameters."""

from numbers import Integral
from typing import TYPE_CHECKING, Any

from skhep_dnn.neural_network._activations import activation_names
from skhep_dnn.neural_network._architecture import hidden_widths, layer_dropout
from skhep_dnn.neural_network._averaging import (
    AVERAGES,
    Average,
    StochasticWeightAverage,
)
from skhep_dnn.neural_network._schedules import SCHEDULES, ends_cycle

if TYPE_CHECKING:
    from skhep_dnn.neural_network._ensemble import NetworkEnsemble

__all__ = ["check_options", "check_options_of_stream"]

SCALAR_LOSS_CALLBACKS = {
    "EpochScoring": "use `scoring`, which judges each member",
    "BatchScoring": "use `scoring`, which judges each member",
    "PassthroughScoring": "read `history_`: the losses are recorded there",
    "GradientNormClipping": "use `clip_norm`, which clips each member",
}


def check_options(model: "NetworkEnsemble", *, explicit: bool) -> None:
    """Check the conditions between parameters.

    Parameters
    ----------
    model : WeightedDNNClassifier
        Whose parameters to check.
    explicit : bool
        Whether a validation sample was passed.
    """
    _check_splits(model, explicit=explicit)
    if not _has_validation(model, explicit=explicit):
        _check_validation_is_not_needed(model)
    _check_averaging(model)
    _check_architecture(model)
    _check_loss(model)
    for item in model.callbacks or []:
        _check_callback(item, model)
        _check_scheduler(item, model)


def check_options_of_stream(model: "NetworkEnsemble") -> None:
    """Check that nothing is asked of `partial_fit` that needs the whole sample."""
    asked = {
        "cv": model.cv is not None,
        "validation_fraction": model.validation_fraction is not None,
        "early_stopping": model.early_stopping,
        "scoring": model.scoring is not None,
        "evaluations_per_epoch": model.evaluations_per_epoch > 1,
        "averaging": model.averaging is not None,
        "snapshots": model.snapshots is not None,
    }
    for name, is_asked in asked.items():
        if is_asked:
            msg = (
                f"`{name}` must be left at its default for `partial_fit`, which keeps "
                f"the last state and has no validation sample, got "
                f"{getattr(model, name)!r}. Judge the model on events of your own "
                "between the calls, or use `fit`."
            )
            raise ValueError(msg)
    check_options(model, explicit=False)


def _check_splits(model: "NetworkEnsemble", *, explicit: bool) -> None:
    if explicit:
        for name in ("cv", "validation_fraction", "stratify"):
            if getattr(model, name) is not None:
                msg = (
                    f"`{name}` must be None when a validation sample is passed, got "
                    f"{getattr(model, name)!r}. Leave out `X_val` or `{name}`."
                )
                raise ValueError(msg)
    if model.validate_on_fold and model.cv is None:
        msg = "validate_on_fold=True must come with folds, got cv=None. Set `cv`."
        raise ValueError(msg)
    if model.validate_on_fold and model.validation_fraction is not None:
        msg = (
            "`validation_fraction` must be None with validate_on_fold=True, got "
            f"{model.validation_fraction!r}. Keep one of the two."
        )
        raise ValueError(msg)
    draws = model.validation_fraction is not None or isinstance(model.cv, Integral)
    if model.stratify is not None and not draws:
        msg = (
            "`stratify` must come with events to split, got neither "
            "`validation_fraction` nor an int as `cv`. Set one of them, or leave it "
            "out."
        )
        raise ValueError(msg)


def _has_validation(model: "NetworkEnsemble", *, explicit: bool) -> bool:
    return explicit or model.validate_on_fold or model.validation_fraction is not None


def _check_validation_is_not_needed(model: "NetworkEnsemble") -> None:
    rule = _average(model)
    needs = {
        "early_stopping=True": model.early_stopping,
        "evaluations_per_epoch > 1": model.evaluations_per_epoch > 1,
        "`scoring`": model.scoring is not None,
        "`averaging` with comparisons": rule is not None and rule.needs_validation,
        'member_weighting="inverse_loss"': model.member_weighting == "inverse_loss",
    }
    for name, is_needed in needs.items():
        if is_needed:
            msg = (
                f"{name} must have a validation sample, got none. Set "
                "`validation_fraction`, or `cv` and `validate_on_fold`, or pass "
                "`X_val` and `y_val`."
            )
            raise ValueError(msg)


def _check_averaging(model: "NetworkEnsemble") -> None:
    """Check that there is something to average before the training ends."""
    rule, schedule, rate = _average(model), model.schedule, model.evaluations_per_epoch
    if not isinstance(rule, StochasticWeightAverage):
        return
    if isinstance(schedule, str):
        schedule = SCHEDULES[schedule]
    numbers = range(1, model.max_epochs * rate + 1)
    n_units = sum(ends_cycle(schedule, number, rate) for number in numbers)
    if rule.start > n_units:
        msg = (
            "`averaging` must begin before the training ends, got "
            f"start={rule.start!r} of {n_units} evaluations that count: all, or one "
            "for each cycle of `schedule`. Lower it, or raise `max_epochs` or "
            "`evaluations_per_epoch`."
        )
        raise ValueError(msg)


def _average(model: "NetworkEnsemble") -> Average | None:
    rule = model.averaging
    return AVERAGES[rule] if isinstance(rule, str) else rule


def _check_architecture(model: "NetworkEnsemble") -> None:
    widths = hidden_widths(
        model.hidden_layer_sizes, model.n_layers, model.width, model.width_growth
    )
    activation_names(model.activation, len(widths))
    layer_dropout(model.dropout, len(widths))
    if model.connection == "residual" and len(set(widths)) > 1:
        msg = (
            'connection="residual" must have hidden layers of equal width, got '
            f"{widths!r}. Make them equal, or use another connection."
        )
        raise ValueError(msg)


def _check_loss(model: "NetworkEnsemble") -> None:
    if model.label_smoothing > 0.0 and getattr(model.loss, "needs_batch", False):
        msg = (
            "`label_smoothing` must be 0 with a loss that needs the batch, got "
            f"{model.label_smoothing!r}. Leave it out."
        )
        raise ValueError(msg)


def _names(callback: Any) -> list[str]:
    """Return the names of a callback's class and of all above it."""
    kind = callback if isinstance(callback, type) else type(callback)
    return [parent.__name__ for parent in kind.__mro__]


def _check_callback(item: Any, model: "NetworkEnsemble") -> None:
    callback = item[1] if isinstance(item, tuple) else item
    names = _names(callback)
    for name in names:
        remedy = SCALAR_LOSS_CALLBACKS.get(name)
        if remedy is not None:
            msg = (
                f"`callbacks` must act on members one by one, got {name}, which "
                f"assumes one loss for the whole net. Instead {remedy}."
            )
            raise ValueError(msg)
    if "InputShapeSetter" in names:
        msg = (
            "`callbacks` must leave the networks to the estimator, got "
            "InputShapeSetter. Leave it out: they know the shape of their inputs."
        )
        raise ValueError(msg)
    if "LoadInitState" in names:
        _check_single_member(
            "LoadInitState", "`warm_start`", model, "loads the state of one group"
        )
    if getattr(callback, "load_best", False):
        msg = (
            f"`callbacks` must leave the best state to the estimator, got {names[0]} "
            "with load_best=True. Leave it out: with a validation sample the best "
            "state of each member is kept in any case."
        )
        raise ValueError(msg)
    if "EarlyStopping" in names:
        _check_single_member("EarlyStopping", "early_stopping=True", model)


def _check_scheduler(item: Any, model: "NetworkEnsemble") -> None:
    """Let one only of the schedule and skorch's LRScheduler set the learning rate."""
    callback = item[1] if isinstance(item, tuple) else item
    if "LRScheduler" not in _names(callback):
        return
    if model.schedule != "constant":
        msg = (
            'schedule="constant" must be set beside the callback LRScheduler, got '
            f"schedule={model.schedule!r}, which sets the learning rate at each step. "
            "Keep one of the two."
        )
        raise ValueError(msg)
    policy = getattr(callback, "policy", None)
    name = policy if isinstance(policy, str) else getattr(policy, "__name__", "")
    if name == "ReduceLROnPlateau":
        _check_single_member(name, "`schedule`", model)


def _check_single_member(
    name: str,
    instead: str,
    model: "NetworkEnsemble",
    acts_on: str = "acts on the mean loss",
) -> None:
    if model.n_members > 1:
        msg = (
            f"`callbacks` must act on members one by one, got {name}, which {acts_on} "
            f"of {model.n_members} members. Set n_members=1 or use {instead}."
        )
        raise ValueError(msg)
