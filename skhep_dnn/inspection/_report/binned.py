"""Which significance does a fit to the whole score have, with all that it must know.

The bins are chosen on the training events and filled with the test events: no quoted
event helped to choose an edge.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.inspection._report.events import SignalEvents
from skhep_dnn.inspection._report.measures import Quoted, measured
from skhep_dnn.inspection._report.numbers import Measured, number, with_error
from skhep_dnn.inspection._report.page import Section, note, paragraph, table
from skhep_dnn.inspection._report.stages import training_scores
from skhep_dnn.metrics import (
    BinnedDiscriminant,
    binned_significance,
    metric_with_error,
    optimal_binning,
)
from skhep_dnn.weights import effective_sample_size
from skhep_dnn.weights._class_sums import scale_classes

__all__ = ["binned_section"]

FloatArray = NDArray[np.float64]

_N_BINS = 10


def binned_section(quoted: Quoted) -> Section:
    """Return the binned significance, and that with all variations where given."""
    signal, options = quoted.signal, quoted.signal.sample.options
    scores, rows, origin = training_scores(signal)
    is_signal, weights = _at_test_yields(signal, rows)
    n_eff = effective_sample_size(weights[~is_signal])
    if n_eff < options.min_n_eff:
        text = (
            f"No bins: the training events have {number(round(n_eff, 1))} effective "
            f"background events, and a bin must have {options.min_n_eff:g}."
        )
        return Section("binned", "Binned significance", note(text, warning=True), {})
    chosen = optimal_binning(
        is_signal,
        scores,
        weights,
        pos_label=True,
        n_bins=_N_BINS,
        min_n_eff=options.min_n_eff,
    )
    filled = _filled(chosen, signal)
    value = _with_error(chosen, signal, mc_stat=True)
    alone = _with_error(chosen, signal, mc_stat=False)
    values: dict[str, Any] = {
        "significance": value,
        "significance_without_mc_errors": alone,
        "edges": filled.edges,
        "s": filled.s,
        "b": filled.b,
        "n_eff_b": filled.n_eff_b,
        "z_per_bin": filled.z_per_bin,
        "origin": origin,
    }
    html = paragraph(
        f"Expected discovery significance of a fit to {filled.n_bins} bins of the "
        "score. The bins were chosen on "
        f"{origin} and filled with the test events. Where the Monte Carlo errors of "
        "the background count as uncertainties of the bins, more simulated events make "
        "it larger. Its error is that of the statistics of the test events."
    )
    results = [
        ["statistics of the data alone", with_error(**alone)],
        ["Monte Carlo errors", with_error(**value)],
    ]
    varied = _varied(chosen, signal)
    if varied:
        values["with_variations"] = varied
        results += [[name, number(z)] for name, z in varied.items()]
        html += paragraph(
            "Uncertainties that all bins have in common are nuisance parameters of the "
            "fit (profile likelihood): each alone, then all, beside the Monte Carlo "
            "errors."
        )
    html += table(("with", "significance"), results) + _table(filled)
    return Section("binned", "Binned significance", html, values)


def _at_test_yields(
    signal: SignalEvents, rows: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], FloatArray]:
    """Return class and weights of training events, at the yields of the test events."""
    own = signal.is_signal
    is_signal = signal.train_is_signal[rows]
    weights = scale_classes(
        is_signal,
        signal.sample.train.weights[rows],
        float(signal.weights[own].sum()),
        float(signal.weights[~own].sum()),
    )
    return is_signal, weights


def _filled(
    chosen: BinnedDiscriminant, signal: SignalEvents, **options: Any
) -> BinnedDiscriminant:
    return chosen.evaluate(
        signal.sample.test.y,
        signal.scores,
        signal.weights,
        pos_label=signal.pos_label,
        process=signal.sample.process,
        **options,
    )


def _with_error(
    chosen: BinnedDiscriminant, signal: SignalEvents, *, mc_stat: bool
) -> Measured:
    options, n_bins = signal.sample.options, chosen.n_bins
    known = chosen.uncertainties._replace(mc_stat=mc_stat)
    value = _filled(replace(chosen, uncertainties=known), signal).z

    def significance(
        y_true: NDArray[Any], bins: FloatArray, sample_weight: FloatArray
    ) -> float:
        own, places = np.asarray(y_true, dtype=bool), bins.astype(np.intp)
        s = np.bincount(places[own], sample_weight[own], n_bins)
        b = np.bincount(places[~own], sample_weight[~own], n_bins)
        w2 = np.bincount(places[~own], mc_stat * sample_weight[~own] ** 2, n_bins)
        is_defined = (b > 0) & (s + b > 0)
        return float(
            binned_significance(s[is_defined], b[is_defined], sum_w2_b=w2[is_defined])
        )

    result = metric_with_error(
        significance,
        signal.is_signal,
        chosen.transform(signal.scores).astype(np.float64),
        signal.weights,
        n_replicas=options.n_replicas,
        random_state=options.seed,
    )
    return measured(value, result.error)


def _varied(chosen: BinnedDiscriminant, signal: SignalEvents) -> dict[str, float]:
    """Return the significance with each common uncertainty alone, then with all."""
    options = signal.sample.options
    normalisations = dict(options.normalisations or {})
    variations = dict(options.variations or {})
    found = {}
    for name, value in normalisations.items():
        found[str(name)] = _z(chosen, signal, {name: value}, {})
    for name, value in variations.items():
        found[str(name)] = _z(chosen, signal, {}, {name: value})
    if found:
        found["all"] = _z(chosen, signal, normalisations, variations)
    return found


def _z(
    chosen: BinnedDiscriminant,
    signal: SignalEvents,
    normalisations: dict[str, Any],
    variations: dict[str, Any],
) -> float:
    known = chosen.uncertainties._replace(normalisations=normalisations)
    binned = replace(chosen, uncertainties=known)
    return _filled(binned, signal, variations=variations).z


def _table(filled: BinnedDiscriminant) -> str:
    errors = np.sqrt([filled.sum_w2_s, filled.sum_w2_b])
    rows = [
        [
            f"{number(low)} to {number(high)}",
            with_error(s, s_error),
            with_error(b, b_error),
            number(round(n_eff, 1)),
            number(z),
        ]
        for low, high, s, s_error, b, b_error, n_eff, z in zip(
            *(
                column.tolist()
                for column in (
                    filled.edges[:-1],
                    filled.edges[1:],
                    filled.s,
                    errors[0],
                    filled.b,
                    errors[1],
                    filled.n_eff_b,
                    filled.z_per_bin,
                )
            ),
            strict=True,
        )
    ]
    header = ("score", "signal", "background", "n_eff", "significance")
    return table(header, rows, caption="Test events in the bins", filterable=False)
