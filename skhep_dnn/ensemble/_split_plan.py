"""Who splits off validation events: nobody, the wrapper, or the estimator by groups.

Decided before any event is copied, from the parameters of the estimator alone; what
would tear copies of one event apart is refused.
"""

from typing import Any, Literal, NoReturn

from skhep_dnn._fit_arguments import (
    groups_argument,
    takes_validation_sample,
)
from skhep_dnn._weighted_steps import final_step
from skhep_dnn.ensemble._internal_splits import (
    SplittingPart,
    keeps_groups,
    splitting_parts,
)

__all__ = ["SplitPlan", "held_out_fraction", "plan_split"]

SplitPlan = Literal["no split", "hold out", "as passed", "by groups"]


def plan_split(
    estimator: Any, n_rows: int, *, explicit: bool, fraction: float | None
) -> SplitPlan:
    """Return how validation events are split off, or refuse the estimator.

    Parameters
    ----------
    estimator : estimator
        What will be trained on the copies.
    n_rows : int
        Number of copies.
    explicit : bool
        Whether a validation sample was passed.
    fraction : float or None
        Share of the events to hold out, if it was asked for.

    Returns
    -------
    plan : {"no split", "hold out", "as passed", "by groups"}

    Raises
    ------
    TypeError
        If a validation sample was passed or asked for that the estimator cannot take.
    ValueError
        If the estimator would split its rows by itself, and takes neither a
        validation sample nor groups.
    """
    parts = splitting_parts(estimator, n_rows)
    final = final_step(estimator)
    takes_groups = groups_argument(estimator) is not None and keeps_groups(final)
    takes_sample = takes_validation_sample(estimator)
    for part in parts:
        has_remedy = takes_groups or (takes_sample and part.parameter != "cv")
        if part.estimator is not final or not has_remedy:
            _refuse(part, estimator)
    if explicit or fraction is not None:
        if not takes_sample:
            _refuse_sample(estimator, "X_val" if explicit else "validation_fraction")
        return "as passed" if explicit else "hold out"
    if not parts:
        return "no split"
    return "by groups" if takes_groups else "hold out"


def held_out_fraction(estimator: Any, fraction: float | None) -> float:
    """Return the share of events to hold out.

    Parameters
    ----------
    estimator : estimator
        Whose own `validation_fraction` is taken if none is given.
    fraction : float or None
        The share that was asked for.

    Returns
    -------
    fraction : float
        0.1 if nothing is said anywhere.
    """
    if fraction is not None:
        return fraction
    own = getattr(final_step(estimator), "validation_fraction", None)
    return 0.1 if own is None else own


def _refuse(part: SplittingPart, estimator: Any) -> NoReturn:
    name = type(part.estimator).__name__
    remedy = part.remedy
    is_final = part.estimator is final_step(estimator)
    if part.parameter == "cv" and is_final and groups_argument(estimator) is not None:
        remedy = "Pass an int, or a splitter of groups such as StratifiedGroupKFold."
    elif is_final and takes_validation_sample(part.estimator):
        remedy += (
            " Or let the Pipeline pass on held-out events: with metadata routing, "
            'transform_input=["X_val"] and set_fit_request(sample_weight=True, '
            f"X_val=True, y_val=True, sample_weight_val=True) of the {name}."
        )
    msg = (
        "`estimator` must not split its rows, since copies of one event would stand on "
        f"both sides, got {name} with {part.setting}. {remedy}"
    )
    raise ValueError(msg)


def _refuse_sample(estimator: Any, argument: str) -> NoReturn:
    name = type(estimator).__name__
    msg = (
        f"`{argument}` must come with an estimator whose `fit` takes `X_val`, got "
        f"{name}. Leave it out, or choose such an estimator; a Pipeline takes it with "
        'metadata routing and transform_input=["X_val"].'
    )
    raise TypeError(msg)
