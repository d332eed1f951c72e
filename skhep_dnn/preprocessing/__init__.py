"""Momenta and their symmetries: augmentation, alignment, invariants, components."""

from skhep_dnn.preprocessing._aligner import SymmetryAligner
from skhep_dnn.preprocessing._augmenter import SymmetryAugmenter
from skhep_dnn.preprocessing._cartesian import CartesianMomenta
from skhep_dnn.preprocessing._invariants import InvariantFeatures
from skhep_dnn.preprocessing._symmetry_tests import SymmetryCheck, SymmetryTest

__all__ = [
    "CartesianMomenta",
    "InvariantFeatures",
    "SymmetryAligner",
    "SymmetryAugmenter",
    "SymmetryCheck",
    "SymmetryTest",
]
