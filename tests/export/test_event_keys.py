"""Keys of events: the same for the same event, however it came, and for no other."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skhep_dnn.export._event_keys import column_words, event_keys, value_words
from skhep_dnn.export._event_table import event_table

RNG = np.random.default_rng(0)
COLUMNS = ["pt", "eta", "n_jets", "channel"]
FRAME = pd.DataFrame(
    {
        "pt": RNG.exponential(30.0, 500).astype(np.float32),
        "eta": RNG.normal(size=500).astype(np.float32),
        "n_jets": RNG.integers(0, 9, 500),
        "channel": RNG.choice(["e", "mu", "tau"], 500),
    }
)


def table_of(X, columns=tuple(COLUMNS), **options):
    options = {"is_named": True, "number_columns": [], **options}
    return event_table(X, options.pop("event_number", None), columns=columns, **options)


def keys_of(X, columns=tuple(COLUMNS)):
    return table_of(X, columns).contents


def mixed(key):
    """The finaliser of splitmix64, in Python's own integers."""
    key = ((key ^ key >> 30) * 0xBF58476D1CE4E5B9) % 2**64
    key = ((key ^ key >> 27) * 0x94D049BB133111EB) % 2**64
    return key ^ key >> 31


def test_keys_by_hand():
    words = [RNG.integers(0, 2**63, 50), RNG.integers(0, 2**63, 50)]
    expected = []
    for pair in zip(*words, strict=True):
        key = 0
        for word in pair:
            key = mixed((key + 0x9E3779B97F4A7C15) % 2**64 ^ int(word))
        expected.append(key)
    assert event_keys(words, 50).tolist() == expected


def test_splitmix64_is_that_of_its_authors():
    # The first outputs of the generator from the state 1234567, as they are printed on
    # https://rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64.
    state, out = 1234567, []
    for _ in range(5):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        out.append(mixed(state))
    assert out == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@pytest.mark.parametrize(
    "other",
    [
        FRAME[["eta", "channel", "n_jets", "pt"]],
        FRAME.astype({"pt": "f8", "eta": "f8", "n_jets": "f4"}),
        FRAME.assign(channel=FRAME["channel"].astype("category")),
        FRAME.convert_dtypes(),
        FRAME.assign(more=1.0),
        pl.from_pandas(FRAME),
        pa.Table.from_pandas(FRAME),
    ],
    ids=["order", "dtypes", "category", "nullable", "more", "polars", "pyarrow"],
)
def test_an_event_has_one_key_in_every_table(other):
    np.testing.assert_array_equal(keys_of(other), keys_of(FRAME))
    assert table_of(other).hashes() == table_of(FRAME).hashes()


def test_arrays_have_the_keys_of_tables():
    numbers = FRAME[["pt", "eta", "n_jets"]]
    own = keys_of(numbers, numbers.columns)
    foreign = numbers.to_numpy().astype(">f8")
    for X in (numbers.to_numpy(), foreign, numbers.to_numpy(dtype="f4")):
        np.testing.assert_array_equal(keys_of(X, numbers.columns), own)


def test_undefined_values_and_zeros_are_the_same():
    values = np.array([np.nan, -np.nan, 0.0, -0.0])
    words = value_words(values, "x")
    assert words[0] == words[1] != words[2] == words[3]
    payload = np.array([0x7FF8000000000001], dtype=np.uint64).view(np.float64)
    assert value_words(payload, "x")[0] == words[0]
    texts = value_words(np.array(["a", None, np.nan], dtype=object), "x")
    assert texts[1] == texts[2] == words[0] != texts[0]
    masked = np.ma.masked_equal(np.array([[1.0], [-999.0]]), -999.0)
    assert keys_of(masked, ["x"])[1] == keys_of(np.array([[np.nan]]), ["x"])[0]


def test_the_next_float_is_another_event():
    for column in ("pt", "eta"):
        moved = FRAME.copy()
        moved[column] = np.nextafter(FRAME[column], np.float32(np.inf))
        assert (keys_of(moved) != keys_of(FRAME)).all()
    # Less than a float32 tells is the same event.
    near = FRAME.astype({"pt": "f8"})
    near["pt"] = np.nextafter(near["pt"], np.inf)
    np.testing.assert_array_equal(keys_of(near), keys_of(FRAME))


def test_columns_do_not_change_places():
    X = RNG.normal(size=(400, 2))
    assert not np.isin(keys_of(X[:, ::-1], "ab"), keys_of(X, "ab")).any()


def test_words_that_are_none_are_refused():
    when = pd.DataFrame({"when": pd.to_datetime(["2024-01-01"])})
    with pytest.raises(TypeError, match=r"numbers and texts, got datetime64.*'when'"):
        column_words(when, 0)
    with pytest.raises(TypeError, match=r"numbers and texts, got \(1, 2\) in `y`"):
        value_words(pd.Series([(1, 2), "a"]).to_numpy(), "`y`")


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match=r"got none called \['eta'\]"):
        keys_of(FRAME.drop(columns="eta"))
    with pytest.raises(ValueError, match="the 2 columns of the model, got 3"):
        keys_of(np.zeros((4, 3)), "ab")


def test_numbers_are_given_once():
    with pytest.raises(ValueError, match=r"given once, got both the columns \['n'\]"):
        table_of([[1.0, 2]], "an", number_columns=["n"], event_number=[3])


# Pairs of half a key that are equal by chance, as many as there should be: the halves
# of 2**18 keys have n**2 / 2**33 = 8 such pairs. A poor hash has thousands.
STRUCTURED = {
    "consecutive": [np.arange(2**18)],
    "grid": list(np.indices((64, 64, 64)).reshape(3, -1)),
    "runs": [np.repeat(np.arange(256), 1024), np.tile(np.arange(1024) * 2, 256)],
    "floats": [
        value_words(column, "x")
        for column in np.round(np.random.default_rng(1).normal(size=(2, 2**18)), 3)
    ],
}


@pytest.mark.parametrize("kind", STRUCTURED)
@pytest.mark.parametrize("half", ["low", "high"])
def test_halves_of_keys_collide_as_often_as_by_chance(kind, half):
    words = STRUCTURED[kind]
    unique = np.unique(np.column_stack(words), axis=0)
    columns = [np.ascontiguousarray(column) for column in unique.T]
    keys = event_keys(columns, len(unique))
    assert len(np.unique(keys)) == len(unique)
    halves = (keys if half == "low" else keys >> np.uint64(32)).astype(np.uint32)
    expected = len(unique) ** 2 / 2**33
    n_pairs = len(unique) - len(np.unique(halves))
    assert abs(n_pairs - expected) < 5.0 * np.sqrt(expected) + 1.0


def test_each_bit_of_a_word_turns_half_of_the_key():
    base = RNG.integers(0, 2**62, 2000)
    keys = event_keys([base], len(base))
    for bit in range(0, 63, 7):
        turned = keys ^ event_keys([base ^ (1 << bit)], len(base))
        share = np.unpackbits(turned.view(np.uint8)).mean()
        assert 0.49 < share < 0.51


def test_a_million_events_have_a_million_keys():
    X = np.random.default_rng(0).normal(size=(1_000_000, 10))
    keys = keys_of(X, [str(k) for k in range(10)])
    assert len(np.unique(keys)) == len(X)
