"""`WeightedDNNClassifier`: filling, scaling, embeddings, layers, members, variants.

Each network, a member or one of its snapshots, is written down on its own: products of
one matrix are what other languages do best. Formulas are those of
`neural_network._networks`, to which they refer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn._messages import shown
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._lowering.lowering import (
    Column,
    Lowering,
    Scores,
    Table,
)
from skhep_dnn.export._lowering.symmetry import transformed_columns
from skhep_dnn.export._program.program import Program, Value
from skhep_dnn.neural_network import PeriodicEmbedding

__all__ = ["network_scores"]

Array = NDArray[Any]
LARGEST_INPUT, LARGEST_ROBUST, LARGEST_EMBEDDED = 1e9, 8.0, 5.0
PRODUCT = 32  # columns of a product of matrices, for ONNX: more would be zeros
LARGEST_LOGIT = {"float64": 500.0, "float32": 80.0}  # e^80 is a float32 number
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def network_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted `WeightedDNNClassifier` says of an event."""
    program, module = table.program, model.net_.module_
    weights = model._network_weights
    kernel = module.kernel
    x = _columns(model.encoder_, table)
    variants = [x]
    if kernel is not None:
        variants = [transformed_columns(x, kernel, by) for by in kernel.variants()]
    networks = _Networks(module, model.encoder_, np.flatnonzero(weights > 0.0))
    body = networks.program(x.size)
    logits = []
    for variant in variants:
        logits += [
            program.cast(v, lowering.wide) for v in program.call(body, [variant])
        ]
    shares = np.tile(weights[weights > 0.0], len(variants)) / len(variants)
    if module.output_bias.shape[2] > 1:
        means = [lowering.softmax(z) for z in logits]
        return lowering.of_probability(lowering.mean(means, shares))
    if len(logits) == 1:
        return lowering.of_logit(logits[0])
    z = program.concatenate(logits)
    limit = LARGEST_LOGIT[lowering.wide]
    z = program.clip(z, -limit, limit)
    signal = program.sum(program.sigmoid(z) * shares)
    background = program.sum(program.sigmoid(-z) * shares)
    return lowering.of_logit(program.log(signal) - program.log(background))


def _columns(encoder: Any, table: Table) -> Value:
    """Return numbers first and codes of categories last, as `ColumnEncoder` does."""
    program = table.program
    parts = []
    if encoder.numeric_:
        parts.append(table.take(encoder.numeric_).vector("float32"))
    for k, i in enumerate(encoder.categorical_):
        parts.append(_code(encoder, k, table.columns[i], program))
    return program.concatenate(parts)


def _code(encoder: Any, k: int, column: Column, program: Program) -> Value:
    """Return the code of a category, one more than there are of an unknown one."""
    known, n_codes = encoder.categories_[k], encoder.n_categories[k]
    if known.dtype.kind not in "biuf":
        # The code of a missing category follows those of the known ones.
        labels = [*known.tolist(), *([None] if encoder.has_missing_[k] else [])]
        return program.cast(column.code(labels), "float32")
    x, values = column.number, known.to_numpy()
    if len(np.unique(values.astype(np.float32))) == len(values):
        x = program.cast(x, "float32")
    values = values.astype(x.dtype)
    if len(np.unique(values)) < len(values):
        msg = (
            f"Categories of {encoder.names_[encoder.categorical_[k]]} must differ as "
            f'{x.dtype}, got {shown(known.tolist()[:20])}. Pass dtype="float64".'
        )
        raise ExportError(msg)
    code = program.constant([float(n_codes)], "float32")
    positions = np.arange(len(values), dtype=np.float32)
    hits = program.cast(program.equal(x, program.constant(values)), "float32")
    found = program.sum(hits)
    position = program.sum(hits * positions)
    code = program.where(found > 0.0, position, code)
    if encoder.has_missing_[k]:
        missing = program.is_nan(x)
        if encoder.missing_values == encoder.missing_values:
            missing = missing | program.equal(x, encoder.missing_values)
        code = program.where(missing, float(len(known)), code)
    return code


class _Networks:
    """The networks of one module, as one program with a logit of each.

    Parameters
    ----------
    module : MemberNetwork
        All networks.
    encoder : ColumnEncoder
        What stands before them.
    which : ndarray of int
        The networks that have a weight.
    """

    def __init__(self, module: Any, encoder: Any, which: NDArray[np.intp]) -> None:
        self.module = module
        self.which = which
        self.arrays = {
            name: tensor.detach().cpu().numpy()
            for name, tensor in [*module.named_parameters(), *module.named_buffers()]
        }
        self.unknown_is_mean = encoder.handle_unknown == "mean"
        self.hidden = self.arrays.get("hidden_columns")

    def program(self, n_columns: int) -> Program:
        """Return the program from columns to the logits of the networks."""
        program = Program("networks")
        x = program.input("x", n_columns)
        for k in self.which:
            inner = self._network(int(k), n_columns)
            program.outputs[f"logit_{k}"] = program.call(inner, [x])[0]
        return program

    def _network(self, k: int, n_columns: int) -> Program:
        program = Program(f"network_{k}")
        x = program.input("x", n_columns)
        inputs = self._inputs(k, x)
        wide = None
        if self.module.split is not None:
            inputs, wide = self._two_paths(k, inputs)
        hidden = self._layers(k, inputs)
        if wide is not None:
            hidden = program.concatenate([hidden, wide])
        program.outputs["logit"] = program.dense(
            hidden, self._own(k, "output_weight"), self._own(k, "output_bias")[0]
        )
        return program

    def _own(self, k: int, name: str) -> Array:
        return self.arrays[name][k]

    # `InputTransform`, `NumericInputs` and `MemberNetwork.embed`

    def _inputs(self, k: int, x: Value) -> Value:
        program, n = x.program, self.module.n_numeric
        parts = []
        if n:
            parts.append(self._numbers(k, x[:n]))
        for i in range(len(self.module.embeddings)):
            rows = self._own(k, f"embeddings.{i}")
            last = rows.mean(axis=0) if self.unknown_is_mean else np.nan * rows[0]
            rows = np.vstack([rows, last])
            if self.hidden is not None and self.hidden[k, 0, n + i]:
                rows = np.zeros_like(rows)
            code = program.cast(x[n + i], "int64")
            parts.append(program.lookup(code, rows))
        return program.concatenate(parts)

    def _numbers(self, k: int, x: Value) -> Value:
        """Return what comes in of the columns of numbers."""
        program, transform = x.program, self.module.inputs
        undefined = program.is_nan(x)
        if transform.missing_values == transform.missing_values:
            undefined = undefined | program.equal(x, transform.missing_values)
        z = self._scaled(k, program.where(undefined, 0.0, x))
        z = program.where(undefined, 0.0, z)
        if self.hidden is not None:
            hidden = program.constant(self.hidden[k, 0, : x.size])
            z = program.where(hidden, 0.0, z)
            undefined = undefined & ~hidden
        if self.module.numbers is None:
            return z
        return self._learnt(k, z, undefined)

    def _scaled(self, k: int, x: Value) -> Value:
        program, n = x.program, x.size
        transform = self.module.inputs
        center = self._own(k, "inputs.center")[0, :n]
        z = (x - center) * self._own(k, "inputs.inverse_scale")[0, :n]
        z = program.clip(z, -LARGEST_INPUT, LARGEST_INPUT)
        if transform.scaling == "standard":
            return z
        if transform.scaling == "robust":
            part = z / LARGEST_ROBUST
            bent = z * (1.0 / program.sqrt(part * part + 1.0))
        else:
            bent = self._on_line(k, z)
        if not transform.unscaled:
            return bent
        passes = np.isin(np.arange(n), transform.unscaled)
        return program.where(program.constant(passes), z, bent)

    def _on_line(self, k: int, z: Value) -> Value:
        """Return a quantile scaling: a sum of clips, interval by interval."""
        knots, slopes = (
            self._own(k, "inputs.knots")[0],
            self._own(k, "inputs.slopes")[0],
        )
        program = z.program
        result = program.constant(self._own(k, "inputs.lowest")[0])
        for low, high, slope in zip(
            knots[:, :-1].T, knots[:, 1:].T, slopes.T, strict=True
        ):
            inside = program.elementwise("maximum", z, low)
            inside = program.elementwise("minimum", inside, high) - low
            result = result + inside * slope
        return result

    def _learnt(self, k: int, z: Value, undefined: Value) -> Value:
        """Return factors and embeddings of scaled numbers, as `NumericInputs` does."""
        program, numbers = z.program, self.module.numbers
        azimuths = self.arrays["numbers.azimuths"]
        first = z
        if len(azimuths):
            is_azimuth = program.constant(self.arrays["numbers.is_azimuth"][:, 0])
            sines = program.elementwise("sine", z)
            first = program.where(is_azimuth, sines, z)
        factor = None
        if numbers.factor is not None:
            factor = self._own(k, "numbers.factor")[0]
            first = first * factor
        parts = [first]
        if numbers.embedding is not None:
            parts += self._embedded(k, z[self.arrays["numbers.embedded"].tolist()])
        if len(azimuths):
            cosines = program.elementwise("cosine", z[azimuths.tolist()])
            parts.append(cosines if factor is None else cosines * factor[azimuths])
        result = program.concatenate(parts)
        columns = self.arrays["numbers.columns"]
        if len(parts) > 1:
            # An arithmetic mean with weights 0 and 1: it is faster than a choice.
            belongs = np.arange(z.size)[:, np.newaxis] == columns
            share = program.dense(program.cast(undefined, "float32"), belongs)
            result = result * (1.0 - share)
            if numbers.undefined is not None:
                result = result + share * self._own(k, "numbers.undefined")[0]
        if self.hidden is not None:
            hidden = program.constant(self.hidden[k, 0, columns])
            result = program.where(hidden, 0.0, result)
        return result

    def _embedded(self, k: int, z: Value) -> list[Value]:
        """Return the numbers of embedded columns that come besides the first.

        Some columns at a time, so many that their numbers fill a product of matrices.
        """
        program, own = z.program, self.arrays
        shape = own["numbers.weights"].shape[1:3]
        is_periodic = isinstance(self.module.numbers.embedding, PeriodicEmbedding)
        if is_periodic:
            z = program.clip(z, -LARGEST_EMBEDDED, LARGEST_EMBEDDED)
            turns = self._own(k, "numbers.frequencies").reshape(shape)
            phases = self._own(k, "numbers.phases").reshape(shape)
            terms = (np.float32(2.0 * math.pi) * turns, phases)
        else:
            widths = self._own(k, "numbers.widths").reshape(shape)
            terms = (widths, self._own(k, "numbers.edges").reshape(shape))
        weights = self._own(k, "numbers.weights")
        biases = self._own(k, "numbers.biases").reshape(len(weights), -1)
        size = max(1, PRODUCT // weights.shape[2])
        return [
            program.embedding(
                z[start : start + size],
                "cosine" if is_periodic else "ramp",
                (terms[0][start : start + size], terms[1][start : start + size]),
                weights[start : start + size],
                biases[start : start + size].ravel(),
            )
            for start in range(0, z.size, size)
        ]

    # `SplitBlocks`

    def _two_paths(self, k: int, x: Value) -> tuple[Value, Value]:
        program, layout = x.program, self.module.split.layout
        deep, wide = x[list(layout.deep)], x[list(layout.wide)]
        if layout.kind == "bottleneck":
            low, high = self._side(k, 1, deep), self._side(k, 2, wide)
            deep = program.concatenate([deep, high])
            wide = program.concatenate([wide, low])
        return deep, self._side(k, 0, wide)

    def _side(self, k: int, i: int, x: Value) -> Value:
        weights = self._own(k, f"split.weights.{i}")
        pre = x.program.dense(x, weights, self._own(k, f"split.biases.{i}")[0])
        parameters = self._activation_parameters(k, f"split.activations.{i}")
        return _ACTIVATIONS[self.module.split.layout.activation](pre, parameters)

    # The hidden layers of `MemberNetwork`

    def _layers(self, k: int, x: Value) -> Value:
        program, module = x.program, self.module
        widths = module.hidden_layer_sizes
        dense = module.connection == "dense"
        ends = np.cumsum(widths)
        sources = [x]
        for layer, (end, width) in enumerate(zip(ends, widths, strict=True)):
            if dense:
                # The weights of one source to all later layers stand in one matrix.
                blocks = []
                for source in range(layer + 1):
                    matrix = self._own(k, f"weights.{source}")
                    start = matrix.shape[1] - (ends[-1] - end) - width
                    blocks.append(matrix[:, start : start + width])
                matrix = np.vstack(blocks)
                seen = program.concatenate(sources)
            else:
                matrix, seen = self._own(k, f"weights.{layer}"), sources[-1]
            pre = self._normalised(
                k, layer, program.dense(seen, matrix, self._bias(k, layer))
            )
            parameters = self._activation_parameters(k, f"activations.{layer}")
            hidden = _ACTIVATIONS[module.activation_names[layer]](pre, parameters)
            if module.connection == "residual" and layer > 0:
                hidden = sources[-1] + hidden
            sources.append(hidden)
        return sources[-1]

    def _bias(self, k: int, layer: int) -> Array | None:
        if len(self.module.biases) == 0:
            return None
        if self.module.connection != "dense":
            return self._own(k, f"biases.{layer}")[0]
        widths = self.module.hidden_layer_sizes
        start = sum(widths[:layer])
        return self._own(k, "biases.0")[0, start : start + widths[layer]]

    def _normalised(self, k: int, layer: int, pre: Value) -> Value:
        if len(self.module.norms) == 0:
            return pre
        mean, variance, gain, shift = (
            self._own(k, f"norms.{layer}.{name}")[0].astype(np.float64)
            for name in ("mean", "variance", "gain", "shift")
        )
        scale = gain / np.sqrt(variance + self.module.norms[layer].eps)
        return pre * scale + (shift - mean * scale)

    def _activation_parameters(self, k: int, prefix: str) -> list[float]:
        return [
            float(self._own(k, f"{prefix}.{name}").squeeze())
            for name in ("slope", "beta")
            if f"{prefix}.{name}" in self.arrays
        ]


def _selu(x: Value, _: Sequence[float]) -> Value:
    p = x.program
    low = p.exp(p.elementwise("minimum", x, 0.0)) - 1.0
    return p.where(x > 0.0, x * SELU_SCALE, low * (SELU_SCALE * SELU_ALPHA))


def _gelu(x: Value, _: Sequence[float]) -> Value:
    erf = x.program.elementwise("error_function", x * math.sqrt(0.5))
    return x * 0.5 * (erf + 1.0)


def _softmax(x: Value, _: Sequence[float]) -> Value:
    powers = x.program.exp(x - x.program.max(x))
    return powers / x.program.sum(powers)


_ACTIVATIONS: dict[str, Callable[[Value, Sequence[float]], Value]] = {
    "relu": lambda x, _: x.program.elementwise("maximum", x, 0.0),
    "prelu": lambda x, slope: x.program.where(x > 0.0, x, x * slope[0]),
    "selu": _selu,
    "swish": lambda x, _: x * x.program.sigmoid(x),
    "swish_learnt": lambda x, beta: x * x.program.sigmoid(x * beta[0]),
    "gelu": _gelu,
    "tanh": lambda x, _: x.program.elementwise("hyperbolic_tangent", x),
    "sigmoid": lambda x, _: x.program.sigmoid(x),
    "exponential": lambda x, _: x.program.exp(x),
    "softmax": _softmax,
}
