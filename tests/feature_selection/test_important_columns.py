import numpy as np
import pytest
from sklearn.utils import Bunch

from skhep_dnn.feature_selection import important_columns


@pytest.fixture
def importance():
    return Bunch(
        names=["jet", "mass", "phi"],
        columns=[["jet_pt", "jet_eta"], ["mass"], ["phi"]],
        feature_names=["mass", "phi", "jet_pt", "jet_eta"],
        importances_mean=np.array([0.005, 0.11, -0.001]),
    )


@pytest.mark.parametrize(
    ("cut", "kept"),
    [
        (0.0, ["mass", "jet_pt", "jet_eta"]),
        (0.005, ["mass"]),  # more than the cut
        (1.0, []),
        (-1.0, ["mass", "phi", "jet_pt", "jet_eta"]),
    ],
)
def test_groups_are_kept_or_cut_together(importance, cut, kept):
    assert important_columns(importance, cut=cut) == kept


def test_undefined_importance_is_refused(importance):
    importance.importances_mean[1] = np.nan
    with pytest.raises(ValueError, match=r"got nan for \['mass'\]\. Use a score"):
        important_columns(importance)
