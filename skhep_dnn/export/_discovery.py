"""The discovery significance of a workspace: by a fit, and closed forms beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.export._channels import import_extra, quiet
from skhep_dnn.metrics._binned import combine_bins
from skhep_dnn.metrics._profile import half_and_mean, profile_kernel
from skhep_dnn.metrics._significance import (
    check_defined,
    regularise,
    significance_kernel,
)

__all__ = ["DiscoverySignificance", "discovery_significance"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class DiscoverySignificance:
    """Discovery significance of a workspace, by a fit and by closed forms.

    Made by `discovery_significance`.

    Attributes
    ----------
    z : float
        By a fit with all variations.
    z_profile : float
        By the closed form of `profile_significance`, with the Monte Carlo errors of all
        processes added and normalisations that are linear.
    z_binned : float
        Of the bins, with the Monte Carlo errors alone: what `binned_significance` says.
    pulls : dict of str to float
        What the fit without signal makes of each variation, in standard deviations.

    Examples
    --------
    >>> from skhep_dnn.export import DiscoverySignificance
    >>> print(DiscoverySignificance(z=1.8, z_profile=1.81, z_binned=2.1, pulls={}))
    z = 1.800 with all variations (closed form 1.810), 2.100 without correlated ones
    """

    z: float
    z_profile: float
    z_binned: float
    pulls: dict[str, float]

    def __str__(self) -> str:
        """Return the significances in one line."""
        return (
            f"z = {self.z:.3f} with all variations (closed form {self.z_profile:.3f}), "
            f"{self.z_binned:.3f} without correlated ones"
        )


def discovery_significance(workspace: Mapping[str, Any]) -> DiscoverySignificance:
    r"""Median discovery significance of a workspace, with all its uncertainties.

    Parameters
    ----------
    workspace : mapping
        As `to_pyhf` returns it, or read from its file. Its observations are not used.

    Returns
    -------
    significance : DiscoverySignificance

    Raises
    ------
    ImportError
        If pyhf is not installed.
    ValueError
        If no sample has the signal strength as a factor.

    Warns
    -----
    UndefinedSignificanceWarning
        If a closed form is nan, as in a bin without background.

    Notes
    -----
    The Asimov data are the expected yields with a signal strength of 1 and all nuisance
    parameters at their nominal values, also those of the auxiliary measurements. The
    best fit to them is known, so that one fit is needed, that without signal, and
    :math:`z = \sqrt{q_0}` [1]_. The numpy backend of pyhf does it with scipy's
    optimiser, whatever backend is set; that is set again afterwards.

    References
    ----------
    .. [1] G. Cowan, K. Cranmer, E. Gross, O. Vitells, "Asymptotic formulae for
       likelihood-based tests of new physics", arXiv:1007.1727, Eq. (12), (49).

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.export import discovery_significance, to_pyhf
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 2000)
    >>> score = rng.normal(size=4000) + 2.0 * (y == "s")
    >>> workspace = to_pyhf(
    ...     y,
    ...     score,
    ...     np.where(y == "s", 0.02, 1.0),
    ...     bins=[-np.inf, 1.0, 2.0, np.inf],
    ...     normalisations={"lumi": 0.1},
    ... )
    >>> significance = discovery_significance(workspace)
    >>> bool(significance.z < significance.z_binned)
    True
    """
    pyhf = import_extra("pyhf", "fit workspaces")
    # jsonschema deprecates what pyhf calls; the optimiser tries negative rates.
    with quiet(DeprecationWarning, RuntimeWarning):
        z, pulls = _fitted(pyhf, pyhf.Workspace(dict(workspace)).model())
    z_profile, z_binned = _closed_forms(workspace)
    return DiscoverySignificance(z, z_profile, z_binned, pulls)


def _fitted(pyhf: Any, model: Any) -> tuple[float, dict[str, float]]:
    backend, optimizer = pyhf.get_backend()
    pyhf.set_backend("numpy", "scipy")
    try:
        nominal = np.asarray(model.config.suggested_init(), dtype=np.float64)
        nominal[model.config.poi_index] = 1.0
        data = model.expected_data(nominal)
        best, twice_nll = pyhf.infer.mle.fixed_poi_fit(
            0.0, data, model, return_fitted_val=True, tolerance=1e-9, maxiter=10_000
        )
        q0 = float(twice_nll) + 2.0 * float(model.logpdf(nominal, data)[0])
    finally:
        pyhf.set_backend(backend, optimizer)
    shared = [
        name
        for name in model.config.par_order
        if name != model.config.poi_name and not name.startswith("mc_")
    ]
    index = {name: model.config.par_slice(name).start for name in shared}
    pulls = {name: float(best[k]) for name, k in index.items()}
    return float(np.sqrt(max(q0, 0.0))), pulls


def _closed_forms(workspace: Mapping[str, Any]) -> tuple[float, float]:
    """Return the significance with and without variations, from the yields alone."""
    poi = workspace["measurements"][0]["config"]["poi"]
    parts = [_yields(channel, poi) for channel in workspace["channels"]]
    s, b, v = (np.concatenate([part[k] for part in parts]) for k in range(3))
    if not s.any():
        msg = (
            f"`workspace` must have a sample with the factor {poi!r}, got none. Pass a "
            "workspace of `to_pyhf`."
        )
        raise ValueError(msg)
    labels = sorted({label for part in parts for label in part[3]})
    slopes = np.zeros((2, len(labels), 1, len(s)))
    for k, label in enumerate(labels):
        up, low = (
            np.concatenate([part[3].get(label, (part[1],) * 2)[side] for part in parts])
            for side in (0, 1)
        )
        slopes[0, k], slopes[1, k] = half_and_mean(b, up, low)
    z, _ = profile_kernel(s[np.newaxis], b[np.newaxis], v[np.newaxis], slopes)
    z_binned = combine_bins(significance_kernel(s, regularise(b, 0.0), v))
    both = np.asarray(check_defined(np.array([z[0], z_binned])))
    return float(both[0]), float(both[1])


def _yields(
    channel: Mapping[str, Any], poi: str
) -> tuple[
    FloatArray, FloatArray, FloatArray, dict[str, tuple[FloatArray, FloatArray]]
]:
    """Return signal, background, its variance and its variations, in each bin."""
    n_bins = len(channel["samples"][0]["data"])
    s, b, v = np.zeros(n_bins), np.zeros(n_bins), np.zeros(n_bins)
    shifts: dict[str, tuple[FloatArray, FloatArray]] = {}
    for sample in channel["samples"]:
        yields = np.asarray(sample["data"])
        if any(m["name"] == poi for m in sample["modifiers"]):
            s += yields
            continue
        b += yields
        for modifier in sample["modifiers"]:
            label, data = modifier["name"], modifier["data"]
            if modifier["type"] in {"shapesys", "staterror"}:
                v += np.asarray(data) ** 2
            if modifier["type"] == "normsys":
                pair = yields * (data["hi"] - 1.0), yields * (data["lo"] - 1.0)
            elif modifier["type"] == "histosys":
                pair = (
                    np.asarray(data["hi_data"]) - yields,
                    np.asarray(data["lo_data"]) - yields,
                )
            else:
                continue
            known = shifts.get(label, (np.zeros(n_bins),) * 2)
            shifts[label] = known[0] + pair[0], known[1] + pair[1]
    return s, b, v, {k: (b + up, b + low) for k, (up, low) in shifts.items()}
