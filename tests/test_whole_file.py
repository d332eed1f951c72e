"""A file is whole, or as it was before."""

import pytest

from skhep_dnn._whole_file import whole_file, write_whole


def test_a_file_is_in_its_place_at_the_end(tmp_path):
    path = tmp_path / "scores.root"
    with whole_file(path) as part:
        part.write_bytes(b"new")
        assert not path.exists()
        assert part.parent == tmp_path
        assert part.suffix == ".part"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_as_it_was_if_the_block_raises(tmp_path):
    path = tmp_path / "scores.root"
    path.write_bytes(b"old")
    message = "no space left"

    def fail():
        with whole_file(path) as part:
            part.write_bytes(b"half")
            raise OSError(message)

    with pytest.raises(OSError, match=message):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_text_is_written_whole(tmp_path):
    write_whole(tmp_path / "a.json", "{}")
    write_whole(tmp_path / "a.json", "[]")
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == "[]"
    assert len(list(tmp_path.iterdir())) == 1
