"""The rows of the study: which there are, and what each is compared to.

The settings themselves are those of `benchmarks.common.higgsml_solution`.
"""

from benchmarks.common.higgsml_solution import (
    ALONE,
    ARCHITECTURES,
    PARALLEL,
    SETTINGS,
    UPON,
    higgsml_solution,
)

__all__ = ["CUMULATIVE", "GROUPS", "PARENT", "QUICK", "ROWS", "key_of", "make_model"]

# One upon the other: "final" is "dense", in which the search of the article ended.
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
    return higgsml_solution(name, random_state=seed, **options)


def key_of(name, **options):
    """Return a text that changes with the settings of a row."""
    return repr((name, sorted(SETTINGS[name].items()), sorted(options.items())))
