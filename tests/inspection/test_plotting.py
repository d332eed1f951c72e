import subprocess
import sys

import pytest

CHECK_IMPORTS = """
import sys
import skhep_dnn.inspection
loaded = {"matplotlib", "torch"} & set(sys.modules)
sys.exit(f"loaded: {loaded}" if loaded else 0)
"""
DRAW_WITHOUT = """
import sys
sys.modules["matplotlib"] = None
from skhep_dnn.inspection import *
displays = (
    lambda: DiscriminantDisplay.from_predictions([0, 1], [0.1, 0.9]),
    lambda: WeightedRocCurveDisplay.from_predictions([0, 1], [0.1, 0.9], n_replicas=0),
    lambda: SignificanceScanDisplay.from_predictions([0, 1], [0.1, 0.9]),
)
for draw in displays:
    try:
        draw()
    except ImportError as error:
        sys.stdout.write(f"{error}\\n")
"""


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )


def test_import_loads_neither_matplotlib_nor_torch():
    result = run(CHECK_IMPORTS)
    assert result.returncode == 0, result.stderr


def test_missing_matplotlib_is_named_with_its_remedy():
    lines = run(DRAW_WITHOUT).stdout.splitlines()
    assert len(lines) == 3
    assert lines[0] == (
        "`DiscriminantDisplay.plot` must have matplotlib, got none installed. Run "
        '`pip install "skhep-dnn[plot]"`.'
    )


def test_names_are_sorted_and_exported():
    inspection = pytest.importorskip("skhep_dnn.inspection")
    assert inspection.__all__ == sorted(inspection.__all__)
    assert all(hasattr(inspection, name) for name in inspection.__all__)
