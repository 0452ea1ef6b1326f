"""The secrets of one stack: made at random, the same for every service that names one, kept out of all evidence."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from secrets import token_urlsafe
from urllib.parse import quote, quote_plus

SHORTEST = 6
"""Characters. A shorter value would be found by chance in harmless text."""
SECRET_NAME = re.compile(r"(?i)(passw(or)?d|passphrase|secret|token|credentials?|(api|private|signing)_?key)$")
"""What variables with such a name hold is secret too, wherever it comes from."""

FIELDS = r"(?:password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key)"
PATTERNS = (
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*"), "[redacted:jwt]"),
    (re.compile(r"(?i)\b(bearer\s+)(?!\[redacted)[\w.~+/-]{6,}=*"), r"\1[redacted:token]"),
    (re.compile(r"(?i)(authorization\\*[\"']?\s*[:=]\s*\\*[\"']?basic\s+)[\w+/-]+=*"), r"\1[redacted:password]"),
    (re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://[^\s:/@\"']*:)(?!\[redacted)[^\s/@\"']+(?=@)"), r"\1[redacted:password]"),
    # "password": "..." as JSON or Python writes it, also within a JSON string, where every quote has a backslash.
    (
        re.compile(rf"(?i)(([\"'])[\w-]*{FIELDS}\2\s*:\s*)([\"'])(?!\[redacted)(?:(?!\3)[^\\]|\\.)*\3"),
        r"\1\3[redacted]\3",
    ),
    (re.compile(rf"(?i)((\\+[\"'])[\w-]*{FIELDS}\2\s*:\s*)(\\+[\"'])(?!\[redacted).*?\3"), r"\1\3[redacted]\3"),
    (re.compile(rf"(?i)((\\*[\"'])[\w-]*{FIELDS}\2\s*:\s*)-?\d[\d.]*"), r"\1\2[redacted]\2"),
    (re.compile(rf"(?i)(\b[\w-]*{FIELDS}=)(?![\"']?\[redacted)[^\s&;,\"'\\]+"), r"\1[redacted]"),
)
"""What looks like a secret, whoever made it. Quotes stay, so that redacted JSON is JSON."""


class Secrets:
    """Makes, remembers and hides. `redact` knows a value from the moment it was made or added."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._forms: dict[str, str] = {}
        self._known = re.compile(r"(?!)")

    def value(self, name: str) -> str:
        """The secret of that name, made at its first use: 32 characters that need no quoting anywhere."""
        if name not in self._values:
            self._values[name] = token_urlsafe(24)
            self.add(name, self._values[name])
        return self._values[name]

    @property
    def made(self) -> Mapping[str, str]:
        """Every secret that was made, by name."""
        return dict(self._values)

    def add(self, name: str, value: str) -> None:
        """Hide this value too, if it is long enough to be told from harmless text."""
        if len(value) < SHORTEST:
            return
        for form in _forms(value):
            self._forms.setdefault(form, name)
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._known = re.compile("|".join(re.escape(form) for form in longest_first))

    def redact(self, text: str) -> str:
        """The text with every secret, and everything that looks like one, replaced."""
        text = self._known.sub(lambda found: f"[redacted:{self._forms[found[0]]}]", text)
        for pattern, instead in PATTERNS:
            text = pattern.sub(instead, text)
        return text


def _forms(value: str) -> Iterator[str]:
    """A value as it is, and as URLs, JSON, hexadecimal and base 64 write it."""
    raw = value.encode()
    yield value
    yield quote(value, safe="")
    yield quote_plus(value)
    yield json.dumps(value)[1:-1]
    yield raw.hex()
    yield raw.hex().upper()
    for encode in (b64encode, urlsafe_b64encode):
        # Within a longer text (`user:password`) it may begin at any of three places of a group; characters that also
        # hold a neighbour's bits are left out.
        for shift in range(3):
            encoded = encode(b"\0" * shift + raw).decode().rstrip("=")
            shared_at_end = (shift + len(raw)) % 3 != 0
            yield encoded[(0, 2, 3)[shift] : len(encoded) - shared_at_end]
