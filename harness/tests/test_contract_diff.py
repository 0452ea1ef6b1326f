"""Two documents of one service: each rule breaks where it should, and nowhere else."""

import copy
import re
from pathlib import Path

import pytest
import yaml

from windtunnel.cli import main
from windtunnel.contracts import compare
from windtunnel.contracts.document import parse_document
from windtunnel.contracts.rules import NAMES, ON_ANSWERS, ON_OPERATIONS, ON_REQUESTS, ON_RESPONSES
from windtunnel.errors import ContractError

SHOP = """
openapi: 3.1.1
info: {title: shop, version: "1"}
paths:
  /orders/{id}:
    put:
      operationId: put
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: X-Key, in: header, schema: {type: string}}
      requestBody:
        content:
          application/json: {schema: {$ref: "#/components/schemas/New"}}
          text/csv: {schema: {type: string}}
      responses:
        "201":
          headers:
            Location: {required: true, schema: {type: string}}
            Age: {schema: {type: integer}}
          content:
            application/json: {schema: {allOf: [{$ref: "#/components/schemas/Order"}]}}
            text/csv: {schema: {type: string}}
          links: {again: {operationId: put}}
        "202": {description: later}
        "503": {description: no}
components:
  schemas:
    New:
      type: object
      required: [sku]
      properties:
        sku: {type: string, maxLength: 20}
        size: {enum: [s, m]}
        note: {type: [string, "null"]}
        way: {oneOf: [{const: a}, {const: b}, {type: integer}]}
    Order:
      type: object
      required: [id, state]
      properties:
        id: {type: string, format: uuid, pattern: "^[0-9a-f-]+$"}
        state: {enum: [open, done]}
        left: {type: integer, maximum: 5}
        lines: {type: array, items: {type: object, required: [sku], properties: {sku: {type: string}}}}
        way: {oneOf: [{const: a}, {type: integer}, {type: boolean}]}
        by: {type: object, additionalProperties: {enum: [x]}}
"""
PARSED = yaml.safe_load(SHOP)
PUT = ("paths", "/orders/{id}", "put")
NEW, ORDER = ("components", "schemas", "New"), ("components", "schemas", "Order")
DONE = (*PUT, "responses", "201")
GONE = object()


def shop(*changes):
    """The document with changes: (path, value), GONE takes away."""
    raw = copy.deepcopy(PARSED)
    for path, value in changes:
        node = raw
        for part in path[:-1]:
            node = node[part]
        if value is GONE:
            del node[path[-1]]
        else:
            node[path[-1]] = copy.deepcopy(value)
    return raw


def found(old, new, path):
    changes = compare(parse_document(old, path), parse_document(new, path))
    return {(change.rule, change.where.removeprefix("PUT /orders/{id}")) for change in changes}


TOKEN = {"name": "X-Token", "in": "header", "required": True, "schema": {"type": "string"}}
ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
KEY = {"name": "x-key", "in": "header", "required": True, "schema": {"type": "string"}}
BODY = (*PUT, "requestBody", "content", "text/csv")
OK, IN = " -> 201", ": body"
TABLES = (ON_OPERATIONS, ON_ANSWERS, ON_REQUESTS, ON_RESPONSES)
WAYS = [{"const": "a"}, {"type": "integer"}, {"type": "boolean"}]
# fmt: off
ROWS = [
    ("api-removed", "", [(PUT, GONE)]),
    ("api-operation-id-changed", "", [((*PUT, "operationId"), "other")]),
    ("request-parameter-removed", "", [((*PUT, "parameters"), [ID])]),
    ("new-required-request-parameter", "", [((*PUT, "parameters"), [ID, {**KEY, "required": False}, TOKEN])]),
    ("request-parameter-became-required", "", [((*PUT, "parameters"), [ID, KEY])]),
    ("request-body-became-required", "", [((*PUT, "requestBody", "required"), True)]),
    ("request-body-media-type-removed", "", [(BODY, GONE)]),
    ("response-success-status-removed", "", [((*PUT, "responses", "202"), GONE)]),
    ("response-non-success-status-removed", "", [((*PUT, "responses", "503"), GONE)]),
    ("response-success-status-added", "", [((*PUT, "responses", "200"), {})]),
    ("response-non-success-status-added", "", [((*PUT, "responses", "500"), {})]),
    ("api-security-added", "", [((*PUT, "security"), [{"bearer": []}])]),
    ("required-response-header-removed", OK, [((*DONE, "headers", "Location"), GONE)]),
    ("optional-response-header-removed", OK, [((*DONE, "headers", "Age"), GONE)]),
    ("response-header-became-optional", OK, [((*DONE, "headers", "Location", "required"), False)]),
    ("response-media-type-removed", OK, [((*DONE, "content", "text/csv"), GONE)]),
    ("response-media-type-added", OK, [((*DONE, "content", "text/html"), {})]),
    ("response-link-removed", OK, [((*DONE, "links"), GONE)]),
    ("request-property-became-required", IN, [((*NEW, "required"), ["sku", "size"])]),
    ("new-required-request-property", IN, [((*NEW, "required"), ["sku", "card"])]),
    ("request-property-removed", IN, [((*NEW, "properties", "note"), GONE), ((*NEW, "additionalProperties"), False)]),
    ("request-property-ignored", IN, [((*NEW, "properties", "note"), GONE)]),
    ("request-additional-properties-refused", IN, [((*NEW, "additionalProperties"), False)]),
    ("request-property-type-changed", IN + "/note", [((*NEW, "properties", "note"), {"type": "string"})]),
    ("request-property-enum-value-removed", IN + "/size", [((*NEW, "properties", "size"), {"enum": ["s"]})]),
    ("request-property-bounds-tightened", IN + "/sku", [((*NEW, "properties", "sku", "maxLength"), 10)]),
    ("request-property-pattern-changed", IN + "/sku", [((*NEW, "properties", "sku", "pattern"), "^a$")]),
    ("request-property-format-added", IN + "/sku", [((*NEW, "properties", "sku", "format"), "uuid")]),
    ("request-alternative-removed", IN + "/way",
     [((*NEW, "properties", "way", "oneOf"), [{"const": "a"}, {"type": "integer"}, {"const": "c"}])]),
    ("response-required-property-removed", OK + IN,
     [((*ORDER, "properties", "id"), GONE), ((*ORDER, "required"), ["state"])]),
    ("response-optional-property-removed", OK + IN, [((*ORDER, "properties", "left"), GONE)]),
    ("response-property-became-optional", OK + IN, [((*ORDER, "required"), ["id"])]),
    ("response-property-type-changed", OK + IN + "/lines/*/sku",
     [((*ORDER, "properties", "lines", "items", "properties", "sku"), {"type": "integer"})]),
    ("response-property-became-nullable", OK + IN + "/left",
     [((*ORDER, "properties", "left", "type"), ["integer", "null"])]),
    ("response-property-enum-value-added", OK + IN + "/state",
     [((*ORDER, "properties", "state"), {"enum": ["open", "done", "lost"]})]),
    ("response-property-bounds-let-out", OK + IN + "/left", [((*ORDER, "properties", "left", "maximum"), 6)]),
    ("response-property-pattern-changed", OK + IN + "/id", [((*ORDER, "properties", "id", "pattern"), GONE)]),
    ("response-property-format-changed", OK + IN + "/id", [((*ORDER, "properties", "id", "format"), GONE)]),
    ("response-alternative-added", OK + IN + "/way",
     [((*ORDER, "properties", "way", "oneOf"), [*WAYS, {"const": "c"}])]),
]
# fmt: on
# What the same change must mean as well, since it is that, too.
ALONG = {
    "request-property-removed": {("request-additional-properties-refused", ": body")},
}


@pytest.mark.parametrize(("rule", "where", "changes"), ROWS, ids=[row[0] for row in ROWS])
def test_rule_breaks_in_its_place_and_no_other_does(rule, where, changes, tmp_path):
    """One change of the document, one rule, one place."""
    assert found(shop(), shop(*changes), tmp_path) == {(rule, where)} | ALONG.get(rule, set())


def test_every_rule_has_its_row():
    """A rule that nobody saw break may be none."""
    assert sorted(row[0] for row in ROWS) == sorted(NAMES)
    assert len(set(NAMES)) == len(NAMES)


WIDER = [
    [((*NEW, "properties", "new"), {"type": "string"})],
    [((*NEW, "required"), [])],
    [((*NEW, "properties", "size"), {"enum": ["s", "m", "l"]})],
    [((*NEW, "properties", "sku"), {"type": ["string", "integer"], "maxLength": 30})],
    [((*NEW, "properties", "way", "oneOf"), [{"const": "a"}, {"const": "b"}, {"type": "integer"}, {"type": "object"}])],
]
NARROWER = [
    [((*ORDER, "properties", "new"), {"type": "string"})],
    [((*ORDER, "required"), ["id", "state", "left"])],
    [((*ORDER, "properties", "state"), {"const": "open"})],
    [((*ORDER, "properties", "left"), {"type": "integer", "maximum": 4, "minimum": 0})],
    [((*ORDER, "properties", "way", "oneOf"), [{"const": "a"}, {"type": "integer"}])],
]


@pytest.mark.parametrize("changes", WIDER, ids=["new", "optional", "enum", "type", "alternative"])
def test_taking_more_breaks_nobody(changes, tmp_path):
    """Requests are contravariant: the same change in an answer would be a break."""
    assert found(shop(), shop(*changes), tmp_path) == set()


@pytest.mark.parametrize("changes", NARROWER, ids=["new", "required", "enum", "bounds", "alternative"])
def test_promising_more_breaks_nobody(changes, tmp_path):
    """Answers are covariant."""
    assert found(shop(), shop(*changes), tmp_path) == set()


@pytest.mark.parametrize(
    "changes",
    [
        [(ORDER, {"allOf": [PARSED["components"]["schemas"]["Order"], {"description": "x"}]})],
        [((*DONE, "content", "application/json", "schema"), {"$ref": "#/components/schemas/Order"})],
        [((*NEW, "properties", "note"), {"oneOf": [{"type": "string"}, {"type": "null"}]})],
        [((*PUT, "parameters", 1, "name"), "x-KEY")],
        [],
    ],
    ids=["allOf", "reference", "null", "case", "nothing"],
)
def test_same_thing_said_otherwise_is_no_change(changes, tmp_path):
    """References, `allOf`, the two ways to say null, the case of a header's name."""
    assert found(shop(), shop(*changes), tmp_path) == set()


def test_variable_of_a_path_may_get_another_name(tmp_path):
    """Its place tells which it is."""
    new = shop()
    new["paths"]["/orders/{order}"] = new["paths"].pop("/orders/{id}")
    new["paths"]["/orders/{order}"]["put"]["parameters"][0] = {**ID, "name": "order"}

    assert found(shop(), new, tmp_path) == set()


def test_status_that_a_range_covers_has_not_gone(tmp_path):
    """What is said of 5XX is said of 503."""
    new = shop(((*PUT, "responses", "503"), GONE), ((*PUT, "responses", "5XX"), {"description": "no"}))

    assert found(shop(), new, tmp_path) == {("response-non-success-status-added", "")}


def test_properties_without_names_are_compared_too(tmp_path):
    """What a map of anything may hold."""
    new = shop(((*ORDER, "properties", "by", "additionalProperties"), {"enum": ["x", "y"]}))

    assert found(shop(), new, tmp_path) == {("response-property-enum-value-added", " -> 201: body/by/(any)")}


def test_schema_that_holds_itself_is_compared_and_ends(tmp_path):
    """A tree: its break is found, and there is an end to it."""
    tree = {"type": "object", "properties": {"left": {"$ref": "#/components/schemas/Order"}, "n": {"type": "integer"}}}
    old, new = shop((ORDER, tree)), shop((ORDER, tree), ((*ORDER, "properties", "n"), {"type": "string"}))

    assert ("response-property-type-changed", " -> 201: body/left/left/n") in found(old, new, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("swagger: '2.0'", "no OpenAPI 3.1 document (openapi: None); it begins with openapi: 3.1.1"),
        ("openapi: 3.0.3", "no OpenAPI 3.1 document (openapi: '3.0.3'); it begins with openapi: 3.1.1"),
        ("a: [", "not valid YAML"),
        (
            SHOP.replace("schemas/New", "schemas/Nwe"),
            "$ref '#/components/schemas/Nwe' leads nowhere: there is no",
        ),
        (SHOP.replace("#/components/schemas/New", "x.yaml#/a"), "is in another file; only references into this one"),
        (SHOP.replace("responses:", "respones:"), "not formed as OpenAPI 3.1 has it: KeyError('responses')"),
    ],
    ids=["swagger", "3.0", "yaml", "nowhere", "file", "responses"],
)
def test_document_that_cannot_be_used_is_one_line(text, message, tmp_path, capsys):
    """Which file, what is wrong, what would be right; exit code 2."""
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(SHOP)
    bad.write_text(text)
    code = main(["contract", "diff", str(bad), str(good)])
    told = capsys.readouterr().err

    assert (code, told.count("\n")) == (2, 1)
    assert told.startswith(f"windtunnel: {bad}")
    assert message in told


def test_command_says_what_broke_where_and_what_would_be_right(tmp_path, capsys):
    """A line a break, with its rule, place and remedy, a count, and exit code 1; 0 when there is none."""
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, text in ((old, SHOP), (new, SHOP.replace("enum: [open, done]", "enum: [open, done, lost]"))):
        folder.mkdir()
        (folder / "shop.yaml").write_text(text)
    codes = [main(["contract", "diff", str(old), str(other)]) for other in (old, new)]
    told = capsys.readouterr().out.splitlines()
    place, right = 'PUT /orders/{id} -> 201: body/state: "lost" may come', "keep to the values that clients know"

    assert codes == [0, 1]
    assert told == [
        "1 document compared: 0 breaking, 0 to look at",
        f"{new / 'shop.yaml'}: break: response-property-enum-value-added: {place}; right: {right}",
        "1 document compared: 1 breaking, 0 to look at",
    ]


def test_released_document_that_is_gone_is_no_pass(tmp_path, capsys):
    """An empty folder, too: nothing compared is not nothing broken."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    nothing = main(["contract", "diff", str(old), str(new)])
    (old / "shop.yaml").write_text(SHOP)
    gone = main(["contract", "diff", str(old), str(new)])

    assert (nothing, gone) == (2, 2)
    assert "cannot be read: No such file" in capsys.readouterr().err


def test_reference_in_a_circle_is_refused(tmp_path):
    """And does not go round for ever."""
    raw = shop((ORDER, {"$ref": "#/components/schemas/New"}), (NEW, {"$ref": "#/components/schemas/Order"}))
    document = parse_document(raw, tmp_path)

    with pytest.raises(ContractError, match="leads back to itself"):
        compare(document, document)


def test_every_rule_is_in_the_docs_under_its_severity():
    """A rule that nobody can look up is a riddle."""
    text = (Path(__file__).parents[2] / "contracts" / "README.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.count("|") == 4]
    told = {
        (name, severity)
        for row in rows
        for cell, severity in ((row[2], "break"), (row[3], "warn"))
        for name in re.findall(r"`([a-z-]+)`", cell)
    }

    assert told == {(rule.name, rule.severity) for table in TABLES for rule in table}
