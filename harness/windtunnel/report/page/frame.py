"""What all pages share: the head with the style, badges, tables, figures with their words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Final

from windtunnel.report.html import Markup, el, join
from windtunnel.report.matrix import LOOKS, State, state_of
from windtunnel.report.schema import ExperimentSummary

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
"""The browser itself is told that a page may load nothing."""


def page(title: str, *body: str | None, scripts: Sequence[str] = ()) -> str:
    """A whole document; `scripts` are names of files beside this one, written into it."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        # Else a browser asks the host for /favicon.ico.
        el("link", rel="icon", href="data:,"),
        el("meta", http_equiv="Content-Security-Policy", content=POLICY),
        el("title", title),
        el("style", Markup(_STYLE)),
    )
    code = [el("script", Markup(asset(name))) for name in scripts]
    skip = el("a", "Skip to the content", class_="skip", href="#content")
    return "<!doctype html>\n" + el("html", head, el("body", skip, *body, *code), lang="en") + "\n"


def asset(name: str) -> str:
    """A file of this package, as text."""
    return files("windtunnel.report.page").joinpath(name).read_text(encoding="utf-8")


_STYLE: Final = re.sub(r"\s*([{};,])\s*", r"\1", re.sub(r"\s+", " ", asset("style.css")))
"""On every page of hundreds, so without its line breaks and indents."""


def badge(state: State, note: str = "") -> Markup:
    """A state as symbol, word and colour."""
    look = LOOKS[state]
    return el(
        "span", el("span", look.symbol, class_="symbol", aria_hidden="true"), f" {look.word}{note}",
        class_=f"badge {state}", title=look.meaning,
    )  # fmt: skip


def badge_of(entry: ExperimentSummary) -> Markup:
    return badge(state_of(entry))


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, class_: str = "", caption: str = "") -> Markup:
    """A table whose first column names its rows; it scrolls by itself where the screen is narrow."""
    names = el("tr", *(el("th", cell, scope="col") for cell in head))
    body = [el("tr", el("th", row[0], scope="row"), *(el("td", cell) for cell in row[1:])) for row in rows]
    whole = el(
        "table", el("caption", caption) if caption else None, el("thead", names), el("tbody", *body), class_=class_
    )
    return el("div", whole, class_="scroll", tabindex="0", role="group", aria_label=caption or " ".join(head).strip())


def section(identity: str, title: str, *body: str | None) -> Markup:
    return el("section", el("h2", title), *body, id=identity)


def breakage(
    state: State,
    title: str,
    words: str,
    *,
    promises: Sequence[Sequence[str]] = (),
    where: str = "Window",
    reasons: Sequence[str] = (),
    again: str,
) -> Markup:
    """One thing that broke; `promises` are rows of where, limit and what was seen, `again` shows it again."""
    return el(
        "article",
        badge(state),
        el("h3", title),
        el("p", words, class_="soft"),
        table((where, "Promise", "What was seen"), promises, class_="stack") if promises else None,
        el("ul", *(el("li", reason) for reason in reasons)) if reasons else None,
        command(again),
        class_=f"break {state}",
    )


def command(text: str) -> Markup:
    """A command with a button that copies it (the button shows where scripts run)."""
    return el(
        "div", el("code", text, tabindex="0"), el("button", "Copy", type="button", class_="copy", hidden=True),
        class_="command",
    )  # fmt: skip


def facts(pairs: Sequence[tuple[str, str]]) -> Markup:
    """Names and values; those without a value are left out."""
    return el("dl", *(el("div", el("dt", name), el("dd", value)) for name, value in pairs if value), class_="facts")


def figure(value: str, words: str, *, more: str | None = None, class_: str = "") -> Markup:
    """A number that matters, with the words below it."""
    return el(
        "div", el("strong", value), el("span", words), el("small", more) if more else None,
        class_=f"figure {class_}".strip(),
    )  # fmt: skip


def lines(*parts: str | None) -> Markup:
    """Parts, one below the other."""
    return join(*(el("div", part) for part in parts if part))
