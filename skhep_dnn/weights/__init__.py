r"""Event-weight arithmetic: from physics weights to training weights.

The *physics* weight of an event (cross-section times luminosity times corrections) is
what yields, significances and validation losses are made of; it may be negative. The
*training* weight is derived from it, in one declared order: events of weight zero are
dropped, the policy for negative weights is applied, weights are capped, the classes
balanced, the signal scaled, and one constant makes the mean :math:`|w|` equal to one.
"""

from skhep_dnn.weights._prior import to_physical_prior
from skhep_dnn.weights._scheme import ClassWeight, NegativeWeights
from skhep_dnn.weights._training import (
    TrainingWeights,
    training_weights,
    validation_weights,
)
from skhep_dnn.weights._yields import effective_sample_size, scale_to_yields

__all__ = [
    "ClassWeight",
    "NegativeWeights",
    "TrainingWeights",
    "effective_sample_size",
    "scale_to_yields",
    "to_physical_prior",
    "training_weights",
    "validation_weights",
]
