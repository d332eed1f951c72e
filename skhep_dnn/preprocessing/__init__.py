"""Momenta and their symmetries: augmentation, alignment, Cartesian components."""

from skhep_dnn.preprocessing._augmenter import SymmetryAugmenter

__all__ = ["SymmetryAugmenter"]
