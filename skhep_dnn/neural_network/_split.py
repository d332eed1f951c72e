"""Networks whose features take two paths: a deep block and a single wide layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from skhep_dnn.neural_network._activations import ACTIVATIONS
from skhep_dnn.neural_network._initial import normal

__all__ = ["FeatureSplit", "SplitBlocks", "SplitLayout"]

Kind = Literal["full", "bottleneck", "semi"]


@dataclass(frozen=True)
class FeatureSplit:
    """Split of the features between the hidden layers and a single wide layer.

    The output layer sees the last hidden layer and the wide layer side by side. So
    high-level features, which need little processing, have a path of their own, and
    the share of each path in the logit can be read off.

    Parameters
    ----------
    wide : sequence of str or int
        Columns, by name or position, that pass through the wide layer.
    kind : {"full", "bottleneck", "semi"}, default="full"
        What the hidden layers see: the other columns; those and, through a bottleneck
        of one neuron, the wide ones, as the wide layer sees the others through another
        bottleneck; or all columns.
    width : int, default=50
        Outputs of the wide layer.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    .. [1] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, App. A.
    .. [2] H.-T. Cheng et al., "Wide & deep learning for recommender systems",
       arXiv:1606.07792.

    Examples
    --------
    The semi-split network of [1]_, with the derived features of the HiggsML events:

    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_higgs_events
    >>> from skhep_dnn.neural_network import FeatureSplit
    >>> events = make_higgs_events(500, random_state=0)
    >>> derived = [name for name in events.data if name.startswith("DER")]
    >>> model = WeightedDNNClassifier(
    ...     n_layers=6,
    ...     width=33,
    ...     feature_groups=FeatureSplit(derived, kind="semi"),
    ...     max_epochs=1,
    ...     random_state=0,
    ... )
    >>> model = model.fit(events.data, events.target, events.sample_weight)
    >>> model.n_parameters_
    23257
    """

    wide: Sequence[str | int]
    kind: Kind = "full"
    width: int = 50

    def __post_init__(self) -> None:
        """Refuse parameters where they are written."""
        if self.kind not in ("full", "bottleneck", "semi"):
            msg = (
                f'`kind` must be "full", "bottleneck" or "semi", got {self.kind!r}. '
                "Choose one of them."
            )
            raise ValueError(msg)
        if self.width < 1 or len(self.wide) == 0:
            msg = (
                "`wide` must name columns and `width` be 1 or more, got "
                f"{list(self.wide)!r} and {self.width!r}. Correct them."
            )
            raise ValueError(msg)


class SplitLayout(NamedTuple):
    """Where the features of both paths lie among the embedded inputs.

    Attributes
    ----------
    kind : {"full", "bottleneck", "semi"}
        What the hidden layers see.
    deep, wide : tuple of int
        Positions of the features that are the paths' own.
    width : int
        Outputs of the wide layer.
    activation : str
        Activation of the wide layer and of the bottlenecks.
    """

    kind: Kind
    deep: tuple[int, ...]
    wide: tuple[int, ...]
    width: int
    activation: str


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
        self.register_buffer("deep", torch.tensor(layout.deep), persistent=False)
        self.register_buffer("wide", torch.tensor(layout.wide), persistent=False)
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
            torch.zeros(n_members, 1, n_out) for _, n_out in shapes
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
