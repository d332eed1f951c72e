"""Events in a file that is mapped: written in chunks, trained on without a copy."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from benchmarks.bench_memory import PLAIN, measure_fit, write_events
from benchmarks.common.peak_memory import in_fresh_process
from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import (
    make_gaussian_events,
    memory_mapped,
    open_memory_mapped,
)
from skhep_dnn.exceptions import DataFileError, LostPrecisionWarning


def chunks(table, size):
    return (table[first : first + size] for first in range(0, len(table), size))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.npy"


@pytest.fixture(scope="module")
def events():
    toy = make_gaussian_events(1000, random_state=0)
    return toy.data.assign(label=toy.target, weight=toy.sample_weight)


NAMES = ["x0", "x1", "x2", "x3"]


@pytest.mark.parametrize("size", [1, 7, 333, 1000, 5000])
def test_the_file_holds_the_chunks_one_after_the_other(size, events, path):
    few = events[:50] if size == 1 else events
    mapped = memory_mapped(chunks(few, size), path, columns=NAMES)
    np.testing.assert_array_equal(mapped.data, few[NAMES].astype(np.float32))
    assert mapped.data.columns.tolist() == NAMES
    pd.testing.assert_frame_equal(mapped.rest, few[["label", "weight"]])
    again = open_memory_mapped(path)
    pd.testing.assert_frame_equal(again, mapped.data)
    np.testing.assert_array_equal(np.load(path), again)  # NumPy reads it, too
    assert not again.to_numpy().flags.writeable
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "events.npy",
        "events.npy.columns.json",
    ]


def test_a_fit_on_it_has_the_bits_of_one_in_memory(events, path):
    mapped = memory_mapped(chunks(events, 300), path, columns=NAMES)
    y, w = mapped.rest["label"], mapped.rest["weight"]
    options = {"n_layers": 1, "width": 4, "max_epochs": 2, "cv": 2, "n_members": 2}
    model = WeightedDNNClassifier(**options, random_state=0)
    model.fit(mapped.data, y, sample_weight=w)
    plain = WeightedDNNClassifier(**options, random_state=0)
    table = events[NAMES].astype(np.float32)
    plain.fit(table, events["label"], sample_weight=events["weight"])
    found = model.predict_proba(mapped.data)
    np.testing.assert_array_equal(found, plain.predict_proba(table))
    np.testing.assert_array_equal(
        model.oof_decision_function_, plain.oof_decision_function_
    )
    assert model.feature_names_in_.tolist() == NAMES


def test_one_chunk_is_in_memory(path):
    def many():
        for k in range(20):
            yield pd.DataFrame(np.full((20_000, 10), float(k), dtype=np.float32))

    tracemalloc.start()
    try:
        memory_mapped(
            (frame.set_axis([f"c{i}" for i in range(10)], axis=1) for frame in many()),
            path,
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 16e6
    assert peak < 8e6


@pytest.mark.parametrize("case", ["folds", pytest.param("fit", marks=pytest.mark.slow)])
def test_a_fit_needs_no_copy_of_the_file(case, tmp_path):
    n_events, n_features = 150_000, 200
    write_events(tmp_path, n_events, n_features)
    options = {"cv": 3, "n_members": 1} if case == "folds" else {}
    row = in_fresh_process(measure_fit, tmp_path, PLAIN | options, "r")
    # Labels, weights, order and batches; a copy of the events would add 1.
    assert 0.0 < row["private over X"] < 0.8
    assert row["predict, private over X"] < 0.4
    assert row["over X"] > 0.9  # the pages of the file were read


def test_whole_or_as_before(events, path):
    memory_mapped([events[NAMES]], path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="open_memory_mapped"):
        memory_mapped([events[NAMES]], path)
    broken = [events[NAMES], events[["x0"]]]
    with pytest.raises(DataFileError, match="chunk 1"):
        memory_mapped(broken, path, overwrite=True)
    assert path.read_bytes() == before
    assert not path.with_name("events.npy.part").exists()
    memory_mapped([events[["x0"]]], path, overwrite=True)
    assert open_memory_mapped(path).shape == (1000, 1)


@pytest.mark.parametrize(
    ("frames", "columns", "message"),
    [
        ([], None, "must hold events, got none"),
        ([pd.DataFrame({"a": []})], None, "must hold events, got none"),
        ([pd.DataFrame({"a": [1.0]})], ["b"], "must all have the columns"),
        ([pd.DataFrame({"a": ["x"]})], None, "numbers in 'a'"),
        ([pd.DataFrame({"a": [1e300]})], None, r"float32 can, got 1e\+300 in 'a'"),
    ],
)
def test_what_cannot_be_written_is_refused(frames, columns, message, path):
    with pytest.raises(DataFileError, match=message):
        memory_mapped(frames, path, columns=columns)
    assert not path.exists()


def test_numbers_of_events_are_told(path):
    numbers = pd.DataFrame({"number": 10**9 + np.arange(100)})
    with pytest.warns(LostPrecisionWarning, match="'number'"):
        memory_mapped([numbers], path)


def test_undefined_values_are_nan(path):
    frame = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [1.0, np.nan]})
    data = memory_mapped([frame], path).data
    assert np.isnan(data.to_numpy()[1]).all()


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.99])
def test_files_that_are_not_whole_are_refused(share, events, path):
    memory_mapped([events[NAMES]], path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(DataFileError, match="Write it again"):
        open_memory_mapped(path)


def test_names_of_another_file_are_refused(events, path):
    memory_mapped([events[NAMES]], path)
    names = path.with_name("events.npy.columns.json")
    names.write_text('{"columns": ["x0"]}', encoding="utf-8")
    with pytest.raises(DataFileError, match="the 1 columns"):
        open_memory_mapped(path)
    names.write_text("{}", encoding="utf-8")
    with pytest.raises(DataFileError, match="Write it again"):
        open_memory_mapped(path)
