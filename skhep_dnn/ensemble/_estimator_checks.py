"""Whether the answers of an estimator can be averaged over variants of events."""

from typing import Any

from sklearn.base import is_classifier

from skhep_dnn._weighted_steps import final_step

__all__ = ["check_averageable", "check_decisions"]


def check_averageable(estimator: Any) -> None:
    """Refuse what is no classifier or gives nothing to average.

    Parameters
    ----------
    estimator : estimator
        What will be trained.

    Raises
    ------
    TypeError
        If it is no classifier, or has neither probabilities nor a decision function.
    """
    kind = type(estimator).__name__
    if not is_classifier(estimator):
        msg = f"`estimator` must be a classifier, got {kind}. Pass a classifier."
        raise TypeError(msg)
    responses = ("predict_proba", "decision_function")
    if not any(hasattr(estimator, name) for name in responses):
        msg = (
            "`estimator` must have `predict_proba` or `decision_function`, got "
            f"{kind} without. Set the parameter that gives it one of them."
        )
        raise TypeError(msg)


def check_decisions(estimator: Any, n_classes: int) -> None:
    """Refuse decision functions of pairs of classes, which name no class.

    Parameters
    ----------
    estimator : classifier
        What will be trained.
    n_classes : int
        Number of classes.

    Raises
    ------
    ValueError
        If its decision function is that of pairs, and it has no probabilities.
    """
    shape = getattr(final_step(estimator), "decision_function_shape", None)
    if shape == "ovo" and n_classes > 2 and not hasattr(estimator, "predict_proba"):
        msg = (
            "`estimator` must have a decision function of each class, got "
            "decision_function_shape='ovo', that of each pair. Set it to 'ovr'."
        )
        raise ValueError(msg)
