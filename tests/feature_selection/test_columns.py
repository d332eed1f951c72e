import numpy as np
import pandas as pd
import pytest

from skhep_dnn.feature_selection._columns import (
    named_table,
    numeric_columns,
    resolve_groups,
)


@pytest.fixture
def frame():
    return pd.DataFrame(np.zeros((2, 4)), columns=["met", "jet_pt", "jet_eta", "mass"])


def test_groups_and_single_columns_in_the_order_of_the_table(frame):
    _, names = named_table(frame)
    positions = resolve_groups(names, {"jet": ["jet_eta", 1]})
    assert positions == {"met": [0], "jet": [1, 2], "mass": [3]}
    assert list(positions) == ["met", "jet", "mass"]
    assert resolve_groups(names, None) == {n: [i] for i, n in enumerate(names)}


def test_columns_of_arrays_have_names_and_positions():
    _, names = named_table(np.zeros((2, 3)))
    assert names == ["x0", "x1", "x2"]
    groups = {"pair": [np.int64(2), "x0"]}
    assert resolve_groups(names, groups) == {"pair": [0, 2], "x1": [1]}


def test_an_integer_is_a_position_where_columns_have_integer_names():
    _, names = named_table(pd.DataFrame(np.zeros((2, 3)), columns=[2, 1, 0]))
    assert resolve_groups(names, {"g": [2]}) == {"2": [0], "1": [1], "g": [2]}
    assert resolve_groups(names, {"g": ["2"]}) == {"g": [0], "1": [1], "0": [2]}


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        ({"jet": "jet_pt"}, TypeError, r"got str for 'jet'\. Write"),
        ({"jet": []}, ValueError, r"for 'jet', got none\. Choose from \['met'"),
        (
            {"jet": ["jet_pt", "jet_e"]},
            ValueError,
            r"\['jet'\]` .*got 'jet_e'\.",
        ),
        ({"jet": [4]}, ValueError, r"got 4\..* positions 0 to 3"),
        ({"jet": [-1]}, ValueError, r"got -1\..* positions 0 to 3"),
        (
            {"jet": [True]},
            TypeError,
            r"`groups\['jet'\]` must be names.*got True",
        ),
        ({"jet": [("jet_pt",)]}, TypeError, r"names or positions, got \('jet_pt',\)"),
        ({"a": [1], "b": ["jet_pt"]}, ValueError, r"got \['jet_pt'\] in more than one"),
        ({"met": ["mass"]}, ValueError, r"outside of the group, got 'met'\. Rename"),
    ],
)
def test_wrong_groups(frame, groups, error, message):
    _, names = named_table(frame)
    with pytest.raises(error, match=message):
        resolve_groups(names, groups)


def test_repeated_names_are_refused(frame):
    frame.columns = ["a", "b", "a", "c"]
    with pytest.raises(ValueError, match="unique column names, got:\n- 'a'"):
        named_table(frame)


def test_numbers_with_missing_values():
    frame = pd.DataFrame({"mass": [1.0, -999.0], "n": pd.array([1, None], "Int64")})
    columns, names = numeric_columns(frame, -999.0)
    np.testing.assert_array_equal(columns, [[1.0, 1.0], [np.nan, np.nan]])
    assert names == ["mass", "n"]
    assert frame["mass"].tolist() == [1.0, -999.0]
    with pytest.raises(ValueError, match=r"columns of numbers, got 'kind': .* Leave"):
        numeric_columns(pd.DataFrame({"kind": ["e", "mu"]}))
