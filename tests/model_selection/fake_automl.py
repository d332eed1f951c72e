"""Modules with the interface of mljar-supervised and AutoGluon, and one linear model.

They note what they were given, keep their model in a file as the real ones do, and
refuse what those refuse.
"""

import sys
from pathlib import Path
from types import ModuleType

import joblib
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

__all__ = ["CALLS", "install"]

CALLS = []


def _numbers(events):
    columns = {}
    for name, column in events.items():
        is_text = column.dtype == object
        numbers = [len(str(text)) for text in column] if is_text else column
        columns[name] = np.nan_to_num(np.asarray(numbers, dtype=float))
    return np.column_stack(list(columns.values()))


class AutoML:
    """Of `supervised`."""

    def __init__(self, results_path=None, **options):
        self.folder, self.options = Path(results_path), options
        file = self.folder / "model"
        self.model = joblib.load(file) if file.exists() else None

    def fit(self, X, y, sample_weight=None):
        weights = np.asarray(sample_weight)
        if (weights < 0.0).any():
            msg = "no model"
            raise ValueError(msg)
        CALLS.append({"X": X, "y": y, "weights": weights, **self.options})
        self.model = LogisticRegression().fit(_numbers(X), y, weights)
        joblib.dump(self.model, self.folder / "model")
        return self

    def predict_all(self, X):
        proba = self.model.predict_proba(_numbers(X))
        names = [f"prediction_{code}" for code in self.model.classes_]
        table = pd.DataFrame(proba, columns=names).iloc[:, ::-1]  # in no order
        return table.assign(label=self.model.classes_[proba.argmax(axis=1)])


class TabularPredictor:
    """Of `autogluon.tabular`."""

    def __init__(self, path, **options):
        self.folder, self.options = Path(path), options

    @classmethod
    def load(cls, path):
        self = cls(path)
        self.model = joblib.load(self.folder / "model")
        return self

    def fit(self, train_data, **options):
        label, weight = (train_data.pop(n) for n in ("label", "weight"))
        CALLS.append({"X": train_data, "weights": weight, **self.options, **options})
        self.model = LogisticRegression().fit(_numbers(train_data), label, weight)
        joblib.dump(self.model, self.folder / "model")
        return self

    def predict_proba(self, data, as_multiclass):
        assert as_multiclass
        proba = self.model.predict_proba(_numbers(data))
        return pd.DataFrame(proba, columns=self.model.classes_)


def install(monkeypatch):
    """Put both modules in the place of the libraries."""
    CALLS.clear()
    supervised, autogluon = ModuleType("supervised"), ModuleType("autogluon")
    supervised.AutoML = AutoML
    autogluon.tabular = ModuleType("autogluon.tabular")
    autogluon.tabular.TabularPredictor = TabularPredictor
    monkeypatch.setitem(sys.modules, "supervised", supervised)
    monkeypatch.setitem(sys.modules, "autogluon", autogluon)
    monkeypatch.setitem(sys.modules, "autogluon.tabular", autogluon.tabular)
