"""Networks whose features take two paths: a deep block and a single wide layer."""

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor, nn

from skhep_dnn.neural_network._activations import ACTIVATIONS
from skhep_dnn.neural_network._networks.layers import normal
from skhep_dnn.neural_network._networks.shapes import SplitLayout

__all__ = ["SplitBlocks"]


class SplitBlocks(nn.Module):
    """The wide layer and the bottlenecks of networks with two paths.

    **Shape:** embedded inputs `(n_members, n_batch, n_inputs)` to the inputs of the
    hidden layers `(n_members, n_batch, n_deep)` and the outputs of the wide layer
    `(n_members, n_batch, width)`.

    Parameters
    ----------
    layout : SplitLayout
        The paths.
    generators : sequence of torch.Generator
        One for each member, for its initial weights.
    """

    deep: Tensor
    wide: Tensor

    def __init__(
        self, layout: SplitLayout, generators: Sequence[torch.Generator]
    ) -> None:
        super().__init__()
        self.layout = layout
        n_members = len(generators)
        for name in ("deep", "wide"):
            places = torch.tensor(getattr(layout, name), dtype=torch.int64)
            self.register_buffer(name, places, persistent=False)
        shapes = [(self._n_wide, layout.width)]
        if layout.kind == "bottleneck":
            shapes += [(len(layout.deep), 1), (len(layout.wide), 1)]
        rule = ACTIVATIONS[layout.activation]
        self.activations = nn.ModuleList(rule.make(n_members) for _ in shapes)
        self.weights = nn.ParameterList(
            normal((n_in, n_out), sqrt(rule.variance(n_in, n_out)), generators)
            for n_in, n_out in shapes
        )
        self.biases = nn.ParameterList(
            torch.zeros(n_members, 1, n_out, dtype=torch.float32) for _, n_out in shapes
        )

    @property
    def n_deep(self) -> int:
        """Number of inputs of the hidden layers."""
        return len(self.layout.deep) + (self.layout.kind == "bottleneck")

    @property
    def _n_wide(self) -> int:
        return len(self.layout.wide) + (self.layout.kind == "bottleneck")

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the hidden layers see, and what the wide layer says."""
        deep, wide = x[..., self.deep], x[..., self.wide]
        if self.layout.kind == "bottleneck":
            low, high = self.bottlenecks(x)
            deep, wide = torch.cat([deep, high], 2), torch.cat([wide, low], 2)
        return deep, self._layer(0, wide)

    def bottlenecks(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs of the bottlenecks of the deep and of the wide columns."""
        return self._layer(1, x[..., self.deep]), self._layer(2, x[..., self.wide])

    def _layer(self, k: int, x: Tensor) -> Tensor:
        pre = torch.baddbmm(self.biases[k], x, self.weights[k])
        hidden: Tensor = self.activations[k](pre)
        return hidden
