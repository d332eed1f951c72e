"""Tables of all kinds of columns, and how to write them in each format."""

import h5py
import numpy as np
import pandas as pd
import uproot

NUMBERS = ["run", "event", "pt", "mass", "n_jets", "charge", "passed"]


def table(n_events, seed=0):
    """Return a table of numbers, bools and texts."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "run": rng.integers(0, 2**62, n_events),
            "event": rng.integers(2**63, 2**64 - 1, n_events, dtype=np.uint64),
            "pt": rng.exponential(30.0, n_events).astype(np.float32),
            "mass": rng.normal(125.0, 10.0, n_events),
            "n_jets": rng.integers(0, 5, n_events, dtype=np.int32),
            "charge": rng.choice(np.array([-1, 1], dtype=np.int8), n_events),
            "passed": rng.random(n_events) < 0.5,
            "channel": rng.choice(["ee", "e, mu", 'a "b"'], n_events).astype(object),
        }
    ).astype({"channel": str})


def write_csv(frame, path):
    frame.to_csv(path, index=False)


def write_parquet(frame, path):
    frame.to_parquet(path, index=False, row_group_size=max(len(frame) // 3, 1))


def _for_root(frame):
    arrays = {}
    for name in frame:
        values = frame[name].to_numpy()
        arrays[name] = values.tolist() if values.dtype == object else values
    return arrays


def write_tree(frame, path, name="events", step=64):
    """Write a TTree of numbers in several baskets."""
    frame = frame[[n for n in frame if frame[n].dtype.kind in "biuf"]]
    with uproot.recreate(path) as file:
        tree = file.mktree(name, {n: frame[n].dtype for n in frame})
        for first in range(0, len(frame), step):
            tree.extend(_for_root(frame[first : first + step]))


def write_ntuple(frame, path, name="events", step=64):
    """Write an RNTuple of numbers in several clusters."""
    frame = frame[[n for n in frame if frame[n].dtype.kind in "biuf"]]
    with uproot.recreate(path) as file:
        ntuple = file.mkrntuple(name, {n: frame[n].dtype for n in frame})
        for first in range(0, len(frame), step):
            ntuple.extend(_for_root(frame[first : first + step]))


def write_records(frame, path, name="events"):
    """Write a dataset of records."""
    types = [
        (n, h5py.string_dtype() if frame[n].dtype.kind == "O" else frame[n].dtype)
        for n in frame.astype({"channel": object} if "channel" in frame else {})
    ]
    records = np.empty(len(frame), dtype=types)
    for n in frame:
        records[n] = frame[n]
    with h5py.File(path, "w") as file:
        options = {"chunks": (50,), "compression": "gzip"} if len(frame) else {}
        file.create_dataset(name, data=records, **options)


def write_group(frame, path, name="events"):
    """Write a group with a dataset for each column."""
    with h5py.File(path, "w") as file:
        group = file.create_group(name)
        for n in frame:
            values = frame[n].to_numpy()
            kind = h5py.string_dtype() if values.dtype == object else values.dtype
            group.create_dataset(n, data=values, dtype=kind)


# By name: suffix, how to write it, and whether dtypes and texts come back.
FORMATS = {
    "csv": (".csv", write_csv),
    "gzip": (".csv.gz", write_csv),
    "parquet": (".parquet", write_parquet),
    "tree": (".root", write_tree),
    "ntuple": (".root", write_ntuple),
    "records": (".h5", write_records),
    "group": (".hdf5", write_group),
}
HAVE_TEXT = {"csv", "gzip", "parquet", "records", "group"}


def expected(frame, name):
    """Return what a table becomes in a format."""
    if name not in HAVE_TEXT:
        frame = frame[NUMBERS]
    if name in {"csv", "gzip"}:
        wide = {"pt": np.float64, "n_jets": np.int64, "charge": np.int64}
        text = {"pt": frame["pt"].astype(str).astype(np.float64)}
        frame = frame.assign(**text).astype(wide)
    # HDF5 keeps the members of a group in the order of their names.
    return frame[sorted(frame)] if name == "group" else frame
