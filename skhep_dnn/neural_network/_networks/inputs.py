"""How columns enter the networks: filling and scaling, factors and embeddings.

What is learnt from the training events alone, before the training, is in
`InputTransform`; what the networks learn, in `NumericInputs`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skhep_dnn.neural_network._networks.layers import normal
from skhep_dnn.neural_network._networks.shapes import numbers_of_columns
from skhep_dnn.neural_network._numeric_embedding import (
    NumericEmbedding,
    PeriodicEmbedding,
    PiecewiseLinearEmbedding,
)

__all__ = ["N_KNOTS", "SCALINGS", "InputTransform", "NumericInputs"]

SCALINGS = ("standard", "robust", "quantile")
LARGEST_INPUT = 1e9
LARGEST_ROBUST = 8.0  # scaled units that no robustly scaled value reaches
LARGEST_EMBEDDED = 5.0
N_KNOTS = 33  # of a quantile scaling


class InputTransform(nn.Module):
    r"""Fill undefined values and scale each column; category codes pass.

    The statistics belong to a member, since each has its own training events. An
    undefined value becomes 0, the centre of its column, unless it is kept as nan.
    With a centre :math:`c` and a scale :math:`s` a value becomes

    .. math::
        z = \frac{x - c}{s} , \qquad
        \frac{z}{\sqrt{1 + (z / 8)^2}} , \qquad
        v_0 + \sum_k a_k \bigl(\min(\max(z, q_k), q_{k+1}) - q_k\bigr)

    with "standard", "robust" and "quantile" scaling: with the mean and the standard
    deviation; with the median and the quartiles (with mean and standard deviation if
    there are few different values), so that the tails end smoothly at 8 scaled units;
    or along a line of 33 quantiles, of which each lies where that of
    a normal distribution does. Values :math:`z` end at 1e9, so that no finite input
    makes the layers overflow.

    **Shape:** `(n_members, n_batch, n_features)` to the same.

    Parameters
    ----------
    n_members, n_features : int
        Sizes of the statistics: a centre of 0 and a scale of 1 until they are set.
    missing_values : float
        Value that marks an undefined entry; nan always does.
    n_codes : int, default=0
        Number of columns, the last ones, that are codes of categories, of which none
        is undefined.
    scaling : {"standard", "robust", "quantile"}, default="standard"
        How numbers are scaled.
    unscaled : sequence of int, default=()
        Columns of numbers that pass as they are: azimuths, in rad.
    keeps_undefined : bool, default=False
        Whether an undefined value becomes nan instead of 0.

    References
    ----------
    .. [1] D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by default: strong
       pre-tuned MLPs and boosted trees on tabular data", arXiv:2407.04491, Sec. 3.
    """

    center: Tensor
    inverse_scale: Tensor
    knots: Tensor
    slopes: Tensor
    lowest: Tensor

    def __init__(
        self,
        n_members: int,
        n_features: int,
        missing_values: float,
        n_codes: int = 0,
        *,
        scaling: str = "standard",
        unscaled: Sequence[int] = (),
        keeps_undefined: bool = False,
    ) -> None:
        super().__init__()
        self.missing_values = missing_values
        self.n_numeric = n_features - n_codes
        self.scaling = scaling
        self.unscaled = tuple(unscaled)
        self.keeps_undefined = keeps_undefined
        shape = (n_members, 1, n_features)
        self.register_buffer("center", torch.zeros(shape, dtype=torch.float32))
        self.register_buffer("inverse_scale", torch.ones(shape, dtype=torch.float32))
        if scaling == "quantile":
            shape = (n_members, 1, self.n_numeric)
            for name, size in (("knots", N_KNOTS), ("slopes", N_KNOTS - 1)):
                zeros = torch.zeros(*shape, size, dtype=torch.float32)
                self.register_buffer(name, zeros)
            self.register_buffer("lowest", torch.zeros(shape, dtype=torch.float32))

    def set_statistics(
        self,
        member: int,
        columns: NDArray[np.intp],
        center: NDArray[np.float64],
        scale: NDArray[np.float64],
    ) -> None:
        """Set one member's centre and scale of some columns."""
        places = torch.from_numpy(columns).to(self.center.device)
        self.center[member, 0, places] = torch.from_numpy(center).to(self.center)
        self.inverse_scale[member, 0, places] = torch.from_numpy(1.0 / scale).to(
            self.center
        )

    def set_line(
        self,
        member: int,
        column: int,
        knots: NDArray[np.float64],
        values: NDArray[np.float64],
    ) -> None:
        """Set one member's quantile scaling of a column.

        Parameters
        ----------
        member, column : int
            Which one.
        knots, values : ndarray of shape (n,)
            At most 33 places in units of centre and scale, which rise, and what they
            are scaled to.
        """
        # What is left of the 33 knots lies at the last one, and adds nothing.
        full = np.full(N_KNOTS, knots[-1])
        full[: len(knots)] = knots
        slopes = np.zeros(N_KNOTS - 1)
        slopes[: len(knots) - 1] = np.diff(values) / np.diff(knots)
        for buffer, array in ((self.knots, full), (self.slopes, slopes)):
            buffer[member, 0, column] = torch.from_numpy(array).to(buffer)
        self.lowest[member, 0, column] = float(values[0])

    def forward(self, x: Tensor) -> Tensor:
        """Return the filled and scaled inputs."""
        # Scaled first, filled afterwards: an undefined value becomes 0. The marker is
        # looked for in the raw values, where it still is what it was; not among codes,
        # of which one may happen to be equal to it.
        scaled = (x - self.center).mul_(self.inverse_scale)
        numeric = slice(0, self.n_numeric)
        if self.missing_values == self.missing_values:
            undefined = x[..., numeric] == self.missing_values
            scaled[..., numeric].masked_fill_(undefined, math.nan)
        scaled.clamp_(-LARGEST_INPUT, LARGEST_INPUT)
        if self.scaling != "standard" and self.n_numeric > 0:
            numbers = scaled[..., numeric]
            bent = self._bent(numbers)
            for column in self.unscaled:
                bent[..., column] = numbers[..., column]
            scaled[..., numeric] = bent
        return scaled if self.keeps_undefined else scaled.nan_to_num_(nan=0.0)

    def _bent(self, z: Tensor) -> Tensor:
        """Return the robust or the quantile scaling of what is already in units."""
        if self.scaling == "robust":
            return z.div(LARGEST_ROBUST).square_().add_(1.0).rsqrt_().mul_(z)
        # One interval after the other, in place: all at once they would be 32 times
        # the batch.
        result = self.lowest.expand_as(z).clone()
        for k in range(N_KNOTS - 1):
            low, high = self.knots[..., k], self.knots[..., k + 1]
            inside = torch.clamp(z, low, high).sub_(low)
            result.addcmul_(inside, self.slopes[..., k])
        return result

    def scaled_column(
        self,
        member: int,
        column: int,
        values: NDArray[np.float64],
        *,
        bends: bool = True,
    ) -> NDArray[np.float64]:
        """Return what one member makes of defined values of one column.

        Without `bends` that is their distance from the centre in units of the scale,
        with the same bits as in `forward`.
        """
        z = torch.from_numpy(values).to(self.center) - self.center[member, 0, column]
        z = z.mul_(self.inverse_scale[member, 0, column])
        z = z.clamp_(-LARGEST_INPUT, LARGEST_INPUT)
        if bends and self.scaling != "standard":
            whole = z.new_zeros(len(self.center), len(z), self.n_numeric)
            whole[member, :, column] = z
            z = self._bent(whole)[member, :, column]
        return z.cpu().numpy().astype(np.float64)


class NumericInputs(nn.Module):
    """Scaled numbers times a learnt factor, beside their embeddings.

    First comes one number for each column: the value times its factor, or the sine of
    an azimuth. Then come the other numbers of embedded columns, column by column, and
    the cosines of the azimuths, so that an azimuth is the same at -pi and pi. The
    numbers of an undefined value are learnt where there is an embedding, from 0 on,
    and 0 where there is none.

    **Shape:** `(n_members, n_batch, n_numeric)`, with nan for undefined values, to
    `(n_members, n_batch, n_inputs)`.

    Parameters
    ----------
    n_numeric : int
        Number of columns of numbers.
    has_factors : bool
        Whether there is a factor for each column.
    embedding : PeriodicEmbedding, PiecewiseLinearEmbedding or None
        What stands for a value.
    azimuths : sequence of int
        Columns that are azimuths, in rad.
    generators : sequence of torch.Generator
        One for each member, for its initial weights; used by an embedding alone.
    hidden : Tensor of shape (n_members, 1, n_numeric) or None
        The columns that a member does not see: their numbers are 0.
    """

    edges: Tensor
    widths: Tensor
    columns: Tensor
    hidden: Tensor | None
    azimuths: Tensor
    embedded: Tensor
    is_azimuth: Tensor

    def __init__(
        self,
        n_numeric: int,
        *,
        has_factors: bool,
        embedding: NumericEmbedding | None,
        azimuths: Sequence[int],
        generators: Sequence[torch.Generator],
        hidden: Tensor | None = None,
    ) -> None:
        super().__init__()
        n_members = len(generators)
        self.embedding = embedding
        size = 1 if embedding is None else embedding.size
        columns = torch.from_numpy(numbers_of_columns(n_numeric, size, azimuths))
        self.register_buffer("columns", columns, persistent=False)
        hidden = None if hidden is None else hidden[..., columns]
        self.register_buffer("hidden", hidden, persistent=False)
        self.n_azimuths = len(azimuths)
        is_azimuth = np.isin(np.arange(n_numeric), azimuths)
        for name, array in (
            ("azimuths", np.asarray(azimuths, dtype=np.int64)),
            ("embedded", np.flatnonzero(~is_azimuth)),
            ("is_azimuth", is_azimuth[:, np.newaxis]),
        ):
            self.register_buffer(name, torch.from_numpy(array), persistent=False)
        self.factor: nn.Parameter | None = None
        self.undefined: nn.Parameter | None = None
        if has_factors:
            ones = torch.ones(n_members, 1, n_numeric, dtype=torch.float32)
            self.factor = nn.Parameter(ones)
        if embedding is not None:
            self._make_embedding(embedding, generators)

    def _make_embedding(
        self,
        rule: NumericEmbedding,
        generators: Sequence[torch.Generator],
    ) -> None:
        n_members, n_embedded = len(generators), len(self.embedded)
        n_terms = rule.n_terms
        shape = (n_embedded, n_terms)
        if isinstance(rule, PeriodicEmbedding):
            # In periods, not in rad: the optimiser's steps are six times as large so.
            of_waves = normal(shape, 1.0, generators)
            scales = of_waves.new_tensor(rule.frequency_scales)
            of_waves *= scales
            self.frequencies = nn.Parameter(of_waves.unsqueeze(2))
            phases = [
                math.pi
                * (2.0 * torch.rand(shape, generator=g, dtype=torch.float32) - 1.0)
                for g in generators
            ]
            self.phases = nn.Parameter(torch.stack(phases).unsqueeze(2))
        else:
            for name in ("edges", "widths"):
                filled = torch.ones if name == "widths" else torch.zeros
                buffer = filled(n_members, n_embedded, 1, n_terms, dtype=torch.float32)
                self.register_buffer(name, buffer)
        n_more = rule.size - 1
        weights = normal(
            (n_embedded * n_terms, n_more), 1.0 / math.sqrt(n_terms), generators
        )
        weights = weights.view(n_members, n_embedded, n_terms, -1)
        if isinstance(rule, PeriodicEmbedding):
            heights = 1.0 / scales
            weights *= (heights / heights.square().mean().sqrt()).unsqueeze(1)
        self.weights = nn.Parameter(weights)
        self.biases = nn.Parameter(
            torch.zeros(n_members, n_embedded, 1, n_more, dtype=torch.float32)
        )
        self.undefined = nn.Parameter(
            torch.zeros(n_members, 1, len(self.columns), dtype=torch.float32)
        )

    @property
    def n_inputs(self) -> int:
        """Numbers that come in for one event."""
        return len(self.columns)

    def set_edges(self, member: int, column: int, edges: NDArray[np.float64]) -> None:
        """Set the edges of the bins of one column, in scaled units.

        Parameters
        ----------
        member, column : int
            Which one; an azimuth has none.
        edges : ndarray of shape (n,)
            At most one more than there are bins; they rise.
        """
        place = self.embedded.tolist().index(column)
        widths = np.diff(edges)
        n_bins = len(widths)
        # A bin that is not there begins at infinity, as it were: no value enters it.
        low = np.full(self.edges.shape[3], np.finfo(np.float32).max)
        low[:n_bins] = edges[:-1]
        of_bins = np.ones(len(low))
        of_bins[:n_bins] = widths
        for buffer, array in ((self.edges, low), (self.widths, of_bins)):
            buffer[member, place, 0] = torch.from_numpy(array).to(buffer)

    def forward(self, x: Tensor) -> Tensor:
        """Return the numbers of scaled columns."""
        # The events come last in memory, as in the hidden layers.
        x = x.mT.contiguous()
        is_undefined = torch.isnan(x)
        x = torch.where(is_undefined, 0.0, x)
        first = torch.where(self.is_azimuth, torch.sin(x), x) if self.n_azimuths else x
        parts = [first if self.factor is None else first * self.factor.mT]
        if self.embedding is not None:
            of_numbers = x.index_select(1, self.embedded) if self.n_azimuths else x
            parts.append(self._embedded(of_numbers))
        if self.n_azimuths:
            parts.append(self._cosines(x))
        result = torch.cat(parts, 1) if len(parts) > 1 else parts[0]
        if len(parts) > 1:  # else what is undefined is 0 already
            undefined = is_undefined.index_select(1, self.columns)
            learnt = 0.0 if self.undefined is None else self.undefined.mT
            result = torch.where(undefined, learnt, result)
        result = result.mT
        return result if self.hidden is None else result.masked_fill(self.hidden, 0.0)

    def _cosines(self, x: Tensor) -> Tensor:
        cosines = torch.cos(x.index_select(1, self.azimuths))
        if self.factor is None:
            return cosines
        return cosines * self.factor.mT.index_select(1, self.azimuths)

    def _embedded(self, x: Tensor) -> Tensor:
        """Return the numbers of the embedded columns that come besides the first."""
        n_members, n_embedded, n_batch = x.shape
        n_terms, n_more = self.weights.shape[2:]
        z = x.unsqueeze(2)
        if isinstance(self.embedding, PiecewiseLinearEmbedding):
            terms = ((z - self.edges.mT) / self.widths.mT).clamp(0.0, 1.0)
        else:
            z = z.clamp(-LARGEST_EMBEDDED, LARGEST_EMBEDDED)
            turns = 2.0 * math.pi * self.frequencies.mT
            terms = torch.cos(torch.addcmul(self.phases.mT, z, turns))
        sums = torch.baddbmm(
            self.biases.view(-1, n_more, 1),
            self.weights.view(-1, n_terms, n_more).mT,
            terms.view(-1, n_terms, n_batch),
        )
        return sums.view(n_members, n_embedded * n_more, n_batch)
