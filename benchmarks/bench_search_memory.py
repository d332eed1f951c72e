"""Memory of a search over many trials.

Does a search keep what it need not? The peak of the resident memory of a fresh process
after 50 and after 500 trials of a logistic regression, above what was resident when it
began: in memory, and with a journal and files of the trials. What a trial adds should
be little more than its record, some ten kB of which most are the replicas of its
scores; an array of the 100 000 events would be 800 kB.

    python -m benchmarks.bench_search_memory [--quick]
"""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.stats import loguniform
from sklearn.linear_model import LogisticRegression

from benchmarks.common.peak_memory import PeakMemory, in_fresh_process
from skhep_dnn.model_selection import OptunaSearchCV

N_SAMPLES = 100_000
AIM = 100.0  # kB of a trial


def measure(n_trials, n_samples, folder):
    """Peak memory of a search, in bytes; called in a fresh process."""
    rng = np.random.default_rng(0)
    y = np.arange(n_samples) % 2
    X = rng.normal(size=(n_samples, 3)) + 0.5 * y[:, np.newaxis]
    options = {}
    if folder is not None:
        options = {"storage": folder / "search.log", "directory": folder}

    def search(n_trials, **options):
        space = {"C": loguniform(1e-3, 1e1)}
        model = OptunaSearchCV(
            LogisticRegression(),
            space,
            n_trials=n_trials,
            sampler="random",
            cv=2,
            n_replicas=20,
            random_state=0,
            refit=False,
            **options,
        )
        model.fit(X, y)

    search(2)  # whatever is needed once
    with PeakMemory() as peak:
        search(n_trials, **options)
    return peak.total


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of all")
    options = parser.parse_args()
    scale = 10 if options.quick else 1
    few, many, n_samples = 50 // scale, 500 // scale, N_SAMPLES // scale
    rows = {}
    print(f"{n_samples} events; the aim is less than {AIM:.0f} kB for each trial")
    print(f"{'':10}{few:>6} trials, MB{many:>6} trials, MB{'a trial, kB':>16}")
    for name in ("memory", "journal"):
        peaks = []
        for n_trials in (few, many):
            with TemporaryDirectory() as folder:
                place = None if name == "memory" else Path(folder)
                peaks.append(in_fresh_process(measure, n_trials, n_samples, place))
        each = (peaks[1] - peaks[0]) / (many - few) / 1e3
        rows[name] = [round(peaks[0] / 1e6, 1), round(peaks[1] / 1e6, 1), round(each)]
        print(
            f"{name:10}" + "".join(f"{value:>16}" for value in rows[name]), flush=True
        )
    line = {"benchmark": "search_memory", "n_events": n_samples, "rows": rows}
    print(json.dumps({**line, "n_trials": [few, many], "aim, kB": AIM}))


if __name__ == "__main__":
    main()
