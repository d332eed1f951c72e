"""Time that a report takes, and the size of its file, against the number of events.

A network of the defaults' size is trained briefly, and `make_report` is called with
half of the events as the training and half as the test sample, with processes and data.
Processor time counts, as the machine may be shared; the limits are 60 s and 10 MB for
200 000 test events with 30 columns.

    python -m benchmarks.bench_report [--quick]
"""

import argparse
import json
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.inspection import make_report

LIMITS = {"seconds": 60.0, "megabytes": 10.0}


def measure(n_events: int, folder: Path) -> dict[str, float]:
    events = make_higgs_events(2 * n_events, random_state=0)
    X, y, w = events.data, np.asarray(events.target), np.asarray(events.sample_weight)
    train, test = slice(0, n_events), slice(n_events, None)
    model = WeightedDNNClassifier(
        max_epochs=1, categorical_features=events.categorical, random_state=0
    )
    model.fit(X[:20_000], y[:20_000], w[:20_000])
    process = np.where(y[test] == "s", "signal", np.arange(n_events) % 3)
    wall, start = time.perf_counter(), time.process_time()
    report = make_report(
        model,
        X[train],
        y[train],
        X[test],
        y[test],
        w[train],
        w[test],
        process=process,
        data=X[test][: n_events // 4],
        path=folder / "report.html",
        random_state=0,
    )
    return {
        "n_test": n_events,
        "seconds": time.process_time() - start,
        "wall_seconds": time.perf_counter() - wall,
        "megabytes": report.path.stat().st_size / 1e6,
        "json_kilobytes": report.json_path.stat().st_size / 1e3,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2000 events only")
    sizes = [2000] if parser.parse_args().quick else [20_000, 200_000]
    warnings.simplefilter("ignore")
    rows = []
    print("test events   seconds   wall   file / MB   JSON / kB")
    with TemporaryDirectory() as folder:
        for n_events in sizes:
            row = measure(n_events, Path(folder))
            rows.append(row)
            print(
                f"{n_events:11d} {row['seconds']:9.1f} {row['wall_seconds']:6.0f} "
                f"{row['megabytes']:11.2f} {row['json_kilobytes']:11.1f}"
            )
    worst = rows[-1]
    holds = {name: bool(worst[name] < limit) for name, limit in LIMITS.items()}
    print(json.dumps({"benchmark": "report", "rows": rows, "holds": holds}))


if __name__ == "__main__":
    main()
