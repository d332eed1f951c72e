"""Events to work with: files of an analysis, the HiggsML data and toy generators."""

from skhep_dnn.datasets._gaussian_toy import make_gaussian_events
from skhep_dnn.datasets._higgs_toy import make_higgs_events
from skhep_dnn.datasets._higgsml import fetch_higgsml
from skhep_dnn.datasets._memory_map import (
    MappedEvents,
    memory_mapped,
    open_memory_mapped,
)
from skhep_dnn.datasets._read_events import iter_events, read_events

__all__ = [
    "MappedEvents",
    "fetch_higgsml",
    "iter_events",
    "make_gaussian_events",
    "make_higgs_events",
    "memory_mapped",
    "open_memory_mapped",
    "read_events",
]
