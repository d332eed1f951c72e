"""Is the classifier worse on new events, and do its scores differ there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from skhep_dnn.inspection._histogram import matched_histograms
from skhep_dnn.inspection._overtraining import OvertrainingDisplay
from skhep_dnn.inspection._report.figures_of_signal import figure_names, named_labels
from skhep_dnn.inspection._report.images import picture
from skhep_dnn.inspection._report.measures import Quoted, measured
from skhep_dnn.inspection._report.numbers import Measured, number, with_error
from skhep_dnn.inspection._report.page import Section, figures, note, paragraph, table
from skhep_dnn.metrics import (
    BootstrapResult,
    MetricGap,
    OvertrainingTest,
    overtraining_test,
)

__all__ = ["overtraining_section"]

_BINS = 25
_MANY = 100_000  # events of both samples, from which on there are fewer permutations
_N_PERMUTATIONS = {False: 999, True: 199}
_NAMES = {
    "roc_auc": "area under the ROC curve",
    "balanced_log_loss": "balanced log-loss",
}


def overtraining_section(quoted: Quoted) -> Section:
    """Return what the training events have ahead, and whether their scores differ."""
    test = _test(quoted)
    html = note(_verdict(test), warning=test.is_worse) + paragraph(
        "Worse: the gap is what the training events have ahead, positive where the "
        "test events are worse. Its size says how much was learnt by heart; the figure "
        "of the test events is the one to quote."
    )
    values: dict[str, Any] = {}
    rows = []
    for key, gap in test.gaps.items():
        entry = _gap(gap)
        values[key] = entry
        cells = [with_error(**entry[name]) for name in ("train", "test", "gap")]
        rows.append([_NAMES[key], *cells, number(round(gap.n_errors, 2))])
    html += table(("figure", "training", "test", "gap", "gap / error"), rows)
    html += paragraph(
        "Different: p-values of a permutation test, in which the same events, each "
        "with its score and weight, are dealt to two samples at random, "
        f"{test.n_permutations} times. A fitted classifier always differs on the "
        "events that it saw, and with enough of them every p-value is small; that is "
        "no reason to discard one whose gap is small. The Kolmogorov-Smirnov distance "
        "is the largest difference of the two cumulative distributions. Its p-value by "
        "formula takes effective numbers of events for numbers of events: it is "
        "approximate for positive weights and has no meaning with negative ones. None "
        "of these tells a better classifier from a worse one."
    )
    html += table(
        ("class", "p-value", "KS distance", "its p-value", "by formula"),
        [
            [
                test.class_names[kind],
                *map(
                    _rounded,
                    (s.p_value, s.ks_distance, s.ks_p_value, s.ks_p_value_naive),
                ),
            ]
            for kind, s in test.samples.items()
        ],
    )
    values["is_worse"] = test.is_worse
    values["n_permutations"] = test.n_permutations
    values["two_samples"] = {k: vars(sample) for k, sample in test.samples.items()}
    html += figures([_figure(quoted, test)])
    return Section("overtraining", "Overtraining", html, values)


def _test(quoted: Quoted) -> OvertrainingTest:
    """Return the test of the scores, with the gaps of all figures in closed form."""
    signal, options = quoted.signal, quoted.signal.sample.options
    y, y_train = named_labels(signal)
    n_events = len(y) + len(y_train)
    test = overtraining_test(
        y_train,
        signal.train_scores,
        y,
        signal.scores,
        signal.sample.train.weights,
        signal.weights,
        metrics=["roc_auc"],
        n_permutations=_N_PERMUTATIONS[n_events > _MANY],
        n_replicas=2,  # the errors are those in closed form
        pos_label=figure_names(signal)[1],
        random_state=options.seed,
    )
    pairs = {
        "roc_auc": (quoted.train_area, quoted.area),
        "balanced_log_loss": (quoted.train_log_loss, quoted.log_loss),
    }
    gaps = {
        key: MetricGap(key, _result(train), _result(on_test), key == "roc_auc")
        for key, (train, on_test) in pairs.items()
        if train is not None and on_test is not None
    }
    return replace(test, gaps=gaps)


def _result(value: Measured) -> BootstrapResult:
    return BootstrapResult(value["value"], value["error"], np.empty(0))


def _gap(gap: MetricGap) -> dict[str, Any]:
    sign = 1.0 if gap.greater_is_better else -1.0
    return {
        "train": measured(gap.train.value, gap.train.error),
        "test": measured(gap.test.value, gap.test.error),
        "gap": measured(sign * gap.gap, gap.error),
        "p_value": gap.p_value,
        "is_worse": gap.is_worse,
    }


def _verdict(test: OvertrainingTest) -> str:
    worse = [_NAMES[key] for key, gap in test.gaps.items() if gap.is_worse]
    if worse:
        return f"Worse on the test events, by two errors or more: {', '.join(worse)}."
    return "No figure of merit is worse on the test events by two errors or more."


def _rounded(value: float) -> str:
    return f"{value:.2g}"


def _figure(quoted: Quoted, test: OvertrainingTest) -> str:
    signal = quoted.signal
    y, y_train = named_labels(signal)
    gaps = "; ".join(
        f"{_NAMES[key]} ahead by {with_error(**_gap(gap)['gap'])}"
        for key, gap in test.gaps.items()
    )
    p_values = ", ".join(
        f"{test.class_names[kind]} {_rounded(s.p_value)}"
        for kind, s in test.samples.items()
    )

    def draw() -> OvertrainingDisplay:
        found = matched_histograms(
            (y, signal.scores, signal.weights),
            (y_train, signal.train_scores, signal.sample.train.weights),
            _BINS,
            transform=None,
            pos_label=figure_names(signal)[1],
        )
        names = ("signal", "background", "signal_train", "background_train")
        histograms: dict[str, Any] = dict(zip(names, found, strict=True))
        return OvertrainingDisplay(**histograms, test=test).plot()

    return picture(
        draw,
        alt=f"Scores of training and test events, each class normalised, and their "
        f"ratio. Training events: {gaps}. Permutation p-values: {p_values}.",
        caption="Score of the test events (histograms) and of the training events "
        "(points), each class normalised, and their ratio.",
    )
