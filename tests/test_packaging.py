"""What is declared, and what a wheel does in an environment of its own."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import metadata, version
from pathlib import Path

import pytest

import skhep_dnn

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOWER_BOUND = re.compile(r"[a-zA-Z0-9_-]+(\[[a-z]+\])?>=[0-9.]+")

FIT = """
import importlib.util
import pickle

import numpy as np

for name in ("cabinetry", "hist", "matplotlib", "pooch", "psycopg", "pyhf", "pytest"):
    assert importlib.util.find_spec(name) is None, name

import skhep_dnn
from skhep_dnn.datasets import make_gaussian_events

assert "site-packages" in skhep_dnn.__file__, skhep_dnn.__file__
events = make_gaussian_events(1000, random_state=0)
model = skhep_dnn.WeightedDNNClassifier(
    n_layers=1, width=8, max_epochs=3, random_state=0
)
model.fit(events.data, events.target, sample_weight=events.sample_weight)
copy = pickle.loads(pickle.dumps(model))
np.testing.assert_array_equal(
    copy.decision_function(events.data), model.decision_function(events.data)
)
print("fitted", skhep_dnn.__version__)
"""


def test_version():
    assert skhep_dnn.__version__ == version("skhep-dnn")
    assert re.match(r"\d+\.\d+", skhep_dnn.__version__)


def test_metadata():
    project = metadata("skhep-dnn")
    assert project["Requires-Python"] == ">=3.11"
    assert project["License-Expression"] == "BSD-3-Clause"
    extras = {"all", "automl", "data", "plot", "postgresql", "skops", "stats"}
    assert set(project.get_all("Provides-Extra")) == extras


def test_dependencies_have_lower_bounds_and_nothing_else():
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    groups = PROJECT["dependency-groups"]
    requirements = [
        *project["dependencies"],
        *(r for name in extras if name != "all" for r in extras[name]),
        *(r for group in groups.values() for r in group if isinstance(r, str)),
    ]
    for requirement in requirements:
        assert LOWER_BOUND.fullmatch(requirement), requirement


def test_extra_all_holds_all_extras_but_automl_which_brings_forty_libraries():
    extras = PROJECT["project"]["optional-dependencies"]
    (everything,) = extras["all"]
    named = re.fullmatch(r"skhep-dnn\[([a-z,]+)\]", everything)[1].split(",")
    assert set(named) == set(extras) - {"all", "automl"}


def test_benchmarks_are_in_the_source_distribution_and_not_in_the_wheel():
    targets = PROJECT["tool"]["hatch"]["build"]["targets"]
    assert targets["wheel"]["packages"] == ["skhep_dnn"]
    contents = targets["sdist"]["include"]
    assert {"benchmarks", "examples", "tests"} <= set(contents)
    for path in contents:
        assert (ROOT / path).exists(), path


def test_every_pip_call_of_the_makefile_is_constrained():
    lines = (ROOT / "Makefile").read_text().splitlines()
    calls = [line for line in lines if re.search(r"\bpip install\b", line)]
    assert len(calls) == 1
    assert calls[0].startswith("PIP :=")
    assert "-c constraints.txt" in calls[0]


def run(*command, cwd=ROOT):
    """Run a command and return its output; show it if the command fails."""
    # The interpreter must find the installed wheel, not this checkout.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Path of the wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT)
    (path,) = folder.glob("skhep_dnn-*.whl")
    return path


@pytest.mark.slow
def test_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "skhep_dnn/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"skhep_dnn"}
    page = {f"skhep_dnn/inspection/_report/page.{kind}" for kind in ("css", "js")}
    assert page <= set(names)
    modules = {str(p.relative_to(ROOT)) for p in (ROOT / "skhep_dnn").rglob("*.py")}
    assert modules <= set(names)


@pytest.mark.slow
def test_wheel_fits_with_the_run_time_dependencies_alone(wheel, tmp_path):
    run(sys.executable, "-m", "venv", tmp_path / "env")
    python = tmp_path / "env" / "bin" / "python"
    pins = ROOT / "constraints.txt"
    run(python, "-m", "pip", "install", "-q", "-c", pins, wheel)
    assert run(python, "-W", "error", "-c", FIT, cwd=tmp_path).startswith("fitted")
