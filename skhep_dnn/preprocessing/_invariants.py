"""What no rotation or reflection changes: inputs that carry the symmetry themselves.

Trees cut on one column at a time and cannot find an angle between two objects, nor
average over orientations well. Given these columns they see each event as it is,
whatever its orientation.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._sklearn import StrOptions, _check_feature_names_in, _fit_context
from skhep_dnn._tables import check_table, select_columns
from skhep_dnn.preprocessing._base import MomentumTransformer
from skhep_dnn.preprocessing._columns import Column, ColumnNames, read_block, undefined
from skhep_dnn.preprocessing._event_checks import check_events
from skhep_dnn.preprocessing._momenta import (
    Momenta,
    Momentum,
    check_named,
    find_momenta,
    find_object,
)
from skhep_dnn.preprocessing._pairs import (
    PolarMomentum,
    collinear_taus,
    pair_quantities,
)
from skhep_dnn.preprocessing._spellings import common_prefix

__all__ = ["InvariantFeatures"]

Floats = NDArray[np.float64]


class InvariantFeatures(MomentumTransformer):
    r"""Masses, angles and distances of objects, which no orientation changes.

    Replaces the components of momenta by quantities that stay the same when an event
    is rotated in azimuth or reflected in x, y or z: transverse momenta,
    :math:`|\eta|`, and of each pair the distances in azimuth and pseudorapidity and
    the mass. Classifiers that cut on single columns, such as boosted trees, gain most;
    networks may do better with momenta and a `SymmetryAugmenter`.

    Parameters
    ----------
    cylindrical : sequence of sequences, dict, "auto" or None, default="auto"
        Columns (pt, eta, phi) of each momentum, or (pt, phi) of one without
        pseudorapidity such as the missing momentum, also written (pt, None, phi), by
        name or position; a dict names the momenta. "auto" finds them by their names, as
        in `SymmetryAugmenter`; None declares none.
    cartesian : sequence of sequences, dict, "auto" or None, default="auto"
        Columns (px, py, pz) or (px, py) of each momentum, in the same way.
    collinear : sequence of two str or int, default=None
        Two objects that stem, with neutrinos, from one resonance, by name or by one
        of their columns: their shares of momentum and the mass of the resonance in
        the collinear approximation. Needs one momentum without pseudorapidity, the
        missing one.
    keep_momenta : bool, default=False
        Whether the components of the momenta stay, too.
    missing_values : float, default=nan
        Marks an undefined entry besides nan, in `X` and in the new columns. A new
        column is undefined where one of its objects is, or where it is not finite,
        as the pseudorapidity of an object without a transverse part.

    Attributes
    ----------
    momenta_ : list of Momentum
        The momenta with the names and positions of their columns.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if they have any.

    See Also
    --------
    SymmetryAugmenter : Teaches the symmetry by transformed events.
    SymmetryAligner : Uses it by giving all events the same orientation.

    Notes
    -----
    Objects are taken as massless: the mass of two is
    :math:`\sqrt{2 p_{T,1} p_{T,2} (\cosh\Delta\eta - \cos\Delta\phi)}`; with an object
    without pseudorapidity :math:`\Delta\eta = 0` gives the transverse mass.

    In the collinear approximation ([1]_, Sec. 2) the neutrinos fly along the visible
    decay products, so that the two components of the missing momentum give the shares
    :math:`x_1, x_2` of the visible momenta, and the mass of the resonance is
    :math:`m_{vis} / \sqrt{x_1 x_2}`. The mass is undefined unless both are positive,
    and so are the shares of two objects of the same azimuth.

    References
    ----------
    .. [1] A. Elagin, P. Murat, A. Pranko, A. Safonov, "A New Mass Reconstruction
       Technique for Resonances Decaying to tau tau", arXiv:1012.4686.

    Examples
    --------
    >>> from skhep_dnn.datasets import make_higgs_events
    >>> from skhep_dnn.preprocessing import InvariantFeatures
    >>> X = make_higgs_events(100, random_state=0).data
    >>> features = InvariantFeatures(collinear=("PRI_tau", "PRI_lep"))
    >>> table = features.fit_transform(X)
    >>> table.shape
    (100, 60)
    >>> list(table.columns[-3:])
    ['PRI_tau_fraction', 'PRI_lep_fraction', 'PRI_tau_PRI_lep_collinear_mass']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "cylindrical": ["array-like", dict, StrOptions({"auto"}), None],
        "cartesian": ["array-like", dict, StrOptions({"auto"}), None],
        "collinear": ["array-like", None],
        "keep_momenta": ["boolean"],
        "missing_values": [Real],
    }

    def __init__(
        self,
        *,
        cylindrical: Momenta = "auto",
        cartesian: Momenta = "auto",
        collinear: Sequence[Column] | None = None,
        keep_momenta: bool = False,
        missing_values: float = math.nan,
    ) -> None:
        self.cylindrical = cylindrical
        self.cartesian = cartesian
        self.collinear = collinear
        self.keep_momenta = keep_momenta
        self.missing_values = missing_values

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
        self : InvariantFeatures

        Raises
        ------
        TypeError
            If a parameter is of a wrong kind.
        ValueError
            If a column is missing, there are no names to find momenta by, or they are
            ambiguous, there is no momentum, a new name exists already or occurs twice,
            values are not those of momenta, or `collinear` does not name two objects
            beside one missing momentum.

        Warns
        -----
        AzimuthRangeWarning
            If azimuths stay far from half a turn, as if they were not in rad.
        """
        table = check_table(self, X, reset=True)
        columns = ColumnNames.of_fitted(self, table)
        self.momenta_ = find_momenta(
            columns, self.cylindrical, self.cartesian, remedy=", or None"
        )
        declared = {"cylindrical": self.cylindrical, "cartesian": self.cartesian}
        check_named(columns, self.momenta_, declared)
        self._check_momenta(columns)
        check_events(table, self.momenta_, self.missing_values)
        self._collinear = self._find_collinear()
        self._names = [name for name, _ in self._new_columns(table[:0])]
        self._check_names()
        return self

    def transform(self, X: ArrayLike) -> Any:
        """Return the events with invariant columns.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events; not changed.

        Returns
        -------
        X_new : ndarray or DataFrame of shape (n_samples, n_features_out)
            An array for an array, else of pandas unless `set_output` says otherwise:
            the columns that are kept, then the new ones.
        """
        check_is_fitted(self)
        table = check_table(self, X, reset=False)
        kept = select_columns(table, self._kept())
        new = self._block(table)
        if isinstance(kept, pd.DataFrame):
            parts = [kept, pd.DataFrame(new, columns=self._names, index=kept.index)]
            return pd.concat(parts, axis=1)
        return np.concatenate([kept.astype(new.dtype, copy=False), new], axis=1)

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[np.object_]:
        """Names of the columns: those that are kept, then the new ones.

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
        return np.array([*names[self._kept()], *self._names], dtype=object)

    def _kept(self) -> list[int]:
        columns = range(self.n_features_in_)
        if self.keep_momenta:
            return list(columns)
        replaced = {
            i for m in self.momenta_ for i in m.columns[1 if m.cylindrical else 0 :]
        }
        return [i for i in columns if i not in replaced]

    def _block(self, table: Any) -> NDArray[np.floating[Any]]:
        """Return the new columns, in single precision where the momenta are."""
        dtype = read_block(table, [i for m in self.momenta_ for i in m.columns]).dtype
        block = np.empty((table.shape[0], len(self._names)), dtype=dtype)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for k, (_, values) in enumerate(self._new_columns(table)):
                defined = np.isfinite(values)
                block[:, k] = np.where(defined, values, self.missing_values)
        return block

    def _new_columns(self, table: Any) -> Iterator[tuple[str, Floats]]:
        """Yield name and values of each new column."""
        objects = [self._polar(table, momentum) for momentum in self.momenta_]
        for momentum, each in zip(self.momenta_, objects, strict=True):
            if not momentum.cylindrical:
                yield _joined(each.name, "pt"), each.pt
            if each.eta is not None:
                yield _joined(each.name, "abseta"), np.abs(each.eta)
        for a, b in combinations(objects, 2):
            for name, values in pair_quantities(a, b):
                yield _joined(a.name, b.name, name), values
        if self._collinear is not None:
            a, b, missing = (objects[i] for i in self._collinear)
            solution = collinear_taus(a, b, missing)
            for each, fraction in zip((a, b), solution.fractions, strict=True):
                yield _joined(each.name, "fraction"), fraction
            yield _joined(a.name, b.name, "collinear_mass"), solution.mass

    def _polar(self, table: Any, momentum: Momentum) -> PolarMomentum:
        block = read_block(table, momentum.columns)
        bad = undefined(block, self.missing_values).any(axis=1, keepdims=True)
        values = np.where(bad, np.nan, block.astype(np.float64))
        first, second, last = values[:, 0], values[:, 1], values[:, -1]
        name, flat = self._name(momentum), momentum.longitudinal is None
        if momentum.cylindrical:
            return PolarMomentum(name, first, None if flat else second, last)
        pt = np.hypot(first, second)
        eta = None if flat else np.arcsinh(last / pt)
        return PolarMomentum(name, pt, eta, np.arctan2(second, first))

    def _name(self, momentum: Momentum) -> str:
        if momentum.name not in momentum.names:
            return momentum.name
        names = _check_feature_names_in(self, None)
        return common_prefix([names[i] for i in momentum.columns])

    def _check_momenta(self, columns: ColumnNames) -> None:
        if not self.momenta_:
            msg = (
                "`cylindrical` and `cartesian` must have one momentum or more, got "
                f"none, with {columns}. Declare their columns by name or position."
            )
            raise ValueError(msg)

    def _check_names(self) -> None:
        counts = Counter([*_check_feature_names_in(self, None), *self._names])
        twice = sorted(name for name in set(self._names) if counts[name] > 1)
        if twice:
            msg = (
                "Names of the new columns must differ from all others, got "
                f"{twice!r} twice. Rename or drop columns of `X`, or name the momenta "
                "by a dict."
            )
            raise ValueError(msg)

    def _find_collinear(self) -> tuple[int, int, int] | None:
        """Return the positions, in `momenta_`, of two objects and the missing one."""
        if self.collinear is None:
            return None
        flat = [m for m in self.momenta_ if m.longitudinal is None]
        pair = [find_object(self.momenta_, c, "collinear") for c in self.collinear]
        if len(pair) != 2 or pair[0] is pair[1] or len(flat) != 1 or flat[0] in pair:
            msg = (
                "`collinear` must name two objects with pseudorapidities, beside one "
                f"missing momentum without, got {self.collinear!r} with "
                f"{', '.join(map(str, self.momenta_))}. Declare both, or pass None."
            )
            raise ValueError(msg)
        first, second, missing = (self.momenta_.index(m) for m in (*pair, flat[0]))
        return first, second, missing


def _joined(*parts: str) -> str:
    """Return the name of a column; an object may have none."""
    return "_".join(part for part in parts if part)
