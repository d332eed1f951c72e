"""What a manifest and a verification cost, and how large the file of seen events is.

Seconds of the manifest and of the verification of a table of 30 columns, beside one
prediction of a cheap model, in the same process; the exported file is not run. The file
of seen events holds consecutive numbers, numbers of many runs far apart, or contents.
Quality beside speed: events of the table and as many others are looked up, and an event
that is found wrongly is counted.

    python -m benchmarks.bench_manifest [--quick]
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from sklearn.naive_bayes import GaussianNB

from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.export import make_manifest, verify_export
from skhep_dnn.export._seen_events import NEW, SeenEvents

N_COLUMNS = 30


def make_events(n_events: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.where(rng.random(n_events) < 0.3, "s", "b")
    values = rng.normal(size=(n_events, N_COLUMNS)).astype(np.float32)
    values[:, 0] += y == "s"
    names = [f"x{k}" for k in range(N_COLUMNS)]
    X = pd.DataFrame(values, columns=names).assign(EventId=np.arange(n_events))
    return X, y, rng.exponential(size=n_events)


def seconds(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def measure(n_events: int) -> dict[str, float]:
    X, y, w = make_events(n_events)
    model = CrossFitClassifier(GaussianNB(), cv=5, event_number="EventId")
    model.fit(X, y, sample_weight=w)
    predict, _ = seconds(lambda: model.predict_proba(X))
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.bin")
        path.write_bytes(b"exported")
        given = {"y": y, "sample_weight": w}
        make, manifest = seconds(lambda: make_manifest(model, path, X, **given))
        manifest.write(path)
        verify, result = seconds(lambda: verify_export(path, X, **given))
    result.raise_if_failed()
    return {"predict": predict, "make": make, "verify": verify}


def identities(kind: str, n_events: int, seed: int) -> np.ndarray:
    """Numbers or keys of events, others for another seed."""
    rng = np.random.default_rng(seed)
    if kind == "contents":
        return rng.integers(0, 2**64 - 1, (n_events, 1), dtype=np.uint64)
    if kind == "consecutive":
        events = rng.permutation(n_events) + seed * n_events
        return np.column_stack([np.zeros_like(events), events])
    runs = rng.integers(0, 300, n_events) + 300 * seed
    return np.column_stack([runs, rng.integers(0, 10**8, n_events)])


def measure_seen(kind: str, n_events: int) -> dict[str, float]:
    own, others = (identities(kind, n_events, seed) for seed in (0, 1))
    held_out = np.random.default_rng(2).integers(0, 5, n_events)
    known_by: Any = "contents" if kind == "contents" else "numbers"
    if known_by == "contents":
        held_out[:] = -1
    write, content = seconds(lambda: SeenEvents.of(known_by, own, held_out).to_bytes())
    read, seen = seconds(lambda: SeenEvents.from_bytes(content))
    find, found = seconds(lambda: seen.find(own))
    n_wrong = int((found == NEW).sum()) + int((seen.find(others) != NEW).sum())
    return {
        "bytes_an_event": len(content) / n_events,
        "write": write,
        "read": read,
        "find": find,
        "n_wrong": n_wrong,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 000 events")
    quick = parser.parse_args().quick
    n_events, n_seen = (100_000, 100_000) if quick else (1_000_000, 10_000_000)
    times = measure(n_events)
    print("| events | predict | make | verify |")
    print("|---|---|---|---|")
    row = " | ".join(f"{value:.1f} s" for value in times.values())
    print(f"| {n_events} | {row} |")
    print("\n| seen events | bytes an event | write | read | find | wrong |")
    print("|---|---|---|---|---|---|")
    rows = {}
    for kind in ("consecutive", "far apart", "contents"):
        rows[kind] = row_of = measure_seen(kind, n_seen)
        told = " | ".join(f"{row_of[name]:.1f} s" for name in ("write", "read", "find"))
        size, n_wrong = row_of["bytes_an_event"], row_of["n_wrong"]
        print(f"| {n_seen} {kind} | {size:.2f} | {told} | {n_wrong} |")
    print(
        json.dumps(
            {
                "benchmark": "manifest",
                "n_events": n_events,
                "times": times,
                "n_seen": n_seen,
                "seen": rows,
            }
        )
    )


if __name__ == "__main__":
    main()
