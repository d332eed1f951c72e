"""Every public name is documented: valid, complete, with an example and an entry."""

import ast
import dataclasses
import importlib
import inspect
import math
import re
import sys
from pathlib import Path

import pytest
from numpydoc.docscrape import ClassDoc, FunctionDoc
from numpydoc.validate import validate

import skhep_dnn

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"
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
IGNORED = {
    "ES01",  # one line is often enough
    "EX01",  # examples are asked for below, of functions and classes
    "PR01",  # parameters are compared below; dataclasses list theirs as attributes
    "RT02",  # returned values are named, as the house style has it
    "RT03",  # "self : Estimator" says it all
    "SA01",  # a See Also section stands where there is something else to see
    "SS05",  # functions are described by what they return: "Physics weights ..."
}


def public_names():
    """Return the dotted path of every public name, and the object."""
    found = {}
    for package in SUBPACKAGES:
        module = importlib.import_module(f"skhep_dnn.{package}")
        for name in module.__all__:
            found[f"skhep_dnn.{package}.{name}"] = getattr(module, name)
    return found


def methods_of(path, cls):
    """Return the dotted path of every public method and property of a class.

    Those of a base in this package are documented with the class, too.
    """
    own = [base for base in cls.__mro__ if base.__module__.startswith("skhep_dnn.")]
    members = {k: v for base in reversed(own) for k, v in vars(base).items()}
    return {
        f"{path}.{name}": member
        for name, member in members.items()
        if not name.startswith("_")
        and isinstance(member, property | classmethod | staticmethod | type(methods_of))
    }


PUBLIC = public_names()
DOCUMENTED = {
    path: item
    for path, item in PUBLIC.items()
    if inspect.isclass(item) or inspect.isfunction(item)
}
METHODS = {
    path: method
    for cls_path, cls in DOCUMENTED.items()
    if inspect.isclass(cls)
    for path, method in methods_of(cls_path, cls).items()
}
CALLABLES = {
    path: item.__func__ if isinstance(item, classmethod | staticmethod) else item
    for path, item in {**DOCUMENTED, **METHODS}.items()
    if not isinstance(item, property)
    and not (inspect.isclass(item) and issubclass(item, Exception))
}


def documented_parameters(item):
    """Return name and type text of all documented parameters."""
    doc = ClassDoc(item) if inspect.isclass(item) else FunctionDoc(item)
    sections = [*doc["Parameters"], *doc["Other Parameters"]]
    if dataclasses.is_dataclass(item) and not sections:
        fields = {field.name for field in dataclasses.fields(item)}
        sections = [p for p in doc["Attributes"] if set(names_of(p)) <= fields]
    return {name: p.type for p in sections for name in names_of(p)}


def names_of(parameter):
    """Return the names that share one entry of a docstring."""
    return [name.strip().lstrip("*") for name in parameter.name.split(",")]


def signature_parameters(item):
    """Return the parameters of a function or constructor, without `self`."""
    parameters = inspect.signature(item).parameters
    return {k: v for k, v in parameters.items() if k not in {"self", "cls"}}


def value_of(text, item):
    """Return the value of a default as it is written in a docstring."""
    if text == "nan":
        return math.nan
    try:
        return ast.literal_eval(text)
    except ValueError:  # such as OneCycle()
        return eval(text, vars(sys.modules[item.__module__]))


@pytest.mark.parametrize("path", {**DOCUMENTED, **METHODS})
def test_docstring_is_valid(path):
    errors = [error for error in validate(path)["errors"] if error[0] not in IGNORED]
    assert not errors


@pytest.mark.parametrize("path", CALLABLES)
def test_all_parameters_are_documented(path):
    item = CALLABLES[path]
    assert list(documented_parameters(item)) == list(signature_parameters(item))


@pytest.mark.parametrize("path", CALLABLES)
def test_signatures_can_be_read(path):
    # `ArrayLike` is a union of ten types, which `help` would spell out, and `NDArray`
    # an array of a tuple.
    shown = str(inspect.signature(CALLABLES[path]))
    assert "ndarray[tuple" not in shown
    assert "_SupportsArray" not in shown
    assert "numpy._typing" not in shown


@pytest.mark.parametrize("path", CALLABLES)
def test_defaults_in_the_docstring_equal_the_signature(path):
    item = CALLABLES[path]
    documented = documented_parameters(item)
    for name, parameter in signature_parameters(item).items():
        match = re.search(r"default=(.+)$", documented[name])
        if parameter.default is inspect.Parameter.empty:
            assert match is None, name
        else:
            assert match is not None, name
            value = value_of(match[1], item)
            assert repr(value) == repr(parameter.default), name


@pytest.mark.parametrize(
    "path", [path for path, item in CALLABLES.items() if path in DOCUMENTED]
)
def test_functions_and_classes_have_an_example(path):
    assert ">>>" in "\n".join(FunctionDoc(DOCUMENTED[path])["Examples"])


@pytest.mark.parametrize("package", SUBPACKAGES)
def test_the_reference_lists_every_public_name_once(package):
    text = (REFERENCE / f"{package}.md").read_text()
    assert f"skhep_dnn.{package}" in text
    listed = re.findall(r"^(?:   |\.\. py:type:: )(\w+)$", text, flags=re.MULTILINE)
    assert sorted(listed) == sorted(
        name.split(".")[-1] for name in PUBLIC if name.split(".")[1] == package
    )


def test_the_map_for_contributors_is_that_of_the_package():
    package = Path(skhep_dnn.__file__).parent
    text = (REFERENCE.parent / "contributing.md").read_text()
    for folder in (package, package / "neural_network"):
        for path in folder.iterdir():
            if path.suffix == ".py" and path.stem != "__init__":
                assert f"`{path.name}`" in text
            elif (path / "__init__.py").exists():
                assert f"`{path.name}/`" in text
    here = [package.parent, package, package / "neural_network"]
    for row in re.findall(r"^\| (`.*?`) \|", text, flags=re.MULTILINE):
        for name in re.findall(r"`(.+?)`", row):
            assert any((folder / name).exists() for folder in here), name


def test_the_reference_lists_the_top_level():
    text = (REFERENCE / "skhep_dnn.md").read_text()
    for name in [*skhep_dnn.__all__, *SUBPACKAGES]:
        assert name in text


def test_the_reference_has_no_other_pages():
    pages = {page.stem for page in REFERENCE.glob("*.md")}
    assert pages == {*SUBPACKAGES, "skhep_dnn", "index"}
