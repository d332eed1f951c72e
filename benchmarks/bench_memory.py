"""Memory of a fit, in units of its data.

How many copies of the data does a fit need? The peak of the resident memory of a fresh
process in `np.load` and `fit`, above what was resident after all imports and a tiny
fit, over the size of `X` in float32 and over that of `X`, `y` and `w` together; the
data count, so that 1 is the least for data in memory. The aim is 2 or less. The same
for a read-only memory map of the file: there "private" is the memory without the pages
of the file, which the system can take back, in `fit` and then in `predict_proba`.
`--huge` fits ten million events from a memory map, and reports bytes and seconds;
`--wide` fits 2.5 million events of 200 columns, 2 GB, so that a copy of the events
would stand out against what each event needs besides.

    python -m benchmarks.bench_memory [--quick] [--huge | --wide] [--folder F]
"""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.common.peak_memory import PeakMemory, in_fresh_process
from benchmarks.common.side_by_side import seconds
from skhep_dnn import WeightedDNNClassifier

N_FEATURES = 30
AIM = 2.0
SMALL = {"max_epochs": 2, "batch_size": 1024}
HUGE = {"max_epochs": 1, "batch_size": 8192}
CASES = {  # parameters, memory map
    "1 member": (SMALL, None),
    "5 members, n_jobs=1": (SMALL | {"n_members": 5, "n_jobs": 1}, None),
    "1 member, memory map": (SMALL, "r"),
    "5 members, n_jobs=1, map": (SMALL | {"n_members": 5, "n_jobs": 1}, "r"),
}
HUGE_CASES = {"1 member, memory map": (HUGE, "r")}
N_WIDE = 200
PLAIN = {  # so that the events are most of the memory
    "max_epochs": 1,
    "batch_size": 1024,
    "n_layers": 1,
    "width": 8,
    "dropout": 0.0,
    "numeric_embedding": None,
    "scale_learning_rate": None,
}
WIDE_CASES = {
    "fit": (PLAIN, "r"),
    "validation": (PLAIN | {"validation_fraction": 0.3}, "r"),
    "3 folds": (PLAIN | {"cv": 3, "n_members": 3, "n_jobs": 1}, "r"),
}


def write_events(folder, n_samples, n_features=N_FEATURES):
    """Write events block by block, so that no process ever holds all of them."""
    rng = np.random.default_rng(0)
    shape = (n_samples, n_features)
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", np.float32, shape)
    for first in range(0, n_samples, 100_000):
        block = X[first : first + 100_000]
        block[:] = rng.standard_normal(block.shape, dtype=np.float32)
    X.flush()
    np.save(folder / "y.npy", (rng.random(n_samples) < 0.4).astype(np.int8))
    np.save(folder / "w.npy", rng.exponential(size=n_samples))


def measure_fit(folder, params, mmap_mode):
    """Peak memory and seconds of loading and fitting; called in a fresh process."""
    torch.set_num_threads(1)
    model = WeightedDNNClassifier(random_state=0).set_params(**params)
    rng = np.random.default_rng(0)
    n_features = np.load(folder / "X.npy", mmap_mode="r").shape[1]
    model.fit(rng.normal(size=(500, n_features)).astype(np.float32), np.arange(500) % 2)
    with PeakMemory() as peak:
        X = np.load(folder / "X.npy", mmap_mode=mmap_mode)
        y, w = np.load(folder / "y.npy"), np.load(folder / "w.npy")
        duration = seconds(model.fit, X, y, sample_weight=w)
    with PeakMemory() as of_prediction:
        model.predict_proba(X)
    everything = X.nbytes + y.nbytes + w.nbytes
    return {
        "over X": round(peak.total / X.nbytes, 2),
        "over X, y, w": round(peak.total / everything, 2),
        "private over X": round(peak.private / X.nbytes, 2),
        "predict, private over X": round(of_prediction.private / X.nbytes, 2),
        "peak, MB": round(peak.total / 1e6),
        "seconds": round(duration, 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the events")
    parser.add_argument("--huge", action="store_true", help="10 million events")
    parser.add_argument("--wide", action="store_true", help="2 GB of 200 columns")
    parser.add_argument("--folder", type=Path, help="parent of the temporary folder")
    options = parser.parse_args()
    n_samples = 10_000_000 if options.huge else 1_000_000
    n_features, cases = N_FEATURES, HUGE_CASES if options.huge else CASES
    if options.wide:
        n_samples, n_features, cases = 2_500_000, N_WIDE, WIDE_CASES
    n_samples //= 10 if options.quick else 1
    rows = {}
    with TemporaryDirectory(dir=options.folder) as folder:
        in_fresh_process(write_events, Path(folder), n_samples, n_features)
        print(f"{n_samples} events x {n_features}, float32; the aim is {AIM} over X")
        for name, case in cases.items():
            row = in_fresh_process(measure_fit, Path(folder), *case)
            if not rows:
                print(f"{'':26}" + "".join(f"{label:>25}" for label in row))
            rows[name] = row
            print(f"{name:26}" + "".join(f"{x:25}" for x in row.values()), flush=True)
    line = {"benchmark": "memory", "n_events": n_samples, "aim": AIM, "rows": rows}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
