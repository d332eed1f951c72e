"""Torch modules with a member axis."""
