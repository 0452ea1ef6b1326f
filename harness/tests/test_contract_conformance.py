"""An answer held against its document: what the document does not say is found, and nothing else."""

import json
from pathlib import Path

import pytest
import yaml

from windtunnel.contracts import Conformance, Finding
from windtunnel.contracts.document import parse_document

SHOP = """
openapi: 3.1.1
info: {title: shop, version: "1"}
paths:
  /orders/{id}:
    get:
      operationId: read
      responses:
        "200":
          headers:
            X-Left: {required: true, schema: {type: integer, minimum: 1}}
            X-Word: {schema: {enum: [a]}}
          content:
            application/json: {schema: {$ref: "#/components/schemas/Order"}}
            text/plain: {schema: {type: string}}
        "204": {description: nothing}
        4XX: {content: {application/problem+json: {schema: {type: object}}}}
  /orders/last:
    get: {operationId: last, responses: {"204": {description: nothing}}}
components:
  schemas:
    Named: {type: object, required: [name], properties: {name: {type: string}}}
    Order:
      allOf: [{$ref: "#/components/schemas/Named"}]
      properties:
        lines: {type: array, items: {$ref: "#/components/schemas/Named"}}
        by: {type: object, additionalProperties: {type: integer}}
"""
JSON, LEFT = {"Content-Type": "application/json"}, {"X-Left": "1"}


@pytest.fixture(scope="module")
def shop():
    return Conformance(parse_document(yaml.safe_load(SHOP), Path("shop.yaml")))


def rules(shop, status, headers, body=b"", path="/orders/7"):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return [finding.rule for finding in shop.findings("get", path, status, headers, content)]


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {**JSON, **LEFT}, {"name": "x", "lines": [{"name": "y"}], "by": {"z": 1}}),
        (200, {"content-type": "application/json; charset=utf-8", "x-left": "2", "X-Word": "a"}, {"name": "x"}),
        (200, {"Content-Type": "text/plain", **LEFT}, b"anything"),
        (204, {}, b""),
        (404, {"Content-Type": "application/problem+json"}, {}),
    ],
    ids=["whole", "case and charset", "text", "nothing", "range"],
)
def test_answer_that_is_documented_has_no_findings(shop, status, headers, body):
    """Names in any case, parameters of the media type, ranges of statuses."""
    assert rules(shop, status, headers, body) == []


@pytest.mark.parametrize(
    ("rule", "status", "headers", "body"),
    [
        ("status-undocumented", 500, JSON, {}),
        ("header-missing", 200, JSON, {"name": "x"}),
        ("header-invalid", 200, {**JSON, "X-Left": "0"}, {"name": "x"}),
        ("header-invalid", 200, {**JSON, "X-Left": "soon"}, {"name": "x"}),
        ("header-invalid", 200, {**JSON, **LEFT, "X-Word": "b"}, {"name": "x"}),
        ("media-type-undocumented", 200, {"Content-Type": "text/html", **LEFT}, b"<p>"),
        ("media-type-undocumented", 200, LEFT, b""),
        ("body-unreadable", 200, {**JSON, **LEFT}, b"{"),
        ("body-invalid", 200, {**JSON, **LEFT}, {"lines": []}),
        ("body-invalid", 200, {**JSON, **LEFT}, {"name": 1}),
        ("body-invalid", 200, {**JSON, **LEFT}, {"name": "x", "more": 1}),
        ("body-invalid", 200, {**JSON, **LEFT}, {"name": "x", "lines": [{"name": "y", "more": 1}]}),
        ("body-invalid", 200, {**JSON, **LEFT}, {"name": "x", "by": {"z": "1"}}),
        ("content-undocumented", 204, {"Content-Type": "text/html"}, b""),
        ("content-undocumented", 204, {}, b"x"),
    ],
)
def test_what_is_not_documented_is_named(shop, rule, status, headers, body):
    """One finding each, by the promise that broke; also a member that nobody named, however deep."""
    assert rules(shop, status, headers, body) == [rule]


def test_path_without_variables_goes_first(shop):
    """/orders/last is its own operation, not an order called last."""
    assert rules(shop, 204, {}, path="/orders/last") == []
    assert rules(shop, 200, {}, path="/orders/last") == ["status-undocumented"]


@pytest.mark.parametrize("path", ["/orders", "/orders/", "/orders/7/lines", "/ORDERS/7"])
def test_route_that_nobody_documented_is_found(shop, path):
    """A variable is one part of a path, and not an empty one."""
    assert rules(shop, 204, {}, path=path) == ["route-undocumented"]


def test_finding_says_what_came_and_what_would_be_right(shop):
    """One line: the rule, the operation with its status, the facts."""
    (finding,) = shop.findings("GET", "/orders/7", 500, {}, b"Internal Server Error")

    assert isinstance(finding, Finding)
    assert str(finding) == (
        "status-undocumented: GET /orders/{id} -> 500: 500 'Internal Server Error'; documented: 200, 204, 4XX"
    )
