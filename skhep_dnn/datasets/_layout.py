"""The columns of the HiggsML events and the Bunch in which events are handed out.

The names and their meaning are those of the challenge's documentation; the toy
generator uses the same ones, so that code written for one runs on the other.
"""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

__all__ = [
    "CATEGORICAL",
    "DERIVED",
    "FEATURES",
    "MOMENTA",
    "PRIMITIVE",
    "events_bunch",
]

DERIVED = (
    "DER_mass_MMC",
    "DER_mass_transverse_met_lep",
    "DER_mass_vis",
    "DER_pt_h",
    "DER_deltaeta_jet_jet",
    "DER_mass_jet_jet",
    "DER_prodeta_jet_jet",
    "DER_deltar_tau_lep",
    "DER_pt_tot",
    "DER_sum_pt",
    "DER_pt_ratio_lep_tau",
    "DER_met_phi_centrality",
    "DER_lep_eta_centrality",
)
PRIMITIVE = (
    "PRI_tau_pt",
    "PRI_tau_eta",
    "PRI_tau_phi",
    "PRI_lep_pt",
    "PRI_lep_eta",
    "PRI_lep_phi",
    "PRI_met",
    "PRI_met_phi",
    "PRI_met_sumet",
    "PRI_jet_num",
    "PRI_jet_leading_pt",
    "PRI_jet_leading_eta",
    "PRI_jet_leading_phi",
    "PRI_jet_subleading_pt",
    "PRI_jet_subleading_eta",
    "PRI_jet_subleading_phi",
    "PRI_jet_all_pt",
)
FEATURES = DERIVED + PRIMITIVE
CATEGORICAL = ("PRI_jet_num",)
MOMENTA: dict[str, tuple[str, str | None, str]] = {
    "tau": ("PRI_tau_pt", "PRI_tau_eta", "PRI_tau_phi"),
    "lep": ("PRI_lep_pt", "PRI_lep_eta", "PRI_lep_phi"),
    "met": ("PRI_met", None, "PRI_met_phi"),
    "jet_leading": (
        "PRI_jet_leading_pt",
        "PRI_jet_leading_eta",
        "PRI_jet_leading_phi",
    ),
    "jet_subleading": (
        "PRI_jet_subleading_pt",
        "PRI_jet_subleading_eta",
        "PRI_jet_subleading_phi",
    ),
}


def events_bunch(frame: pd.DataFrame, weight_name: str, **entries: Any) -> Bunch:
    """Return the events of one frame as a Bunch with the feature groups.

    Parameters
    ----------
    frame : DataFrame of shape (n_samples, n_columns)
        Columns "EventId", the 30 features, `weight_name` and "Label".
    weight_name : str
        Column of the physics weights.
    **entries : object
        Further entries of the Bunch.

    Returns
    -------
    bunch : Bunch
    """
    return Bunch(
        frame=frame,
        data=frame[list(FEATURES)],
        target=np.asarray(frame["Label"], dtype="<U1"),
        sample_weight=frame[weight_name].to_numpy(dtype=np.float64, copy=True),
        event_number=frame["EventId"].to_numpy(dtype=np.int64, copy=True),
        weight_name=weight_name,
        feature_names=list(FEATURES),
        primitive=list(PRIMITIVE),
        derived=list(DERIVED),
        momenta=dict(MOMENTA),
        categorical=list(CATEGORICAL),
        **entries,
    )
