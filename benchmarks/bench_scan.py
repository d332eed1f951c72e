"""Cost of a significance scan, in units of one argsort and two cumulative sums.

The floor of any scan is to sort the scores and to sum the weights of two classes. The
scan is timed against it in the same run, alternating, and the best of the repeats
counts; in processor time, as all runs in one thread and the machine may be shared.
Quality beside speed: the yields at random thresholds are compared with sums over the
events above them. The peak memory is what the scan allocates beyond its input.
The limits are meant for 10 million events: the quick run fits into the processor's
cache, where an argsort is cheaper and the ratios are larger.

    python -m benchmarks.bench_scan [--quick]
"""

import argparse
import json
import time
import tracemalloc
from collections.abc import Callable

import numpy as np

from skhep_dnn.metrics import SignificanceScan, WorkingPoint, significance_scan

FIELDS = tuple(WorkingPoint.__dataclass_fields__)
LIMITS = {"s_b_z": 1.5, "everything": 2.0}


def make_events(n_events: int, scores: str) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    y = (rng.random(n_events) < 0.3).astype(np.int8)
    logits = rng.normal(1.5 * y, 2.0)
    y_score = 1.0 / (1.0 + np.exp(-logits)) if scores == "probabilities" else logits
    weights = rng.normal(1.0, 0.7, n_events) * np.where(y, 1e-3, 1.0)
    return y, y_score, weights


def floor(y_score: np.ndarray, weights: np.ndarray) -> None:
    np.argsort(y_score)
    np.cumsum(weights)
    np.cumsum(weights)


def everything(scan: SignificanceScan) -> None:
    for name in FIELDS:
        getattr(scan, name)


def seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def measure(events: tuple[np.ndarray, ...], repeats: int) -> dict[str, float]:
    y, y_score, weights = events
    best = {"floor": np.inf, "s_b_z": np.inf, "everything": np.inf}
    tasks: dict[str, Callable[[], object]] = {
        "floor": lambda: floor(y_score, weights),
        "s_b_z": lambda: significance_scan(y, y_score, weights),
        "everything": lambda: everything(significance_scan(y, y_score, weights)),
    }
    for _ in range(repeats):
        for name, task in tasks.items():
            best[name] = min(best[name], seconds(task))
    return {
        "floor_seconds": best["floor"],
        "s_b_z": best["s_b_z"] / best["floor"],
        "everything": best["everything"] / best["floor"],
    }


def peak_memory(events: tuple[np.ndarray, ...]) -> float:
    """Peak of the allocations of a scan and all its fields, in GB."""
    y, y_score, weights = events
    tracemalloc.start()
    everything(significance_scan(y, y_score, weights))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e9


def largest_error(events: tuple[np.ndarray, ...]) -> float:
    """Largest relative error of the yields at twenty thresholds."""
    y, y_score, weights = events
    scan = significance_scan(y, y_score, weights)
    errors = []
    for threshold in np.random.default_rng(1).choice(y_score, 20):
        point = scan.at(float(threshold))
        selected = y_score >= threshold
        s, b = weights[selected & (y == 1)].sum(), weights[selected & (y == 0)].sum()
        errors += [abs(point.s / s - 1), abs(point.b / b - 1)]
    return float(max(errors))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1 million events")
    quick = parser.parse_args().quick
    n_events, repeats = (1_000_000, 9) if quick else (10_000_000, 5)
    print("| scores | events | floor | s, b, z | everything | peak | largest error |")
    print("|---|---|---|---|---|---|---|")
    rows = {}
    for scores in ("logits", "probabilities"):
        events = make_events(n_events, scores)
        row = measure(events, repeats)
        row["peak_gb"] = peak_memory(events)
        row["largest_error"] = largest_error(events)
        rows[scores] = row
        print(
            f"| {scores} | {n_events} | {row['floor_seconds']:.2f} s "
            f"| {row['s_b_z']:.2f} | {row['everything']:.2f} "
            f"| {row['peak_gb']:.2f} GB | {row['largest_error']:.0e} |"
        )
    print(
        json.dumps(
            {"benchmark": "scan", "n_events": n_events, "limits": LIMITS, "rows": rows}
        )
    )


if __name__ == "__main__":
    main()
