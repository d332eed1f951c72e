"""Events in the layout of HiggsML."""

import numpy as np
import pytest

from skhep_dnn.datasets import make_higgs_events


@pytest.fixture(scope="session")
def higgs():
    """Toy events, nan where undefined; not to be changed."""
    return make_higgs_events(2_000, random_state=5)


@pytest.fixture(name="X")
def features(higgs):
    """Their features, a copy."""
    return higgs.data.copy()


@pytest.fixture
def angles_differ():
    """Largest difference of two arrays of angles, as directions."""

    def largest(one, other):
        turn = np.abs(np.asarray(one) - np.asarray(other)) % (2.0 * np.pi)
        return np.nanmax(np.minimum(turn, 2.0 * np.pi - turn))

    return largest
