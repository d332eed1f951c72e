"""Momenta and their symmetries: augmentation, alignment, Cartesian components."""

from skhep_dnn.preprocessing._aligner import SymmetryAligner
from skhep_dnn.preprocessing._augmenter import SymmetryAugmenter
from skhep_dnn.preprocessing._cartesian import CartesianMomenta
from skhep_dnn.preprocessing._symmetry_check import SymmetryCheck, SymmetryTest

__all__ = [
    "CartesianMomenta",
    "SymmetryAligner",
    "SymmetryAugmenter",
    "SymmetryCheck",
    "SymmetryTest",
]
