"""A Python with the real ROOT, for oracles: that of a variable, or the running one."""

import json
import os
import subprocess
import sys

import pytest

VARIABLE = "SKHEP_DNN_ROOT_PYTHON"  # path of an interpreter that has ROOT


def run_in_root(code, **values):
    """Run code where ROOT can be imported, and return what it leaves in `result`.

    The test is skipped where there is no ROOT. The code finds the values by name; they
    and the result are passed as JSON, which keeps every bit of a float.
    """
    python = os.environ.get(VARIABLE, sys.executable)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def run(text):
        return subprocess.run(
            [python, "-W", "ignore", "-c", text],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )

    if run("import ROOT").returncode:
        pytest.skip(f"{python} has no ROOT (set {VARIABLE})")
    program = (
        "import json, ROOT\n"
        f"globals().update(json.loads({json.dumps(values)!r}))\n"
        f"{code}\n"
        'print("RESULT" + json.dumps(result))\n'
    )
    done = run(program)
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [k for k in done.stdout.splitlines() if k.startswith("RESULT")]
    return json.loads(line.removeprefix("RESULT"))
