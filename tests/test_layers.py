"""The layers of the package: a module imports from its own layer or a lower one.

The imports are read from the source, those inside functions and those for the type
checker included, so that nothing has to be installed or run to hold the rule.
"""

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

import skhep_dnn

PACKAGE = Path(skhep_dnn.__file__).parent

# The first component below the package, with the layers of pieces still to come.
LAYERS = {
    "exceptions": 0,
    "_sklearn": 0,
    "_warnings": 0,
    "_logits": 1,
    "_event_sample": 1,
    "_tables": 1,
    "_validation": 1,
    "_weighted_steps": 1,
    "weights": 1,
    "pipeline": 1,
    "_expressions": 1,
    "metrics": 2,
    "datasets": 2,
    "preprocessing": 2,
    "neural_network": 3,
    "ensemble": 4,
    "feature_selection": 4,
    "model_selection": 4,
    "inspection": 5,
    "export": 5,
    "workflow": 6,
}

# Third-party packages that one sub-package alone may import.
OWNERS = {
    "torch": {"neural_network"},
    "skorch": {"neural_network"},
    "optuna": {"model_selection"},
    "optuna_integration": {"model_selection"},
    "matplotlib": {"inspection"},
}


class Import(NamedTuple):
    """One imported name, with the place of the import statement."""

    line: int
    module: str
    name: str | None
    in_function: bool
    for_types_only: bool


def imports_of(tree):
    """Return all imports of a module."""
    found = []

    def visit(node, in_function, for_types_only):
        if isinstance(node, ast.Import):
            found.extend(
                Import(node.lineno, alias.name, None, in_function, for_types_only)
                for alias in node.names
            )
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            found.extend(
                Import(
                    node.lineno, node.module, alias.name, in_function, for_types_only
                )
                for alias in node.names
            )
        in_function = in_function or isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
        )
        guarded = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for child in ast.iter_child_nodes(node):
            visit(child, in_function, for_types_only or guarded)

    visit(tree, in_function=False, for_types_only=False)
    return found


def modules():
    """Return path, dotted components and imports of every module."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE).with_suffix("")
        parts = tuple(part for part in relative.parts if part != "__init__")
        found.append((str(relative), parts, imports_of(ast.parse(path.read_text()))))
    return found


MODULES = modules()
EVERY_MODULE = pytest.mark.parametrize(
    ("parts", "imports"),
    [pytest.param(parts, imports, id=name) for name, parts, imports in MODULES],
)


def test_every_module_has_a_layer():
    components = {parts[0] for _, parts, _ in MODULES if parts}
    assert components <= set(LAYERS)
    assert {"metrics", "neural_network", "weights"} <= components


@EVERY_MODULE
def test_imports_point_to_the_same_or_a_lower_layer(parts, imports):
    # The top level imports its estimators by name, for the type checker alone.
    layer = LAYERS[parts[0]] if parts else -1
    for statement in imports:
        if statement.module.split(".")[0] != "skhep_dnn":
            continue
        if not parts and statement.for_types_only:
            continue
        target = statement.module.split(".")[1:] or [statement.name]
        assert target[0] in LAYERS, f"line {statement.line}: {statement.module}"
        assert LAYERS[target[0]] <= layer, f"line {statement.line}: {statement.module}"


@EVERY_MODULE
def test_each_heavy_dependency_has_one_owner(parts, imports):
    component = parts[0] if parts else ""
    for statement in imports:
        owners = OWNERS.get(statement.module.split(".")[0])
        assert owners is None or component in owners, (
            f"line {statement.line}: {statement.module} outside {sorted(owners)}"
        )


@EVERY_MODULE
def test_optional_dependencies_are_imported_where_they_are_needed(parts, imports):
    for statement in imports:
        if statement.module.split(".")[0] in {"matplotlib", "pooch"}:
            assert statement.in_function or statement.for_types_only, (
                f"line {statement.line}: {statement.module} at the top of the module"
            )


@EVERY_MODULE
def test_private_names_of_scikit_learn_have_one_door(parts, imports):
    if parts == ("_sklearn",):
        return
    for statement in imports:
        path = [*statement.module.split("."), statement.name or ""]
        if path[0] == "sklearn":
            assert not any(part.startswith("_") for part in path), (
                f"line {statement.line}: {'.'.join(path)} outside _sklearn.py"
            )


def test_the_reader_of_imports_sees_all_kinds():
    source = """
import torch.nn
if TYPE_CHECKING:
    from skorch import NeuralNet
def f():
    from sklearn.utils import _safe_indexing
"""
    assert imports_of(ast.parse(source)) == [
        Import(2, "torch.nn", None, in_function=False, for_types_only=False),
        Import(4, "skorch", "NeuralNet", in_function=False, for_types_only=True),
        Import(
            6, "sklearn.utils", "_safe_indexing", in_function=True, for_types_only=False
        ),
    ]
