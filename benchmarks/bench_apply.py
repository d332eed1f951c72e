"""Reading and scoring files of events, over what their libraries need for it.

What do `read_events` and `apply_model` cost? For each format the seconds of
`read_events` over those of uproot, pandas or h5py for the same columns, whole in
memory, in turns; then, of `apply_model` with a network, the rate and the seconds over
those of `predict_proba` of all events in memory, which is the least that scoring needs;
and the peak of the private memory of a fresh process over the size of the columns.
The memory is that of a chunk, whatever the file: it is measured for two sizes.

    python -m benchmarks.bench_apply [--quick] [--folder F]
"""

import argparse
import json
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import pandas as pd
import torch
import uproot

from benchmarks.common.peak_memory import PeakMemory, in_fresh_process
from benchmarks.common.side_by_side import best_of, seconds
from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import read_events
from skhep_dnn.export import apply_model

FEATURES = [f"x{k}" for k in range(20)]
BLOCK = 50_000
CHUNK = 20_000


def block(k):
    """Return some events: 20 features in float32, run and event numbers."""
    rng = np.random.default_rng(k)
    columns = {name: rng.normal(size=BLOCK).astype(np.float32) for name in FEATURES}
    numbers = {"run": np.full(BLOCK, k), "event": np.arange(BLOCK) + k * BLOCK}
    return columns | numbers


def write_events(path, n_blocks):
    """Write events block by block; called in a fresh process."""
    if path.suffix == ".root":
        with uproot.recreate(path) as file:
            first = block(0)
            types = {name: values.dtype for name, values in first.items()}
            make = file.mkrntuple if "ntuple" in path.name else file.mktree
            tree = make("events", types)
            for k in range(n_blocks):
                tree.extend(block(k))
        return
    frame = pd.concat([pd.DataFrame(block(k)) for k in range(n_blocks)])
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False, row_group_size=BLOCK)
    elif path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        with h5py.File(path, "w") as file:
            for name in frame:
                file[f"events/{name}"] = frame[name].to_numpy()


def read_tree(path):
    with uproot.open(path) as file:
        return pd.DataFrame(file["events"].arrays(FEATURES, library="np"))


def read_ntuple(path):
    with uproot.open(path) as file:
        arrays = file["events"].arrays(filter_name=FEATURES)
        return pd.DataFrame({name: arrays[name].to_numpy() for name in FEATURES})


def read_hdf5(path):
    with h5py.File(path, "r") as file:
        return pd.DataFrame({name: file["events"][name][:] for name in FEATURES})


FILES = {
    "TTree": ("tree.root", read_tree),
    "RNTuple": ("ntuple.root", read_ntuple),
    "Parquet": ("e.parquet", partial(pd.read_parquet, columns=FEATURES)),
    "HDF5": ("e.h5", read_hdf5),
    "CSV": ("e.csv", partial(pd.read_csv, usecols=FEATURES)),
}


def network():
    """Return a small network that is fitted to one block."""
    torch.set_num_threads(1)
    frame = pd.DataFrame(block(0))
    model = WeightedDNNClassifier(n_members=5, max_epochs=1, n_jobs=1, random_state=0)
    return model.fit(frame[FEATURES], (frame["x0"] > 0).astype(int))


def measure_memory(path, model):
    """Return the peak of the private memory of scoring; called in a fresh process."""
    torch.set_num_threads(1)
    small, output = (path.with_name(f"{k}_{path.name}") for k in ("small", "out"))
    output = output.with_suffix(".root")
    write_events(small, 1)
    apply_model(model, small, output, overwrite=True, chunk_size=CHUNK)
    with PeakMemory() as peak:
        apply_model(model, path, output, overwrite=True, chunk_size=CHUNK)
    return peak.private


def measure(folder, name, n_blocks, model, repeats):
    """Return the figures of one format."""
    file_name, read = FILES[name]
    path = folder / file_name
    in_fresh_process(write_events, path, n_blocks)
    reading = {
        "library": lambda: seconds(read, path),
        "read_events": lambda: seconds(read_events, path, FEATURES),
    }
    times = best_of(repeats, reading)
    frame = read_events(path, FEATURES)
    scoring = seconds(model.predict_proba, frame)
    applying = seconds(
        apply_model, model, path, folder / "s.root", overwrite=True, chunk_size=CHUNK
    )
    n_events, size = len(frame), int(frame.memory_usage(index=False).sum())
    memory = in_fresh_process(measure_memory, path, model)
    return {
        "read, ratio": round(times["read_events"] / times["library"], 2),
        "read, MHz": round(n_events / times["read_events"] / 1e6, 2),
        "apply, ratio": round(applying / scoring, 2),
        "apply, kHz": round(n_events / applying / 1e3, 1),
        "memory, MB": round(memory / 1e6, 1),
        "over columns": round(memory / size, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the events")
    parser.add_argument("--folder", type=Path, help="parent of the temporary folder")
    options = parser.parse_args()
    sizes = (1, 2) if options.quick else (5, 20)
    model, rows = network(), {}
    with TemporaryDirectory(dir=options.folder) as folder:
        for n_blocks in sizes:
            n_events = n_blocks * BLOCK
            print(f"{n_events} events x {len(FEATURES)}, chunks of {CHUNK}")
            for name in FILES:
                row = measure(Path(folder), name, n_blocks, model, repeats=3)
                if name == "TTree":
                    print(f"{'':10}" + "".join(f"{label:>15}" for label in row))
                rows[f"{name}, {n_events}"] = row
                values = "".join(f"{x:15}" for x in row.values())
                print(f"{name:10}{values}", flush=True)
    print(json.dumps({"benchmark": "apply", "chunk_size": CHUNK, "rows": rows}))


if __name__ == "__main__":
    main()
