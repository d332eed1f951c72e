"""Events to work with: the HiggsML data, toy generators, and files that are mapped."""

from skhep_dnn.datasets._gaussian_toy import make_gaussian_events
from skhep_dnn.datasets._higgs_toy import make_higgs_events
from skhep_dnn.datasets._higgsml import fetch_higgsml
from skhep_dnn.datasets._memory_map import (
    MappedEvents,
    memory_mapped,
    open_memory_mapped,
)

__all__ = [
    "MappedEvents",
    "fetch_higgsml",
    "make_gaussian_events",
    "make_higgs_events",
    "memory_mapped",
    "open_memory_mapped",
]
