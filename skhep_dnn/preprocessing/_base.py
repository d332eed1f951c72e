"""What the transformers of momenta share: they show which momenta they use."""

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags

from skhep_dnn._sklearn import _VisualBlock
from skhep_dnn.preprocessing._momenta import Momentum

__all__ = ["MomentumTransformer"]


class MomentumTransformer(TransformerMixin, BaseEstimator):
    """Transformer with momenta, which are shown once they are known.

    Attributes
    ----------
    momenta_ : list of Momentum
        The momenta with the names and positions of their columns.
    """

    momenta_: list[Momentum]

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:  # scikit-learn's signature
        text: str = super().__repr__(N_CHAR_MAX)
        return f"{text}\n{self._shown()}" if hasattr(self, "momenta_") else text

    def _sk_visual_block_(self) -> _VisualBlock:
        caption = self._shown() if hasattr(self, "momenta_") else None
        name = type(self).__name__
        return _VisualBlock(
            "single", self, names=name, name_details=repr(self), name_caption=caption
        )

    def _shown(self) -> str:
        return f"momenta: {', '.join(map(str, self.momenta_))}"

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
