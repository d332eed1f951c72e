"""Which column a parameter means: a str is a name, an int always a position."""

import numpy as np
import pytest

from skhep_dnn._tables import check_column, column_position, column_positions

NAMES = ["pt", "eta", "mass"]


@pytest.mark.parametrize(
    ("column", "position"),
    [("pt", 0), ("mass", 2), (0, 0), (2, 2), (np.int64(1), 1), (np.str_("eta"), 1)],
)
def test_names_and_positions(column, position):
    found = column_position(column, NAMES, 3, "groups")
    assert (type(found), found) == (int, position)


def test_an_int_is_a_position_and_a_str_a_name_also_where_names_are_numbers():
    names = ["2", "1", "0"]
    assert column_position(2, names, 3, "groups") == 2
    assert column_position("2", names, 3, "groups") == 0


@pytest.mark.parametrize("column", [True, np.True_, 1.0, None, ("pt",), b"pt"])
def test_what_is_no_column(column):
    message = r"Columns in `groups` must be names or positions, got .*Pass a str or an"
    for find in (
        lambda: check_column(column, "groups"),
        lambda: column_position(column, NAMES, 3, "groups"),
        lambda: column_positions([0, column], NAMES, 3, "groups"),
    ):
        with pytest.raises(TypeError, match=message):
            find()


@pytest.mark.parametrize("column", ["phi", "0", 3, -1, np.int64(-3)])
def test_columns_that_do_not_exist(column):
    message = (
        r"`groups` must be columns of `X`, by name or by position, got .* The columns "
        r"have the names \['pt', 'eta', 'mass'\] and the positions 0 to 2 \(n_features "
        r"= 3\)\. Choose"
    )
    with pytest.raises(ValueError, match=message):
        column_position(column, NAMES, 3, "groups")


def test_columns_without_names():
    assert column_position(1, None, 3, "groups") == 1
    with pytest.raises(ValueError, match=r"got 'pt'\. The columns have no names and"):
        column_position("pt", None, 3, "groups")


@pytest.mark.parametrize(
    ("columns", "positions"),
    [
        ([], []),
        (["mass", 0, "pt"], [0, 2]),
        (np.array([2, 1]), [1, 2]),
        (("eta",), [1]),
        ([True, False, True], [0, 2]),
        (np.array([False, False, True]), [2]),
    ],
)
def test_several_columns_in_the_order_of_the_table(columns, positions):
    found = column_positions(columns, NAMES, 3, "groups")
    assert found == positions
    assert {type(position) for position in found} <= {int}


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        (
            "pt",
            TypeError,
            r"`groups` must hold columns, got the str 'pt'\. Pass",
        ),
        (
            [True],
            ValueError,
            r"mask must have one entry for each of the 3 col.* got 1",
        ),
        ([False, 1, 2], TypeError, "names or positions, got False"),
        (["pt", "phi"], ValueError, "must be columns of `X`.*got 'phi'"),
    ],
)
def test_several_columns_that_are_none(columns, error, message):
    with pytest.raises(error, match=message):
        column_positions(columns, NAMES, 3, "groups")
