"""Events to work with: the HiggsML data and toy generators."""

from skhep_dnn.datasets._gaussian_toy import make_gaussian_events
from skhep_dnn.datasets._higgs_toy import make_higgs_events
from skhep_dnn.datasets._higgsml import fetch_higgsml

__all__ = ["fetch_higgsml", "make_gaussian_events", "make_higgs_events"]
