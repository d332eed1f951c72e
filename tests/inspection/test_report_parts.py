"""The pieces of a report: texts, numbers, pictures, diagrams, cuts and files."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from skhep_dnn.inspection._report.diagram import estimator_diagram, without_scripts
from skhep_dnn.inspection._report.files import write_together
from skhep_dnn.inspection._report.images import embedded, figure_text, picture
from skhep_dnn.inspection._report.measures import share
from skhep_dnn.inspection._report.numbers import (
    flattened,
    number,
    plain,
    with_error,
)
from skhep_dnn.inspection._report.page import json_for_script, table
from skhep_dnn.inspection._report.parts import last_part, parts_of


@pytest.mark.parametrize("text", ["</script>", "<!--", "a\u2028b", "&amp;", '"\\'])
def test_json_in_a_script_is_the_same_json_without_what_ends_it(text):
    inside = json_for_script({text: [text]})
    assert not set("<>&\u2028\u2029") & set(inside)
    assert json.loads(inside) == {text: [text]}


def test_plain_values():
    values = {
        "array": np.arange(3),
        "nan": np.float64("nan"),
        "bool": np.bool_(True),
        "other": LogisticRegression,
        "text": np.str_("a"),
        "none": None,
    }
    found = plain(values)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["array"] == [0, 1, 2]
    assert found["nan"] is None
    assert found["bool"] is True
    assert found["other"].startswith("<class")


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.5, 0.0, "0.5"),
        (0.5, 1e-17, "0.5"),
        (0.5, np.nan, "0.5"),
        (np.nan, 0.1, "nan"),
        (0.0, 0.25, "0.00 ± 0.25"),
        (-3.14159, 0.0271, "-3.142 ± 0.027"),
        (123456.0, 789.0, "123 460 ± 790"),
        (99.0, 12.3, "99 ± 12"),
        (1e-7, 3e-9, "0.0000001000 ± 0.0000000030"),
    ],
)
def test_numbers_with_errors(value, error, text):
    assert with_error(value, error) == text


def test_numbers():
    assert number(0.0) == "0"
    assert number(1234567) == "1 234 567"
    assert number(-0.00012345) == "-0.0001234"
    assert number(float("inf")) == "inf"
    assert number(3e20) == "3e+20"


def test_flattened_leaves_out_texts_and_lists():
    values = {"a": {"b": 1, "text": "x", "list": [1, 2]}, "c": None}
    assert dict(flattened(values)) == {"a / b": 1}


def test_tables_escape_and_align():
    html = table(("<a>", "n"), [["<b>", 12], ["c", "-3.2 ± 0.1"], ["d", "<i>"]])
    assert "&lt;a&gt;" in html
    assert '<th scope="row">&lt;b&gt;</th><td class="number">12</td>' in html
    assert '<td class="number">-3.2 ± 0.1</td>' in html
    assert "<td>&lt;i&gt;</td>" in html
    assert "filterable" not in html
    assert "filterable" in table(("a", "b"), [[k, k] for k in range(12)])
    assert "<tbody>\n</tbody>" in table(("a", "b"), [])


def test_texts_in_figures():
    assert figure_text("a_b%") == "a_b%"
    assert figure_text("$x$") == "$x$"
    assert figure_text("$") == r"\$"
    assert figure_text("$\\nothing{$") == r"\$\nothing{\$"
    assert figure_text("$a^$") == r"\$a^\$"
    assert len(figure_text(100 * "x")) == 34
    assert figure_text("two\nlines") == "two lines"


@pytest.mark.parametrize("text", ["$\\frac{$", "50 % $_", "a_b", "$t\\bar{t}$", "<b>"])
def test_texts_in_figures_can_be_drawn(text):
    with_text = plt.figure()
    with_text.text(0.5, 0.5, figure_text(text))
    assert embedded(with_text).startswith("data:image/svg+xml;base64,")
    plt.close(with_text)


def test_large_figures_become_pixels():
    rng = np.random.default_rng(0)
    figure, ax = plt.subplots(figsize=(3, 2))
    ax.plot(*rng.normal(size=(2, 20000)), ".", markersize=1)
    assert embedded(figure).startswith("data:image/webp;base64,")
    plt.close(figure)


def test_pictures_close_their_figures_after_an_error_too():
    own = plt.figure()

    def draw():
        plt.figure()
        msg = "broken"
        raise ValueError(msg)

    with pytest.raises(ValueError, match="broken"):
        picture(draw, alt="", caption="")
    assert plt.get_fignums() == [own.number]
    html = picture(
        lambda: Bunch(figure_=plt.figure(figsize=(4, 3))), alt='1 < 2 "', caption="<i>"
    )
    assert 'alt="1 &lt; 2 &quot;"' in html
    assert "width: 320px" in html
    assert "<figcaption>&lt;i&gt;</figcaption>" in html
    assert plt.get_fignums() == [own.number]
    plt.close(own)


def test_diagrams_open_and_close_without_scripts():
    model = make_pipeline(StandardScaler(), LogisticRegression(C=3.0))
    html = estimator_diagram(model)
    for word in ("<script", "onclick", "<button", "javascript:"):
        assert word not in html
    assert html.count("sk-toggleable__control") >= 3
    assert "LogisticRegression" in html


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<a href='javascript:x()'>a</a>", "<a>a</a>"),
        ("<a href='#b' onmouseover='x()'>a</a>", '<a href="#b">a</a>'),
        ("<svg><script>x</script></svg>b", "b"),
        ("<style>a > b {}</style>", "<style>a > b {}</style>"),
        ("<img src=x>&lt;b&gt;", "&lt;b&gt;"),
        ("<iframe>a</iframe>b</script>c", "bc"),
    ],
)
def test_only_harmless_elements_are_kept(html, left):
    assert without_scripts(html) == left


def test_parts_of_an_estimator_come_in_the_order_of_their_fits():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = (X[:, 0] > 0).astype(int)
    inner = make_pipeline(SelectKBest(k=1), LogisticRegression())
    search = GridSearchCV(inner, {"logisticregression__C": [1.0]}, cv=2)
    model = make_pipeline(StandardScaler(), "passthrough", search).fit(X, y)
    parts = list(parts_of(model))
    names = ["StandardScaler", "SelectKBest", "LogisticRegression", "GridSearchCV"]
    assert [part.name for part in parts] == names
    assert [part.predicts for part in parts] == [False, False, True, True]
    assert last_part(model).name == "LogisticRegression"
    scores = last_part(model).model.decision_function(last_part(model).events(X))
    np.testing.assert_array_equal(scores, model.decision_function(X))


def test_error_of_an_efficiency_is_that_of_replicas():
    rng = np.random.default_rng(1)
    w = rng.exponential(size=400) * np.where(rng.random(400) < 0.1, -1.0, 1.0)
    chosen = rng.random(400) < 0.3
    found = share(w, chosen)
    assert found["value"] == pytest.approx(w[chosen].sum() / w.sum())
    counts = rng.poisson(1.0, size=(4000, 400)) * w
    spread = (counts[:, chosen].sum(axis=1) / counts.sum(axis=1)).std()
    assert found["error"] == pytest.approx(spread, rel=0.1)
    assert np.isnan(share(-np.abs(w), chosen)["value"])


def test_files_are_written_together_or_not_at_all(tmp_path):
    first, second = tmp_path / "a", tmp_path / "missing" / "b"
    with pytest.raises(FileNotFoundError):
        write_together({first: "1", second: "2"})
    assert list(tmp_path.iterdir()) == []
    write_together({first: "1 ±\n"})
    assert first.read_bytes() == b"1 \xc2\xb1\n"
