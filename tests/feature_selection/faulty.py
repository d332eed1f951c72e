"""A selection in a process of its own, that can be killed."""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from skhep_dnn import BackwardEliminationSelector

RNG = np.random.default_rng(4)
Y = np.where(np.arange(300) % 2, "s", "b")
X = pd.DataFrame(RNG.normal(size=(300, 6)), columns=[*"abcdef"])
X[["a", "b"]] += np.outer(Y == "s", [1.0, 0.7])
W = RNG.exponential(size=300)


class Logged(LogisticRegression):
    """Notes in a file each fit that it begins, and waits in one of them."""

    def __init__(self, C=1.0, *, folder="", random_state=None):
        super().__init__(C=C, random_state=random_state)
        self.folder = folder

    def fit(self, X, y, sample_weight=None):
        with (Path(self.folder) / "fits").open("a") as file:
            file.write("fit\n")
        return super().fit(X, y, sample_weight)


def selector(folder, **options):
    """Eliminate down to one column: the path has all iterations."""
    options = {"n_features_to_select": 1, "cv": 3, "random_state": 0, **options}
    return BackwardEliminationSelector(
        Logged(folder=str(folder)), directory=Path(folder) / "trainings", **options
    )


def summary(fitted):
    """Return all that was found, but for the seconds."""
    path = fitted.elimination_path_.drop(columns="time")
    iterations = fitted.iterations_.drop(columns="time")
    return fitted.get_support().tolist(), path.to_csv(), iterations.to_csv()


def run(folder, result, options):
    """Fit, and leave the result in a file, whole or not at all."""
    found = summary(selector(folder, **options).fit(X, Y, W))
    part = result.with_name("part_of_result")
    joblib.dump(found, part)
    part.replace(result)
