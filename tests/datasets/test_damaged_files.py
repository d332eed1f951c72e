"""Files that are cut off, changed or of another kind: one clear error, never a part."""

import gzip
import random
import re
import struct

import pandas as pd
import pytest

from skhep_dnn.datasets import iter_events, read_events
from skhep_dnn.datasets._files.csv import _CountedLines
from skhep_dnn.exceptions import DataFileError, SkhepDNNError
from tests.datasets.event_files import FORMATS, NUMBERS, table

TABLE = table(300)[NUMBERS]
SAYS = r"The file '.*' must be a whole file of the format \w+, got \w+ on reading it: "
COUNTED = "of the format csv, got ValueError on reading it: "


@pytest.fixture(params=FORMATS)
def written(request, tmp_path):
    suffix, write = FORMATS[request.param]
    path = tmp_path / f"events{suffix}"
    write(TABLE, path)
    return path


def test_what_cannot_be_read_is_an_error_of_this_package():
    assert issubclass(DataFileError, SkhepDNNError)
    assert issubclass(DataFileError, ValueError)


def test_a_file_that_is_cut_off_anywhere(written):
    data = written.read_bytes()
    rng = random.Random(0)
    size = len(data)
    cuts = {1, 3, 4, 8, 60, size // 4, size // 2, 3 * size // 4, size - 1, size - 8}
    cuts |= {rng.randrange(1, size) for _ in range(30)}
    for cut in sorted(cuts):
        if written.suffix == ".csv" and data[cut - 1 : cut] == b"\n":
            continue  # a whole table of fewer events
        written.write_bytes(data[:cut])
        with pytest.raises(DataFileError, match=re.escape(written.name)):
            read_events(written)


def test_the_last_basket_of_a_tree_is_cut_off(tmp_path):
    FORMATS["tree"][1](TABLE, tmp_path / "e.root")
    data = (tmp_path / "e.root").read_bytes()
    (tmp_path / "e.root").write_bytes(data[: 9 * len(data) // 10])
    message = rf"all of its bytes, {len(data)} by .*, got {9 * len(data) // 10}: it was"
    for function in (read_events, iter_events):
        with pytest.raises(DataFileError, match=message):
            function(tmp_path / "e.root", ["pt"])


def test_the_size_of_a_large_root_file(tmp_path):
    head = b"root" + struct.pack(">iiq", 1_062_400, 100, 2**33)
    (tmp_path / "e.root").write_bytes(head + bytes(1000))
    with pytest.raises(DataFileError, match="all of its bytes, 8589934592 by"):
        read_events(tmp_path / "e.root")


@pytest.mark.filterwarnings("error")
def test_bytes_that_were_changed_are_an_error_or_a_whole_table(written):
    data = written.read_bytes()
    rng = random.Random(1)
    n_refused = 0
    for _ in range(60):
        changed = bytearray(data)
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        written.write_bytes(bytes(changed))
        try:
            found = read_events(written, NUMBERS)
        except DataFileError:
            n_refused += 1
            continue
        assert len(found) == len(TABLE)
        assert found.columns.tolist() == NUMBERS
    if written.suffix == ".gz":  # which has a checksum
        assert n_refused >= 58


def test_an_empty_file_and_a_folder(written):
    written.write_bytes(b"")
    with pytest.raises(
        DataFileError, match=r"got an empty file of 0 bytes. Fetch or wri"
    ):
        read_events(written)
    written.unlink()
    written.mkdir()
    with pytest.raises(DataFileError, match=r"got the folder .*take a pattern such as"):
        read_events(written)


@pytest.mark.parametrize("suffix", [".root", ".parquet", ".h5"])
def test_a_text_by_another_name(tmp_path, suffix):
    path = tmp_path / f"e{suffix}"
    path.write_text("x,y\n1,2\n")
    with pytest.raises(
        DataFileError, match=r"first bytes are those of csv. Pass format="
    ):
        read_events(path)
    assert read_events(path, format="csv")["y"].tolist() == [2]
    path.write_bytes(bytes(range(256)) * 9)
    with pytest.raises(DataFileError, match=r"something else, with zeros. Fetch"):
        read_events(path)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("tree", ".csv"),
        ("parquet", ".root"),
        ("records", ".parquet"),
        ("ntuple", ".h5"),
    ],
)
def test_a_file_of_another_format(tmp_path, name, suffix):
    path = tmp_path / f"e{suffix}"
    FORMATS[name][1](TABLE, path)
    known = {"tree": "root", "ntuple": "root", "records": "hdf5"}.get(name, name)
    with pytest.raises(DataFileError, match=f"those of {known}. Pass format='{known}'"):
        read_events(path)
    pd.testing.assert_frame_equal(read_events(path, format=known), TABLE)


def test_a_parquet_file_without_its_end(tmp_path):
    path = tmp_path / "e.parquet"
    FORMATS["parquet"][1](TABLE, path)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(DataFileError, match=SAYS + ".*It may be cut off or damaged"):
        read_events(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,2\n3\n", COUNTED + "1 fields in line 3, and 2 names of columns"),
        ("x,y\n1,2\n3,4,5\n6,7\n", COUNTED + "3 fields in line 3, and 2 names"),
        ("x,y\n1,2,3\n4,5,6\n", COUNTED + "3 fields in line 2"),
        ("x,y\n1,2\n3,4", COUNTED + "line 3 without an end, so that it may be cut"),
        ('x,y\n1,2\n3,"4\n', COUNTED + "quotes that are not closed after line 3"),
        ("x,y\n" + 200 * "1,2\n" + "3,\0\n", COUNTED + "zeros, which no text has"),
        ("x,y\n1,\0\n", "first bytes are those of something else, with zeros"),
        ("x;y\n1;2\n", "got one name, 'x;y.*with another separator than commas"),
        ("x,x\n1,2\n", r"got names that are there twice among \['x', 'x'\]"),
        ("1,2\n3,4\n", r"got no names, \['1', '2'\]. Write it with a line of names"),
        ("\n1,2\n", r"must have the names of the columns"),
        ("x,y\n1,2\n3,\xff\n", "got UnicodeDecodeError on reading it"),
    ],
)
def test_lines_of_a_csv_that_are_wrong(tmp_path, text, message):
    path = tmp_path / "e.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataFileError, match=message):
        read_events(path)
    with pytest.raises(DataFileError, match=message):
        iter_events(path, chunk_size=1)  # at the call, before the first chunk


def test_fields_are_counted_over_blocks_of_any_size(tmp_path):
    lines = ["x,y"] + [f'{k},"a, ""{k}"" \n b"' for k in range(50)]
    path = tmp_path / "e.csv"
    path.write_text("\n".join(lines) + "\n")
    lines[40] = "39"
    broken = tmp_path / "broken.csv"
    broken.write_text("\n".join(lines) + "\n")
    for size in (1, 2, 3, 7, 64, 1000):
        with path.open("rb") as file:
            whole = _CountedLines(file, 2)
            blocks = iter(lambda w=whole, n=size: w.read(n), b"")
            assert b"".join(blocks) == path.read_bytes()
        with broken.open("rb") as file:
            part = _CountedLines(file, 2)
            blocks = iter(lambda p=part, n=size: p.read(n), b"")
            with pytest.raises(ValueError, match="1 fields in line 41"):
                list(blocks)


def test_a_gzip_file_that_is_cut_off_or_changed(tmp_path):
    path = tmp_path / "e.csv.gz"
    data = gzip.compress(TABLE.to_csv(index=False).encode())
    path.write_bytes(data[:-2])
    with pytest.raises(DataFileError, match="got EOFError on reading it"):
        read_events(path)
    path.write_bytes(data[:-6] + bytes([data[-6] ^ 1]) + data[-5:])
    with pytest.raises(DataFileError, match="got BadGzipFile on reading it: CRC check"):
        read_events(path)


def test_a_damaged_file_among_several_is_found_at_the_call(tmp_path):
    for k in range(3):
        FORMATS["parquet"][1](TABLE, tmp_path / f"{k}.parquet")
    path = tmp_path / "2.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataFileError, match=r"2\.parquet"):
        iter_events(tmp_path / "*.parquet")


def test_memory_that_does_not_suffice_says_so(tmp_path, monkeypatch):
    FORMATS["group"][1](TABLE, tmp_path / "e.h5")

    def read(*_):
        raise MemoryError

    monkeypatch.setattr("skhep_dnn.datasets._files.hdf5._read", read)
    with pytest.raises(
        DataFileError, match="name fewer columns or read it with `iter_"
    ):
        read_events(tmp_path / "e.h5")
