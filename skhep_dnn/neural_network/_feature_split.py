"""Which features take a path of their own through a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["FeatureSplit", "Kind"]

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
    ...     scale_learning_rate=None,
    ...     numeric_embedding=None,
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
