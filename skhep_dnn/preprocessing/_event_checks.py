"""Are the columns what they are declared to be? Checks of momenta, at fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skhep_dnn._column_checks import marked_columns
from skhep_dnn._told_columns import tell
from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import AzimuthRangeWarning
from skhep_dnn.preprocessing._columns import read_block, read_defined, undefined
from skhep_dnn.preprocessing._momenta import Momentum

__all__ = ["check_events", "lowest_azimuth"]

_TURN = 2.0 * math.pi
_ROUNDING = 0.01  # azimuths are often printed with two or three decimals
# Uniform azimuths in rad stay below this in 50 events with a probability of 6e-10.
# Standardised ones do for ever (sqrt(3) = 1.73), and so do turns (1), half turns (1),
# quarter turns (2) and all that is scaled to [-1, 1] or [0, 1].
_SHORT_OF_HALF_A_TURN = 2.05
_N_AZIMUTHS = 50


def check_events(X: Any, momenta: Sequence[Momentum], missing_values: float) -> None:
    """Raise if the values of a table cannot be those of its declared momenta.

    Parameters
    ----------
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.
    momenta : sequence of Momentum
        Declared momenta.
    missing_values : float
        Marks an undefined entry, as nan does.

    Raises
    ------
    ValueError
        If the marker is 0 or infinite, the columns were standardised, a transverse
        momentum is negative, or an azimuth is outside of [-2 pi, 2 pi].

    Warns
    -----
    AzimuthRangeWarning
        If the azimuths of an object stay below 2.05 in 50 different values or more.
    UndeclaredMissingValueWarning
        If a value that stands apart looks like a mark of undefined entries.
    """
    _check_marker(missing_values)
    _check_not_standardised(X, momenta, missing_values)
    short: dict[str, float] = {}
    for momentum in momenta:
        if momentum.cylindrical:
            name = momentum.names[-1]
            pt, phi = momentum.columns[0], momentum.columns[-1]
            _check_transverse(_defined(X, pt, missing_values), momentum.names[0])
            azimuths = _defined(X, phi, missing_values)
            _check_azimuth(azimuths, name)
            if _stays_short(azimuths):
                short[name] = float(np.abs(azimuths).max())
    if short:
        _warn_of_unit(short)
    _tell_of_marks(X, momenta, missing_values)


def lowest_azimuth(X: Any, momenta: Sequence[Momentum], missing_values: float) -> float:
    """Return -pi or 0: where the range of the azimuths of a table begins.

    Parameters
    ----------
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.
    momenta : sequence of Momentum
        Declared momenta.
    missing_values : float
        Marks an undefined entry, as nan does.

    Returns
    -------
    phi_low : float
        0 only if no azimuth is negative and one is larger than pi.
    """
    columns = [m.columns[-1] for m in momenta if m.cylindrical]
    azimuths = [_defined(X, column, missing_values) for column in columns]
    lowest = min((phi.min(initial=math.inf) for phi in azimuths), default=0.0)
    highest = max((phi.max(initial=-math.inf) for phi in azimuths), default=0.0)
    return 0.0 if lowest >= 0.0 and highest > math.pi + _ROUNDING else -math.pi


def _check_marker(missing_values: float) -> None:
    """Raise if a momentum can have the value that marks undefined entries."""
    if missing_values == 0.0 or math.isinf(missing_values):
        msg = (
            "`missing_values` must be nan or a value that no momentum has, such as "
            f"-999, got {missing_values!r}. Replace it by nan where objects are "
            "undefined; momenta (px, py, pz) that are all 0 need no marker, since no "
            "transformation changes them."
        )
        raise ValueError(msg)


def _tell_of_marks(X: Any, momenta: Sequence[Momentum], missing_values: float) -> None:
    names = X.columns.tolist() if isinstance(X, pd.DataFrame) else range(X.shape[1])
    columns = (
        (f"column {names[i]!r}", read_defined(X, [i], missing_values)[:, 0])
        for i in sorted({i for momentum in momenta for i in momentum.columns})
    )
    tell(marked_columns(columns))


def _defined(X: Any, position: int, missing_values: float) -> NDArray[np.floating[Any]]:
    values = read_block(X, [position])[:, 0]
    return values[~undefined(values, missing_values)]


def _check_not_standardised(
    X: Any, momenta: Sequence[Momentum], missing_values: float
) -> None:
    """Raise if all momenta were standardised by the mean and spread of these events.

    Numbers that were scaled by weighted or by other events are not told from momenta.
    """
    positions = [i for momentum in momenta for i in momentum.columns]
    n_known = 0
    for position in positions:
        values = _defined(X, position, missing_values)
        if len(values) < 2:
            continue
        n_known += 1
        mean, spread = values.mean(dtype=np.float64), values.std(dtype=np.float64)
        if abs(mean) > 1e-3 or abs(spread - 1.0) > 1e-3:
            return
    if n_known:
        msg = (
            "Declared momenta must be in physical units, got columns that were "
            "standardised (all have mean 0 and standard deviation 1), whose rotation "
            "means nothing. Transform momenta before they are scaled."
        )
        raise ValueError(msg)


def _check_transverse(pt: NDArray[np.floating[Any]], name: str) -> None:
    lowest = float(pt.min(initial=0.0))
    if lowest < 0.0:
        msg = (
            f"The transverse momentum in column {name!r} must not be negative, got "
            f"{lowest!r}. Pass it before scaling; if the value marks undefined "
            f"entries, pass `missing_values={lowest!r}`."
        )
        raise ValueError(msg)


def _check_azimuth(phi: NDArray[np.floating[Any]], name: str) -> None:
    largest = float(phi[np.abs(phi).argmax()]) if len(phi) else 0.0
    if abs(largest) > _TURN + _ROUNDING:
        msg = (
            f"The azimuth in column {name!r} must be in rad, in [-pi, pi) or "
            f"[0, 2 pi), got {largest!r}. Convert degrees with `np.deg2rad`; if the "
            "value marks undefined entries, pass it as `missing_values`."
        )
        raise ValueError(msg)


def _stays_short(phi: NDArray[np.floating[Any]]) -> bool:
    """Tell whether azimuths never come near half a turn, though there are many."""
    if len(phi) < _N_AZIMUTHS or np.abs(phi).max() >= _SHORT_OF_HALF_A_TURN:
        return False
    # The same value again and again, as of an object that fixes the orientation, or of
    # copies of few events, says nothing about the unit.
    return len(np.unique(phi)) >= _N_AZIMUTHS


def _warn_of_unit(largest: Mapping[str, float]) -> None:
    values = ", ".join(f"{value:.4g} in {name!r}" for name, value in largest.items())
    highest = max(largest.values())
    msg = (
        f"Azimuths must be in rad, and then reach beyond {_SHORT_OF_HALF_A_TURN} in "
        f"either direction, got a largest |phi| of {values}. Standardised or scaled "
        "azimuths cannot be rotated: pass them as they were before, or multiplied by "
        f"pi / {highest:.4g} = {math.pi / highest:.4g} if their largest is half a "
        "turn. If the events truly are on one side, ignore this AzimuthRangeWarning."
    )
    warn_caller(msg, AzimuthRangeWarning)
