"""What importing the package loads, in fresh interpreters."""

import subprocess
import sys

import pytest

import skhep_dnn

ESTIMATORS = [
    "BackwardEliminationSelector",
    "BoostedDNN",
    "SymmetryAugmenter",
    "WeightedDNNClassifier",
]
SUBPACKAGES = [
    "datasets",
    "ensemble",
    "exceptions",
    "export",
    "feature_selection",
    "inspection",
    "metrics",
    "model_selection",
    "neural_network",
    "pipeline",
    "preprocessing",
    "weights",
]


def loaded_by(statement):
    """Return the top-level modules that a statement loads in a fresh interpreter."""
    show = "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import sys\n{statement}\n{show}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.split())


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import skhep_dnn", {"optuna", "matplotlib", "pooch", "skorch", "torch"}),
        (
            "import skhep_dnn.metrics",
            {"optuna", "matplotlib", "pooch", "skorch", "torch"},
        ),
        (
            "import skhep_dnn.feature_selection",
            {"optuna", "matplotlib", "pooch", "skorch", "torch"},
        ),
        (
            "import skhep_dnn.datasets, skhep_dnn.exceptions, skhep_dnn.export, "
            "skhep_dnn.inspection, skhep_dnn.pipeline, skhep_dnn.preprocessing, "
            "skhep_dnn.weights",
            {"optuna", "matplotlib", "pooch", "pyhf", "skorch", "torch"},
        ),
    ],
)
def test_import_stays_light(statement, absent):
    loaded = loaded_by(statement)
    assert "skhep_dnn" in loaded
    assert not loaded & absent


def test_names_are_loaded_on_first_use():
    uses = "\n".join(f"skhep_dnn.{name}" for name in [*SUBPACKAGES, *ESTIMATORS])
    loaded = loaded_by(f"import skhep_dnn\n{uses}")
    assert {"torch", "optuna"} <= loaded
    assert not loaded & {"matplotlib", "pooch"}


def test_what_needs_no_folds_loads_no_optuna():
    # The elimination takes its folds from the sub-package that searches.
    with_folds = {"model_selection", "BackwardEliminationSelector"}
    others = [name for name in [*SUBPACKAGES, *ESTIMATORS] if name not in with_folds]
    uses = "\n".join(f"skhep_dnn.{name}" for name in others)
    assert "optuna" not in loaded_by(f"import skhep_dnn\n{uses}")


def test_top_level_names():
    assert set(ESTIMATORS) <= set(skhep_dnn.__all__)
    for name in skhep_dnn.__all__:
        assert getattr(skhep_dnn, name) is not None
    assert {*ESTIMATORS, *SUBPACKAGES, "__version__"} <= set(dir(skhep_dnn))


def test_top_level_estimator_is_that_of_its_sub_package():
    from skhep_dnn.neural_network import WeightedDNNClassifier  # noqa: PLC0415

    assert skhep_dnn.WeightedDNNClassifier is WeightedDNNClassifier


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="'skhep_dnn' has no attribute 'Nothing'"):
        _ = skhep_dnn.Nothing
