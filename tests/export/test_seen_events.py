"""Events that models have seen: a small file that loses nothing, and the look-up."""

import io

import numpy as np
import pytest

from skhep_dnn.export._seen_events import ALL_MODELS, NEW, SeenEvents

LARGEST = 2**63 - 1


def numbers(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.integers(0, 5, n), rng.integers(0, 10 * n, n)])


@pytest.mark.parametrize("n_folds", [2, 5, 300, 40_000])
def test_nothing_is_lost_in_the_file(n_folds):
    given = np.vstack([numbers(1000), [[0, 0], [LARGEST, LARGEST]]])
    seen = SeenEvents.of("numbers", given, given.sum(axis=1) % n_folds)
    read = SeenEvents.from_bytes(seen.to_bytes())
    assert read.known_by == "numbers"
    np.testing.assert_array_equal(read.identities, seen.identities)
    np.testing.assert_array_equal(read.held_out, seen.held_out)
    np.testing.assert_array_equal(seen.identities, np.unique(given, axis=0))
    assert seen.to_bytes() == seen.to_bytes()


def test_contents():
    keys = np.random.default_rng(0).integers(0, 2**64 - 1, (500, 1), dtype=np.uint64)
    keys[0] = 2**64 - 1
    seen = SeenEvents.of("contents", keys, np.full(500, ALL_MODELS))
    read = SeenEvents.from_bytes(seen.to_bytes())
    np.testing.assert_array_equal(read.find(keys), ALL_MODELS)
    np.testing.assert_array_equal(read.find(keys ^ np.uint64(1)), NEW)


def test_events_are_found_by_their_number():
    given = numbers(3000)
    folds = given.sum(axis=1) % 4
    seen = SeenEvents.of("numbers", given, folds)
    asked = numbers(3000, seed=1)
    known = dict(zip(map(tuple, given.tolist()), folds.tolist(), strict=True))
    expected = [known.get(tuple(pair), NEW) for pair in asked.tolist()]
    np.testing.assert_array_equal(seen.find(asked), expected)
    assert 30 < np.count_nonzero(np.array(expected) != NEW) < 2900
    np.testing.assert_array_equal(seen.find(given), folds)


def test_run_and_event_are_not_swapped():
    seen = SeenEvents.of("numbers", np.array([[3, 8]]), np.array([1]))
    assert seen.find(np.array([[8, 3], [3, 8]])).tolist() == [NEW, 1]


def test_copies_in_several_folds_were_seen_by_all():
    given = np.array([[0, 1], [0, 1], [0, 2], [0, 2]])
    seen = SeenEvents.of("numbers", given, np.array([0, 1, 1, 1]))
    assert seen.find(given[::2]).tolist() == [ALL_MODELS, 1]


def test_no_events():
    nothing = np.empty((0, 2), dtype=np.int64)
    seen = SeenEvents.of("numbers", nothing, np.empty(0, dtype=np.int64))
    read = SeenEvents.from_bytes(seen.to_bytes())
    assert len(read) == 0
    assert read.find(np.array([[0, 1]])).tolist() == [NEW]
    assert read.find(nothing).tolist() == []


def other_archive():
    file = io.BytesIO()
    np.savez(file, steps=np.zeros(3))
    return file.getvalue()


def with_objects():
    file = io.BytesIO()
    np.savez(file, known_by=np.array([{}], dtype=object), allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    "content", [b"", b"nothing", other_archive(), with_objects()], ids=range(4)
)
def test_another_file_is_refused(content):
    with pytest.raises(ValueError, match="npz archive as it was exported"):
        SeenEvents.from_bytes(content)


def test_half_a_file_is_refused():
    content = SeenEvents.of("numbers", numbers(99), np.zeros(99, int)).to_bytes()
    with pytest.raises(ValueError, match="npz archive as it was exported"):
        SeenEvents.from_bytes(content[: len(content) // 2])


def test_a_million_events_are_a_small_file():
    n = 1_000_000
    given = np.column_stack([np.zeros(n, dtype=np.int64), np.arange(n)[::-1]])
    seen = SeenEvents.of("numbers", given, given[:, 1] * 7919 % 5)
    content = seen.to_bytes()
    found = SeenEvents.from_bytes(content).find(given)
    assert len(content) < n
    np.testing.assert_array_equal(found, given[:, 1] * 7919 % 5)
