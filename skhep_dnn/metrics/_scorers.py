"""Scorers of a significance, for every place where scikit-learn takes `scoring=`.

How good is a classifier for a discovery, as one number that ranks models? By default
the significance of a histogram of the scores' ranks, which uses all events and chooses
no cut.
"""

import math
from numbers import Integral
from typing import Literal

import numpy as np
import pandas as pd

from skhep_dnn._validation import check_signal
from skhep_dnn.metrics._carried_weights import CarriedWeights, check_carried
from skhep_dnn.metrics._class_sums import check_class_sums, check_yield
from skhep_dnn.metrics._scored_significance import ScoredSignificance
from skhep_dnn.metrics._scorer_base import (
    RANKING_RESPONSES,
    EventWeightScorer,
    shown_options,
)

__all__ = ["make_significance_scorer"]

_B_REG = {"ams": 10.0, "asimov": 0.0}
_RESPONSE_METHODS = ("auto", "decision_function", "predict_proba")


def make_significance_scorer(
    kind: Literal["ams", "asimov"] = "ams",
    at: Literal["binned", "max", "predict"] | float = "binned",
    *,
    n_bins: int = 10,
    n_shifts: int = 10,
    min_n_eff: float = 10.0,
    signal_yield: float | None = None,
    background_yield: float | None = None,
    b_reg: float | None = None,
    sigma_b: float = 0.0,
    rel_sigma_b: float = 0.0,
    mc_stat: bool = False,
    pos_label: object = None,
    response_method: Literal["auto", "decision_function", "predict_proba"] = "auto",
    sample_weight: pd.Series | None = None,
    target: pd.Series | None = None,
    unit_weights: bool = False,
) -> EventWeightScorer:
    r"""Scorer of a discovery significance, with event weights and full yields.

    A scorer is called by a search for each fold. It rescales the weights of the fold,
    per class, to the yields of the whole sample, and it never scores unweighted events
    by accident: without weights it raises, naming the remedies.

    Parameters
    ----------
    kind : {"ams", "asimov"}, default="ams"
        Sets the default of `b_reg`. With uncertainties both are the Asimov
        significance, of a background to which `b_reg` is added.
    at : {"binned", "max", "predict"} or float, default="binned"
        Where the significance is taken.

        "binned" takes the root of the sum of squares over bins of equal signal yield
        in the ranks of the scores: only the order of the scores matters.

        "max" takes the largest significance over all thresholds. **A maximum is
        noisy** and biased upwards, never a performance to quote. Choose a cut by it
        on one sample, quote the value on another.

        "predict" takes the significance of the events predicted to be signal, and a
        number that of the events with a probability of signal (or, by
        `response_method`, a decision value) at or above it. They rank models well
        only if all are calibrated alike.
    n_bins : int, default=10
        Number of bins for `at="binned"`, before merging.
    n_shifts : int, default=10
        The binned value is the mean over this number of shifts of the edges, by
        fractions of a bin. The merging of bins then makes no jumps, and models are
        ranked better; 1 leaves the edges alone.
    min_n_eff : float, default=10.0
        Least number of effective background events. Bins are merged from the signal
        end until each has as many, "max" leaves out thresholds with fewer, a fixed
        selection with fewer warns. A significance is too large by the factor
        ``1 + 3 / (8 n_eff)``: 4 % at 10.
    signal_yield : float, default=None
        Expected signal of the whole sample before any selection, in events. None
        takes the class sum of the carried weights, without these the sum of the
        scored events, with a warning.
    background_yield : float, default=None
        The same of the background.
    b_reg : float, default=None
        Added to the background (of each bin), in events; None takes 10 for "ams" and
        0 for "asimov".
    sigma_b : float, default=0.0
        Absolute uncertainty of the background (of each merged bin), in events.
    rel_sigma_b : float, default=0.0
        Its relative uncertainty, uncorrelated between bins.
    mc_stat : bool, default=False
        Whether the Monte Carlo variance of the scored background adds to its
        uncertainty. In a fold it is larger than in the whole sample.
    pos_label : label, default=None
        Label of the signal; None takes `classes_[1]`.
    response_method : {"auto", "decision_function", "predict_proba"}, default="auto"
        "auto" takes the probability for a numeric `at`; for "binned" and "max" the
        decision function, which does not saturate, or else the probability.
    sample_weight : Series of shape (n_events,), default=None
        Weights of the whole sample, with the index of the DataFrame that will be
        scored: for tools that pass a scorer no weights. Weights that are passed go
        first; the yields are those of the carried ones in both cases.
    target : Series of shape (n_events,), default=None
        Labels of the same events: gives the yields, and is compared with the labels
        that are scored, so that a wrong index is an error.
    unit_weights : bool, default=False
        Count every event once where there are no weights, instead of raising.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y, sample_weight=w)``. Copies share the data
        that it carries.

    Raises
    ------
    ValueError
        If a parameter has a wrong value. When scoring: if the classifier has not two
        classes.
    TypeError
        If `sample_weight` or `target` is not a Series. When scoring with carried
        weights: if `X` has no index.
    WeightsError
        If carried weights have repeated index labels. When scoring: if the weights of
        a class do not sum to more than 0, or events are not among the carried ones.
    MissingWeightsError
        When scoring, if there are no weights.

    Warns
    -----
    FoldYieldWarning
        When scoring, if a yield is not known.
    LowStatisticsWarning
        When scoring, if the background has fewer than `min_n_eff` effective events.
    UndefinedSignificanceWarning
        When scoring, if the significance is nan.

    See Also
    --------
    weighted_scorer : The same for standard metrics. The area under the ROC curve and
        the log-loss rank models far better than any significance.

    Notes
    -----
    "binned" is the default as the benchmark of scorers has it: two neighbours among
    five models of known quality come out in the right order in 72 % of small weighted
    samples, with "max" in 70 %, with "predict" in 78 % if the models are perfectly
    calibrated and in 65 % if their logits are off by 0.2.

    In `TunedThresholdClassifierCV`, which takes weights with metadata routing only,
    the significance of the predictions is computed for each threshold, whatever `at`;
    a threshold that leaves fewer than `min_n_eff` effective background events counts
    as 0. Carried weights cannot be found there, as it scores labels without `X`.

    References
    ----------
    .. [1] G. Cowan, K. Cranmer, E. Gross, O. Vitells, "Asymptotic formulae for
       likelihood-based tests of new physics", arXiv:1007.1727.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV, cross_val_score
    >>> from skhep_dnn.metrics import make_significance_scorer
    >>> rng = np.random.default_rng(0)
    >>> y = pd.Series(np.repeat(["b", "s"], 500))
    >>> X = pd.DataFrame({"mass": rng.normal(size=1000) + 2.0 * (y == "s")})
    >>> w = pd.Series(np.where(y == "s", 0.1, 2.0))

    Weights passed by the search:

    >>> scorer = make_significance_scorer(signal_yield=50, background_yield=1000)
    >>> search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, scoring=scorer)
    >>> search = search.fit(X, y, sample_weight=w)
    >>> round(float(search.best_score_), 2)
    3.24

    Weights carried by the scorer:

    >>> scorer = make_significance_scorer(sample_weight=w, target=y)
    >>> cross_val_score(LogisticRegression(), X, y, scoring=scorer).shape
    (5,)
    """
    _check_options(kind, at, response_method)
    _check_response(at, response_method)
    _check_counts(n_bins=n_bins, n_shifts=n_shifts)
    numbers = {"sigma_b": sigma_b, "rel_sigma_b": rel_sigma_b, "min_n_eff": min_n_eff}
    b_reg_value = _B_REG[kind] if b_reg is None else b_reg
    _check_numbers(signal_yield, background_yield, b_reg=b_reg_value, **numbers)
    carried = check_carried(sample_weight, target)
    options = shown_options(
        at=(at, "binned"),
        n_bins=(n_bins, 10),
        n_shifts=(n_shifts, 10),
        min_n_eff=(min_n_eff, 10.0),
        signal_yield=(signal_yield, None),
        background_yield=(background_yield, None),
        b_reg=(b_reg, None),
        sigma_b=(sigma_b, 0.0),
        rel_sigma_b=(rel_sigma_b, 0.0),
        mc_stat=(mc_stat, False),
        pos_label=(pos_label, None),
        response_method=(response_method, "auto"),
        sample_weight=(carried, None),
        unit_weights=(unit_weights, False),
    )
    carried_s, carried_b = _carried_yields(carried, pos_label)
    significance = ScoredSignificance(
        at=at,
        n_bins=n_bins,
        n_shifts=n_shifts,
        min_n_eff=min_n_eff,
        signal_yield=carried_s if signal_yield is None else signal_yield,
        background_yield=carried_b if background_yield is None else background_yield,
        b_reg=b_reg_value,
        sigma_b=sigma_b,
        rel_sigma_b=rel_sigma_b,
        mc_stat=mc_stat,
        unit_weights=unit_weights,
    )
    return EventWeightScorer(
        significance,
        sign=1,
        response_method=_response_method(at, response_method),
        pos_label=pos_label,
        carried=carried,
        description=f"make_significance_scorer({kind!r}{options})",
    )


def _response_method(at: str | float, response_method: str) -> str | tuple[str, ...]:
    if at == "predict":
        return "predict"
    if response_method != "auto":
        return response_method
    return RANKING_RESPONSES if isinstance(at, str) else "predict_proba"


def _carried_yields(
    carried: CarriedWeights | None, pos_label: object
) -> tuple[float | None, float | None]:
    """Return the class sums of the carried weights, where the classes are known."""
    if carried is None or carried.target is None:
        return None, None
    is_signal = check_signal(carried.target, pos_label, "target")
    return check_class_sums(is_signal, carried.weights)


def _check_options(kind: object, at: object, response_method: object) -> None:
    if kind not in _B_REG:
        msg = f"`kind` must be one of {sorted(_B_REG)}, got {kind!r}. Choose one."
        raise ValueError(msg)
    if not (_is_threshold(at) or at in ("binned", "max", "predict")):
        msg = (
            "`at` must be 'binned', 'max', 'predict' or a finite threshold, got "
            f"{at!r}. Choose one of them."
        )
        raise ValueError(msg)
    if response_method not in _RESPONSE_METHODS:
        msg = (
            f"`response_method` must be one of {list(_RESPONSE_METHODS)}, got "
            f"{response_method!r}. Use at='predict' for class predictions."
        )
        raise ValueError(msg)


def _check_response(at: str | float, response_method: str) -> None:
    if at == "predict" and response_method != "auto":
        msg = (
            "`response_method` must be 'auto' for at='predict', which takes class "
            f"predictions, got {response_method!r}. Leave it out, or give a threshold."
        )
        raise ValueError(msg)
    is_logit = response_method == "decision_function"
    if not (isinstance(at, str) or is_logit or 0 <= at <= 1):
        msg = (
            f"`at` must be a probability from 0 to 1, got {at!r}. For a threshold on "
            "the decision function pass response_method='decision_function' too."
        )
        raise ValueError(msg)


def _check_counts(**counts: int) -> None:
    for name, value in counts.items():
        if not (isinstance(value, Integral) and value >= 1):
            msg = (
                f"`{name}` must be a whole number of at least 1, got {value!r}. Use "
                "10 or so."
            )
            raise ValueError(msg)


def _is_threshold(at: object) -> bool:
    if isinstance(at, bool) or not isinstance(at, (int, float, np.number)):
        return False
    return bool(np.isfinite(at))


def _check_numbers(
    signal_yield: float | None, background_yield: float | None, **not_negative: float
) -> None:
    yields = {"signal_yield": signal_yield, "background_yield": background_yield}
    for name, value in yields.items():
        if value is not None:
            check_yield(value, name)
    for name, value in not_negative.items():
        if not 0 <= value < math.inf:
            msg = f"`{name}` must be 0 or more and finite, got {value!r}. Change it."
            raise ValueError(msg)
