"""Momenta from (pt, eta, phi) to (px, py, pz) and back."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._sklearn import StrOptions, _check_feature_names_in, _fit_context
from skhep_dnn._tables import check_table, select_columns
from skhep_dnn.preprocessing._base import MomentumTransformer
from skhep_dnn.preprocessing._columns import (
    ColumnNames,
    read_block,
    undefined,
    with_block,
)
from skhep_dnn.preprocessing._event_checks import check_events, lowest_azimuth
from skhep_dnn.preprocessing._momenta import (
    Momenta,
    Momentum,
    check_named,
    find_momenta,
)
from skhep_dnn.preprocessing._spellings import common_prefix

__all__ = ["CartesianMomenta"]

Floats = NDArray[np.floating[Any]]


class CartesianMomenta(MomentumTransformer):
    r"""Momenta in Cartesian components, (pt, eta, phi) to (px, py, pz), and back.

    A network adds and scales its inputs, for which components are better suited than
    an angle that jumps by a turn. Each column keeps its place: pt becomes px, eta
    becomes py, phi becomes pz; units, undefined values and all other columns stay.

    Parameters
    ----------
    momenta : sequence of sequences, dict or "auto", default="auto"
        Columns (pt, eta, phi) of each momentum, or (pt, phi) of one without
        pseudorapidity such as the missing momentum, also written (pt, None, phi), by
        name or position; a dict names the momenta. "auto" finds them by their names, as
        in `SymmetryAugmenter`.
    missing_values : float, default=nan
        Marks an undefined entry besides nan. All components of an object are
        undefined, in the same way, where one of its columns is.
    keep_met : bool, default=True
        Whether the size of a momentum without pseudorapidity stays as a column beside
        its px and py.

    Attributes
    ----------
    momenta_ : list of Momentum
        The momenta with the names and positions of their columns.
    phi_low_ : float
        -pi or 0, where the range of the azimuths begins.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if they have any.

    See Also
    --------
    SymmetryAligner : Gives all events the same orientation, in either form.

    Notes
    -----
    :math:`p_x = p_T \cos\phi`, :math:`p_y = p_T \sin\phi`,
    :math:`p_z = p_T \sinh\eta`. A momentum without a transverse part comes back with
    azimuth 0, and with pseudorapidity 0 if it vanishes.

    Examples
    --------
    >>> import pandas as pd
    >>> from skhep_dnn.preprocessing import CartesianMomenta
    >>> X = pd.DataFrame({"tau_pt": [2.0], "tau_eta": [0.0], "tau_phi": [0.0]})
    >>> CartesianMomenta().fit_transform(X)
       tau_px  tau_py  tau_pz
    0     2.0     0.0     0.0
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "momenta": ["array-like", dict, StrOptions({"auto"})],
        "missing_values": [Real],
        "keep_met": ["boolean"],
    }

    def __init__(
        self,
        *,
        momenta: Momenta = "auto",
        missing_values: float = math.nan,
        keep_met: bool = True,
    ) -> None:
        self.momenta = momenta
        self.missing_values = missing_values
        self.keep_met = keep_met

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: ARG002
        """Find the columns of the momenta and check their values.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events, before any scaling.
        y : ignored, default=None
            For the interface of scikit-learn.

        Returns
        -------
        self : CartesianMomenta

        Raises
        ------
        TypeError
            If a parameter is of a wrong kind.
        ValueError
            If a column is missing, there are no names to find momenta by, or they are
            ambiguous, there is no momentum, new names exist already, or values are not
            those of momenta.

        Warns
        -----
        AzimuthRangeWarning
            If azimuths stay far from half a turn, as if they were not in rad.
        """
        table = check_table(self, X, reset=True)
        columns = ColumnNames.of_fitted(self, table)
        self.momenta_ = find_momenta(columns, self.momenta, None, parameter="momenta")
        check_named(columns, self.momenta_, {"momenta": self.momenta})
        self._check_names(columns)
        check_events(table, self.momenta_, self.missing_values)
        self.phi_low_ = lowest_azimuth(table, self.momenta_, self.missing_values)
        return self

    def transform(self, X: ArrayLike) -> Any:
        """Return the events with Cartesian components.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events; not changed.

        Returns
        -------
        X_new : ndarray or DataFrame of shape (n_samples, n_features_out)
            An array for an array, else of pandas unless `set_output` says otherwise;
            one column more for each size that is kept.
        """
        check_is_fitted(self)
        table = check_table(self, X, reset=False)
        place = self._places()
        new = select_columns(table, self._sources())
        for momentum in self.momenta_:
            block = self._components(read_block(table, momentum.columns))
            keeps = self._keeps_size(momentum)
            start = [place[i] for i in momentum.columns]
            columns = [start[1], start[1] + 1] if keeps else start
            new = with_block(new, columns, block)
        return self._named(new, self.get_feature_names_out())

    def inverse_transform(self, X: ArrayLike) -> Any:
        """Return the events with (pt, eta, phi), from what `transform` returned.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features_out)
            Events; not changed.

        Returns
        -------
        X_old : ndarray or DataFrame of shape (n_samples, n_features)
            An array for an array, else of pandas.

        Raises
        ------
        ValueError
            If the number or the names of the columns are others.
        """
        check_is_fitted(self)
        table = check_table(CartesianMomenta(), X, reset=True)
        self._check_transformed(table)
        place = self._places()
        old = select_columns(table, [place[i] for i in range(self.n_features_in_)])
        for momentum in self.momenta_:
            start = [place[i] for i in momentum.columns]
            keeps = self._keeps_size(momentum)
            block = read_block(table, [start[1], start[1] + 1] if keeps else start)
            polar = self._polar(block)
            if keeps:
                polar[:, 0] = read_block(table, start[:1])[:, 0]
            old = with_block(old, momentum.columns, polar)
        return self._named(old, _check_feature_names_in(self, None))

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[np.object_]:
        """Names of the columns, such as `tau_px` in the place of `tau_pt`.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of `X`; None takes those of `fit`.

        Returns
        -------
        names : ndarray of shape (n_features_out,), dtype object
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        new = {i: [name] for i, name in enumerate(names)}
        for momentum in self.momenta_:
            prefix = common_prefix([names[i] for i in momentum.columns])
            kinds = ("px", "py", "pz")[: len(momentum.columns)]
            parts = [f"{prefix}_{kind}" if prefix else kind for kind in kinds]
            if self._keeps_size(momentum):
                new[momentum.columns[-1]] = parts
            else:
                for i, part in zip(momentum.columns, parts, strict=True):
                    new[i] = [part]
        return np.array([name for group in new.values() for name in group], object)

    def _keeps_size(self, momentum: Momentum) -> bool:
        return self.keep_met and momentum.longitudinal is None

    def _sources(self) -> list[int]:
        """Return the column of `X` from which each new column is made."""
        twice = {m.columns[-1] for m in self.momenta_ if self._keeps_size(m)}
        columns = range(self.n_features_in_)
        return [i for i in columns for _ in range(2 if i in twice else 1)]

    def _places(self) -> dict[int, int]:
        """Return the first new column that is made of each column of `X`."""
        sources = self._sources()
        return {i: sources.index(i) for i in range(self.n_features_in_)}

    def _components(self, block: Floats) -> Floats:
        values = self._defined(block)
        pt, phi = values[:, 0], values[:, -1]
        parts = [pt * np.cos(phi), pt * np.sin(phi)]
        if block.shape[1] == 3:
            parts.append(pt * np.sinh(values[:, 1]))
        return self._undefined_together(block, np.stack(parts, axis=1))

    def _polar(self, block: Floats) -> Floats:
        values = self._defined(block)
        px, py = values[:, 0], values[:, 1]
        pt, phi = np.hypot(px, py), np.arctan2(py, px)
        phi = phi - 2.0 * math.pi * ((phi - self.phi_low_) // (2.0 * math.pi))
        parts = [pt, phi]
        if block.shape[1] == 3:
            pz = values[:, 2]
            with np.errstate(divide="ignore", invalid="ignore"):
                slope = np.where(pz == 0.0, 0.0, pz / pt)
            parts.insert(1, np.arcsinh(slope))
        return self._undefined_together(block, np.stack(parts, axis=1))

    def _defined(self, block: Floats) -> Floats:
        return np.where(undefined(block, self.missing_values), np.nan, block)

    def _undefined_together(self, old: Floats, new: Floats) -> Floats:
        marked = (old == self.missing_values).any(axis=1)
        unknown = np.isnan(old).any(axis=1)
        new[marked] = self.missing_values
        new[unknown] = np.nan
        return new.astype(old.dtype)

    def _check_names(self, columns: ColumnNames) -> None:
        if not self.momenta_:
            msg = (
                f"`momenta` must have one momentum or more, got none, with {columns}. "
                "Declare their columns by name or position."
            )
            raise ValueError(msg)
        names = self.get_feature_names_out().tolist()
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            msg = (
                f"Names of the new columns must differ from all others, got {twice!r} "
                "twice. Rename or drop columns of `X`."
            )
            raise ValueError(msg)

    def _check_transformed(self, table: Any) -> None:
        expected = self.get_feature_names_out().tolist()
        got = getattr(table, "columns", range(table.shape[1]))
        named = isinstance(table, pd.DataFrame)
        if len(got) != len(expected) or (named and list(got) != expected):
            msg = (
                f"`X` must have the {len(expected)} columns that `transform` returns, "
                f"{expected!r}, got {list(got)!r}. Pass these columns in this order."
            )
            raise ValueError(msg)

    @staticmethod
    def _named(table: Any, names: Any) -> Any:
        return (
            table.set_axis(names, axis=1) if isinstance(table, pd.DataFrame) else table
        )
