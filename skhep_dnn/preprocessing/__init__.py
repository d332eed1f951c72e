"""Momenta and their symmetries: augmentation, alignment, Cartesian components."""

__all__: list[str] = []
