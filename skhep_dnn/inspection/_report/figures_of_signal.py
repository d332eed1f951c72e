"""The figures of one signal against the rest: score, cuts and calibration."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from skhep_dnn._validation import signal_labels
from skhep_dnn.inspection._discriminant import DiscriminantDisplay
from skhep_dnn.inspection._plotting import NEUTRAL_COLOR
from skhep_dnn.inspection._reliability import (
    Prior,
    ReliabilityDisplay,
    probabilities_at,
)
from skhep_dnn.inspection._report.events import SignalEvents
from skhep_dnn.inspection._report.images import figure_text, picture
from skhep_dnn.inspection._report.measures import MERITS, Quoted, selected_yield
from skhep_dnn.inspection._report.numbers import number, per_cent, with_error
from skhep_dnn.inspection._report.page import Section, figures, paragraph
from skhep_dnn.inspection._roc_band import bootstrap_band
from skhep_dnn.inspection._roc_curve import WeightedRocCurveDisplay
from skhep_dnn.inspection._significance_scan import SignificanceScanDisplay
from skhep_dnn.metrics import ReliabilityCurve, reliability_curve, weighted_roc_curve

__all__ = [
    "calibration_section",
    "figure_names",
    "named_labels",
    "scores_section",
    "spoken_scores",
]

FloatArray = NDArray[np.float64]
Labels = NDArray[Any]
RocCurve = tuple[FloatArray, FloatArray, FloatArray]

_EFFICIENCIES = (0.3, 0.5, 0.8)
_PRIORS: dict[Prior, str] = {
    "balanced": "at equal yields of all classes",
    "physical": "at the yields of the weights",
}


def scores_section(quoted: Quoted) -> Section:
    """Return the distribution of the score, the ROC curve and the scan of all cuts."""
    signal = quoted.signal
    curve = weighted_roc_curve(
        signal.is_signal, signal.scores, signal.weights, pos_label=True
    )
    at = _background_at(curve[0], curve[1])
    shown = [
        _score_picture(quoted),
        _roc_picture(quoted, curve, at),
        _scan_picture(quoted),
    ]
    numbers = {"background_efficiency_at_signal_efficiency": at}
    return Section("scores", "Score and cuts", figures(shown), numbers)


def _background_at(background: FloatArray, signal: FloatArray) -> dict[str, float]:
    """Return the background efficiency at some signal efficiencies."""
    found = {}
    for efficiency in _EFFICIENCIES:
        reached = np.flatnonzero(signal >= efficiency)  # the first: the hardest cut
        found[f"{efficiency:g}"] = float(background[reached[0]])
    return found


def figure_names(signal: SignalEvents) -> tuple[str, str]:
    """Return what figures call the rest and the signal; the names differ."""
    own = signal_labels(signal.sample.classes, signal.pos_label)
    rest = [label for label in signal.sample.classes if label not in own]
    name = figure_text(rest[0] if len(rest) == 1 else "all others")
    of_signal = figure_text(signal.name)
    return (f"{name} (rest)" if name == of_signal else name), of_signal


def spoken_scores(signal: SignalEvents) -> str:
    """Return yields and mean scores of both classes, as one says them."""
    parts = []
    for name, own in (("signal", signal.is_signal), ("background", ~signal.is_signal)):
        finite = own & np.isfinite(signal.scores)
        mean = np.average(signal.scores[finite], weights=signal.weights[finite])
        total = with_error(**selected_yield(signal.weights[own]))
        parts.append(f"{name} of {total} events with a mean score of {number(mean)}")
    return "; ".join(parts)


def named_labels(signal: SignalEvents) -> tuple[Labels, Labels]:
    """Return labels of test and training events as figures show them."""
    names = np.asarray(figure_names(signal))
    test, train = signal.is_signal.astype(int), signal.train_is_signal.astype(int)
    return names[test], names[train]


def _score_picture(quoted: Quoted) -> str:
    signal = quoted.signal
    y, _ = named_labels(signal)
    return picture(
        lambda: DiscriminantDisplay.from_predictions(
            y,
            signal.scores,
            sample_weight=signal.weights,
            pos_label=figure_names(signal)[1],
        ),
        alt=f"Distribution of the score of the test events: {spoken_scores(signal)}.",
        caption="Score of the test events, each class normalised.",
    )


def _roc_picture(quoted: Quoted, curve: RocCurve, at: dict[str, float]) -> str:
    signal = quoted.signal
    background, efficiency, thresholds = curve
    area = with_error(**quoted.area)
    points = ", ".join(
        f"{number(value)} at {per_cent(float(share))} of the signal"
        for share, value in at.items()
    )
    return picture(
        lambda: WeightedRocCurveDisplay(
            background_efficiency=background,
            signal_efficiency=efficiency,
            thresholds=thresholds,
            roc_auc=quoted.area["value"],
            roc_auc_error=quoted.area["error"],
            band=bootstrap_band(
                signal.is_signal,
                signal.scores,
                signal.weights,
                pos_label=True,
                n_replicas=signal.sample.options.n_replicas,
                random_state=signal.sample.options.seed,
            ),
        ).plot(plot_chance_level=True),
        alt=f"ROC curve of the test events, area {area}; background efficiency "
        f"{points}.",
        caption=f"Test events: area under the curve {area}; background efficiency "
        f"{points}.",
    )


def _scan_picture(quoted: Quoted) -> str:
    name = MERITS[quoted.signal.sample.options.figure_of_merit.kind]
    at_cut = "there is no cut"
    if quoted.cut is not None:
        at_cut = f"at the cut {quoted.cut} it is {with_error(**quoted.significance)}"
    return picture(
        lambda: _scan(quoted),
        alt=f"{name} against the cut on the score of the test events; {at_cut}.",
        caption=f"{name} of all cuts on the test events; {at_cut}. The maximum is "
        "biased upwards, and no figure to quote.",
    )


def _scan(quoted: Quoted) -> SignificanceScanDisplay:
    signal, options = quoted.signal, quoted.signal.sample.options
    merit, cuts = options.figure_of_merit, quoted.cut.values if quoted.cut else ()
    display = SignificanceScanDisplay.from_predictions(
        signal.is_signal,
        signal.scores,
        sample_weight=signal.weights,
        threshold=cuts[0] if len(cuts) == 1 else None,
        kind=merit.kind,
        b_reg=merit.b_reg,
        sigma_b=merit.sigma_b,
        rel_sigma_b=merit.rel_sigma_b,
        mc_stat=merit.mc_stat,
        pos_label=True,
        min_n_eff=options.min_n_eff,
        n_replicas=options.n_replicas,
        random_state=options.seed,
    )
    for value in cuts if len(cuts) > 1 else ():
        display.ax_.axvline(value, color=NEUTRAL_COLOR, linestyle="--", linewidth=1.0)
    return display


def calibration_section(quoted: Quoted) -> Section | None:
    """Return whether probabilities can be believed; None where there are none."""
    if quoted.signal.proba is None:
        return None
    own = _trained_at(quoted.signal.sample.estimator)
    html = paragraph(
        f"The probabilities are those of a classifier that was trained {_PRIORS[own]}; "
        "for the other prior they are converted (skhep_dnn.weights.to_physical_prior)."
    )
    shown: list[str] = []
    values: dict[str, dict[str, FloatArray]] = {}
    for prior in _PRIORS:
        curve = _reliability(quoted.signal, own, prior)
        values[prior] = {
            "probability": curve.probability,
            "share": curve.share,
            "error": curve.error,
        }
        shown.append(_reliability_picture(quoted.signal, curve, prior))
    return Section("calibration", "Calibration", html + figures(shown), values)


def _trained_at(estimator: Any) -> Prior:
    """Return the prior of a classifier: "balanced" if any part of it balances."""
    params = estimator.get_params(deep=True)
    found = [v for k, v in params.items() if k.rpartition("__")[2] == "class_weight"]
    return "balanced" if any(_is_balanced(value) for value in found) else "physical"


def _is_balanced(class_weight: Any) -> bool:
    return isinstance(class_weight, str) and class_weight == "balanced"


def _reliability(signal: SignalEvents, own: Prior, prior: Prior) -> ReliabilityCurve:
    """Return the curve; of several classes all of them make up the prior."""
    sample = signal.sample
    y: NDArray[Any] = signal.is_signal
    proba = np.asarray(signal.proba)
    pos_label: Any = True
    if len(sample.classes) > 2:
        y = np.searchsorted(np.asarray(sample.classes), sample.test.y)
        proba = sample.estimator.predict_proba(sample.test.X)
        labels = signal_labels(sample.classes, signal.pos_label)
        pos_label = [sample.classes.index(label) for label in labels]
    converted, at = probabilities_at(
        y, proba, signal.weights, pos_label, _class_weight(own), prior
    )
    return reliability_curve(
        y,
        converted,
        signal.weights,
        pos_label=pos_label,
        class_weight=at,
        strategy="balanced_quantile" if at is None else "uniform",
    )


def _class_weight(prior: Prior) -> Literal["balanced"] | None:
    return "balanced" if prior == "balanced" else None


def _reliability_picture(
    signal: SignalEvents, curve: ReliabilityCurve, prior: Prior
) -> str:
    name = figure_names(signal)[1]
    seen = np.isfinite(curve.share)
    columns = (curve.probability[seen], curve.share[seen], curve.error[seen])
    points = zip(*(column.tolist() for column in columns), strict=True)
    text = ", ".join(f"{number(p)}: {with_error(s, e)}" for p, s, e in points)
    return picture(
        lambda: ReliabilityDisplay(
            curves={name: curve}, class_weight=_class_weight(prior)
        ).plot(),
        alt=f"Share of the signal by predicted probability, {_PRIORS[prior]}: {text}.",
        caption=f"Share of the signal against the probability, {_PRIORS[prior]}.",
    )
