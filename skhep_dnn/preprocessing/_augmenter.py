"""Copies of events that are as probable as the events: rotations and reflections.

The physics of a collision does not depend on the azimuth at which it happens, nor, with
equal beams, on the sign of x, y or z. A classifier learns this from events that are
transformed anew each time they are used, and averages over transformed events when it
predicts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._sklearn import StrOptions, _fit_context
from skhep_dnn._tables import check_table
from skhep_dnn.preprocessing._aligner import SymmetryAligner
from skhep_dnn.preprocessing._base import MomentumTransformer
from skhep_dnn.preprocessing._columns import Column, read_block, with_block
from skhep_dnn.preprocessing._declaration import (
    Invariants,
    OddUnder,
    declare_symmetry,
    random_transformation,
)
from skhep_dnn.preprocessing._momenta import Momenta
from skhep_dnn.preprocessing._symmetry_kernel import SymmetryKernel, Transformation
from skhep_dnn.preprocessing._symmetry_tests import SymmetryTests

__all__ = ["SymmetryAugmenter"]


class SymmetryAugmenter(SymmetryTests, MomentumTransformer):
    r"""Rotations and reflections of events, declared once and checked on the data.

    Declares what the columns are and under which transformations the density of the
    events does not change. `augment` transforms each event at random, to train on,
    `variants` gives a fixed set of copies, to average predictions over.

    Parameters
    ----------
    cylindrical : sequence of sequences, dict, "auto" or None, default="auto"
        Columns (pt, eta, phi) of each momentum, or (pt, phi) of one without
        pseudorapidity such as the missing momentum, also written (pt, None, phi), by
        name or position; a dict names the momenta. "auto" finds `X_pt, X_eta, X_phi`
        and `X, X_phi` or `X_met, X_phi` by their names, see Notes; None declares none.
        Azimuths are in rad, in [-pi, pi) or in [0, 2 pi); the range is kept.
    cartesian : sequence of sequences, dict, "auto" or None, default="auto"
        Columns (px, py, pz) or (px, py) of each momentum, in the same way.
    rotation : bool, default=True
        Whether events are rotated in azimuth.
    reflections : str, default="xyz"
        Axes in which events are reflected. Leave z out for asymmetric beams.
    odd_under : dict of str or int to str, default=None
        Columns that change sign, each with the axes under whose reflections it does,
        such as ``{"dphi_signed": "xy"}``. A column that changes in any other way is
        declared as part of a momentum, or left out of `X`.
    invariants : dict of str or int to callable, default=None
        Formulas of columns that must not change, such as masses. Each gets a table
        like `X`, with momenta in float64 and nan where they are undefined, and returns
        a value for each event. `fit` checks on a thousand events that these are the
        values of the column, and the same for transformed events.
    missing_values : float, default=nan
        Marks an undefined entry besides nan; undefined objects stay as they are.
    leading : str or int, default=None
        For `transform`: the object that is turned to azimuth 0, see
        `SymmetryAligner`.
    reference : str or int, default=None
        For `transform`: the object that is reflected to positive azimuths.

    Attributes
    ----------
    momenta_ : list of Momentum
        The momenta with the names and positions of their columns.
    kernel_ : SymmetryKernel
        The transformations as a function of arrays or tensors.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if they have any.

    See Also
    --------
    SymmetryAligner : Uses the symmetry by giving all events the same orientation.

    Notes
    -----
    The signs act first, then the rotation by the angle :math:`\alpha`:
    :math:`\phi' = s_x s_y \phi + \pi (1 - s_x) / 2 + \alpha`,
    :math:`\eta' = s_z \eta`. Angles are uniform, each sign is -1 with probability
    1/2. Augmentation trains on transformed copies and predicts with their mean, as in
    [1]_. Columns that are not declared stay as they are; whether the data agree with
    the declaration is tested by `check_symmetry`.

    **Names.** Columns are those of one object if their names differ in the kind of the
    component alone: `pt`, `eta` and `phi`, or `px`, `py` and `pz`, in any case. The
    kind stands last, after one of ``_ . -`` or a space (`lepton_pT`, `Jet.Phi`), a
    digit (`jet1pt`) or in capitals (`LeptonPhi`), with a number behind it or not
    (`lep_pt_1`, `jet_pt[0]`); or first (`phi_lep`, `pt_1`, `phi1`, `pxj1`). A missing
    momentum has its size in `X`, `X_pt`, `X_met`, `X_magnitude` or `X_et`. What looks
    like a component without being one of a whole momentum, `delta_phi` say, is an
    error: pass the momenta then.

    References
    ----------
    .. [1] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427.

    Examples
    --------
    >>> from skhep_dnn.datasets import make_higgs_events
    >>> from skhep_dnn.preprocessing import SymmetryAugmenter
    >>> X = make_higgs_events(100, random_state=0).data
    >>> augmenter = SymmetryAugmenter().fit(X)
    >>> print(augmenter.momenta_[0])
    PRI_tau (PRI_tau_pt, PRI_tau_eta, PRI_tau_phi)
    >>> augmenter.augment(X, random_state=0).shape
    (100, 30)
    >>> len(list(augmenter.variants(X)))
    8
    >>> augmenter.transform(X).shape
    (100, 29)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "cylindrical": ["array-like", dict, StrOptions({"auto"}), None],
        "cartesian": ["array-like", dict, StrOptions({"auto"}), None],
        "rotation": ["boolean"],
        "reflections": [str],
        "odd_under": [dict, None],
        "invariants": [dict, None],
        "missing_values": [Real],
        "leading": [str, Integral, None],
        "reference": [str, Integral, None],
    }

    def __init__(
        self,
        *,
        cylindrical: Momenta = "auto",
        cartesian: Momenta = "auto",
        rotation: bool = True,
        reflections: str = "xyz",
        odd_under: OddUnder = None,
        invariants: Invariants = None,
        missing_values: float = math.nan,
        leading: Column | None = None,
        reference: Column | None = None,
    ) -> None:
        self.cylindrical = cylindrical
        self.cartesian = cartesian
        self.rotation = rotation
        self.reflections = reflections
        self.odd_under = odd_under
        self.invariants = invariants
        self.missing_values = missing_values
        self.leading = leading
        self.reference = reference

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: ARG002
        """Find the declared columns and check their values.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events, before any scaling.
        y : ignored, default=None
            For the interface of scikit-learn.

        Returns
        -------
        self : SymmetryAugmenter

        Raises
        ------
        TypeError
            If a parameter is of a wrong kind.
        ValueError
            If a declared column is missing, there are no names to find momenta by, or
            they are ambiguous, a declared
            transformation changes nothing, the formula of an invariant is none, a
            transverse momentum is negative, an azimuth is not in rad, or the momenta
            were standardised before.

        Warns
        -----
        AzimuthRangeWarning
            If azimuths stay far from half a turn, as if they were not in rad.
        """
        table = check_table(self, X, reset=True)
        self.momenta_, self.kernel_ = declare_symmetry(
            self, table, rotation=self.rotation, invariants=self.invariants
        )
        return self

    def kernel(self, positions: Sequence[int] | None = None) -> SymmetryKernel:
        """Transformations of a table whose columns stand in another order.

        Parameters
        ----------
        positions : sequence of int, default=None
            The column of `X` that stands at each place; None keeps the order.
            Columns may be left out unless a transformation changes them.

        Returns
        -------
        kernel : SymmetryKernel

        Raises
        ------
        ValueError
            If a column that changes is left out.
        """
        check_is_fitted(self)
        return self.kernel_ if positions is None else self.kernel_.moved(positions)

    def augment(
        self, X: ArrayLike, random_state: int | np.random.RandomState | None = None
    ) -> Any:
        """Transform each event at random, within the declared transformations.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events; not changed.
        random_state : int, RandomState instance or None, default=None
            Source of the random numbers; an int gives the same events at each call.

        Returns
        -------
        X_new : ndarray or DataFrame of shape (n_samples, n_features)
            An array for an array, else of pandas; floating dtypes are kept.
        """
        table = self._table(X)
        rng = check_random_state(random_state)
        by = random_transformation(self.kernel_, table.shape[0], rng)
        return self._transformed(table, by)

    def variants(self, X: ArrayLike) -> Iterator[Any]:
        """Yield the events under each of a fixed set of transformations.

        With rotations these are azimuths turned by 0 and pi, times flips in y and z as
        far as they are declared: 8 tables by default, `X` itself the first. Without
        rotations they are all combinations of the reflections.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events; not changed.

        Yields
        ------
        X_new : ndarray or DataFrame of shape (n_samples, n_features)
            An array for an array, else of pandas; floating dtypes are kept.
        """
        table = self._table(X)
        for by in self.kernel_.variants():
            yield self._transformed(table, by)

    def transform(self, X: ArrayLike) -> Any:
        """Align the events by `SymmetryAligner`, for a step of a pipeline.

        This does not augment: a transformer keeps the number of rows and their
        meaning. All events get the same orientation instead.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events; not changed.

        Returns
        -------
        X_new : ndarray or DataFrame of shape (n_samples, n_features - 1)
            An array for an array, else of pandas unless `set_output` says otherwise.

        Raises
        ------
        ValueError
            If `rotation` is False, if the leading or the reference object is not
            found, or if the leading object of an event is undefined.
        """
        return self._aligner().transform(X)

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[np.object_]:
        """Names of the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of `X`; None takes those of `fit`.

        Returns
        -------
        names : ndarray of shape (n_features - 1,), dtype object
        """
        return self._aligner().get_feature_names_out(input_features)

    def _aligner(self) -> SymmetryAligner:
        """Return an aligner that knows what this fit has learnt."""
        check_is_fitted(self)
        if not self.rotation:
            msg = (
                "`rotation` must be True to align events, got False. Allow rotations, "
                "or use `augment` and `variants`."
            )
            raise ValueError(msg)
        aligner = SymmetryAligner(
            reflections=self.reflections,
            missing_values=self.missing_values,
            leading=self.leading,
            reference=self.reference,
        )
        aligner.n_features_in_ = self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            aligner.feature_names_in_ = self.feature_names_in_
        return aligner._orient(self.momenta_, self.kernel_)

    def _table(self, X: ArrayLike) -> Any:
        check_is_fitted(self)
        return check_table(self, X, reset=False)

    def _transformed(self, table: Any, by: Transformation) -> Any:
        columns = self.kernel_.columns
        block = read_block(table, columns)
        self.kernel_.moved(columns).apply(block, by, out=block)
        return with_block(table, columns, block)
