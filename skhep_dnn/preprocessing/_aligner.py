"""All events in one orientation, which removes what the symmetry makes arbitrary."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._sklearn import StrOptions, _check_feature_names_in, _fit_context
from skhep_dnn._tables import check_table, select_columns
from skhep_dnn.preprocessing._base import MomentumTransformer
from skhep_dnn.preprocessing._columns import Column, read_block, with_block
from skhep_dnn.preprocessing._declaration import OddUnder, declare_symmetry
from skhep_dnn.preprocessing._momenta import Momenta, Momentum
from skhep_dnn.preprocessing._orientation import find_orientation
from skhep_dnn.preprocessing._symmetry_kernel import SymmetryKernel

__all__ = ["SymmetryAligner"]


class SymmetryAligner(MomentumTransformer):
    """Turn and reflect each event into one orientation ("data fixing").

    The leading object, a lepton say, is rotated to azimuth 0 and reflected in z to
    positive pseudorapidity; a reflection in y then brings the reference object to
    positive azimuths. The column that is 0 for all events is dropped. Events that
    differ by a declared transformation become equal, so that no classifier has to
    learn the symmetry.

    Parameters
    ----------
    cylindrical : sequence of sequences, dict, "auto" or None, default="auto"
        Columns (pt, eta, phi) or (pt, phi) of each momentum, by name or position, as
        in `SymmetryAugmenter`.
    cartesian : sequence of sequences, dict, "auto" or None, default="auto"
        Columns (px, py, pz) or (px, py) of each momentum.
    reflections : str, default="xyz"
        Axes in which events may be reflected; without x and y the reference object
        stays where it is, without z the leading object keeps its pseudorapidity.
    odd_under : dict of str or int to str, default=None
        Signed columns with the axes under whose reflections they change sign.
    missing_values : float, default=nan
        Marks an undefined entry besides nan.
    leading : str or int, default=None
        Name of the leading object or one of its columns; None takes the one whose
        name contains "lep".
    reference : str or int, default=None
        The same of the reference object; None takes the one whose name contains
        "tau", or the only other one. Where it is undefined, or within 1e-6 rad of the
        azimuth of the leading object or of the opposite one, the next of the other
        objects stands in.
    drop_constant : bool, default=True
        Whether the column that is now 0, phi or py of the leading object, is dropped.

    Attributes
    ----------
    momenta_ : list of Momentum
        The momenta with the names and positions of their columns.
    kernel_ : SymmetryKernel
        The declared transformations.
    leading_ : Momentum
        The leading object.
    reference_ : Momentum or None
        The reference object; None if there is no other one.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if they have any.

    See Also
    --------
    SymmetryAugmenter : Trains on transformed copies instead.

    Examples
    --------
    >>> from skhep_dnn.datasets import make_higgs_events
    >>> from skhep_dnn.preprocessing import SymmetryAligner
    >>> X = make_higgs_events(100, random_state=0).data
    >>> aligned = SymmetryAligner().fit_transform(X)
    >>> aligned.shape
    (100, 29)
    >>> bool((aligned["PRI_lep_eta"] >= 0).all() and (aligned["PRI_tau_phi"] > 0).all())
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "cylindrical": ["array-like", dict, StrOptions({"auto"}), None],
        "cartesian": ["array-like", dict, StrOptions({"auto"}), None],
        "reflections": [str],
        "odd_under": [dict, None],
        "missing_values": [Real],
        "leading": [str, Integral, None],
        "reference": [str, Integral, None],
        "drop_constant": ["boolean"],
    }

    def __init__(
        self,
        *,
        cylindrical: Momenta = "auto",
        cartesian: Momenta = "auto",
        reflections: str = "xyz",
        odd_under: OddUnder = None,
        missing_values: float = math.nan,
        leading: Column | None = None,
        reference: Column | None = None,
        drop_constant: bool = True,
    ) -> None:
        self.cylindrical = cylindrical
        self.cartesian = cartesian
        self.reflections = reflections
        self.odd_under = odd_under
        self.missing_values = missing_values
        self.leading = leading
        self.reference = reference
        self.drop_constant = drop_constant

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: ARG002
        """Find the declared columns and the objects that fix the orientation.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events, before any scaling.
        y : ignored, default=None
            For the interface of scikit-learn.

        Returns
        -------
        self : SymmetryAligner

        Raises
        ------
        TypeError
            If a parameter is of a wrong kind.
        ValueError
            If the declaration is wrong, as in `SymmetryAugmenter`, or if the leading
            or the reference object is not found.

        Warns
        -----
        AzimuthRangeWarning
            If azimuths stay far from half a turn, as if they were not in rad.
        """
        table = check_table(self, X, reset=True)
        return self._orient(*declare_symmetry(self, table))

    def transform(self, X: ArrayLike) -> Any:
        """Turn and reflect each event.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events; not changed.

        Returns
        -------
        X_new : ndarray or DataFrame of shape (n_samples, n_features - 1)
            An array for an array, else of pandas unless `set_output` says otherwise;
            with `drop_constant=False` of the shape of `X`.

        Raises
        ------
        ValueError
            If the leading object of an event is undefined.
        """
        check_is_fitted(self)
        table = check_table(self, X, reset=False)
        columns = self.kernel_.columns
        block = read_block(table, columns)
        by = self.orientation_.transformation(table)
        self.kernel_.moved(columns).apply(block, by, out=block)
        block[:, columns.index(self.orientation_.constant)] = 0.0
        return select_columns(with_block(table, columns, block), self._kept())

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[np.object_]:
        """Names of the columns, without the one that is dropped.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of `X`; None takes those of `fit`.

        Returns
        -------
        names : ndarray of shape (n_features - 1,), dtype object
        """
        check_is_fitted(self)
        return _check_feature_names_in(self, input_features)[self._kept()]

    @property
    def leading_(self) -> Momentum:
        """The leading object."""
        return self.orientation_.leading

    @property
    def reference_(self) -> Momentum | None:
        """The reference object."""
        return next(iter(self.orientation_.references), None)

    def _orient(self, momenta: list[Momentum], kernel: SymmetryKernel) -> Self:
        self.momenta_, self.kernel_ = momenta, kernel
        self.orientation_ = find_orientation(
            momenta, kernel, self.leading, self.reference
        )
        return self

    def _kept(self) -> list[int]:
        columns = range(self.n_features_in_)
        dropped = self.orientation_.constant if self.drop_constant else None
        return [i for i in columns if i != dropped]

    def _shown(self) -> str:
        leading, reference = self.leading_, self.reference_
        fixed = f"leading: {leading.name}"
        if reference is not None:
            fixed += f", reference: {reference.name}"
        return f"{super()._shown()}\n{fixed}"
