"""Expressions on columns against Python's own comparisons; what they refuse."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skhep_dnn._expressions import parse_expression
from skhep_dnn.exceptions import ExpressionError

RNG = np.random.default_rng(0)
N = 200
TABLE = pd.DataFrame(
    {
        "pt": RNG.exponential(30.0, N),
        "eta": RNG.normal(0.0, 2.0, N),
        "n_jets": RNG.integers(0, 5, N),
        "is_isolated": RNG.random(N) < 0.5,
        "jet pt [GeV]": RNG.exponential(50.0, N),
        "channel": RNG.choice(["ee", "mm", "em"], N),
    }
)
TABLE.loc[::7, "pt"] = np.nan


def everything(table):
    return np.full(len(table), fill_value=True)


# Of which numpy's meaning is that of Python, with parentheses for `and`, `or`, `not`.
CONDITIONS = {
    "pt > 20": lambda t: t.pt > 20,
    "20 < pt <= 50": lambda t: (t.pt > 20) & (t.pt <= 50),
    "1 < n_jets < 4 < pt": lambda t: (t.n_jets > 1) & (t.n_jets < 4) & (t.pt > 4),
    "abs(eta) < 2.5 and pt >= 25.": lambda t: (abs(t.eta) < 2.5) & (t.pt >= 25),
    "pt > 50 or eta > 1 and n_jets == 2": lambda t: (
        (t.pt > 50) | ((t.eta > 1) & (t.n_jets == 2))
    ),
    "(pt > 50 or eta > 1) and n_jets == 2": lambda t: (
        ((t.pt > 50) | (t.eta > 1)) & (t.n_jets == 2)
    ),
    "not eta > 1": lambda t: ~(t.eta > 1),
    "not not is_isolated": lambda t: t.is_isolated,
    "not is_isolated or n_jets != 0": lambda t: ~t.is_isolated | (t.n_jets != 0),
    "`jet pt [GeV]` / n_jets > 1e1": lambda t: t["jet pt [GeV]"] / t.n_jets > 10,
    "sqrt(pt**2 + eta**2) > 3 * 2 + 1": lambda t: np.hypot(t.pt, t.eta) > 7,
    "n_jets % 2 == 1": lambda t: t.n_jets % 2 == 1,
    "-eta > +.5": lambda t: -t.eta > 0.5,
    "-2**2 == 0 - 4": everything,
    "2**-1 == 0.5 and 2**3**2 == 512": everything,
    "8 / 2 / 2 == 2 and 8 - 2 - 2 == 4": everything,
    "7 - 2 * 3 == 1 and (7 - 2) * 3 == 15": everything,
    "channel == 'ee'": lambda t: t.channel == "ee",
    'channel != "em"': lambda t: t.channel != "em",
    "is_isolated": lambda t: t.is_isolated,
    "is_isolated == 1": lambda t: t.is_isolated,
    "1 < 2": everything,
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_conditions_select_what_numpy_does(text):
    expected = np.asarray(CONDITIONS[text](TABLE))
    selected = parse_expression(text).select(TABLE)
    assert selected.dtype == np.bool_
    np.testing.assert_array_equal(selected, expected)
    columns = {name: TABLE[name].to_numpy() for name in TABLE}
    np.testing.assert_array_equal(parse_expression(text).select(columns), expected)


@pytest.mark.parametrize("seed", range(30))
def test_random_arithmetic_is_that_of_python(seed):
    rng = np.random.default_rng(seed)

    def grow(depth):
        if depth == 0 or rng.random() < 0.2:
            return str(rng.choice(["pt", "eta", "1.5", "2", "abs(eta)"]))
        sign = rng.choice(["+", "-", "*", "/"])
        whole = f"{grow(depth - 1)} {sign} {grow(depth - 1)}"
        return f"({whole})" if rng.random() < 0.4 else whole

    text = grow(4)
    names = {"pt": TABLE["pt"].to_numpy(), "eta": TABLE["eta"].to_numpy(), "abs": abs}
    with np.errstate(all="ignore"):
        expected = eval(text, {}, names)  # of a text that this test has made
    found = parse_expression(text).evaluate(TABLE)
    np.testing.assert_allclose(found, np.broadcast_to(expected, N), rtol=1e-13)


def test_undefined_values_compare_false_with_every_sign():
    table = {"x": [np.nan, 1.0], "y": [0.0, 0.0]}
    for sign in ("<", "<=", ">", ">=", "==", "!="):
        assert not parse_expression(f"x {sign} 2").select(table)[0]
        assert not parse_expression(f"2 {sign} x").select(table)[0]
    np.testing.assert_array_equal(parse_expression("not x > 2").select(table), True)
    # 0 / 0 and roots of negative numbers are undefined, without a warning.
    assert not parse_expression("y / y == y / y").select(table).any()
    assert not parse_expression("sqrt(0 - x) != 3").select(table).any()
    assert not parse_expression("x % y == 0").select(table).any()


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        (pd.array([1, None, 3], dtype="Int64"), "x >= 1", [True, False, True]),
        (pd.array([True, None, False], dtype="boolean"), "x", [True, False, False]),
        (pd.Categorical(["a", None, "b"]), "x != 'b'", [True, False, False]),
        (pd.Categorical([1, 2, 1]), "x == 1", [True, False, True]),
        (["a", None, "b"], "x == 'a'", [True, False, False]),
        (np.ma.masked_equal([1.0, -999.0, 3.0], -999.0), "x < 2", [True, False, False]),
        (np.array([100, 2, 3], dtype=np.int8), "x * 2 > 150", [True, False, False]),
        (np.array([1.0, 2.0, 3.0], dtype=">f4"), "x > 1.5", [False, True, True]),
        ([2**53, 2**53 + 1, 0], "x == 9007199254740993", [False, True, False]),
        ([2**53, 2**53 + 1, 0], "x % 2 == 1", [False, True, False]),
    ],
)
def test_columns_of_all_kinds(column, text, expected):
    np.testing.assert_array_equal(
        parse_expression(text).select({"x": column}), expected
    )
    if not isinstance(column, np.ma.MaskedArray):
        frame = pd.DataFrame({"x": column}, index=[5, 6, 7])
        np.testing.assert_array_equal(parse_expression(text).select(frame), expected)


def test_tables_of_polars():
    table = pl.DataFrame({"x": [1.0, None, 3.0], "c": ["a", "b", None]})
    selected = parse_expression("x > 0 and c != 'b'").select(table)
    np.testing.assert_array_equal(selected, [True, False, False])


def test_columns_are_named_in_order_and_once():
    expression = parse_expression("b > 1 and `a b` < b and sqrt(c) > 0")
    assert expression.columns == ("b", "a b", "c")


def test_long_expressions_need_no_deep_stack():
    text = " + ".join(["pt"] * 5000)
    np.testing.assert_allclose(
        parse_expression(text).evaluate(TABLE), 5000 * TABLE["pt"], rtol=1e-12
    )


REFUSED = {
    "": (1, "must not be empty"),
    "pt >": (5, "a column, a number or a parenthesis here, got the end"),
    "pt = 3": (4, r"got '='. Write `==`"),
    "pt > 3 & eta > 1": (8, r"got '&'. Write `and`"),
    "pt > 3 | eta > 1": (8, r"got '\|'. Write `or`"),
    "~is_isolated": (1, r"got '~'. Write `not`"),
    "pt^2 > 1": (3, r"got '\^'. Write `\*\*`"),
    "(pt > 3": (8, r"`\)`, for `\(` at position 1, here, got the end"),
    "pt > 3)": (7, r"an operator or the end here, got '\)'"),
    "pt eta": (4, "an operator or the end here, got 'eta'"),
    "log(pt) > 1": (1, "must be `abs` or `sqrt`, got 'log'"),
    "pt.mean() > 1": (3, r"known symbols, got '\.'"),
    "__import__('os')": (1, "got '__import__'"),
    "@pt > 3": (1, "known symbols, got '@'"),
    "`pt > 3": (1, "Close the backquote"),
    "channel == 'ee": (12, "Close the quote"),
    "pt > 'ee'": (1, "compared by `==` or `!=`"),
    "pt + (eta > 1) > 2": (6, r"`\+` must be of a number, got a condition"),
    "(pt > 1) > 1": (1, "Each side must be of a number, got a condition"),
    "1 and pt > 2": (1, "`and` must be of a condition, got a number"),
    "not 3": (5, "`not` must be of a condition, got a number"),
    "abs(pt > 1)": (1, "`abs` must be of a number, got a condition"),
    "and pt": (1, "got 'and'"),
    "(" * 50 + "pt" + ")" * 50: (42, "nested at most 40 deep"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_expression_is_refused_with_its_place(text):
    position, message = REFUSED[text]
    with pytest.raises(ExpressionError, match=message) as caught:
        parse_expression(text)
    shown, caret = str(caught.value).splitlines()[-2:]
    assert re.search(rf"At position {position}:", str(caught.value))
    assert shown[2:] == text
    assert caret.index("^") == position + 1


def test_what_a_table_lacks_is_named_with_what_is_near():
    with pytest.raises(ExpressionError, match=r"'n_jet'. Did you mean \['n_jets'\]\?"):
        parse_expression("pt > 1 and n_jet > 2").select(TABLE)
    with pytest.raises(ExpressionError, match=r"got 'x'. Columns: \['pt', 'eta'"):
        parse_expression("x > 2").select(TABLE)
    with pytest.raises(ExpressionError, match=r"must have names .* Pass a DataFrame"):
        parse_expression("x > 2").select(np.zeros((3, 2)))


def test_what_a_column_holds_must_fit():
    with pytest.raises(ExpressionError, match="must hold True and False, got float64"):
        parse_expression("pt and eta > 1").select(TABLE)
    with pytest.raises(ExpressionError, match="Texts must be compared with texts"):
        parse_expression("channel > 3").select(TABLE)
    with pytest.raises(ExpressionError, match="one number, text or True or False"):
        parse_expression("x > 3").select({"x": np.zeros((3, 2))})
    with pytest.raises(ExpressionError, match="for each of 3 events"):
        parse_expression("x > 3").select({"x": [1.0, 2.0], "y": [1, 2, 3]})
    with pytest.raises(ExpressionError, match="must be a condition, got a number"):
        parse_expression("pt + 1").select(TABLE)
    with pytest.raises(TypeError, match="must be a str, got int"):
        parse_expression(3)


def test_an_expression_changes_nothing_and_can_be_pickled():
    import pickle  # noqa: PLC0415

    before = TABLE.copy()
    expression = pickle.loads(pickle.dumps(parse_expression("pt > 1 and is_isolated")))
    expression.select(TABLE)[:] = False
    pd.testing.assert_frame_equal(TABLE, before)
    assert parse_expression("is_isolated").select(TABLE).any()
