"""The estimator as scikit-learn shows it in a notebook, without its scripts.

A page that runs no script but its own needs none of another one: what opens and closes
in the diagram is done by the browser. Only elements of a list are kept.
"""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser

from sklearn.base import BaseEstimator
from sklearn.utils import estimator_html_repr

__all__ = ["estimator_diagram", "without_scripts"]

_KEPT = {
    *("a", "b", "br", "details", "div", "input", "label", "pre", "small", "span"),
    *("style", "summary", "table", "tbody", "td", "th", "thead", "tr"),
}
_DROPPED = {"script", "button", "iframe", "object", "template", "svg", "title"}
_EMPTY = {"br", "input"}
_ATTRIBUTES = {
    *("checked", "class", "colspan", "for", "href", "id", "open", "rel", "style"),
    *("tabindex", "target", "type"),
}


def estimator_diagram(estimator: BaseEstimator) -> str:
    """Return the diagram of an estimator, which opens and closes without a script.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Returns
    -------
    html : str
    """
    shown = without_scripts(estimator_html_repr(estimator))
    return (
        '<div class="diagram"><style>.diagram .sk-container '
        f"{{display: inline-block !important}}</style>{shown}</div>\n"
    )


def without_scripts(html: str) -> str:
    """Return HTML of which only harmless elements and attributes are left.

    Parameters
    ----------
    html : str
        HTML of others.

    Returns
    -------
    html : str

    Examples
    --------
    >>> without_scripts('<p onclick="x()"><b class="y">1 &lt; 2</b><script>z</script>')
    '<b class="y">1 &lt; 2</b>'
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "".join(reader.parts)


class _Reader(HTMLParser):
    """Copies what is kept, and leaves out the inside of what must not be."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._depth = 0  # of elements that are dropped with all in them
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED:
            self._depth += 1
        elif tag in _KEPT and not self._depth:
            self._in_style = tag == "style"
            self.parts.append(f"<{tag}{''.join(map(_attribute, attrs))}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in _DROPPED:
            self._depth = max(0, self._depth - 1)
        elif tag in _KEPT - _EMPTY and not self._depth:
            self._in_style = False
            self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._depth:
            self.parts.append(data if self._in_style else escape(data, quote=False))


def _attribute(attribute: tuple[str, str | None]) -> str:
    name, value = attribute
    if name not in _ATTRIBUTES and not name.startswith(("aria-", "data-")):
        return ""
    if name == "href" and not (value or "").startswith(("https://", "#")):
        return ""
    return f" {name}" if value is None else f' {name}="{escape(value)}"'
