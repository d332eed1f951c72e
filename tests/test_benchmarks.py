"""Every benchmark runs: `--quick`, with a table and one line of JSON."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

BENCHMARKS = sorted((Path(__file__).parents[1] / "benchmarks").glob("bench_*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("script", BENCHMARKS, ids=lambda path: path.stem)
def test_benchmark_runs(script):
    if script.stem == "bench_quality" and find_spec("lightgbm") is None:
        pytest.skip("LightGBM, a peer of this benchmark, is in the group `bench` only")
    command = [sys.executable, str(script), "--quick"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    line = json.loads(result.stdout.splitlines()[-1])
    assert line["benchmark"]
