"""Neural networks for weighted events."""

from skhep_dnn.neural_network._architecture import count_parameters
from skhep_dnn.neural_network._classifier import WeightedDNNClassifier
from skhep_dnn.neural_network._schedules import OneCycle

__all__ = ["OneCycle", "WeightedDNNClassifier", "count_parameters"]
