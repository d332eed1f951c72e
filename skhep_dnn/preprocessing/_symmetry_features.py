"""Functions of events in whose means a broken symmetry shows, part by part.

Single objects and signed columns, pairs of objects, their products with each column
that no transformation changes, and random waves in all columns together, whose mean
differences are a distance between joint distributions (maximum mean discrepancy).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from skhep_dnn._tables import table_column
from skhep_dnn.preprocessing._columns import ColumnNames, read_defined, undefined
from skhep_dnn.preprocessing._momenta import Momentum
from skhep_dnn.preprocessing._symmetry_kernel import SymmetryKernel

__all__ = ["EventFeatures"]

Floats = NDArray[np.float64]
_N_WAVES = 100
_N_PAIRED = 6  # objects, at most, that are paired with each other


class _Momenta(NamedTuple):
    """Azimuths and signed quantities, each of shape (n_samples, n_columns)."""

    phi: Floats
    signed: Floats


class EventFeatures:
    """The parts of the comparison, with scales that are those of one table.

    Parameters
    ----------
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.
    momenta : sequence of Momentum
        Declared momenta.
    kernel : SymmetryKernel
        Knows the columns that change and the undefined values.
    columns : ColumnNames
        Names of the columns.
    rng : RandomState
        Source of the random waves.
    """

    def __init__(
        self,
        X: Any,
        momenta: Sequence[Momentum],
        kernel: SymmetryKernel,
        columns: ColumnNames,
        rng: np.random.RandomState,
    ) -> None:
        self.momenta, self.kernel, self.columns = momenta, kernel, columns
        self.old = self._momenta(X)
        counts = np.maximum((~np.isnan(self.old.signed)).sum(axis=0), 1)
        rms = np.sqrt(np.nansum(self.old.signed**2, axis=0) / counts)
        self.scales = np.where(rms > 0.0, rms, 1.0)
        self.rest = self._unchanged(X)
        n_inputs = 2 * self.old.phi.shape[1] + len(self.scales) + len(self.rest)
        self.waves = rng.standard_normal((n_inputs, _N_WAVES)) / np.sqrt(n_inputs)

    def changes(self, X_new: Any) -> Iterator[tuple[str, Floats]]:
        """Yield each part with the changes of its features in each event.

        Parameters
        ----------
        X_new : ndarray or pandas.DataFrame of shape (n_samples, n_features)
            Transformed copies of the events.

        Yields
        ------
        name : str
        change : ndarray of shape (n_samples, n_part)
        """
        new = self._momenta(X_new)
        for i, momentum in enumerate(self.momenta):
            yield f"azimuth of {momentum.name}", self._change(_harmonics, new, i)
        for i, name in enumerate(self._signed_names()):
            yield name, self._change(_signed, new, i)
        yield "pairs of objects", self._change(_pairs, new)
        single = self._change(_first_order, new)
        for name, values in self.rest.items():
            yield f"correlations with {name}", single * values[:, None]
        yield "all columns together", self._change(self._wave, new)

    def _change(self, function: Any, new: _Momenta, *which: int) -> Floats:
        """Return the difference of a function, 0 where it is undefined."""
        old = _Momenta(self.old.phi, self.old.signed / self.scales)
        scaled = _Momenta(new.phi, new.signed / self.scales)
        difference: Floats = function(scaled, *which) - function(old, *which)
        return np.nan_to_num(difference, posinf=0.0, neginf=0.0)

    def _wave(self, momenta: _Momenta) -> Floats:
        parts = [np.cos(momenta.phi), np.sin(momenta.phi)]
        parts.append(np.clip(momenta.signed, -3.0, 3.0))
        parts += [values[:, None] for values in self.rest.values()]
        phase = np.nan_to_num(np.concatenate(parts, axis=1)) @ self.waves
        return np.concatenate([np.cos(phase), np.sin(phase)], axis=1)

    def _momenta(self, X: Any) -> _Momenta:
        phi, signed = [np.empty((X.shape[0], 0))], [np.empty((X.shape[0], 0))]
        for momentum in self.momenta:
            block = self._defined(X, momentum.columns)
            if momentum.cylindrical:
                phi.append(block[:, -1:])
            else:
                phi.append(np.arctan2(block[:, 1:2], block[:, :1]))
            if momentum.longitudinal is not None:
                signed.append(self._defined(X, [momentum.longitudinal]))
        signed.append(self._defined(X, self.kernel.odd))
        return _Momenta(np.concatenate(phi, axis=1), np.concatenate(signed, axis=1))

    def _defined(self, X: Any, columns: Sequence[int]) -> Floats:
        return read_defined(X, columns, self.kernel.missing_values)

    def _signed_names(self) -> list[str]:
        columns = [m.longitudinal for m in self.momenta if m.longitudinal is not None]
        return [self.columns.label(i) for i in (*columns, *self.kernel.odd)]

    def _unchanged(self, X: Any) -> dict[str, Floats]:
        """Return the columns that no transformation changes, as ranks, by name."""
        rest = sorted(set(range(X.shape[1])) - set(self.kernel.columns))
        columns = {self.columns.label(i): _numbers(table_column(X, i)) for i in rest}
        for momentum in self.momenta:
            if not momentum.cylindrical:
                pair = self._defined(X, momentum.columns[:2])
                columns[f"pt of {momentum.name}"] = np.hypot(pair[:, 0], pair[:, 1])
        marker = self.kernel.missing_values
        ranks = {name: _ranks(values, marker) for name, values in columns.items()}
        return {name: values for name, values in ranks.items() if values.any()}


def _harmonics(momenta: _Momenta, i: int) -> Floats:
    phi = momenta.phi[:, i]
    return np.stack([f(k * phi) for k in (1, 2, 3) for f in (np.cos, np.sin)], axis=1)


def _signed(momenta: _Momenta, i: int) -> Floats:
    u = momenta.signed[:, i]
    return np.stack([np.tanh(u), np.sin(u), np.sin(2.0 * u)], axis=1)


def _pairs(momenta: _Momenta) -> Floats:
    first, second = np.triu_indices(min(momenta.phi.shape[1], _N_PAIRED), k=1)
    between = momenta.phi[:, first] - momenta.phi[:, second]
    return np.concatenate([np.sin(between), np.sin(2.0 * between)], axis=1)


def _first_order(momenta: _Momenta) -> Floats:
    n_pairs = _pairs(momenta).shape[1] // 2
    parts = [np.cos(momenta.phi), np.sin(momenta.phi), np.tanh(momenta.signed)]
    return np.concatenate([*parts, _pairs(momenta)[:, :n_pairs]], axis=1)


def _numbers(values: NDArray[Any]) -> Floats:
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    codes = pd.factorize(values)[0].astype(np.float64)
    return np.where(codes < 0.0, np.nan, codes)


def _ranks(values: Floats, missing_values: float) -> Floats:
    """Return ranks with mean 0 and variance 1; 0 where undefined."""
    ranks = np.zeros(len(values))
    defined = ~undefined(values, missing_values)
    if defined.any():
        order = rankdata(values[defined])
        ranks[defined] = np.sqrt(12.0) * ((order - 0.5) / len(order) - 0.5)
    return ranks
