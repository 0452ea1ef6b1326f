"""Makes HTML and SVG whose every text is escaped: an element is a call, and a plain string is never markup."""

from __future__ import annotations

from html import escape
from typing import Final

VOID: Final = frozenset({"br", "hr", "img", "input", "link", "meta", "wbr"})
SVG_EMPTY: Final = frozenset({"path", "line", "rect", "circle", "polyline", "use"})


class Markup(str):
    """A text that is markup already."""

    __slots__ = ()


def el(name: str, /, *children: str | None, **attributes: str | float | bool | None) -> Markup:
    """An element. `class_` is `class`, `aria_label` is `aria-label`; an attribute of None or False is left out.

    Children that are None are left out, plain strings are escaped.
    """
    head = name + "".join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    if name in VOID or (name in SVG_EMPTY and not children):
        return Markup(f"<{head}>" if name in VOID else f"<{head}/>")
    return Markup(f"<{head}>{join(*children)}</{name}>")


def join(*children: str | None) -> Markup:
    """Children without an element around them. A quotation mark means nothing outside of a tag."""
    texts = (child if isinstance(child, Markup) else escape(child, quote=False) for child in children if child)
    return Markup("".join(texts))


def _attribute(key: str, value: str | float | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    return f' {name}="{escape(f"{value:g}" if isinstance(value, float) else str(value))}"'
