"""HTTP exchanges as bytes, generated, and a conversation that they are fed to without a socket."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count, pairwise

from hypothesis import strategies as st

from windtunnel.proxy.history import Story
from windtunnel.proxy.http1.conversation import Conversation
from windtunnel.proxy.http1.links import MarkedLink
from windtunnel.proxy.http1.log import RequestLog
from windtunnel.proxy.installed import InstalledToxic
from windtunnel.proxy.record import Tally
from windtunnel.proxy.toxics import TOXICS


@dataclass(frozen=True)
class Said:
    """One exchange: its bytes, and what must be known of it."""

    request: bytes
    answer: bytes
    method: str
    path: str
    status: int


class Sink:
    def __init__(self):
        self.taken, self.heard = bytearray(), None

    def write(self, data):
        self.taken += data
        if self.heard:
            self.heard(data)

    def is_closing(self):
        return False


class Talk:
    """A connection of a proxy, without its sockets; time stands still."""

    def __init__(self, *toxics):
        self.requests, self.rules = RequestLog(), ()
        self.now, self.ended = 1.0, []
        self.story = Story(ordinal=1, opened=1.0)
        self.up, self.down = (
            MarkedLink(ordinal=1, owner=self, loop=None, clock=self.clock, flow=flow)
            for flow in (self.story.up, self.story.down)
        )
        self.conversation = Conversation(self, 1, self.up, self.down, self.clock)
        self.to_server, self.to_client = Sink(), Sink()
        self.to_client.heard = self.conversation.client_got
        self.up.attach(self.to_server)
        self.down.attach(self.to_client)
        self._orders = count(1)
        for toxic in toxics:
            self.install(*toxic)

    def clock(self):
        return self.now

    def throttle(self, link):
        """No socket is read here."""

    def link_ended(self, link):
        self.ended.append(link)

    def reset(self):
        self.ended.append("reset")

    def install(self, kind, stream="downstream", toxicity=1.0, **attributes):
        settings = TOXICS[kind].Settings
        settings = settings.read(attributes, None) if hasattr(settings, "read") else settings(**attributes)
        toxic = InstalledToxic(
            name=f"{kind}{next(self._orders)}",
            type=kind,
            stream=stream,
            toxicity=toxicity,
            settings=settings,
            proxy="edge",
            seed=1,
            order=next(self._orders),
            touched=Tally(),
        )
        (self.up if stream == "upstream" else self.down).install(toxic)
        if toxic.rule is not None:
            self.rules = (*self.rules, toxic)
        return toxic

    def say(self, requests=(), answers=()):
        for piece in requests:
            self.conversation.client_said(piece)
        for piece in answers:
            self.conversation.server_said(piece)

    def close(self, *, reset=False):
        """The server ends, then the connection."""
        self.conversation.server_ended()
        self.down.eof()
        self.conversation.over(reset=reset)

    def log(self):
        """What was recorded, without times."""
        page = self.requests.page(0)
        return [(r["method"], r["path"], r["status"], r["ended"]) for r in page["requests"]], page["unread"]


def pieces(data, cuts):
    """The bytes cut at these places."""
    places = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[a:b] for a, b in pairwise(places) if a < b]


def chunked(parts, extension=b"", trailers=b""):
    chunks = b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts if part)
    return chunks + b"0%s\r\n%s\r\n" % (extension, trailers)


content = st.binary(max_size=60) | st.sampled_from([b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"0\r\n\r\n"])


@st.composite
def framed(draw, bodyless=False):
    """Headers and body of a message: (framing headers, the body's bytes)."""
    how = draw(st.sampled_from(["nothing", "length", "chunked"]))
    if how == "chunked":
        body = chunked(
            draw(st.lists(content, max_size=3)),
            draw(st.sampled_from([b"", b";a=b", b';q="x y"'])),
            draw(st.sampled_from([b"", b"X-Sum: 1\r\n", b"A: b\r\nC: d\r\n"])),
        )
        return b"Transfer-Encoding: chunked\r\n", b"" if bodyless else body
    body = draw(content) if how == "length" else b""
    length = b"Content-Length: %d\r\n" % len(body)
    return length, b"" if bodyless else body


@st.composite
def said(draw, last=False):
    method = draw(st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "M-SEARCH"]))
    path = draw(st.sampled_from(["/", "/orders/7", "/a%20b", "/orders/0f3a9c1d2e"]))
    query = draw(st.sampled_from(["", "?q=1&secret=2"]))
    extra = draw(st.sampled_from([b"", b"X-Empty:\r\n", b"Accept: */*\r\nX-Long: " + b"y" * 300 + b"\r\n"]))
    framing, body = draw(framed())
    if method in ("GET", "HEAD") and not body:
        framing = b""
    blank = draw(st.sampled_from([b"", b"", b"\r\n"]))
    request = blank + f"{method} {path}{query} HTTP/1.1\r\nHost: a\r\n".encode() + extra + framing + b"\r\n" + body
    status = draw(st.sampled_from([200, 201, 204, 304, 404, 503]))
    bodyless = method == "HEAD" or status in (204, 304)
    framing, body = draw(framed(bodyless=bodyless))
    if status == 204:
        framing = b""
    if last and not bodyless and draw(st.booleans()):
        framing, body = b"", draw(content)
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\nLink: <a>\r\n\r\n"]))
    answer = interim + b"HTTP/1.1 %d Fine\r\n" % status + framing + b"\r\n" + body
    return Said(request, answer, method, path, status)


@st.composite
def talks(draw):
    """Exchanges on one connection; the last answer may last until the connection closes."""
    return [*draw(st.lists(said(), max_size=4)), draw(said(last=True))]


cuts = st.lists(st.integers(0, 5000), max_size=12)
