"""A file is either a tree of values that know their line, or one error of one line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spec_samples import outcome, unhurried

from windtunnel.document import unknown
from windtunnel.errors import SpecError, TopologyError
from windtunnel.strict_yaml import load_yaml, parse_yaml

PATH = Path("some/file.yaml")


def parse(text):
    return parse_yaml(text, PATH, SpecError)


def error_of(action):
    with pytest.raises(SpecError) as caught:
        action()
    return str(caught.value)


BROKEN = [
    ("empty", "", "1: the file is empty"),
    ("only-comments", "# nothing\n", "1: the file is empty"),
    (
        "tab",
        "a:\n\tb: 1\n",
        ("2: not valid YAML: found character '\\t' that cannot start any token; indent with spaces, not tabs"),
    ),
    (
        "colon-in-text",
        "a: 1\ntitle: this: that\n",
        ("2: not valid YAML: mapping values are not allowed here; a text that holds ': ' needs quotes"),
    ),
    (
        "greater-than",
        "a: > 1%\n",
        (
            "1: not valid YAML: expected a comment or a line break, but found '1'; "
            'a text that begins with > needs quotes: "> 1%"'
        ),
    ),
    (
        "unclosed",
        "a: [1,\nb: 2\n",
        (
            "3: not valid YAML: expected ',' or ']', but got '<stream end>'; "
            "close the bracket, or put the text in quotes"
        ),
    ),
    (
        "percent",
        "a: %5\n",
        (
            "1: not valid YAML: found character '%' that cannot start any token; "
            "a text that begins with a special character needs quotes"
        ),
    ),
    (
        "two-documents",
        "a: 1\n---\nb: 2\n",
        ("2: not valid YAML: but found another document; one file holds one document; remove the line ---"),
    ),
    ("control-character", "a: 1\nb: \x07\n", "2: the character '\\x07' may not stand in YAML; remove it"),
    ("huge-escape", 'a: "\\UFFFFFFFF"\n', "1: not valid YAML: "),
    ("duplicate-key", "a: 1\nb: 2\na: 3\n", "3: duplicate key 'a'; it is already on line 1"),
    ("nested-duplicate", "a:\n  b: 1\n  b: 1\n", "3: duplicate key 'b'; it is already on line 2"),
    ("key-is-a-list", "a: 1\n? [x]\n: 1\n", "2: a key must be a text, not a sequence"),
    ("python-tag", "a: !!python/object:os.system {}\n", "1: the tag '!!python/object:os.system' is not known here"),
    ("own-tag", "a: !mine 1\n", "1: the tag '!mine' is not known here; remove it"),
    ("set", "a: 1\nb: !!set {x}\n", "2: the tag '!!set' is not known here; remove it"),
    ("recursion", "a: &x [*x]\n", "1: this list or mapping holds itself; write it out"),
    ("unknown-alias", "a: *nobody\n", "1: not valid YAML: found undefined alias"),
    ("deep", "[" * 60 + "]" * 60, "1: nested more than 50 levels deep; make it flatter"),
    ("very-deep", "[" * 9000 + "]" * 9000, "1: nested more than 50 levels deep; make it flatter"),
    (
        "bomb",
        "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"{n}: &{n} [{','.join([f'*{p}'] * 10)}]\n" for p, n in zip("abcdefg", "bcdefgh", strict=True)),
        "5: holds more than 20000 values; make it smaller",
    ),
]


@pytest.mark.parametrize(("text", "message"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_broken_file_is_one_line_with_place_and_remedy(text, message):
    """File, line, what is wrong, and what would be right where that is known."""
    shown = error_of(lambda: parse(text))

    assert shown.startswith(f"some/file.yaml:{message}")
    assert "\n" not in shown


def test_file_that_is_not_utf8_names_the_line(tmp_path):
    """Latin-1 umlauts are the usual case."""
    path = tmp_path / "latin.yaml"
    path.write_bytes("a: 1\nb: schön\n".encode("latin-1"))

    assert f"{path}:2: not UTF-8 (byte 0xf6); save it as UTF-8" == error_of(lambda: load_yaml(path, SpecError))


def test_byte_order_mark_is_no_mistake(tmp_path):
    """Some editors write one."""
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")

    assert list(load_yaml(path, SpecError)[0].mapping()) == ["a"]


@pytest.mark.parametrize("name", ["missing.yaml", "nul\0.yaml", "."], ids=["missing", "nul", "folder"])
def test_file_that_cannot_be_read_says_why(tmp_path, name):
    """No traceback of the operating system's."""
    assert "cannot be read: " in error_of(lambda: load_yaml(tmp_path / name, SpecError))


def test_the_caller_chooses_the_error(tmp_path):
    """A topology's mistakes are topology errors."""
    with pytest.raises(TopologyError):
        load_yaml(tmp_path / "missing.yaml", TopologyError)


def test_unknown_key_names_the_nearest_first():
    """The misspelt key's line, not the mapping's."""
    value = parse("a:\n  edge: x\n  jiter: 5ms\n").mapping()["a"].value

    assert (
        error_of(lambda: value.fields(required=["edge"], optional=["latency", "jitter"]))
        == "some/file.yaml:3: unknown key 'jiter'; known: jitter, edge, latency"
    )


def test_missing_key_names_the_mapping():
    """And all that is needed."""
    value = parse("a: 1\nb:\n  c: 1\n").mapping()["b"].value

    assert error_of(lambda: value.fields(required=["c", "d"])) == "some/file.yaml:3: missing key 'd'; needed: c, d"


def test_nothing_near_is_listed_by_name():
    """A wild guess is not promoted."""
    assert unknown("edge", "zzz", ["b->c", "a->b"]) == "unknown edge 'zzz'; known: a->b, b->c"


WRONG_TYPES = [
    ("text-number", "5", lambda v: v.text(), "expected a text, found the number 5; put it in quotes"),
    ("text-boolean", "yes", lambda v: v.text(), "expected a text, found the value yes; put it in quotes"),
    ("text-nothing", "", lambda v: v.text(), "expected a text, found nothing"),
    ("text-empty", "''", lambda v: v.text(), "expected a text, found an empty text"),
    ("integer-text", "'5'", lambda v: v.integer(), "expected a whole number, found the text '5'"),
    ("integer-sexagesimal", "1:30", lambda v: v.integer(), "expected a whole number, found the number 1:30"),
    ("integer-float", "1.5", lambda v: v.integer(), "expected a whole number, found the number 1.5"),
    ("integer-small", "0", lambda v: v.integer(minimum=1), "expected a whole number of at least 1, found 0"),
    ("decimal-nan", ".nan", lambda v: v.decimal(), "expected a number, found the number .nan"),
    ("boolean-on", "on", lambda v: v.boolean(), "expected true or false, found the value on"),
    ("list-text", "x", lambda v: v.sequence(), "expected a list, found the text 'x'"),
    ("list-empty", "[]", lambda v: v.sequence(minimum=1), "expected a list of at least 1, found 0"),
    ("mapping-list", "[1]", lambda v: v.mapping(), "expected a mapping, found a list"),
    ("value-mapping", "{}", lambda v: v.parse(str), "expected a value, found a mapping"),
    ("choice", "tcpp", lambda v: v.choice("protocol", ["http", "tcp"]), "unknown protocol 'tcpp'; known: tcp, http"),
    ("parse", "x", lambda v: v.parse(float), "could not convert string to float: 'x'"),
]


@pytest.mark.parametrize(
    ("written", "reader", "message"), [case[1:] for case in WRONG_TYPES], ids=[case[0] for case in WRONG_TYPES]
)
def test_wrong_type_says_what_was_expected_and_found(written, reader, message):
    """With the line of the value."""
    value = parse(f"x: 1\na: {written}\n").mapping()["a"].value

    assert f"some/file.yaml:2: {message}" == error_of(lambda: reader(value))


def test_values_keep_the_text_they_were_written_with():
    """YAML 1.1 would make 8, 90, 1000 and False of these."""
    entries = parse("{a: 010, b: 1:30, c: 1_000, d: off, e: 2001-01-01, f: 0.10}").mapping()

    assert [e.value.written for e in entries.values()] == ["010", "1:30", "1_000", "off", "2001-01-01", "0.10"]


def test_plain_hands_ordinary_data_on():
    """For parts that belong to another tool."""
    value = parse("{a: [1, 2.5, x, true, ~], b: {c: '1'}}")

    assert value.plain() == {"a": [1, 2.5, "x", True, None], "b": {"c": "1"}}


def test_aliases_are_followed():
    """An anchor is plain YAML and may be used."""
    value = parse("a: &x {p: 1}\nb: *x\n")

    assert value.plain() == {"a": {"p": 1}, "b": {"p": 1}}


@unhurried
@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"%@`#,?\n\t \\U0xé\x00\ufeff1.~<=")) | st.text())
def test_any_text_is_a_value_or_a_spec_error(text):
    """Whatever PyYAML does with it, and always on one line."""
    value, error = outcome(lambda: parse(text), SpecError)

    assert value or "\n" not in error


@unhurried
@given(st.binary())
def test_any_bytes_are_a_value_or_a_spec_error(tmp_path_factory, raw):
    """Also what is no text at all."""
    path = tmp_path_factory.mktemp("raw") / "file.yaml"
    path.write_bytes(raw)
    loaded, error = outcome(lambda: load_yaml(path, SpecError), SpecError)

    assert loaded[1] == raw if loaded else error.startswith(f"{path}:")
