"""Labels in messages are shown as a user writes them."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import skhep_dnn
from skhep_dnn._messages import shown
from skhep_dnn._validation import check_pos_label, signal_labels
from skhep_dnn.inspection._event_spread import event_shares
from skhep_dnn.weights import scale_to_yields, training_weights

PACKAGE = Path(skhep_dnn.__file__).parent


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.int64(1), "1"),
        (np.float32(0.5), "0.5"),
        (np.bool_(True), "True"),
        (np.str_("signal"), "'signal'"),
        ("s", "'s'"),
        (None, "None"),
        (np.array(["b", "s"]), "['b', 's']"),
        (np.array([np.int8(1), "s"], dtype=object), "[1, 's']"),
        ([np.int64(1), (np.int64(2),)], "[1, (2,)]"),
        ({np.int64(0): np.float64(0.5)}, "{0: 0.5}"),
        ({np.str_("s")}, "{'s'}"),
    ],
)
def test_values_of_numpy_are_shown_without_their_types(value, text):
    assert shown(value) == text


LABELS = np.repeat(np.array([0, 1], dtype=np.int64), 3)
OBJECTS = np.array([*LABELS], dtype=object)


@pytest.mark.parametrize("labels", [LABELS, OBJECTS], ids=["int64", "object"])
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda y: training_weights(y, 2.0 * y - 1.0), "class 0"),
        (
            lambda y: training_weights(y, class_weight={np.int64(0): np.float64(2)}),
            r"classes \[0, 1\], got {0: 2.0}",
        ),
        (
            lambda y: scale_to_yields(y, None, {np.int64(0): np.float64(3)}),
            r"classes \[0, 1\], got {0: 3.0}",
        ),
        (lambda y: check_pos_label(np.unique(y), np.int64(3)), r"\[0, 1\], got 3\."),
        (lambda y: signal_labels(np.r_[y, 2], None), r"for \[0, 0, 0, 1, 1\]\."),
        (lambda y: event_shares(6, y, 2.0 * y - 1.0), "for class 0"),
    ],
)
def test_errors_show_plain_labels(labels, call, message):
    with pytest.raises(ValueError, match=message) as error:
        call(labels)
    assert "np." not in str(error.value)


def test_no_message_shows_a_label_as_numpy_writes_it():
    """Labels, and what is keyed by them, go through `shown`."""
    pattern = re.compile(r"\b(label|classes|class_weight|pos_label|yields)\b")
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FormattedValue) and node.conversion == ord("r"):
                text = ast.unparse(node.value)
                if pattern.search(text):
                    found.append(f"{path.relative_to(PACKAGE)}: {text}")
    # strings of the package itself
    allowed = {
        "datasets/_higgsml.py: label",
        "datasets/_higgsml_file.py: label",
        "datasets/_toy_weights.py: label",
    }
    assert set(found) <= allowed
