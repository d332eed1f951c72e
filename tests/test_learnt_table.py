"""A learned table is kept as columns and comes back as it was."""

import pickle

import numpy as np
import pandas as pd
import pytest

from skhep_dnn._learnt_table import LearntTable


class Model:
    report_ = LearntTable()


TABLE = pd.DataFrame(
    {
        "member": np.array([0, 1, 1]),
        "loss": [0.5, np.nan, 0.25],
        "kept": [True, False, True],
        "class": ["b", "s", "s"],
        "dropped": [np.nan, "pt", "eta"],
    }
)


@pytest.mark.parametrize(
    "table",
    [
        TABLE,
        TABLE.set_axis(pd.RangeIndex(1, 4, name="iteration")),
        TABLE.assign(label=pd.Series([1, "s", True], dtype=object)),
    ],
    ids=["numbered", "named", "mixed"],
)
def test_a_table_comes_back_as_it_was(table):
    model = Model()
    model.report_ = table
    pd.testing.assert_frame_equal(model.report_, table)
    again = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(again.report_, table)


def test_what_is_kept_is_plain():
    model = Model()
    model.report_ = TABLE
    columns = vars(model)["_columns_of_report_"]["columns"].values()
    assert {type(column) for column in columns} == {np.ndarray, list}


def test_changes_reach_neither_the_model_nor_the_table():
    model, table = Model(), TABLE.copy()
    model.report_ = table
    shown = model.report_
    shown.loc[0, "loss"] = 9.0
    table.loc[0, "loss"] = 8.0
    pd.testing.assert_frame_equal(model.report_, TABLE)


def test_there_is_none_before_it_was_set():
    assert not hasattr(Model(), "report_")
    with pytest.raises(AttributeError, match=r"'Model' object has no .* 'report_'"):
        _ = Model().report_
    assert isinstance(Model.report_, LearntTable)
