"""The study of Strong (2020) again on real HiggsML events, with one command.

    python -m benchmarks.higgsml_study [--higgsml FILE] [--rows NAME ...] [--repeats N]
        [--passes N] [--jobs N] [--output FOLDER] [--quick]

Every technique of arXiv:2002.01427 alone on the baseline and one upon the other (its
tables 3 to 6 and 9), and its last architectures (tables 7 and 10), as built by
`benchmarks.common.higgsml_solution`. Without a file of its own the study takes the
15 000 real events of the other benchmarks: five folds, stratified by class and jet
multiplicity, are scored by a whole ensemble that was fitted on the other four; the
repeats have other folds and other networks. A file with the public and the private set
of the challenge is split as in the article: four fifths of the training set train, the
others choose the cut, and the public and private set are scored.

The figures are those of `metrics.py`. Two errors are different: "±" of a value is that
of the events (bootstrap), common to all rows; "±" of a difference to the baseline is
the paired one, of the same replicas for both; in brackets, the standard error over the
repeats. Differences tell techniques apart; values do not. Times are those of `jobs.py`,
as ratios to the baseline on the same events.

The folder gets the tables, figures 14, 15 and 16 of the article, and in `jobs` each
finished fit, with which an interrupted study goes on.
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.common.samples import real_events, thinned
from benchmarks.higgsml_study.figures import draw_figures
from benchmarks.higgsml_study.jobs import Challenge, OutOfFold, Study
from benchmarks.higgsml_study.rows import CUMULATIVE, PARENT, QUICK, ROWS
from benchmarks.higgsml_study.tables import (
    Row,
    as_json,
    markdown,
    summary_of,
    write_tables,
)
from skhep_dnn.datasets import fetch_higgsml

__all__ = ["main"]


def design_of(path, *, quick=False):
    """Return the challenge's own split if the file has all its sets, else folds."""
    if path is None:
        events = real_events()
        return OutOfFold(thinned(events, 10) if quick else events)
    sets = pd.read_csv(path, usecols=["KaggleSet"])["KaggleSet"].unique()
    names = ["train", "public", "private"] if {"b", "v"} <= set(sets) else ["train"]
    samples = [fetch_higgsml(name, path=path, rescale=True) for name in names]
    if quick:
        samples = [thinned(events, 10) for events in samples]
    return Challenge(*samples) if len(samples) == 3 else OutOfFold(*samples)


def rows_of(study):
    """Return the measured rows of a study that has run."""
    baseline = study.seconds("baseline")
    rows = {}
    for name in study.rows:
        seconds = study.seconds(name)
        ratios = {phase: seconds[phase] / baseline[phase] for phase in seconds}
        rows[name] = Row(study.measure(name), seconds, ratios)
    return rows


def with_baseline(names):
    """Return known rows in the order of the study, the baseline always."""
    return [name for name in ROWS if name in {"baseline", *names}]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--higgsml", type=Path, help="HiggsML file (.csv, .csv.gz)")
    parser.add_argument("--rows", nargs="+", choices=ROWS, metavar="NAME")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--passes", type=int, help="instead of those of the rows")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--output", type=Path, help="default: study-output")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    classifier = {} if options.passes is None else {"max_epochs": options.passes}
    if options.quick:
        classifier = {"max_epochs": 2, **classifier, "batch_size": 64}
        options.rows = options.rows or QUICK
        options.repeats = options.jobs = 1  # no start of processes
        options.output = options.output or Path(tempfile.mkdtemp())
    folder = options.output or Path("study-output")
    study = Study(
        design_of(options.higgsml, quick=options.quick),
        with_baseline(options.rows or ROWS),
        options.repeats,
        classifier,
        folder / "jobs",
    )
    study.run(options.jobs)
    rows = rows_of(study)
    summary = summary_of(rows, PARENT)
    write_tables(summary, folder)
    draw_figures(rows, PARENT, CUMULATIVE, folder)
    print(f"tables and figures: {folder}\n\n{markdown(summary)}")
    result = {
        "benchmark": "higgsml_study",
        "design": type(study.design).__name__,
        "repeats": study.repeats,
        "rows": summary,
    }
    print(as_json(result))


if __name__ == "__main__":
    main()
