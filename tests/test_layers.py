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
    "_messages": 0,
    "_optional": 0,
    "_sklearn": 0,
    "_warnings": 0,
    "_whole_file": 0,
    "_logits": 1,
    "_arrays": 1,
    "_column_checks": 1,
    "_event_sample": 1,
    "_fit_arguments": 1,
    "_fit_tasks": 1,
    "_native_methods": 1,
    "_present_events": 1,
    "_fold_numbers": 1,
    "_learnt_table": 1,
    "_responses": 1,
    "_signal_label": 1,
    "_tables": 1,
    "_told_columns": 1,
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

# Inside of neural_network, from the ground up: what a user passes, torch modules, the
# engine, the way from tables to members, and the classifier with what stands on it.
FLOORS = {
    "_activations": 0,
    "_averaging": 0,
    "_feature_split": 0,
    "_numeric_embedding": 0,
    "_losses": 0,
    "_optimizers": 0,
    "_schedules": 0,
    "_snapshots": 0,
    "_networks": 1,
    "_engine": 2,
    "_preparation": 3,
    "_html_diagram": 4,
    "_parameter_checks": 4,
    "_refined_weights": 4,
    "_classifier": 5,
    "_fit_together": 6,
    "_fit_with_offset": 6,
    "_input_numbers": 6,
    "_learning_rate_range": 6,
    "_member_predictions": 6,
    "_reliance": 6,
}
NOT_IN_THE_ENGINE = {"pandas", "sklearn"}

# Third-party packages that one sub-package alone may import.
OWNERS = {
    "torch": {"neural_network"},
    "skorch": {"neural_network"},
    "optuna": {"model_selection"},
    "optuna_integration": {"model_selection"},
    "matplotlib": {"inspection"},
    "awkward": {"datasets", "export"},
    "h5py": {"datasets", "export"},
    "pyarrow": {"datasets", "export"},
    "uproot": {"datasets", "export"},
    "hist": {"export"},
    "onnx": {"export"},
    "onnxruntime": {"export"},
    "pyhf": {"export"},
    "skl2onnx": {"export"},
    "skops": {"export"},
    "lightgbm": {"model_selection"},
    "xgboost": {"model_selection"},
    "catboost": {"model_selection"},
    "supervised": {"model_selection"},
    "autogluon": {"model_selection"},
}


OPTIONAL = {
    *("awkward", "h5py", "hist", "matplotlib", "pooch", "pyarrow", "pyhf", "uproot")
}


class Import(NamedTuple):
    """One imported name, with the place of the import statement."""

    line: int
    module: str
    name: str | None
    in_function: bool
    for_types_only: bool


IMPORTING = {"import_extra", "import_optional"}


def called(node):
    """Return the name of the function of a call, if it has one."""
    return node.func.id if isinstance(node.func, ast.Name) else ""


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
        elif isinstance(node, ast.Call) and called(node) in IMPORTING:
            # The first argument is the library, where it is written out.
            names = [
                arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)
            ]
            found.extend(
                Import(node.lineno, name, None, in_function, for_types_only)
                for name in names
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


def modules_inside(folder):
    return [
        pytest.param(parts[1:], imports, id=name)
        for name, parts, imports in MODULES
        if parts[:1] == (folder,) and len(parts) > 1
    ]


@pytest.mark.parametrize(("parts", "imports"), modules_inside("neural_network"))
def test_imports_inside_of_neural_network_point_to_a_lower_floor(parts, imports):
    assert parts[0] in FLOORS
    for statement in imports:
        target = statement.module.split(".")
        if target[:2] != ["skhep_dnn", "neural_network"]:
            continue
        place = f"line {statement.line}: {statement.module}"
        floor = FLOORS[[*target, statement.name][2]]
        # The parts of a folder see each other; what users pass, and what stands beside
        # each other above the folders, does not.
        same_folder = target[2] == parts[0]
        assert floor < FLOORS[parts[0]] or same_folder, place


@pytest.mark.parametrize(("parts", "imports"), modules_inside("neural_network"))
def test_the_engine_knows_neither_tables_nor_estimators(parts, imports):
    if parts[0] in {"_networks", "_engine"}:
        loaded = {statement.module.split(".")[0] for statement in imports}
        assert not loaded & NOT_IN_THE_ENGINE


def imported_modules(imports, known):
    """Return the modules of the package that some statements import."""
    found = set()
    for statement in imports:
        parts = tuple(statement.module.split("."))[1:]
        if statement.module.split(".")[0] == "skhep_dnn":
            # `from package import name` imports a module or a name of the package.
            longer = (*parts, statement.name)
            found.add(longer if longer in known else parts)
    return found & known


def circles(graph):
    """Return what is left of a graph when all that imports no circle is taken away."""
    left = {node: set(targets) for node, targets in graph.items()}
    while True:
        done = {node for node, targets in left.items() if not targets}
        if not done:
            return left
        left = {n: targets - done for n, targets in left.items() if n not in done}


def test_no_circle_of_imports():
    # The top level imports its estimators for the type checker alone.
    known = {parts for _, parts, _ in MODULES if parts}
    graph = {
        parts: imported_modules(imports, known) - {parts}
        for _, parts, imports in MODULES
        if parts
    }
    assert len(graph) > 100
    assert not circles(graph)


def test_a_circle_of_imports_is_found():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"c"}, "e": set()}
    assert set(circles(graph)) == {"a", "b", "c", "d"}


@pytest.mark.parametrize("name", [name for name, _, _ in MODULES])
def test_no_module_has_a_name_that_pytest_takes_for_a_test(name):
    stem = Path(name).name
    assert not stem.startswith("test_")
    assert not stem.endswith("_test")


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
        if statement.module.split(".")[0] in OPTIONAL:
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
    uproot = import_optional("uproot", "read", "root")
    library = import_optional(name, "read", "root")
"""
    assert imports_of(ast.parse(source)) == [
        Import(2, "torch.nn", None, in_function=False, for_types_only=False),
        Import(4, "skorch", "NeuralNet", in_function=False, for_types_only=True),
        Import(
            6, "sklearn.utils", "_safe_indexing", in_function=True, for_types_only=False
        ),
        Import(7, "uproot", None, in_function=True, for_types_only=False),
    ]
