"""The rows of document 003's study: which there are, and what each is compared to.

The settings themselves are those of `examples/document_003.py`.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "examples"))

from document_003 import (
    ALONE,
    ARCHITECTURES,
    PARALLEL,
    SETTINGS,
    UPON,
    document_003,
)

__all__ = ["CUMULATIVE", "GROUPS", "PARENT", "QUICK", "ROWS", "key_of", "make_model"]

# One upon the other: "final" is "dense", in which the search of the document ended.
CUMULATIVE = ["baseline", *(name for name in UPON if name != "final")]
GROUPS = {
    "one upon the other": CUMULATIVE,
    "alone on the baseline": list(ALONE),
    "architectures upon dense": [*ARCHITECTURES, *PARALLEL],
}
ROWS = [name for group in GROUPS.values() for name in group]
PARENT = {
    **{name: UPON[name] for name in CUMULATIVE[1:]},
    **dict.fromkeys(ALONE, "baseline"),
    **dict.fromkeys([*ARCHITECTURES, *PARALLEL], "dense"),
}
QUICK = ["baseline", "ensemble", "fixing_alone"]


def make_model(name, seed, **options):
    """Return the unfitted pipeline of a row."""
    return document_003(name, random_state=seed, **options)


def key_of(name, **options):
    """Return a text that changes with the settings of a row."""
    return repr((name, sorted(SETTINGS[name].items()), sorted(options.items())))
