"""How do sections become one page that needs nothing but itself.

Every text is escaped where it becomes HTML, here and nowhere else. A policy in the head
of the page lets nothing be loaded and nothing run but its own script, whatever a name
of a column says.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from typing import Any

from skhep_dnn.inspection._report.numbers import plain

__all__ = [
    "Section",
    "code",
    "figure",
    "figures",
    "json_for_script",
    "note",
    "page",
    "paragraph",
    "subtitle",
    "table",
]

_NUMBER = re.compile(r"nan|-?inf|-?\d[\d. e+-]*( ± \d[\d. e+-]*)?( %)?")
_FILTERABLE = 12  # rows from which on a table has a filter
_IN_SCRIPT = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


@dataclass(frozen=True)
class Section:
    """One part of a report: what is read, and the same numbers for machines.

    Parameters
    ----------
    key : str
        Name of the numbers in the JSON, and of the anchor in the page.
    title : str
        Heading; a plain text.
    html : str
        What is below the heading; made by the functions of this module.
    numbers : Mapping
        The same.
    """

    key: str
    title: str
    html: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


def paragraph(text: str) -> str:
    """Return a paragraph of plain text."""
    return f"<p>{escape(text)}</p>\n"


def note(text: str, *, warning: bool = False) -> str:
    """Return a remark that must not be overlooked."""
    kind = "note warning" if warning else "note"
    return f'<p class="{kind}">{escape(text)}</p>\n'


def subtitle(text: str) -> str:
    """Return a heading inside of a section."""
    return f"<h3>{escape(text)}</h3>\n"


def code(text: str) -> str:
    """Return a text in the letters of code."""
    return f"<code>{escape(text)}</code>"


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    caption: str | None = None,
    filterable: bool | None = None,
) -> str:
    """Return a table whose first column names the rows.

    Parameters
    ----------
    header : sequence of str
        Names of the columns.
    rows : iterable of sequence
        Plain texts and numbers; a text that looks like a number stands to the right.
    caption : str, default=None
        What the table is; None leaves it out.
    filterable : bool, default=None
        Whether to give it a filter; None for tables of twelve rows or more.

    Returns
    -------
    html : str
    """
    cells = [[str(cell) for cell in row] for row in rows]
    lines = [_row(row) for row in cells]
    if filterable is None:
        filterable = len(lines) >= _FILTERABLE
    kinds = [_kind(text) for text in cells[0]] if cells else [""] * len(header)
    names = "".join(
        f'<th scope="col"{kind if k else ""}>{escape(name)}</th>'
        for k, (name, kind) in enumerate(zip(header, kinds, strict=True))
    )
    title = "" if caption is None else f"<caption>{escape(caption)}</caption>"
    kind = "numbers filterable" if filterable else "numbers"
    return (
        f'<div class="scroll"><table class="{kind}">{title}<thead><tr>{names}</tr>'
        f"</thead><tbody>\n{''.join(lines)}</tbody></table></div>\n"
    )


def figure(uri: str, *, alt: str, caption: str, width: float) -> str:
    """Return a figure with a text that says its numbers.

    Parameters
    ----------
    uri : str
        The picture, as a data URI.
    alt : str
        What one reads who does not see it.
    caption : str
        What stands below it.
    width : float
        Its natural width, in pixels of the page.

    Returns
    -------
    html : str
    """
    return (
        f'<figure><img src="{escape(uri)}" alt="{escape(alt)}" '
        f'style="width: {width:.0f}px"><figcaption>{escape(caption)}</figcaption>'
        "</figure>\n"
    )


def figures(pictures: Iterable[str]) -> str:
    """Return figures side by side where there is room."""
    return f'<div class="figures">\n{"".join(pictures)}</div>\n'


def json_for_script(values: Mapping[str, Any]) -> str:
    r"""Return values as JSON that no browser takes for the end of a script.

    Parameters
    ----------
    values : Mapping
        Plain values, see `plain`.

    Returns
    -------
    text : str

    Examples
    --------
    >>> json_for_script({"name": "</script>"})
    '{"name": "\\u003c/script\\u003e"}'
    """
    return json.dumps(plain(values), allow_nan=False).translate(_IN_SCRIPT)


def page(
    title: str, summary: str, sections: Sequence[Section], values: Mapping[str, Any]
) -> str:
    """Return the whole page.

    Parameters
    ----------
    title : str
        Title of the page, a plain text.
    summary : str
        HTML of what stands at its top.
    sections : sequence of Section
        What it has, in order.
    values : Mapping
        All numbers.

    Returns
    -------
    html : str
    """
    folder = files("skhep_dnn.inspection._report")
    style = folder.joinpath("page.css").read_text(encoding="utf-8")
    script = folder.joinpath("page.js").read_text(encoding="utf-8")
    links = "".join(
        f'<li><a href="#{escape(s.key)}">{escape(s.title)}</a></li>' for s in sections
    )
    body = "".join(
        f'<section id="{escape(s.key)}">\n<h2>{escape(s.title)}</h2>\n{s.html}'
        "</section>\n"
        for s in sections
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="skhep_dnn">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<header class="page">
<h1>{escape(title)}</h1>
{summary}</header>
<nav class="contents" aria-label="Contents"><ul>{links}</ul></nav>
<main>
{body}</main>
<footer class="page">{paragraph(_FOOTER)}</footer>
<script type="application/json" id="numbers">{json_for_script(values)}</script>
<script>{script}</script>
</body>
</html>
"""


_FOOTER = (
    "All numbers of this page are in it as JSON, in the element with the identifier "
    "'numbers', and in the file beside it. In the JSON an undefined number is null, "
    "and infinite ones are the texts 'inf' and '-inf'."
)


def _policy(script: str) -> str:
    """Return a policy under which nothing is loaded, and one script runs."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    own = base64.b64encode(digest).decode("ascii")
    return (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{own}'; base-uri 'none'; form-action 'none'"
    )


def _row(cells: Sequence[str]) -> str:
    first, *others = cells
    rest = "".join(f"<td{_kind(text)}>{escape(text)}</td>" for text in others)
    return f'<tr><th scope="row">{escape(first)}</th>{rest}</tr>\n'


def _kind(text: str) -> str:
    """Return the class of a cell that stands to the right."""
    return ' class="number"' if _NUMBER.fullmatch(text) else ""
