"""Fixtures shared by all tests."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.common.real_events import higgsml_path


@pytest.fixture(scope="session")
def higgsml_file():
    """Path of the real events; tests that need them are skipped without."""
    path = higgsml_path()
    if not path.exists():
        pytest.skip(f"real HiggsML events not found: {path} (set SKHEP_DNN_DATA)")
    return path


@pytest.fixture
def toy_events():
    """Two Gaussian classes 's' and 'b' with weights, one of them negative."""
    rng = np.random.default_rng(1)
    y = np.where(rng.random(400) < 0.4, "s", "b")
    X = pd.DataFrame(
        rng.normal(size=(400, 3)) + 1.2 * (y == "s")[:, None], columns=["a", "b", "c"]
    )
    sample_weight = np.where(y == "s", 0.02, 1.0) * rng.exponential(size=400)
    sample_weight[np.flatnonzero(y == "b")[3]] *= -1
    return X, y, sample_weight
