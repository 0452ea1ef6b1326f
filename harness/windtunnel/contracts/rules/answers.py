"""Rules on one status of an operation: its headers, its forms, where it leads."""

from __future__ import annotations

from collections.abc import Iterator

from windtunnel.contracts.rules.rule import Answers, Rule


def required_header_removed(pair: Answers) -> Iterator[str]:
    for name, header in pair.old.headers.items():
        if header.required and name not in pair.new.headers:
            yield f"the header {name} is gone"


def optional_header_removed(pair: Answers) -> Iterator[str]:
    for name, header in pair.old.headers.items():
        if not header.required and name not in pair.new.headers:
            yield f"the optional header {name} is gone"


def header_became_optional(pair: Answers) -> Iterator[str]:
    for name, header in pair.old.headers.items():
        if header.required and name in pair.new.headers and not pair.new.headers[name].required:
            yield f"the header {name} may be missing"


def media_type_removed(pair: Answers) -> Iterator[str]:
    yield from (f"{form} does not come any more" for form in pair.old.content if form not in pair.new.content)


def media_type_added(pair: Answers) -> Iterator[str]:
    # Whatever comes besides what a client asked for is one more thing it must tell apart.
    more = [form for form in pair.new.content if form not in pair.old.content]
    yield from (f"{form} may come, too" for form in more if pair.old.content)


def link_removed(pair: Answers) -> Iterator[str]:
    now = {link.name for link in pair.new.links}
    yield from (f"the link {link.name} is gone" for link in pair.old.links if link.name not in now)


RULES = (
    Rule("required-response-header-removed", "break", required_header_removed, "go on sending it"),
    Rule("optional-response-header-removed", "warn", optional_header_removed, "go on sending it where it made sense"),
    Rule("response-header-became-optional", "break", header_became_optional, "go on sending it always"),
    Rule("response-media-type-removed", "break", media_type_removed, "go on answering in it"),
    Rule("response-media-type-added", "warn", media_type_added, "send it only to those who ask for it"),
    Rule("response-link-removed", "warn", link_removed, "keep it while what it leads to is there"),
)
