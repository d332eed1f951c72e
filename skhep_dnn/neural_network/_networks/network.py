"""Torch modules in which many networks train as one batch of matrix products.

Every parameter carries a leading *member* axis: one network is `n_members=1`, an
ensemble of five is `n_members=5`, and no member sees another. The module knows its
inputs: filling of undefined values, scaling and embeddings are its first layers, so
that raw columns in physical units go in.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from skhep_dnn.neural_network._activations import (
    ACTIVATIONS,
    Activation,
    Derivative,
    derivatives_of,
)
from skhep_dnn.neural_network._networks.dense import DenseRules, dense_layers
from skhep_dnn.neural_network._networks.inputs import InputTransform, NumericInputs
from skhep_dnn.neural_network._networks.layers import (
    MemberBatchNorm,
    dropout_mask,
    embedded,
    keep_threshold,
    normal,
)
from skhep_dnn.neural_network._networks.shapes import SplitLayout
from skhep_dnn.neural_network._networks.two_paths import SplitBlocks
from skhep_dnn.neural_network._numeric_embedding import NumericEmbedding
from skhep_dnn.preprocessing._symmetry_kernel import SymmetryKernel

__all__ = [
    "CONNECTIONS",
    "MemberNetwork",
    "azimuths_of",
    "mean_logit",
    "variant_logits",
]

CONNECTIONS = ("plain", "dense", "residual")


class MemberNetwork(nn.Module):
    """Multilayer perceptrons of one architecture, batched over members.

    With "dense" connections each layer sees the outputs of all earlier layers and
    the inputs, and the output layer sees the last hidden layer alone. Nothing is
    concatenated: a source multiplies the weights of *all* later layers at once and
    adds to their pre-activations. With "residual" connections the output of a layer
    is added to its input, from the second layer on.

    **Shape:** `(n_members, n_batch, n_features)` to `(n_members, n_batch)` logits, or
    `(n_members, n_batch, n_outputs)` with more than one output.

    Parameters
    ----------
    n_numeric : int
        Number of numeric columns; the columns of codes come after them.
    missing_values : float
        Value that marks an undefined entry besides nan.
    embeddings : sequence of (n_categories, size)
        One pair for each column of codes.
    numeric_scaling : {"standard", "robust", "quantile"}, default="standard"
        How numbers are scaled.
    scale_learning_rate : float or None, default=None
        Step size of a factor of each number, which the optimiser knows; None for no
        factors.
    numeric_embedding : PeriodicEmbedding, PiecewiseLinearEmbedding or None, \
            default=None
        What stands for a number.
    hidden_layer_sizes : sequence of int
        Widths of the hidden layers.
    activation : sequence of str
        Activation of each hidden layer.
    connection : {"plain", "dense", "residual"}
        How the layers are connected; "residual" needs layers of equal width.
    dropout : sequence of float
        Probability to drop an output of each hidden layer in training, rounded to
        1/256.
    batch_norm : bool
        Whether the input of each activation is normalised.
    n_outputs : int
        Logits of an event.
    split : SplitLayout or None
        A second path for some of the inputs.
    kernel : SymmetryKernel or None
        Transformations of raw inputs that change nothing: of events in training, and
        of their copies in evaluation.
    seeds : sequence of int
        One for each member, of the generator that draws its initial weights.
    masks : sequence of ndarray of bool or None, default=None
        For each member the columns that it sees, of shape `(n_columns,)`; None for
        all of them. A column that is masked contributes 0, whatever its values.
    """

    hidden_columns: Tensor | None

    def __init__(
        self,
        *,
        n_numeric: int,
        missing_values: float,
        embeddings: Sequence[tuple[int, int]],
        hidden_layer_sizes: Sequence[int],
        activation: Sequence[str],
        connection: str,
        dropout: Sequence[float],
        numeric_scaling: str = "standard",
        scale_learning_rate: float | None = None,
        numeric_embedding: NumericEmbedding | None = None,
        batch_norm: bool = False,
        n_outputs: int = 1,
        split: SplitLayout | None = None,
        kernel: SymmetryKernel | None = None,
        seeds: Sequence[int],
        masks: Sequence[NDArray[np.bool_] | None] | None = None,
    ) -> None:
        super().__init__()
        n_members = len(seeds)
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        self.hidden_layer_sizes = tuple(hidden_layer_sizes)
        self.connection = connection
        self.set_dropout(dropout)
        self.kernel = kernel
        self.n_numeric = n_numeric
        n_columns = n_numeric + len(embeddings)
        hidden = _hidden(masks, n_columns)
        self.register_buffer("hidden_columns", hidden, persistent=False)
        azimuths = azimuths_of(
            kernel, numeric_scaling, scale_learning_rate, numeric_embedding
        )
        has_factors = scale_learning_rate is not None
        learns = n_numeric > 0 and (
            has_factors or numeric_embedding is not None or len(azimuths) > 0
        )
        self.inputs = InputTransform(
            n_members,
            n_columns,
            missing_values,
            len(embeddings),
            scaling=numeric_scaling,
            unscaled=azimuths,
            keeps_undefined=learns,
        )
        self.numbers: NumericInputs | None = None
        n_inputs = n_numeric
        if learns:
            self.numbers = NumericInputs(
                n_numeric,
                has_factors=has_factors,
                embedding=numeric_embedding,
                azimuths=azimuths,
                generators=generators,
                hidden=None if hidden is None else hidden[..., :n_numeric],
            )
            n_inputs = self.numbers.n_inputs
        self.embeddings = nn.ParameterList(
            normal((n, size), 1.0, generators) for n, size in embeddings
        )
        n_inputs += sum(size for _, size in embeddings)
        self.split: SplitBlocks | None = None
        if split is not None:
            self.split = SplitBlocks(split, generators)
            n_inputs = self.split.n_deep
        self.activation_names = tuple(activation)
        rules = [ACTIVATIONS[name] for name in activation]
        self.activations = nn.ModuleList(rule.make(n_members) for rule in rules)
        self.weights = nn.ParameterList(
            torch.cat(
                [normal((n_in, width), std, generators) for width, std in targets], 2
            )
            for n_in, targets in _blocks(
                n_inputs, self.hidden_layer_sizes, connection, rules
            )
        )
        # Of "dense" networks the weights of one source to all later layers stand in one
        # matrix, and the biases of all layers in one row, as their products do.
        bias_widths = () if batch_norm else self._bias_widths()  # norms have shifts
        self.biases = nn.ParameterList(
            torch.zeros(n_members, 1, width, dtype=torch.float32)
            for width in bias_widths
        )
        self.norms = nn.ModuleList(
            MemberBatchNorm(n_members, width)
            for width in (self.hidden_layer_sizes if batch_norm else ())
        )
        last = self.hidden_layer_sizes[-1] + (0 if split is None else split.width)
        glorot = sqrt(2.0 / (last + n_outputs))
        self.output_weight = nn.Parameter(normal((last, n_outputs), glorot, generators))
        self.output_bias = nn.Parameter(
            torch.zeros(n_members, 1, n_outputs, dtype=torch.float32)
        )
        # The same in tuples: torch looks up the items of its lists by name.
        self._weights, self._biases = tuple(self.weights), tuple(self.biases)
        self._functions, self._norms = tuple(self.activations), tuple(self.norms)
        self._derivatives: tuple[Derivative, ...] = ()
        if connection == "dense" and not batch_norm:
            self._derivatives = derivatives_of(rules)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of raw inputs."""
        return self.from_scaled(self.inputs(x))

    def from_scaled(
        self,
        x: Tensor,
        random_bytes: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return the logits of inputs that are already filled and scaled.

        The other arguments are those of `hidden`.
        """
        x = self.hidden(x, random_bytes, weight)
        logit = torch.baddbmm(self.output_bias, x, self.output_weight)
        return logit.squeeze(2) if logit.shape[2] == 1 else logit

    def hidden(
        self,
        x: Tensor,
        random_bytes: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return what the output layer sees: the last hidden and the wide layer.

        With `random_bytes`, of shape `(n_members, n_batch * n_dropped)`, an output
        of a layer with dropout is dropped where its byte is below the threshold.
        With `weight`, of shape `(n_members, n_batch)`, batch norm takes the
        statistics of this batch.
        """
        n_constant = self.n_numeric
        if x.requires_grad or self.split is not None or self.numbers is not None:
            n_constant = 0
        x, wide = self.embed(x), None
        if self.split is not None:
            x, wide = self.split(x)
        masks = self._masks(random_bytes, x)
        if self._derivatives:
            rules = DenseRules(self._functions, self._derivatives, masks, n_constant)
            x = dense_layers(x, rules, self._biases[0], self._weights)
        else:
            x = self._layers(x, masks, weight)
        return x if wide is None else torch.cat([x, wide], 2)

    def _layers(
        self, x: Tensor, masks: Sequence[Tensor | None], weight: Tensor | None
    ) -> Tensor:
        """Return the outputs of the last hidden layer."""
        later: Tensor | None = None
        for k, width in enumerate(self.hidden_layer_sizes):
            pre = self._product(k, x, later)
            # What is wider than the layer belongs to later ones, and waits for them.
            if pre.shape[2] > width:
                sizes = [width, pre.shape[2] - width]
                pre, later = pre.split_with_sizes(sizes, 2)
            if self._norms:
                pre = self._norms[k](pre, weight)
            hidden = self._functions[k](pre)
            mask = masks[k]
            hidden = hidden if mask is None else hidden * mask
            x = x + hidden if self.connection == "residual" and k > 0 else hidden
        return x

    def _masks(self, random_bytes: Tensor | None, x: Tensor) -> list[Tensor | None]:
        """Return the factors of the hidden outputs of each layer."""
        # One row of random bytes serves all layers, one after the other.
        masks: list[Tensor | None] = [None] * len(self.hidden_layer_sizes)
        if random_bytes is None:
            return masks
        used = 0
        for k, width in enumerate(self.hidden_layer_sizes):
            if self.keep_thresholds[k] > 0:
                size = x.shape[1] * width
                part = random_bytes[:, used : used + size]
                shape = (x.shape[1], width)
                shape = shape[::-1] if self._derivatives else shape
                like = x.new_empty(len(x), *shape)
                masks[k] = dropout_mask(part, self.keep_thresholds[k], like)
                used += size
        return masks

    @property
    def n_dropped(self) -> int:
        """Number of hidden outputs of one member that dropout acts on."""
        layers = zip(self.hidden_layer_sizes, self.keep_thresholds, strict=True)
        return sum(width for width, threshold in layers if threshold > 0)

    def set_dropout(self, dropout: Sequence[float]) -> None:
        """Set the probability to drop an output of each hidden layer."""
        self.keep_thresholds = [keep_threshold(p) for p in dropout]

    def penalised(self) -> list[Tensor]:
        """Return the weight matrices, which `l1` and `l2` act on: no biases."""
        others = [] if self.split is None else [*self.split.weights]
        return [*self.weights, *others, self.output_weight]

    def _product(self, k: int, x: Tensor, earlier: Tensor | None) -> Tensor:
        """Return the weighted sums of layer k and, if dense, parts of later ones."""
        if earlier is not None:
            return torch.baddbmm(earlier, x, self._weights[k])
        if not self._biases:
            return torch.bmm(x.expand(len(self._weights[k]), -1, -1), self._weights[k])
        return torch.baddbmm(self._biases[k], x, self._weights[k])

    def _bias_widths(self) -> tuple[int, ...]:
        if self.connection == "dense":
            return (sum(self.hidden_layer_sizes),)
        return self.hidden_layer_sizes

    def embed(self, x: Tensor) -> Tensor:
        """Return the scaled inputs with embeddings in place of numbers and codes.

        What a masked column holds is replaced by 0: of a category before its row is
        looked up, since the code may be any number, and again in the row itself.
        """
        if self.hidden_columns is not None:
            x = x.masked_fill(self.hidden_columns, 0.0)
        numbers = x[..., : self.n_numeric]
        if self.numbers is not None:
            numbers = self.numbers(numbers)
        if len(self.embeddings) == 0:
            return numbers
        parts = [numbers]
        for i, rows in enumerate(self.embeddings, start=self.n_numeric):
            part = embedded(rows, x[..., i].long())
            if self.hidden_columns is not None:
                part = part.masked_fill(self.hidden_columns[..., i : i + 1], 0.0)
            parts.append(part)
        return torch.cat(parts, dim=2)

    @property
    def columns_of_numbers(self) -> NDArray[np.intp] | None:
        """To which column of numbers each input belongs; None for one of each."""
        return None if self.numbers is None else self.numbers.columns.cpu().numpy()


def azimuths_of(
    kernel: SymmetryKernel | None,
    numeric_scaling: str,
    scale_learning_rate: float | None,
    numeric_embedding: NumericEmbedding | None,
) -> tuple[int, ...]:
    """Return the columns that enter as sine and cosine: those that a kernel rotates.

    Where numbers are standardised and nothing is learnt of them, azimuths are numbers
    as others.
    """
    is_plain = numeric_scaling == "standard" and numeric_embedding is None
    if kernel is None or (is_plain and scale_learning_rate is None):
        return ()
    return kernel.phi


def variant_logits(module: MemberNetwork, x: Tensor) -> list[Tensor]:
    """Return the logits of raw inputs under each fixed transformation of the module.

    **Shape:** `(..., n_events, n_features)` to a list of `(n_members, n_events)` or
    `(n_members, n_events, n_classes)`.
    """
    if module.kernel is None:
        return [module(x)]
    variants = module.kernel.variants()
    return [module(module.kernel.apply(x, by)) for by in variants]


def mean_logit(logits: list[Tensor]) -> Tensor:
    """Return the logit of the mean probability, or with several classes its logarithm.

    Examples
    --------
    >>> mean_logit([torch.tensor([[100.0, 0.0]]), torch.tensor([[100.0, 0.0]])])
    tensor([[100.,   0.]])
    """
    if len(logits) == 1:
        return logits[0]
    z = torch.stack(logits)
    if z.dim() == 4:
        return torch.logsumexp(functional.log_softmax(z, dim=3), dim=0)
    signal = torch.logsumexp(functional.logsigmoid(z), dim=0)
    return signal - torch.logsumexp(functional.logsigmoid(-z), dim=0)


def _hidden(
    masks: Sequence[NDArray[np.bool_] | None] | None, n_columns: int
) -> Tensor | None:
    """Return which columns each member does not see, None where it sees them all."""
    if masks is None or all(mask is None for mask in masks):
        return None
    everything = np.ones(n_columns, dtype=np.bool_)
    seen = np.stack([everything if mask is None else mask for mask in masks])
    return torch.from_numpy(~seen).unsqueeze(1)


def _blocks(
    n_inputs: int, widths: Sequence[int], connection: str, rules: Sequence[Activation]
) -> list[tuple[int, list[tuple[int, float]]]]:
    """Return (inputs, [(width, std) of the layers it feeds]) of each weight matrix."""
    sources = [n_inputs, *widths[:-1]]
    dense = connection == "dense"
    fans = [sum(sources[: k + 1]) if dense else n for k, n in enumerate(sources)]
    targets = [
        (width, sqrt(rule.variance(fan, width)))
        for width, fan, rule in zip(widths, fans, rules, strict=True)
    ]
    return [
        (n, targets[k:] if dense else targets[k : k + 1]) for k, n in enumerate(sources)
    ]
