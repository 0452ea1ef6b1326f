"""Where the embedded server differs from Toxiproxy 2.12, and why: the one table. TOXICS.md shows it, word for word.

`python harness/tests/toxiproxy_differences.py` prints the rows for that page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What a server said to one request."""

    status: int
    content_type: str
    body: bytes


Rewrite = Callable[[Answer, Answer], Answer]
"""(Toxiproxy's answer, ours) to what ours must be by this row alone, as far as the row goes."""


@dataclass(frozen=True)
class Difference:
    """One row."""

    theirs: str
    ours: str
    reason: str
    rewrite: Rewrite | None = None
    """None: seen by a scenario or a test of its own, named in `shown_by`."""
    shown_by: str = "the script"


def text(pattern: bytes, replacement: bytes) -> Rewrite:
    def rewrite(theirs: Answer, ours: Answer) -> Answer:
        return Answer(theirs.status, theirs.content_type, re.sub(pattern, replacement, theirs.body))

    return rewrite


def exactly(theirs: Answer, ours: Answer) -> Rewrite:
    """Both answers are known to the byte."""

    def rewrite(said: Answer, _: Answer) -> Answer:
        assert said == theirs
        return ours

    return rewrite


def go_text(theirs: Answer, ours: Answer) -> Answer:
    """The words after `bad request body: ` are each server's own. Ours are held to the byte in test_proxy_api.py."""
    pattern = rb'\{"error":"bad request body: ((?:[^"\\]|\\.)*)","status":400'
    own = re.match(pattern, ours.body)
    assert own is not None
    said = re.sub(pattern, own[0].replace(b"\\", b"\\\\"), theirs.body, count=1)
    return Answer(theirs.status, theirs.content_type, said)


def error_type(theirs: Answer, ours: Answer) -> Answer:
    """Applied to every answer that is an error in JSON."""
    if theirs.status >= 400 and theirs.body.startswith(b'{"error":'):
        return Answer(theirs.status, "application/json", theirs.body)
    return theirs


PLAIN, JSON = "text/plain; charset=utf-8", "application/json"
NO_ROUTE = Answer(404, PLAIN, b"404 page not found\n")
NO_METRICS = Answer(
    200,
    "text/plain; version=1.0.0; charset=utf-8",
    b"# HELP toxiproxy_proxy_received_bytes_total Bytes read from the source.\n"
    b"# TYPE toxiproxy_proxy_received_bytes_total counter\n"
    b"# HELP toxiproxy_proxy_sent_bytes_total Bytes given to the other side.\n"
    b"# TYPE toxiproxy_proxy_sent_bytes_total counter\n",
)
NOOP = b'"toxics":[{"attributes":{},"name":"noop_downstream","type":"noop","stream":"downstream","toxicity":1}]'
LOSS = (
    b'{"attributes":{"loss_rate":0,"correlation":0},"name":"packet_loss_downstream","type":"packet_loss",'
    b'"stream":"downstream","toxicity":1}'
)

EVERYWHERE = ("logger", "error-type")
"""Rows that concern every answer, without being named by a step."""

DIFFERENCES: dict[str, Difference] = {
    "version": Difference(
        "says its own version",
        "says `2.12.0+windtunnel`",
        "who reads a log should know which of the two it was",
        # `git` is what a binary says whose build was told no version.
        text(rb'^\{"version": "(?:git|2\.12\.0)"\}', b'{"version": "2.12.0+windtunnel"}'),
    ),
    "logger": Difference(
        'every proxy carries `"Logger":{}`',
        "no such key",
        "it is an exported field of a Go structure, sent by accident since 2.5.0",
        text(rb'"Logger":\{\},', b""),
    ),
    "error-type": Difference(
        "errors in JSON are sent as `text/plain` (those of /populate as JSON)",
        "as `application/json`",
        "the body is JSON",
        error_type,
    ),
    "go-text": Difference(
        "what follows `bad request body: ` is the text of Go's decoder",
        "names the key, what was found and what is wanted",
        "Go's text names Go's types, and changes with Go's releases",
        go_text,
    ),
    "null-list": Difference(
        '/populate answers `"proxies":null` when there are none',
        '`"proxies":[]`',
        "a client that walks the list should not fail on an empty one",
        text(rb'"proxies":null', b'"proxies":[]'),
    ),
    "stream-case": Difference(
        'a toxic sent with `"stream":"UPSTREAM"` is shown like that',
        "shown as `upstream`; its default name is made of what was sent, as there",
        "a client that compares the word would miss it",
        text(rb'"stream":"(?:UPSTREAM|Upstream)"', b'"stream":"upstream"'),
    ),
    "metrics": Difference(
        "/metrics is there only with a flag, and counts a connection when it has ended",
        "always there, and counts bytes while they pass",
        "a kept connection would show nothing for as long as it lives",
        exactly(NO_ROUTE, NO_METRICS),
    ),
    "record": Difference(
        "no such route",
        "/proxies/NAME/record and /proxies/NAME/record/connections",
        "whether a toxic did act, and on which connection, is the proof of a fault (#266, #365, #414)",
        exactly(NO_ROUTE, Answer(404, JSON, b'{"error":"proxy not found","status":404}\n')),
    ),
    "more-toxics": Difference(
        "2.12 has no `packet_loss`, `refuse`, `shared_bandwidth`, `slow_accept`",
        "has them",
        "what its users ask for: #87, #123, #265, #410, #613",
        lambda theirs, ours: {
            b'{"error":"invalid toxic type","status":400}\n': Answer(200, JSON, LOSS),
            b'{"error":"toxic not found","status":404}\n': Answer(204, "", b""),
        }[theirs.body],
    ),
    "clean-path": Difference(
        "`//proxies` and `/proxies/../version` are redirected",
        "404",
        "a client that asks for such a path should hear of it",
        lambda theirs, ours: NO_ROUTE if (theirs.status, theirs.body) == (301, b"") else theirs,
    ),
    "slash": Difference(
        "a proxy whose name has a `/` can be made, and never be reached or deleted again",
        "it can, as `%2F`",
        "a name should not be a trap",
        exactly(
            NO_ROUTE, Answer(200, JSON, b'{"name":"s/l","listen":"","upstream":"u:1","enabled":false,"toxics":[]}')
        ),
    ),
    "not-http": Difference(
        "what is no HTTP gets `400 Bad Request`, and no word more",
        "the body says what is wrong",
        "whoever talks to the wrong port should see it",
        exactly(
            Answer(400, PLAIN, b"400 Bad Request"),
            Answer(400, PLAIN, b"malformed request target: % without two hexadecimal digits\n"),
        ),
    ),
    "chunked": Difference(
        "a request body may be chunked",
        "501: a Content-Length is needed",
        "two ways to say how long a body is are what request smuggling is made of; no known client needs the second",
        exactly(
            Answer(400, JSON, b'{"error":"missing required field: name","status":400}\n'),
            Answer(501, PLAIN, b"send a Content-Length instead of a Transfer-Encoding\n"),
        ),
    ),
    "loopback": Difference(
        "a proxy without `listen` listens on every interface",
        "on loopback; `:0` listens on every interface, as there",
        "nothing should be offered to the network unless that is asked for",
        text(rb"\[::\]:EPHEMERAL", b"127.0.0.1:EPHEMERAL"),
    ),
    "whole-update": Difference(
        "an update of a toxic that is refused changes the attributes that came before the bad one",
        "changes nothing",
        "an error must mean that nothing has happened",
        text(rb'"jitter":4', b'"jitter":1'),
    ),
    "whole-move": Difference(
        "a proxy that is told to move to a port that is taken is stopped, and stays so; one that /populate cannot "
        "replace is stopped too",
        "it goes on where it was",
        "an error must mean that nothing has happened",
        lambda theirs, ours: Answer(
            theirs.status,
            theirs.content_type,
            re.sub(rb'("listen":"127.0.0.1:)BUSY', rb"\1P0", theirs.body).replace(
                b'"enabled":false', b'"enabled":true'
            ),
        ),
    ),
    "toxics-with-proxy": Difference(
        "`toxics` of a proxy in create, /populate and the file are ignored",
        "they are made with it, all or nothing",
        "no moment in which the proxy works without them (#79, #281, #447)",
        text(rb'"toxics":\[\]', NOOP),
    ),
    "whole-reset": Difference(
        "/reset ends at the first proxy that cannot listen",
        "the others are reset all the same; the error is answered",
        "one taken port should not leave faults on other proxies",
        shown_by="test_reset_goes_on_after_a_proxy_that_cannot_listen",
    ),
    "file": Difference(
        "a configuration file that cannot be used is a line in the log; the server runs on without proxies",
        "the command ends with the file, the line and what would be right",
        "tests against a server without its proxies fail far from the cause",
        shown_by="test_mistake_is_named_with_its_line",
    ),
    "seed": Difference(
        "`-seed` has no effect since 2.9.0",
        "the same seed gives the same decisions",
        "a failure must be repeatable",
        shown_by="test_same_seed_decides_the_same_in_a_hundred_of_a_hundred_runs",
    ),
    "drawn-once": Difference(
        "toxicity is drawn again when the toxic is updated, or one behind it comes or goes",
        "once: it is a function of seed, names, direction and the number of the connection",
        "adding a toxic should not change who else is hit",
        shown_by="test_decision_is_never_drawn_again",
    ),
    "no-wait": Difference(
        "control calls wait for the data path: 25 s, then 503, while a peer does not read; as long as `reset_peer` "
        "waits",
        "never",
        "a fault must be removable at once (#558, #412, #254, #210)",
        shown_by="test_control_calls_do_not_wait_for_a_peer_that_does_not_read",
    ),
    "duration": Difference(
        "a toxic stays until it is removed",
        "with `duration` it ends by itself",
        "a test that died leaves no fault behind",
        shown_by="test_toxic_is_there_until_its_time_is_up",
    ),
    "half-close": Difference(
        "a client that has closed its sending side gets no answer any more",
        "the half-close is carried through, and the answer arrives",
        "a proxy should not change the protocol",
        shown_by="half_close",
    ),
    "reset-passes": Difference(
        "a reset by the upstream reaches the client as a plain end",
        "as a reset",
        "a cut answer would look complete",
        shown_by="upstream_resets",
    ),
    "live-reset": Difference(
        "`reset_peer` ends connections that were open before it without RST",
        "with RST",
        "that is what it is for (#465)",
        shown_by="reset_of_a_live_connection",
    ),
    "spared-reset": Difference(
        "while a `reset_peer` is there, connections that its toxicity spares end with RST too",
        "they end like any other",
        "spared is spared (#603)",
        shown_by="end_of_a_spared_connection",
    ),
    "timeout-once": Difference(
        "each chunk starts the time of `timeout` again",
        "it runs once",
        "on a busy connection it would never end (#121, PR #195)",
        shown_by="timeout_under_traffic",
    ),
    "no-crash": Difference(
        "`slicer` without attributes or with a variation above the size, a negative `rate` of `bandwidth` and a "
        "`jitter` of 2^62 end the server",
        "they run: nothing is cut, the variation is bounded, nothing passes, the delay is long",
        "no toxic may end a server (#541, #178, PR #764, PR #770)",
        shown_by="toxics_that_end_the_server",
    ),
}


def rows() -> list[str]:
    """The table as the page shows it."""
    return [f"| {row.theirs} | {row.ours} | {row.reason} |" for row in DIFFERENCES.values()]


if __name__ == "__main__":
    print("\n".join(rows()))
