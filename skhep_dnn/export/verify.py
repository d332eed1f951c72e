"""Verify an exported model from the command line.

``python -m skhep_dnn.export.verify MODEL --data FILE`` prints one line for each check.
Its exit status is 0 if none has failed, 1 if one has, and 2 if something cannot be
read.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

import pandas as pd

from skhep_dnn.datasets import read_events
from skhep_dnn.exceptions import DataFileError
from skhep_dnn.export._manifest import Manifest
from skhep_dnn.export._verify import verify_export

__all__ = ["main"]

_UNREADABLE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify an export as the arguments of a command line say.

    Parameters
    ----------
    arguments : sequence of str, default=None
        Arguments after the name of the command; None takes those of the process.

    Returns
    -------
    status : int
        0 if no check has failed, 1 if one has, 2 if something cannot be read.
    """
    options = _parser().parse_args(arguments)
    try:
        verification = verify_export(
            options.model,
            **_events(options),
            training=options.training,
            run=not options.no_run,
            sha256=options.sha256,
        )
    except (OSError, ValueError, TypeError, ImportError) as error:
        sys.stderr.write(f"{error}\n")
        return _UNREADABLE
    sys.stdout.write(f"{verification}\n")
    return 0 if verification.passed else 1


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m skhep_dnn.export.verify",
        description="Verify an exported model by its manifest, and that it has not "
        "seen the events that it scores.",
        epilog="Exit status: 0 if no check has failed, 1 if one has, 2 if something "
        "cannot be read.",
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="the exported file, its manifest beside it")
    add(
        "--data",
        metavar="FILE",
        nargs="+",
        default=[],
        help="Parquet, CSV, HDF5 or ROOT files with the events, one after another",
    )
    add("--label", metavar="COLUMN", help="column of the labels")
    add("--weight", metavar="COLUMN", help="column of the physics weights")
    add(
        "--event-number",
        metavar="COLUMN[,COLUMN]",
        help="column of the event numbers, or those of run and event numbers, where "
        "the model did not get them as columns",
    )
    add(
        "--training",
        action="store_true",
        help="the events must be those of the fit",
    )
    add(
        "--no-run",
        action="store_true",
        help="do not run the exported file: a C++ header is compiled and executed",
    )
    add("--sha256", metavar="HASH", help="hash of the manifest, kept elsewhere")
    return parser


def _events(options: Namespace) -> dict[str, Any]:
    """Return the events that the arguments name."""
    if not options.data:
        return {}
    table = read_events(list(options.data)).reset_index(drop=True)
    numbers = options.event_number
    if numbers is not None and not _has_number_columns(options.model):
        numbers = _column(table, numbers.split(","), "--event-number")
    else:
        numbers = None  # the model finds them by the names of the fit
    return {
        "X": table,
        "y": _column(table, options.label, "--label"),
        "sample_weight": _column(table, options.weight, "--weight"),
        "event_number": numbers,
    }


def _has_number_columns(model: str) -> bool:
    try:
        return bool(Manifest.read(model).number_columns)
    except DataFileError:  # the verification says what is wrong with it
        return False


def _column(table: pd.DataFrame, name: Any, option: str) -> Any:
    if name is None:
        return None
    names = name if isinstance(name, list) else [name]
    missing = [one for one in names if one not in table.columns]
    if missing:
        msg = (
            f"`{option}` must name columns of the data, got {missing!r}. Choose from "
            f"{table.columns.tolist()[:40]!r}."
        )
        raise ValueError(msg)
    return table[name]


if __name__ == "__main__":
    sys.exit(main())
