"""Neural networks for weighted events."""

from skhep_dnn.neural_network._classifier import WeightedDNNClassifier

__all__ = ["WeightedDNNClassifier"]
