"""How does a figure become a picture inside of a page: as small as it can be.

Lines and letters are smallest, and sharpest on paper, as SVG; a figure with many
points or cells is smaller as pixels. Both are made where the first is large.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeVar

from skhep_dnn.inspection._report.page import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["drawn_picture", "embedded", "figure_text", "figure_texts", "picture"]

Drawn = TypeVar("Drawn")

_SMALL = 60_000  # bytes up to which an SVG is taken without a look at its pixels
_DPI = 180
_LONGEST, _LONGEST_FORMULA = 34, 80  # letters of a name in a figure
_PAGE_DPI = 80  # pixels of the page for an inch of a figure
_TITLES = {"Creator": "skhep_dnn", "Date": None}


def picture(
    draw: Callable[[], Any], *, alt: Callable[[Any], str] | str, caption: str
) -> str:
    """Return a figure of the page, drawn by a Display; no figure stays open.

    Parameters
    ----------
    draw : callable
        Returns a display with `figure_`.
    alt : str or callable
        The text that says its numbers, or what makes it of the display.
    caption : str
        What stands below it.

    Returns
    -------
    html : str
    """
    return drawn_picture(draw, alt=alt, caption=caption)[0]


def drawn_picture(
    draw: Callable[[], Drawn], *, alt: Callable[[Drawn], str] | str, caption: str
) -> tuple[str, Drawn]:
    """Return a figure of the page, and the display that drew it, for its numbers.

    Parameters
    ----------
    draw, alt, caption
        As in `picture`.

    Returns
    -------
    html : str
    display : Display
    """
    with _own_figures():
        display: Any = draw()
        text = alt if isinstance(alt, str) else alt(display)
        width = display.figure_.get_figwidth() * _PAGE_DPI
        uri = embedded(display.figure_)
    html = figure(uri, alt=text, caption=caption, width=min(width, 1000.0))
    return html, display


def embedded(figure: Figure) -> str:
    """Return a figure as a data URI: an SVG, or WebP where that is smaller.

    Parameters
    ----------
    figure : matplotlib Figure
        What is drawn.

    Returns
    -------
    uri : str
    """
    import matplotlib as mpl  # noqa: PLC0415

    options: dict[Any, str] = {"svg.fonttype": "path", "svg.hashsalt": "skhep_dnn"}
    with mpl.rc_context(options):
        vector = _saved(figure, format="svg", metadata=_TITLES)
    if len(vector) <= _SMALL:
        return _uri(vector, "image/svg+xml")
    pixels = _saved(
        figure, format="webp", dpi=_DPI, pil_kwargs={"lossless": True, "method": 4}
    )
    if len(vector) <= len(pixels):
        return _uri(vector, "image/svg+xml")
    return _uri(pixels, "image/webp")


def figure_text(text: object) -> str:
    r"""Return a text as a figure shows it: formulas as such, other dollars as they are.

    Parameters
    ----------
    text : object
        A name of the user.

    Returns
    -------
    text : str
        Short enough to leave room for the figure; with its dollars escaped if what is
        between them is no formula.

    Examples
    --------
    >>> figure_text("$t\\bar{t}$"), figure_text("10 $_% to 20 $")
    ('$t\\bar{t}$', '10 \\$_% to 20 \\$')
    >>> figure_text("a name that goes on and on, and on again, to its end")
    'a name that goes on …n, to its end'
    """
    words = " ".join(str(text).split())
    if _is_formula(words):
        return words
    if len(words) > _LONGEST:
        words = f"{words[:20]}…{words[-13:]}"
    return words.replace("$", r"\$")


def figure_texts(names: Sequence[object]) -> list[str]:
    """Return names as a figure shows them; those that look alike get a number.

    Examples
    --------
    >>> figure_texts(["mass", "p  T", "p T"])
    ['mass', 'p T', 'p T (2)']
    """
    counts: Counter[str] = Counter()
    shown = []
    for text in map(figure_text, names):
        counts[text] += 1
        shown.append(text if counts[text] == 1 else f"{text} ({counts[text]})")
    return shown


def _is_formula(words: str) -> bool:
    from matplotlib.cbook import is_math_text  # noqa: PLC0415
    from matplotlib.mathtext import MathTextParser  # noqa: PLC0415

    if "$" not in words or len(words) > _LONGEST_FORMULA or not is_math_text(words):
        return False
    try:
        MathTextParser("path").parse(words)
    except ValueError:
        return False
    return True


def _saved(figure: Figure, **options: Any) -> bytes:
    file = BytesIO()
    figure.savefig(file, **options)
    return file.getvalue()


def _uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


@contextmanager
def _own_figures() -> Iterator[None]:
    """Close the figures that are made inside, and show none of them."""
    from matplotlib import pyplot as plt  # noqa: PLC0415

    before = set(plt.get_fignums())
    try:
        with plt.ioff():
            yield
    finally:
        for k in set(plt.get_fignums()) - before:
            plt.close(k)
