"""What tests, and the examples in docstrings and pages, leave behind: no figures."""

import sys

import pytest


@pytest.fixture(autouse=True)
def closed_figures():
    """Close what has been drawn, which nothing but pyplot keeps alive."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
