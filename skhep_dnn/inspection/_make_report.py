"""All that a review asks about a classifier, in one file that can be sent around.

Sections are made one after the other, each as HTML and as numbers, and a figure is
closed before the next one is drawn. The files are written when everything is there.
"""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from tqdm.auto import tqdm

from skhep_dnn._warnings import warn_caller
from skhep_dnn.inspection._report.binned import binned_section
from skhep_dnn.inspection._report.columns import columns_section
from skhep_dnn.inspection._report.cut import choose_cut
from skhep_dnn.inspection._report.efficiency import efficiency_section
from skhep_dnn.inspection._report.events import (
    Options,
    Sample,
    check_sample,
    checked_seed,
    of_signals,
)
from skhep_dnn.inspection._report.figures_of_signal import (
    calibration_section,
    scores_section,
)
from skhep_dnn.inspection._report.files import report_paths, write_together
from skhep_dnn.inspection._report.measures import Quoted
from skhep_dnn.inspection._report.numbers import defined, number, plain, with_error
from skhep_dnn.inspection._report.overtraining import overtraining_section
from skhep_dnn.inspection._report.page import Section, page, paragraph
from skhep_dnn.inspection._report.processes import processes_section
from skhep_dnn.inspection._report.sections_of_sample import (
    all_numbers,
    classes_section,
    configuration_section,
    events_section,
    software_section,
    training_section,
    warnings_section,
)
from skhep_dnn.inspection._report.sections_of_signal import (
    metrics_section,
    working_points_section,
    yields_section,
)
from skhep_dnn.inspection._report.stages import stages_section
from skhep_dnn.metrics import FigureOfMerit, WorkingPoint
from skhep_dnn.metrics._figure_of_merit import Kind
from skhep_dnn.metrics._thresholds import MIN_N_EFF, check_min_n_eff

__all__ = ["Report", "make_report"]

_FORMAT = 1  # of the JSON; counts up when a key changes its meaning

# What a report has, in order: of all classes, of each signal, of all classes again.
_FIRST = (events_section, configuration_section)
_OF_SIGNAL = (
    metrics_section,
    yields_section,
    working_points_section,
    scores_section,
    processes_section,
    binned_section,
    efficiency_section,
    overtraining_section,
    calibration_section,
    columns_section,
    stages_section,
)
_LAST = (classes_section, training_section, software_section)
_OF_ALL = {"events", "configuration", "classes", "training", "software", "warnings"}


@dataclass(frozen=True, eq=False)
class Report:
    """A report that was written, and its numbers.

    Made by `make_report`.

    Parameters
    ----------
    path : Path
        The page.
    json_path : Path
        The numbers beside it.
    numbers : Mapping
        The numbers, as in the JSON: "events", "configuration", "training", "software"
        and others, and in "signals" for each signal "metrics", "yields" and others. A
        number with an error is a mapping of "value" and "error".

    See Also
    --------
    make_report : Makes it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from skhep_dnn.inspection import Report
    >>> numbers = {
    ...     "title": "A test",
    ...     "signals": {
    ...         "s": {
    ...             "metrics": {
    ...                 "roc_auc": {"value": 0.91234, "error": 0.0032},
    ...                 "figure_of_merit": {"name": "AMS"},
    ...                 "cut": None,
    ...             }
    ...         }
    ...     },
    ... }
    >>> print(Report(Path("a.html"), Path("a.json"), numbers))
    A test
    s: AUC 0.9123 ± 0.0032
    s: no cut
    written to a.html and a.json
    """

    path: Path
    json_path: Path
    numbers: Mapping[str, Any] = field(repr=False)

    def __str__(self) -> str:
        """Return a few rounded lines."""
        signals = self.numbers["signals"].items()
        lines = [
            self.numbers["title"],
            *(line for name, s in signals for line in _lines(name, s)),
        ]
        return "\n".join([*lines, f"written to {self.path} and {self.json_path}"])


def make_report(
    estimator: BaseEstimator,
    X_train: ArrayLike,
    y_train: ArrayLike,
    X_test: ArrayLike,
    y_test: ArrayLike,
    sample_weight_train: ArrayLike | None = None,
    sample_weight_test: ArrayLike | None = None,
    process: ArrayLike | None = None,
    data: ArrayLike | None = None,
    path: str | os.PathLike[str] = "report.html",
    *,
    pos_label: object = None,
    threshold: WorkingPoint | float | None = None,
    blind: Literal["cut"] | float | None = "cut",
    kind: Kind = "asimov",
    b_reg: float | None = None,
    sigma_b: float = 0.0,
    rel_sigma_b: float = 0.0,
    mc_stat: bool = False,
    signal_yield: float | None = None,
    background_yield: float | None = None,
    min_n_eff: float = MIN_N_EFF,
    variations: Mapping[str, Any] | None = None,
    normalisations: Mapping[str, Any] | None = None,
    variables: Sequence[str] | Sequence[int] | None = None,
    stages: Mapping[str, BaseEstimator] | None = None,
    n_replicas: int = 200,
    max_events: int = 5000,
    title: str | None = None,
    random_state: int | np.random.RandomState | None = None,
    verbose: int = 0,
) -> Report:
    """Write all about a fitted classifier into one page, and its numbers beside it.

    The page needs nothing but itself: no network, no other file. It can be read on a
    phone and on paper, and its figures have texts that say their numbers. Events and
    weights, configuration, figures of merit with errors, yields, score, ROC curve and
    scan of all cuts, processes and data, binned significance, efficiencies against
    columns, overtraining, calibration, columns, training, stages of tuning and
    selection, software versions, seeds and warnings are in it.

    Nothing is fitted. The cut is never chosen on the events that it is quoted on; see
    `threshold`. The bins of the binned significance are chosen on the training events,
    by out-of-fold scores where the estimator has such.

    Parameters
    ----------
    estimator : estimator
        Fitted classifier, a pipeline that ends with one, or a search: what is inside of
        them has a row among the stages.
    X_train : array-like of shape (n_train, n_features)
        Events that it was fitted to.
    y_train : array-like of shape (n_train,)
        Their labels.
    X_test : array-like of shape (n_test, n_features)
        Events that it has not seen, of which all figures of merit are.
    y_test : array-like of shape (n_test,)
        Their labels.
    sample_weight_train : array-like of shape (n_train,), default=None
        Physics weights of the training events, negative ones too; None counts each
        event once. Either both samples have weights, or none.
    sample_weight_test : array-like of shape (n_test,), default=None
        Physics weights of the test events, in events.
    process : array-like of shape (n_test,), default=None
        Name of the process of each test event, for yields and the stacked score; None
        leaves the classes.
    data : array-like of shape (n_data, n_features), default=None
        Observed events, compared with the test events; None leaves them out.
    path : str or path, default="report.html"
        Where the page goes. The numbers go beside it, with the ending ".json".
    pos_label : label or list of labels, default=None
        The label of the signal, or those of several signal classes, against all
        others; None takes ``classes_[1]`` of two, and of more classes each in turn.
    threshold : WorkingPoint or float, default=None
        The cut on the score, `decision_function` where there is one, chosen on other
        events than the test events. None takes that of a
        `SignificanceThresholdClassifier` inside of the estimator. Without one each half
        of the test events gets the cut with the largest significance of the other half.
        The report says which it was.
    blind : "cut", float or None, default="cut"
        From which score on observed events are hidden: the cut, a number, or nowhere.
    kind : {"asimov", "ams", "s_over_sqrt_b", "s_over_sqrt_sb"}, default="asimov"
        The significance.
    b_reg : float, default=None
        Added to the background, in events; None means 10 for "ams" and 0 otherwise.
    sigma_b : float, default=0.0
        Absolute uncertainty of the background, in events.
    rel_sigma_b : float, default=0.0
        Relative uncertainty of the background.
    mc_stat : bool, default=False
        Whether the Monte Carlo variance of the background counts as an uncertainty too.
    signal_yield : float, default=None
        Full expected signal yield, in events, to which the test events are scaled if
        they are a part of all events; None leaves their weights.
    background_yield : float, default=None
        The same for the background.
    min_n_eff : float, default=25.0
        Number of effective background events that a cut must leave to be chosen.
    variations : mapping of str to variation, default=None
        Shape variations of the test events, for the binned significance: weights, a
        `VariedSample`, or a tuple of two for up and down, as in `optimal_binning`. The
        test events then have the weights of the full yields.
    normalisations : mapping of str to float or mapping, default=None
        Relative uncertainties of the yield of the whole background, or of processes,
        for the same: ``{"lumi": 0.02, "top_xsec": {"top": 0.06}}``.
    variables : sequence of str or int, default=None
        Columns of numbers against which the efficiency of the cut is shown, such as a
        mass; None takes the one that separates best.
    stages : mapping of str to estimator, default=None
        Fitted classifiers that stood at the end of earlier stages of the analysis, such
        as before a tuning, for a row and a figure each. They take the same columns.
    n_replicas : int, default=200
        Replicas of each bootstrap (bands, separation, binned significance), at least 2.
    max_events : int, default=5000
        At most so many test events for importance, separation, distributions and
        correlations of columns.
    title : str, default=None
        Title of the page; None says what it is about.
    random_state : int, RandomState instance or None, default=None
        Seed of replicas, halves and permutations. It is written into the report, also
        where None draws one.
    verbose : int, default=0
        Above 0 shows a progress bar of the sections.

    Returns
    -------
    report : Report
        Printed as a few lines.

    Raises
    ------
    ValueError
        If the estimator is no classifier, or an argument is not as described.
    WeightsError
        If weights are unusable, or those of a class do not sum to more than 0.
    NotFittedError
        If an estimator is not fitted.
    FileNotFoundError
        If the folder of `path` is not there.
    ImportError
        If matplotlib is not installed.

    Warns
    -----
    AssumedSignalWarning
        If `pos_label` is None and the labels are texts that do not say which of them is
        the signal.
    LowStatisticsWarning
        If an error comes from fewer than 50 effective events, or a figure is undefined
        on more than 5 per cent of the replicas.
    UndefinedSignificanceWarning
        If no cut leaves enough background events, or a figure at the cut is undefined.

    See Also
    --------
    DiscriminantDisplay, SignificanceScanDisplay : Figures of it, with their options.

    Notes
    -----
    Both files are written when all is computed: after an error an older report is as it
    was. Texts of the user, such as names of columns, are shown as they are and cannot
    become a part of the page; a policy in its head lets it load nothing, and run no
    script but its own. ``report.html#filter=mass`` opens it with its tables filtered.

    Figures are SVG, or WebP where that is smaller.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.inspection import make_report
    >>> train = make_gaussian_events(2000, random_state=0)
    >>> test = make_gaussian_events(2000, random_state=1)
    >>> model = LogisticRegression().fit(train.data, train.target)
    >>> with TemporaryDirectory() as folder:
    ...     report = make_report(
    ...         model,
    ...         train.data,
    ...         train.target,
    ...         test.data,
    ...         test.target,
    ...         train.sample_weight,
    ...         test.sample_weight,
    ...         path=Path(folder) / "report.html",
    ...         n_replicas=20,
    ...         random_state=0,
    ...     )
    ...     size = report.path.stat().st_size
    >>> size < 10_000_000
    True
    >>> sorted(report.numbers["signals"]["s"]["metrics"])[:3]
    ['b', 'background_efficiency', 'balanced_log_loss']
    """
    _check_matplotlib()
    paths = report_paths(path)
    _check_numbers(n_replicas, max_events, blind)
    check_min_n_eff(min_n_eff)
    options = Options(
        figure_of_merit=FigureOfMerit(
            kind=kind,
            b_reg=b_reg,
            sigma_b=sigma_b,
            rel_sigma_b=rel_sigma_b,
            mc_stat=mc_stat,
        ),
        threshold=_checked_threshold(threshold),
        blind=blind,
        signal_yield=signal_yield,
        background_yield=background_yield,
        min_n_eff=float(min_n_eff),
        n_replicas=int(n_replicas),
        max_events=int(max_events),
        seed=checked_seed(random_state),
        variations=variations,
        normalisations=normalisations,
        variables=variables,
    )
    _check_variations(options)
    sample = check_sample(
        estimator,
        (X_train, y_train, sample_weight_train),
        (X_test, y_test, sample_weight_test),
        process,
        data,
        stages,
        options,
    )
    with _kept_warnings() as messages:
        sections, of_signal = _sections(sample, pos_label, verbose)
    if (found := warnings_section(messages)) is not None:
        sections.append(found)
    values = _values(sample, title, sections, of_signal)
    html = page(
        values["title"],
        "".join(paragraph(line) for line in _summary(values)),
        [*sections, all_numbers(values)],
        values,
    )
    text = json.dumps(values, allow_nan=False, indent=1)
    write_together({paths[1]: f"{text}\n", paths[0]: html})
    return Report(*paths, values)


def _sections(
    sample: Sample, pos_label: object, verbose: int
) -> tuple[list[Section], dict[str, dict[str, Any]]]:
    """Return all sections in order, and the numbers of each signal by its name."""
    signals = of_signals(sample, pos_label)
    steps: list[tuple[str, Callable[[], Section | None]]] = []
    steps += [("", partial(make, sample)) for make in _FIRST]
    for signal in signals:
        quoted = Quoted(signal, choose_cut(signal))
        steps += [(signal.name, partial(make, quoted)) for make in _OF_SIGNAL]
    steps += [("", partial(make, sample)) for make in _LAST]
    sections: list[Section] = []
    numbers: dict[str, dict[str, Any]] = {signal.name: {} for signal in signals}
    for name, step in tqdm(steps, desc="Sections", disable=not verbose):
        section = step()
        if section is None:
            continue
        if name:
            numbers[name][section.key] = section.numbers
        if name and len(signals) > 1:
            place = f"{section.key}-{list(numbers).index(name)}"
            section = replace(section, key=place, title=f"{name}: {section.title}")
        sections.append(section)
    return sections, numbers


def _values(
    sample: Sample,
    title: str | None,
    sections: Sequence[Section],
    of_signal: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the numbers as they are written."""
    name = type(sample.estimator).__name__
    return plain(
        {
            "format": _FORMAT,
            "title": f"Report on {name}" if title is None else title,
            **{s.key: s.numbers for s in sections if s.key in _OF_ALL},
            "signals": of_signal,
        }
    )


def _summary(values: Mapping[str, Any]) -> Iterator[str]:
    for name, of_signal in values["signals"].items():
        yield from _lines(name, of_signal)
        metrics = of_signal["metrics"]
        if metrics["cut"] is not None:
            yield f"The cut is {_cut(metrics)}, {metrics['cut']['origin']}."


def _lines(name: str, of_signal: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is quoted of a signal, in a few lines."""
    metrics = of_signal["metrics"]
    text = f"{name}: AUC {_said(metrics['roc_auc'])}"
    if "balanced_log_loss" in metrics:
        text += f", balanced log-loss {_said(metrics['balanced_log_loss'])}"
    yield text
    yield f"{name}: {_at_cut(metrics)}"
    binned = of_signal.get("binned", {})
    if "significance" in binned:
        alone = _said(binned["significance_without_mc_errors"])
        text = f"{name}: binned significance {alone}"
        text += f", with Monte Carlo errors {_said(binned['significance'])}"
        if "with_variations" in binned:
            (z,) = defined({"all": binned["with_variations"]["all"]}).values()
            text += f", with all variations {number(z)}"
        yield text
    gap = of_signal.get("overtraining", {}).get("roc_auc")
    if gap is not None:
        side = "worse" if gap["is_worse"] else "not significantly worse"
        yield f"{name}: AUC of train minus test {_said(gap['gap'])}, {side}"


def _at_cut(metrics: Mapping[str, Any]) -> str:
    if metrics["cut"] is None:
        return "no cut"
    name = metrics["figure_of_merit"]["name"]
    return f"{name} {_said(metrics['significance'])} at the cut {_cut(metrics)}"


def _said(measured: Mapping[str, Any]) -> str:
    return with_error(**defined(measured))


def _cut(metrics: Mapping[str, Any]) -> str:
    return " and ".join(number(float(value)) for value in metrics["cut"]["values"])


@contextmanager
def _kept_warnings() -> Iterator[list[str]]:
    """Collect warnings for the report, and give them to the user at the end."""
    messages: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield messages
    given = {(str(w.message), w.category): None for w in caught}
    messages += [text for text, _ in given]
    for text, category in given:
        warn_caller(text, category)


def _check_variations(options: Options) -> None:
    """Refuse yields that the weights of a variation would not have."""
    is_scaled = (options.signal_yield, options.background_yield) != (None, None)
    if options.variations and is_scaled:
        msg = (
            "`variations` must be at the yields of the test events, got "
            f"`signal_yield={options.signal_yield!r}` and "
            f"`background_yield={options.background_yield!r}` besides. Scale all "
            "weights first, by skhep_dnn.weights.scale_to_yields."
        )
        raise ValueError(msg)


def _checked_threshold(threshold: WorkingPoint | float | None) -> float | None:
    value = threshold.threshold if isinstance(threshold, WorkingPoint) else threshold
    if value is None:
        return None
    if not isinstance(value, Real) or math.isnan(value):
        msg = (
            f"`threshold` must be a WorkingPoint, a number or None, got {value!r}. "
            "Choose it on other events than the test events, or leave it out."
        )
        raise ValueError(msg)
    return float(value)


def _check_numbers(n_replicas: object, max_events: object, blind: object) -> None:
    for name, value, smallest in (
        ("n_replicas", n_replicas, 2),
        ("max_events", max_events, 100),
    ):
        if not isinstance(value, Integral) or value < smallest:
            msg = (
                f"`{name}` must be an integer of at least {smallest}, got {value!r}. "
                "Leave it out for the default."
            )
            raise ValueError(msg)
    is_number = isinstance(blind, Real) and not math.isnan(blind)
    if blind is not None and blind != "cut" and not is_number:
        msg = (
            f"`blind` must be 'cut', a score or None, got {blind!r}. Take 'cut' to "
            "hide what is selected."
        )
        raise ValueError(msg)


def _check_matplotlib() -> None:
    if find_spec("matplotlib") is None:
        msg = (
            "`make_report` must have matplotlib, got none installed. Run "
            '`pip install "skhep-dnn[plot]"`.'
        )
        raise ImportError(msg)
