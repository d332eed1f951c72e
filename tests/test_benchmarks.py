"""Every benchmark runs: `--quick`, with a table and one line of JSON."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
BENCHMARKS = [*sorted(FOLDER.glob("bench_*.py")), FOLDER / "defaults.py"]
PEERS = {"bench_quality": "lightgbm", "bench_public_data": "plotnine"}


@pytest.mark.slow
@pytest.mark.parametrize("script", BENCHMARKS, ids=lambda path: path.stem)
def test_benchmark_runs(script):
    peer = PEERS.get(script.stem)
    if peer is not None and find_spec(peer) is None:
        pytest.skip(f"{peer}, which this benchmark needs, is in the group `bench` only")
    command = [sys.executable, str(script), "--quick"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    *table, last = result.stdout.splitlines()
    assert len(table) > 1
    assert json.loads(last)["benchmark"]
