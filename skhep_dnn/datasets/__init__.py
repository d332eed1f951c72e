"""Placeholder while the sub-package is written."""
