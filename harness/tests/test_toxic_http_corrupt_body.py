"""http_corrupt_body: other bytes, the same length, the same in every run."""

from http_talk import Talk, chunked, cuts, pieces
from http_wires import TEXT, call, caller, ended, shop
from hypothesis import given

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n"


def test_the_body_is_changed_and_its_length_is_not():
    """With a length and in chunks; the connection is kept; without the toxic all is well again."""
    with shop() as (edge, _), caller(edge) as client:
        edge.add_toxic("http_corrupt_body", name="t")
        bodies = [call(client, path=path)[1] for path in ("/", "/chunked")]
        edge.remove_toxic("t")
        sound = call(client)[1]
        requests = ended(edge, 3)

    for body in bodies:
        assert len(body) == len(TEXT)
        assert body[0] != TEXT[0]
        assert 1 <= sum(a != b for a, b in zip(body, TEXT, strict=True)) < len(TEXT) / 2
    assert sound == TEXT
    assert [each.touched_by for each in requests] == [("t",), ("t",), ()]
    assert {each.ended for each in requests} == {"complete"}


def spoilt(where, answer, seed=1):
    talk = Talk()
    talk.install("http_corrupt_body", every=8)
    talk.rules[0].seed = seed
    talk.say([b"GET / HTTP/1.1\r\n\r\n"], pieces(answer, where))
    return bytes(talk.to_client.taken)


@given(cuts)
def test_the_same_bytes_are_changed_however_the_body_came(where):
    """Hundred of hundred times."""
    answer = HEAD + bytes(200)

    assert spoilt(where, answer) == spoilt([], answer) != answer


@given(cuts)
def test_framing_of_chunks_is_never_touched(where):
    """What is content is changed as if it had not been chunked."""
    whole = spoilt([], HEAD + bytes(200))[len(HEAD) :]
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    trailers = b"X-Sum: 12345678\r\n"
    changed = spoilt(where, head + chunked([bytes(50), bytes(150)], trailers=trailers))

    assert changed == head + chunked([whole[:50], whole[50:]], trailers=trailers)


def test_another_seed_changes_other_bytes():
    """And another request of the same run, too."""
    assert spoilt([], HEAD + bytes(200), seed=2) != spoilt([], HEAD + bytes(200), seed=1)


def test_a_request_body_can_be_changed_as_well():
    """What the upstream gets; an empty body is not touched."""
    with shop() as (edge, server), caller(edge) as client:
        edge.add_toxic("http_corrupt_body", name="t", stream="upstream", attributes={"every": 1})
        call(client, "POST", "/", b"abc")
        call(client)
        touched = edge.record().touched
    body = server.seen[0][3]

    assert len(body) == 3
    assert all(a != b for a, b in zip(body, b"abc", strict=True))
    assert touched == {"t": 1}
