"""How many numbers stand for the value of one numeric column, and which."""

from dataclasses import dataclass
from numbers import Integral, Real

__all__ = [
    "EMBEDDINGS",
    "NumericEmbedding",
    "PeriodicEmbedding",
    "PiecewiseLinearEmbedding",
    "named_embedding",
]


def _check_least(name: str, value: object, least: int) -> None:
    if not isinstance(value, Integral) or value < least:
        msg = f"`{name}` must be an int from {least}, got {value!r}. Raise it."
        raise ValueError(msg)


@dataclass(frozen=True)
class PeriodicEmbedding:
    r"""Numbers from waves over the scaled value of a column.

    A column :math:`x` enters the network as itself, times the learnt factor where there
    is one, and as weighted sums of cosines of it, the densely connected form of [2]_:

    .. math::
        \Bigl(x,\; \sum_k w_{jk} \cos(2 \pi f_k x + b_k) + c_j \Bigr) ,
        \quad j = 2, \dots, \mathrm{size} .

    Frequencies, phases and weights belong to a column and are learnt. The waves see
    values of at most 5 scaled units, so that no outlier runs through many periods.

    The waves of a column begin with typical frequencies from `frequency_scale /
    frequency_spread` to `frequency_scale * frequency_spread`, each the same multiple of
    the one before, and with weights that fall as one over them, as those of a function
    do whose slope is limited. Slow waves are what most columns need; quick ones are low
    enough not to disturb them, and grow where there are steps.

    Parameters
    ----------
    size : int, default=4
        Numbers that stand for a value, itself included.
    n_frequencies : int, default=8
        Waves of a column.
    frequency_scale : float, default=0.2
        Standard deviation of the initial frequencies, in periods for each scaled unit:
        the geometric mean of those of all waves.
    frequency_spread : float, default=4.0
        By how much the highest of these standard deviations is above `frequency_scale`,
        and the lowest below it; 1 is the form of [2]_, in which all are equal.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    See Also
    --------
    PiecewiseLinearEmbedding : The other kind.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev, A. Babenko, "On embeddings for numerical features
       in tabular deep learning", arXiv:2203.05556, Sec. 3.3.
    .. [2] D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by default: strong
       pre-tuned MLPs and boosted trees on tabular data", arXiv:2407.04491, Sec. 3.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.neural_network import PeriodicEmbedding
    >>> model = WeightedDNNClassifier(numeric_embedding=PeriodicEmbedding(size=3))
    """

    size: int = 4
    n_frequencies: int = 8
    frequency_scale: float = 0.2
    frequency_spread: float = 4.0

    def __post_init__(self) -> None:
        """Refuse parameters where they are written."""
        _check_least("size", self.size, 2)
        _check_least("n_frequencies", self.n_frequencies, 1)
        scale, spread = self.frequency_scale, self.frequency_spread
        if not isinstance(scale, Real) or not 0.0 < scale < float("inf"):
            msg = (
                f"`frequency_scale` must be positive and finite, got {scale!r}. "
                "Correct it."
            )
            raise ValueError(msg)
        if not isinstance(spread, Real) or not 1.0 <= spread < float("inf"):
            msg = (
                f"`frequency_spread` must be a finite number from 1, got {spread!r}. "
                "Correct it."
            )
            raise ValueError(msg)

    @property
    def frequency_scales(self) -> tuple[float, ...]:
        """Standard deviation of the initial frequency of each wave, rising."""
        n = self.n_frequencies
        powers = [0.0] if n == 1 else [2.0 * k / (n - 1) - 1.0 for k in range(n)]
        return tuple(self.frequency_scale * self.frequency_spread**p for p in powers)

    @property
    def n_terms(self) -> int:
        """Functions of a value that are summed up."""
        return self.n_frequencies

    @property
    def n_parameters(self) -> int:
        """Parameters of one column."""
        return 2 * self.n_frequencies + (self.n_frequencies + 1) * (self.size - 1)


@dataclass(frozen=True)
class PiecewiseLinearEmbedding:
    r"""Numbers from the place of a value among the quantiles of its column.

    A column :math:`x` enters the network as itself, times the learnt factor where there
    is one, and as weighted sums over its bins, in which a value has run through a share
    of each:

    .. math::
        \Bigl(x,\; \sum_t w_{jt}\, \min\bigl(1, \max\bigl(0,
        \frac{x - q_{t-1}}{q_t - q_{t-1}}\bigr)\bigr) + c_j \Bigr) ,
        \quad j = 2, \dots, \mathrm{size} .

    The edges :math:`q_t` are quantiles of the training events, by the absolute values
    of their weights; the weights of the sums are learnt.

    Parameters
    ----------
    size : int, default=4
        Numbers that stand for a value, itself included.
    n_bins : int, default=16
        Bins of a column; less where quantiles are equal.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    See Also
    --------
    PeriodicEmbedding : The other kind.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev, A. Babenko, "On embeddings for numerical features
       in tabular deep learning", arXiv:2203.05556, Sec. 3.2.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.neural_network import PiecewiseLinearEmbedding
    >>> model = WeightedDNNClassifier(
    ...     numeric_embedding=PiecewiseLinearEmbedding(n_bins=8)
    ... )
    """

    size: int = 4
    n_bins: int = 16

    def __post_init__(self) -> None:
        """Refuse parameters where they are written."""
        _check_least("size", self.size, 2)
        _check_least("n_bins", self.n_bins, 2)

    @property
    def n_terms(self) -> int:
        """Functions of a value that are summed up."""
        return self.n_bins

    @property
    def n_parameters(self) -> int:
        """Parameters of one column."""
        return (self.n_bins + 1) * (self.size - 1)


NumericEmbedding = PeriodicEmbedding | PiecewiseLinearEmbedding

EMBEDDINGS: dict[str, NumericEmbedding] = {
    "periodic": PeriodicEmbedding(),
    "piecewise_linear": PiecewiseLinearEmbedding(),
}


def named_embedding(value: str | NumericEmbedding | None) -> NumericEmbedding | None:
    """Return the embedding that a name stands for, and an embedding as it is."""
    if value is None or isinstance(value, NumericEmbedding):
        return value
    if not isinstance(value, str):
        msg = (
            "`numeric_embedding` must be a name, an embedding or None, got "
            f"{value!r}. Pass a `PeriodicEmbedding` or a `PiecewiseLinearEmbedding`."
        )
        raise TypeError(msg)
    if value not in EMBEDDINGS:
        msg = (
            f"`numeric_embedding` must be among {list(EMBEDDINGS)!r} if it is a name, "
            f"got {value!r}. Choose one of them."
        )
        raise ValueError(msg)
    return EMBEDDINGS[value]
