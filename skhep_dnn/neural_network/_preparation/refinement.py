r"""Positive training weights with the density of signed ones: `|w|` times a mean sign.

Near a point :math:`x` the signed weights of a class sum to
:math:`r(x) = \sum w / \sum |w|` of their magnitudes. An event that keeps the weight
:math:`|w|\, r(x)`, whatever its own sign, leaves the density of the class as it is, and
no gradient has to cancel another one. With the probability :math:`p_+(x)` of a positive
sign, under the weights `|w|`, it is :math:`r = 2 p_+ - 1`, which small networks learn:
each from one half of the events, for the other half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn._event_sample import Targets
from skhep_dnn.neural_network._engine.data import Member
from skhep_dnn.neural_network._engine.settings import TrainingSettings
from skhep_dnn.neural_network._engine.training import train_members
from skhep_dnn.weights import effective_sample_size
from skhep_dnn.weights._class_sums import positive_class_sums

__all__ = [
    "LEAST_EVENTS",
    "Refinement",
    "calibrated",
    "halves",
    "sign_logits",
    "sign_settings",
]

FloatArray = NDArray[np.float64]
Index = NDArray[np.int64]

LEAST_EVENTS = 10  # of each sign in each half: from fewer nothing local is learnt
# Chosen on UCI HIGGS and on Higgs to two taus, with signs of known probability.
N_SPLITS = 3  # into halves, with a network for each half
PRIOR = 3.0  # over the effective events of a half: the factor of the squared weights
MAX_STEPS, TOLERANCE = 50, 1e-9


@dataclass(frozen=True, eq=False)
class Refinement:
    """Refines the weights of any part of the events, from this part alone.

    Attributes
    ----------
    columns : ndarray of shape (n_samples, n_columns), dtype float32
        The events as the networks take them.
    targets : Targets
        Their classes and signed weights, none of them zero.
    groups : ndarray of shape (n_samples,) or None
        Events of one group are in one half.
    settings : TrainingSettings
        Of the networks that learn the signs; see `sign_settings`.
    seed : int
        What all random numbers follow from.
    n_jobs : int or None
        Number of processes; it has no effect on the results.
    """

    columns: NDArray[np.float32]
    targets: Targets
    groups: NDArray[Any] | None
    settings: TrainingSettings
    seed: int
    n_jobs: int | None = None

    def weights(self, rows: Index, number: int = 0) -> FloatArray:
        """Return the refined weights of some events, which know of no others.

        Parameters
        ----------
        rows : ndarray of shape (n_events,)
            Positions of the events.
        number : int, default=0
            Of the part: others have other random numbers.

        Returns
        -------
        weights : ndarray of shape (n_events,)
            Not negative; each class has its signed sum. Those of a class without
            negative weights are as they were.

        Raises
        ------
        WeightsError
            If the weights of a class do not sum to more than zero.
        """
        part = self.targets.take(rows)
        positive_class_sums(part.sample_weight, part.codes, part.classes)
        refined = part.sample_weight.copy()
        for code in range(len(part.classes)):
            own = np.flatnonzero(part.codes == code)
            w = part.sample_weight[own]
            if (w < 0.0).any():
                seeds = np.random.SeedSequence([self.seed, number, code])
                refined[own] = self._of_class(rows[own], w, seeds)
        return refined

    def _of_class(
        self, rows: Index, w: FloatArray, seeds: np.random.SeedSequence
    ) -> FloatArray:
        magnitude, total = np.abs(w), w.sum()
        even = magnitude * (total / magnitude.sum())
        groups = None if self.groups is None else self.groups[rows]
        states = seeds.generate_state(5 * N_SPLITS).reshape(N_SPLITS, 5)
        splits = [
            halves(w < 0.0, groups, np.random.RandomState(state))
            for state in states[:, 0]
        ]
        counts = [np.bincount(half + 2 * (w < 0.0), minlength=4) for half in splits]
        if np.min(counts) < LEAST_EVENTS:  # in a half, of a sign
            return even
        logits = sign_logits(
            self.columns,
            rows,
            w,
            splits,
            self.settings,
            seeds=(states[:, 1:] >> 1).tolist(),
            n_jobs=self.n_jobs,
        )
        # Networks of other halves err less alike than several of the same one.
        signs = [np.tanh(0.5 * calibrated(z, w)) for z in logits]  # 2 p - 1
        density = magnitude * np.maximum(np.mean(signs, axis=0), 0.0)
        if not density.any():
            return even
        return np.asarray(density * (total / density.sum()))


def sign_settings(settings: TrainingSettings) -> TrainingSettings:
    """Return the settings of networks that learn signs on the inputs of others.

    Only what concerns the inputs is taken over, and where they are trained: columns,
    embeddings, scaling, undefined values, symmetries and the device.
    """
    return replace(
        settings,
        hidden_layer_sizes=(32, 32),
        activation="swish",
        connection="plain",
        dropout=0.3,
        batch_norm=False,
        n_outputs=1,
        split=None,
        loss="cross_entropy",
        label_smoothing=0.0,
        l1=0.0,
        l2=0.0,
        clip_norm=None,
        optimizer="adam",
        learning_rate=0.03,
        beta_1=0.9,
        beta_2=0.999,
        optimizer_eps=1e-3,
        weight_decay=0.0,
        schedule="one_cycle",
        averaging=None,
        snapshots=None,
        batch_size=256,
        max_epochs=7,
        evaluations_per_epoch=1,
        early_stopping=False,
        verbose=0,
    )


def halves(
    is_negative: NDArray[np.bool_],
    groups: NDArray[Any] | None,
    random_state: np.random.RandomState,
) -> Index:
    """Draw in which half, 0 or 1, each event is; both have the same share of signs.

    Parameters
    ----------
    is_negative : ndarray of bool of shape (n_events,)
        Signs of the events.
    groups : ndarray of shape (n_events,) or None
        Events of one group are in one half; None: each is on its own.
    random_state : RandomState
        Draws.

    Returns
    -------
    half : ndarray of shape (n_events,)

    Examples
    --------
    >>> import numpy as np
    >>> groups = np.array([7, 7, 8, 8])
    >>> half = halves(np.zeros(4, dtype=bool), groups, np.random.RandomState(0))
    >>> bool(half[0] == half[1] != half[2] == half[3])
    True
    """
    units = np.arange(len(is_negative))
    if groups is not None:
        units = np.unique(groups, return_inverse=True)[1]
    n_negative = np.bincount(units, weights=is_negative)
    size = np.bincount(units)
    # Neighbours in this order are alike; of two pairs the second one is turned round,
    # so that no half always gets the larger groups.
    order = np.lexsort((random_state.permutation(len(size)), size, n_negative))
    of_units = np.empty(len(size), dtype=np.int64)
    of_units[order] = np.resize([0, 1, 1, 0], len(size))
    return of_units[units]


def sign_logits(
    columns: NDArray[np.float32],
    rows: Index,
    w: FloatArray,
    splits: Sequence[Index],
    settings: TrainingSettings,
    *,
    seeds: Sequence[Sequence[int]],
    n_jobs: int | None = None,
) -> FloatArray:
    """Return the logits of a positive sign near each event, from the other halves.

    Parameters
    ----------
    columns : ndarray of shape (n_samples, n_columns), dtype float32
        Events of all classes.
    rows : ndarray of shape (n_events,)
        Those of one class.
    w : ndarray of shape (n_events,)
        Their signed weights.
    splits : sequence of n_splits ndarrays of shape (n_events,)
        In which half each event is, 0 or 1; each half has events of both signs.
    settings : TrainingSettings
        Of the networks, one for each half.
    seeds : sequence of n_splits sequences of four int
        Of network and order, for the halves 0 and 1.
    n_jobs : int, default=None
        Number of processes.

    Returns
    -------
    logits : ndarray of shape (n_splits, n_events)
        Under the weights `|w|`. Of the signs of an event's own half only the mean of
        all events has an effect on its logit.
    """
    magnitude = np.abs(w)
    # Networks begin at the mean sign and learn what is local: a known logit that is
    # added to theirs.
    start = _logit_of_positive(w)
    positive = np.zeros(len(columns), dtype=np.float32)
    positive[rows] = w > 0.0
    offset = np.full(len(columns), start, dtype=np.float32)
    members = [
        Member(
            rows=rows[own],
            weights=magnitude[own] / magnitude[own].mean(),
            network_seed=of_split[2 * k],
            order_seed=of_split[2 * k + 1],
        )
        for half, of_split in zip(splits, seeds, strict=True)
        for k, own in enumerate([half == 0, half == 1])
    ]
    # A prior of fixed width on the weights counts the less, the more events there are.
    n_eff = 0.5 * effective_sample_size(magnitude)
    training = train_members(
        replace(settings, l2=PRIOR / n_eff), members, columns, positive, offset=offset
    )
    trained = training.run(n_jobs)
    logits = np.empty((len(splits), len(w)))
    for i, half in enumerate(splits):
        for k in (0, 1):
            other = half != k
            network = range(2 * i + k, 2 * i + k + 1)
            logits[i, other] = trained.logits(
                columns, network, n_jobs, rows=rows[other]
            )
    return logits + start


def calibrated(logits: FloatArray, w: FloatArray) -> FloatArray:
    r"""Return logits on the straight line through them that tells the signs best.

    Networks that regularise too little, or too much, make too large or too small
    differences; a slope that all events of the class decide puts that right. Where
    signs do not depend on the events it comes out near 0.

    Parameters
    ----------
    logits : ndarray of shape (n_events,)
        Of a positive sign, each from networks that have not seen it.
    w : ndarray of shape (n_events,)
        Signed weights, of both signs.

    Returns
    -------
    logits : ndarray of shape (n_events,)
        :math:`a + b\, (z - \bar z)`, :math:`b \ge 0`, of the highest likelihood
        under the weights `|w|`, with the prior of one event that :math:`b = 1`.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0, 1.0, 1.0, -1.0] * 50)
    >>> z = calibrated(np.tile([2.0, 2.0, -2.0, -2.0], 50), w)
    >>> bool(abs(z[2]) < 0.1 and z[0] > 2.0)
    True
    """
    magnitude, positive = np.abs(w), w > 0.0
    weight = magnitude * (effective_sample_size(magnitude) / magnitude.sum())
    x = logits - (weight * logits).sum() / weight.sum()
    # Newton's method, with sums that do not depend on the threads of a library.
    a, b = _logit_of_positive(w), 1.0
    for _ in range(MAX_STEPS):
        p = 1.0 / (1.0 + np.exp(-(a + b * x)))
        slope, curvature = weight * (positive - p), weight * p * (1.0 - p)
        to_a, to_b = slope.sum(), (slope * x).sum() + (1.0 - b)
        aa, ab = curvature.sum(), (curvature * x).sum()
        bb = (curvature * x * x).sum() + 1.0
        determinant = aa * bb - ab**2
        steps = (bb * to_a - ab * to_b, aa * to_b - ab * to_a)
        longest = max(1.0, max(map(abs, steps)) / determinant)  # a step of 1 at most
        a += steps[0] / (determinant * longest)
        b += steps[1] / (determinant * longest)
        if max(map(abs, steps)) < TOLERANCE * determinant:
            break
    return np.asarray(a + max(b, 0.0) * x)


def _logit_of_positive(w: FloatArray) -> float:
    return float(np.log(w[w > 0.0].sum() / -w[w < 0.0].sum()))
