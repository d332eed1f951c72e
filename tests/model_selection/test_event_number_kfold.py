"""Folds from event numbers: exact, uniform, independent of the run, and for ever."""

import pickle
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from scipy.stats import chisquare, kstest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.model_selection import EventNumberKFold, cross_validate_pooled
from skhep_dnn.model_selection._event_number import P, Q
from skhep_dnn.model_selection._fingerprint import fingerprint

LARGEST = 2**63 - 1
CONSTANTS = (314159265, 358979323, 846264338, 327950288, 419716939, 937510582)

# run, event, hash; those of the documentation
VECTORS = [
    (0, 0, 284234017),
    (0, 1, 861404553),
    (1, 0, 557814022),
    (0, 100000, 1806992370),
    (348251, 1234567890, 313974924),
    (LARGEST, LARGEST, 174997321),
]


def reference(run, event, salt=0):
    """The rule in unlimited integers."""
    h = salt
    words = (run % P, run % Q, event % P, event % Q, 0, 0)
    for word, constant in zip(words, CONSTANTS, strict=True):
        h = pow((h + word + constant) % P, 5, P)
    return h


@pytest.mark.parametrize(("run", "event", "hashed"), VECTORS)
def test_vectors(run, event, hashed):
    assert reference(run, event) == hashed
    for n_splits in (2, 5, 10, 97):
        folds = EventNumberKFold(n_splits).fold_numbers(groups=[[run, event]])
        assert folds.tolist() == [hashed % n_splits]
        if run == 0:
            alone = EventNumberKFold(n_splits).fold_numbers(groups=[event])
            assert alone.tolist() == folds.tolist()


def test_no_number_overflows():
    rng = np.random.default_rng(0)
    edges = [0, 1, P - 1, P, P + 1, Q - 1, Q, 2 * P, P * Q, 2**62, LARGEST - 1, LARGEST]
    run = np.concatenate([rng.integers(0, LARGEST, 500, endpoint=True), edges])
    event = np.concatenate([rng.integers(0, LARGEST, 500, endpoint=True), edges[::-1]])
    for salt in (0, 1, P - 1):
        found = EventNumberKFold(1000, salt=salt).fold_numbers(
            groups=np.column_stack([run, event])
        )
        pairs = zip(run.tolist(), event.tolist(), strict=True)
        assert found.tolist() == [reference(r, e, salt) % 1000 for r, e in pairs]


def test_the_primes_and_products_are_what_the_rule_says():
    def is_prime(n):
        return all(n % d for d in range(2, int(n**0.5) + 1))

    assert is_prime(P)
    assert is_prime(Q)
    assert not any(is_prime(n) for n in range(Q + 1, P))
    assert (P - 1) % 5 != 0, "the fifth power is a permutation"
    assert (P - 1) ** 2 < 2**62


SEQUENCES = {
    "consecutive": lambda i: i,
    "from 10^6 on": lambda i: i + 10**6,
    "even": lambda i: 2 * i,
    "odd": lambda i: 2 * i + 1,
    "multiples of 3": lambda i: 3 * i,
    "multiples of 5": lambda i: 5 * i,
    "multiples of 10": lambda i: 10 * i,
    "multiples of 2^20": lambda i: 2**20 * i,
    "multiples of P": lambda i: P * i,
    "multiples of Q": lambda i: Q * i,
    "near 2^62": lambda i: 2**62 + i,
}


def p_values(n_splits, run, event):
    """Uniformity of the folds, and of those of an event and of a later one."""
    groups = np.column_stack([np.broadcast_to(run, len(event)), event])
    folds = EventNumberKFold(n_splits).fold_numbers(groups=groups)
    found = [chisquare(np.bincount(folds, minlength=n_splits)).pvalue]
    for lag in (1, 2, n_splits):  # of pairs without a common event
        n_pairs = len(folds) // (2 * lag)
        first, later = (
            folds[: 2 * lag * n_pairs].reshape(n_pairs, 2, lag).swapaxes(0, 1)
        )
        pairs = (first * n_splits + later).ravel()
        found.append(chisquare(np.bincount(pairs, minlength=n_splits**2)).pvalue)
    return found


@pytest.mark.parametrize("name", SEQUENCES)
def test_folds_are_uniform_and_later_events_independent(name):
    event = SEQUENCES[name](np.arange(40_000))
    for n_splits in (2, 3, 5, 10):
        found = [p for run in (0, 348251) for p in p_values(n_splits, run, event)]
        assert min(found) > 1e-4
        # A pattern would be too uniform; two equal counts may be.
        assert n_splits == 2 or max(found) < 1 - 1e-5


def test_all_p_values_together_are_those_of_chance():
    found = [
        p
        for make in SEQUENCES.values()
        for run in (0, 7)
        for p in p_values(5, run, make(np.arange(5_000)))
    ]
    assert kstest(found, "uniform").pvalue > 1e-3


def test_runs_are_independent():
    event = np.arange(20_000)
    folds = np.stack(
        [
            EventNumberKFold(5).fold_numbers(
                groups=np.column_stack([np.full(20_000, run), event])
            )
            for run in (0, 1, 2, 348251)
        ]
    )
    for one in range(4):
        for other in range(one):
            pairs = np.bincount(folds[one] * 5 + folds[other], minlength=25)
            assert chisquare(pairs).pvalue > 1e-4
    # one event number in many runs
    groups = np.column_stack([event, np.full(20_000, 1)])
    counts = np.bincount(EventNumberKFold(5).fold_numbers(groups=groups))
    assert chisquare(counts).pvalue > 1e-4


def test_another_salt_gives_independent_folds():
    event = np.arange(20_000)
    one, other = (
        EventNumberKFold(5, salt=k).fold_numbers(groups=event) for k in (0, 1)
    )
    assert chisquare(np.bincount(one * 5 + other, minlength=25)).pvalue > 1e-4


def test_they_have_nothing_to_do_with_other_rows():
    rng = np.random.default_rng(1)
    numbers = rng.permutation(10_000)[:2000]
    folds = EventNumberKFold(5)
    before = dict(
        zip(numbers.tolist(), folds.fold_numbers(groups=numbers), strict=True)
    )
    for other in (
        rng.permutation(numbers),
        numbers[numbers % 3 == 0],
        np.concatenate([numbers, np.arange(20_000, 21_000)]),
    ):
        found = zip(other.tolist(), folds.fold_numbers(groups=other), strict=True)
        assert all(fold == before[n] for n, fold in found if n in before)


def test_splits_are_a_partition_and_keep_numbers_together():
    rng = np.random.default_rng(2)
    groups = np.column_stack([rng.integers(0, 3, 300), rng.integers(0, 60, 300)])
    tested = []
    for train, test in EventNumberKFold(4).split(np.empty((300, 1)), groups=groups):
        pairs = [set(map(tuple, groups[rows].tolist())) for rows in (train, test)]
        assert not pairs[0] & pairs[1]
        np.testing.assert_array_equal(np.sort([*train, *test]), np.arange(300))
        tested += test.tolist()
    assert sorted(tested) == list(range(300))


def test_modulo_on_request():
    folds = EventNumberKFold(3, rule="modulo")
    assert folds.fold_numbers(groups=[[9, 4], [8, LARGEST]]).tolist() == [
        1,
        LARGEST % 3,
    ]
    with pytest.raises(ValueError, match="got none of fold 1 among 50 events"):
        list(
            EventNumberKFold(2, rule="modulo").split(
                np.arange(50), groups=2 * np.arange(50)
            )
        )
    assert EventNumberKFold(2).split(np.arange(50), groups=2 * np.arange(50))


TABLE = pd.DataFrame(
    {
        "run": np.repeat([1, 2], 50),
        "mass": np.linspace(0.0, 1.0, 100),
        "event": 2**62 + np.arange(100),
    }
)


@pytest.mark.parametrize(
    "convert",
    [lambda t: t, pl.from_pandas, pa.Table.from_pandas],
    ids=["pd", "pl", "pa"],
)
def test_columns_of_tables_stay_exact(convert):
    table = convert(TABLE)
    expected = EventNumberKFold().fold_numbers(groups=TABLE[["run", "event"]])
    for column in (["run", "event"], [0, 2], ("run", 2)):
        found = EventNumberKFold(column=column).fold_numbers(table)
        np.testing.assert_array_equal(found, expected)
    alone = EventNumberKFold(column="event").fold_numbers(table)
    assert (alone != expected).any(), "the run counts"


def test_columns_of_an_array():
    numbers = np.arange(50)
    X = np.column_stack([np.linspace(0.0, 1.0, 50), numbers])
    found = EventNumberKFold(3, column=1).fold_numbers(X)
    np.testing.assert_array_equal(
        found, EventNumberKFold(3).fold_numbers(groups=numbers)
    )


@pytest.mark.parametrize(
    "numbers",
    [
        np.arange(20, dtype=np.uint64),
        np.arange(20, dtype=np.int8),
        np.arange(20.0),
        np.arange(20, dtype=np.float32),
        np.arange(20).astype(object),
        pd.Series(np.arange(20), dtype="Int64"),
        list(range(20)),
        np.arange(20)[:, None],
        pl.Series(range(20)),
    ],
    ids=[
        "uint64",
        "int8",
        "float64",
        "float32",
        "object",
        "Int64",
        "list",
        "column",
        "pl",
    ],
)
def test_kinds_of_numbers(numbers):
    expected = EventNumberKFold(3).fold_numbers(groups=np.arange(20))
    np.testing.assert_array_equal(
        EventNumberKFold(3).fold_numbers(groups=numbers), expected
    )


@pytest.mark.parametrize(
    ("numbers", "error", "text"),
    [
        ([-1, 2], ValueError, "from 0 to 9223372036854775807, got.*-1"),
        ([1.5], ValueError, "got.*1.5"),
        ([np.nan, 1.0], ValueError, "got.*nan"),
        ([np.inf], ValueError, "got.*inf"),
        ([2.0**53], ValueError, "has lost digits"),
        (np.array([2**24], dtype=np.float32), ValueError, "has lost digits"),
        (np.array([2**63], dtype=np.uint64), ValueError, "got.*9223372036854775808"),
        (np.array([2**70], dtype=object), ValueError, "got 1180591620717411303424"),
        (["7"], TypeError, "whole numbers, got <U1"),
        ([True], TypeError, "whole numbers, got bool"),
        (np.array([True], dtype=object), TypeError, "got True"),
        (pd.Series([1, None], dtype="Int64"), ValueError, "got nan"),
        (np.array([1, None], dtype=object), TypeError, "got None"),
        (np.zeros((2, 3), dtype=int), ValueError, r"got the shape \(2, 3\)"),
        (np.zeros((2, 1, 1), dtype=int), ValueError, "got the shape"),
    ],
)
def test_what_is_no_number_is_refused(numbers, error, text):
    with pytest.raises(error, match=text):
        EventNumberKFold().fold_numbers(groups=numbers)


def test_the_largest_exact_floats_are_taken():
    numbers = [2**53 - 1, 0]
    expected = EventNumberKFold().fold_numbers(groups=numbers)
    found = EventNumberKFold().fold_numbers(groups=np.array(numbers, dtype=float))
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"n_splits": 1}, "`n_splits` must be a whole number of at least 2, got 1"),
        ({"n_splits": 2.0}, "`n_splits` must be"),
        ({"rule": "random"}, "`rule` must be 'hash' or 'modulo', got 'random'"),
        ({"salt": -1}, "`salt` must be a whole number"),
        ({"salt": P}, "`salt` must be a whole number"),
        ({"rule": "modulo", "salt": 1}, "`salt` must be 0 with rule='modulo'"),
    ],
)
def test_options_are_checked(options, text):
    with pytest.raises(ValueError, match=text):
        EventNumberKFold(**options)


def test_missing_numbers_and_columns():
    with pytest.raises(ValueError, match="`groups` must be the event numbers"):
        list(EventNumberKFold().split(np.empty((5, 1))))
    with pytest.raises(ValueError, match="`column` must be columns of `X`"):
        EventNumberKFold(column="EventId").fold_numbers(TABLE)
    with pytest.raises(ValueError, match=r"must be one column.*or two"):
        EventNumberKFold(column=["run", "mass", "event"]).fold_numbers(TABLE)
    with pytest.raises(ValueError, match="`X` must be the events with the column"):
        EventNumberKFold(column="event").fold_numbers()
    with pytest.raises(ValueError, match=r"`X\['mass'\]` must be whole numbers"):
        EventNumberKFold(column="mass").fold_numbers(TABLE)


def test_the_report_adds_up_with_negative_weights():
    rng = np.random.default_rng(3)
    y = np.where(rng.random(500) < 0.3, "s", "b")
    w = rng.normal(1.0, 1.0, 500)
    folds = EventNumberKFold(4)
    report = folds.report(None, y, w, groups=np.arange(500))
    assert len(report) == 8
    for label in "sb":
        part = report[report["class"] == label]
        assert part["yield"].sum() == pytest.approx(w[y == label].sum())
        assert part["n_events"].sum() == (y == label).sum()
    own = w[(y == "s") & (folds.fold_numbers(groups=np.arange(500)) == 2)]
    row = report[(report["class"] == "s") & (report["fold"] == 2)].iloc[0]
    assert row["n_eff"] == pytest.approx(own.sum() ** 2 / (own**2).sum())
    counted = folds.report(None, y, groups=np.arange(500))
    np.testing.assert_array_equal(counted["yield"], counted["n_events"])


def test_folds_inside_of_folds_need_another_salt():
    numbers = np.arange(200)
    (train, _), *_ = EventNumberKFold(5).split(numbers, groups=numbers)
    with pytest.raises(ValueError, match="another `salt`"):
        list(EventNumberKFold(5).split(train, groups=numbers[train]))
    inner = list(EventNumberKFold(5, salt=1).split(train, groups=numbers[train]))
    assert min(len(test) for _, test in inner) > 15


def sample():
    rng = np.random.default_rng(4)
    y = np.arange(120) % 2
    return rng.normal(size=(120, 2)) + y[:, None], y, rng.permutation(120)


def test_in_the_machinery_of_scikit_learn():
    X, y, numbers = sample()
    folds = EventNumberKFold(3)
    expected = [
        LogisticRegression().fit(X[a], y[a]).score(X[b], y[b])
        for a, b in folds.split(X, y, numbers)
    ]
    found = cross_val_score(LogisticRegression(), X, y, cv=folds, groups=numbers)
    np.testing.assert_allclose(found, expected)
    with sklearn.config_context(enable_metadata_routing=True):
        found = cross_val_score(
            LogisticRegression(), X, y, cv=folds, params={"groups": numbers}
        )
        search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=folds)
        search.fit(X, y, groups=np.column_stack([0 * numbers, numbers]))
    np.testing.assert_allclose(found, expected)
    assert search.best_score_ == pytest.approx(np.mean(expected))
    pooled = cross_validate_pooled(
        LogisticRegression(), X, y, cv=folds, groups=numbers, n_replicas=0
    )
    np.testing.assert_array_equal(pooled.passes[0].fold, folds.fold_numbers(X, numbers))


def test_in_the_network():
    X, y, numbers = sample()
    model = WeightedDNNClassifier(
        cv=EventNumberKFold(2), n_members=2, max_epochs=1, width=4, batch_size=16
    ).fit(X, y, groups=numbers)
    assert np.isfinite(model.oof_decision_function_).all()


def test_copies():
    folds = EventNumberKFold(3, column=["run", "event"], salt=4)
    for copy in (clone(folds, safe=False), pickle.loads(pickle.dumps(folds))):
        assert repr(copy) == repr(folds)
        assert fingerprint(cv=copy) == fingerprint(cv=folds)
    assert repr(folds).startswith("EventNumberKFold(column=['run', 'event']")
    assert folds.get_n_splits() == 3


def code_of_the_guide():
    guide = Path(__file__).parents[2] / "docs" / "guides" / "event_number_folds.md"
    text = guide.read_text(encoding="utf-8")
    return text, re.search(r"```cpp\n(.*?)```", text, flags=re.DOTALL)[1]


def test_the_guide_has_the_test_vectors():
    text, _ = code_of_the_guide()
    for run, event, hashed in VECTORS:
        assert f"| {run} | {event} | {hashed} | {hashed % 5} | {hashed % 10} |" in text


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
def test_cpp_of_the_guide_gives_the_same(tmp_path):
    """Compiled so that an overflow of a signed integer ends the program."""
    rng = np.random.default_rng(5)
    pairs = [(run, event) for run, event, _ in VECTORS]
    pairs += rng.integers(0, LARGEST, (200, 2), endpoint=True).tolist()
    main = "\n#include <cstdio>\nint main() {\n  long long run, event;\n"
    main += '  while (scanf("%lld %lld", &run, &event) == 2)\n'
    main += '    printf("%lld\\n", (long long)event_hash(run, event, 7));\n}\n'
    source = tmp_path / "event_hash.cpp"
    source.write_text(code_of_the_guide()[1] + main)
    program = tmp_path / "event_hash"
    trap = "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"
    subprocess.run(
        ["g++", "-Wall", "-Werror", *trap, source, "-o", program], check=True
    )
    given = "\n".join(f"{run} {event}" for run, event in pairs)
    found = subprocess.run(
        [program], input=given, capture_output=True, text=True, check=True
    )
    hashes = [int(line) for line in found.stdout.split()]
    assert hashes == [reference(run, event, 7) for run, event in pairs]


@pytest.mark.parametrize("column", ["EventId", ["run", "event"]])
def test_columns_in_the_place_of_the_number_of_folds(column):
    with pytest.raises(ValueError, match=r"Pass columns by their keyword, `column="):
        EventNumberKFold(column)
