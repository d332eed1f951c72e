"""The Asimov significance against RooStats and against arithmetic of fifty digits.

Does the stable form of the formula with an uncertain background say what others say?
`asimov_significance` on a grid of yields and uncertainties, against the printed formula
of Cowan (2012) in arithmetic of fifty digits, and against
`RooStats.AsimovSignificance` where ROOT can be imported (`pip install root`): the
largest relative difference to each, and where it is. RooStats evaluates the printed
form in double precision, whose terms cancel for a small signal or uncertainty: it is
compared where both are at least 1 per cent of the background, and elsewhere it is
counted how often it is right to a thousandth.

    python -m benchmarks.bench_asimov [--quick]
"""

import argparse
import importlib
import itertools
import json
import warnings
from importlib.util import find_spec

import mpmath
import numpy as np

from skhep_dnn.metrics import asimov_significance

SIGNALS = (1e-3, 0.1, 1.0, 10.0, 100.0, 1e4)
BACKGROUNDS = (0.1, 1.0, 10.0, 100.0, 1e4, 1e6)
UNCERTAINTIES = (1e-6, 1e-4, 1e-2, 0.1, 0.3, 1.0)  # relative
CANCELS = 1e-2  # of the background; what is smaller spoils the printed form
RIGHT = 1e-3
EXAMPLE = (10.0, 100.0, 10.0)  # s, b, sigma_b: 0.690196


def printed(s, b, sigma):
    """Eq. (20) of Cowan (2012), as printed."""
    s, b, v = mpmath.mpf(s), mpmath.mpf(b), mpmath.mpf(sigma) ** 2
    first = (s + b) * mpmath.log((s + b) * (b + v) / (b**2 + (s + b) * v))
    second = b**2 / v * mpmath.log(1 + v * s / (b * (b + v)))
    return float(mpmath.sqrt(2 * (first - second)))


def roostats():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel says that it is an alpha
        root = importlib.import_module("ROOT")
    return root.RooStats.AsimovSignificance


def largest_difference(reference, grid):
    """Return the largest relative difference on a grid, and where it is."""
    ours = np.array([float(asimov_significance(s, b, sigma_b=v)) for s, b, v in grid])
    theirs = np.array([reference(*point) for point in grid])
    differences = np.abs(ours / theirs - 1)
    worst = int(np.argmax(np.where(np.isnan(differences), np.inf, differences)))
    return {"difference": float(differences[worst]), "at": grid[worst]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="a coarser grid")
    step = 2 if parser.parse_args().quick else 1
    mpmath.mp.dps = 50
    axes = [axis[::step] for axis in (SIGNALS, BACKGROUNDS, UNCERTAINTIES)]
    grid = [(s, b, share * b) for s, b, share in itertools.product(*axes)]
    plain = [(s, b, v) for s, b, v in grid if min(s, v) >= CANCELS * b]
    rows = {"50 digits": largest_difference(printed, grid)}
    if find_spec("ROOT") is None:
        print("ROOT cannot be imported; RooStats is left out")
    else:
        theirs = roostats()
        rows["RooStats"] = largest_difference(theirs, plain)
        others = [point for point in grid if point not in set(plain)]
        right = [abs(theirs(*p) / printed(*p) - 1) < RIGHT for p in others]
        print(f"RooStats is right in {sum(right)} of the {len(right)} other points")
        s, b, sigma = EXAMPLE
        ours = float(asimov_significance(s, b, sigma_b=sigma))
        print(f"s, b, sigma = {EXAMPLE}: {ours:.6f}, RooStats {theirs(*EXAMPLE):.6f}")
    for name, row in rows.items():
        s, b, sigma = row["at"]
        print(
            f"{name:10s} {row['difference']:9.1e} at s = {s:g}, b = {b:g} ± {sigma:g}"
        )
    print(json.dumps({"benchmark": "asimov", "points": len(grid), "rows": rows}))


if __name__ == "__main__":
    main()
