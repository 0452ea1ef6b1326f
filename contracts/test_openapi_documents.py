"""The documents themselves: valid, self-contained, alike where services are alike, and about the routes that exist."""

import re
from pathlib import Path

import jsonschema_rs
import pytest
import schemathesis
from openapi_walk import FOLDER, SERVICES, document_of
from openapi_world import alone

from windtunnel.contracts import compare, read_document
from windtunnel.topology import read_topology

pytestmark = pytest.mark.contract
DOCUMENTS = {service: document_of(service) for service in SERVICES}
KINDS = ("parameters", "headers", "responses", "schemas", "securitySchemes")


@pytest.fixture(params=SERVICES)
def document(request):
    return DOCUMENTS[request.param]


@pytest.fixture
def routes(document, tmp_path):
    """`GET /orders/{order_id}`, for every route that the service's application has."""
    with alone(document.path.stem, tmp_path) as app:
        rules = list(app.url_map.iter_rules())
    return {
        f"{method} {rule.rule.replace('<', '{').replace('>', '}')}"
        for rule in rules
        for method in rule.methods - {"HEAD"}  # which every GET has, by HTTP itself
    }


def test_document_is_valid(document):
    """By the OpenAPI 3.1 schema."""
    schemathesis.openapi.from_path(str(document.path)).validate()
    invalid = schemathesis.openapi.from_dict({**document.raw, "paths": {"/x": {"get": {"responses": 3}}}})

    with pytest.raises(jsonschema_rs.ValidationError):
        invalid.validate()


def test_routes_and_document_agree_both_ways(document, routes):
    """Nothing is there that is not documented, and nothing is documented that is not there."""
    assert {operation.name for operation in document.operations} == routes


def test_every_operation_has_a_name_of_its_own(document):
    """What generated clients and links call it."""
    ids = [operation.id for operation in document.operations]

    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-z][A-Za-z]+", name) for name in ids)


def test_every_answer_carries_the_request_id(document):
    """And every 429 and 503 says when to come again."""
    answers = [(op.id, status, answer) for op in document.operations for status, answer in op.answers.items()]
    without = [(op, status) for op, status, answer in answers if not answer.headers["x-request-id"].required]
    silent = [(o, s) for o, s, a in answers if s in ("429", "503") and not a.headers.get("retry-after")]

    assert (without, silent) == ([], [])


def test_every_error_is_a_problem_document(document):
    """A 503 of /health/quiet also has its own form: it says what is waited for."""
    others = {
        (operation.id, status, form)
        for operation in document.operations
        for status, answer in operation.answers.items()
        if status >= "400"
        for form in answer.content
        if form != "application/problem+json"
    }

    assert others <= {("quiet", "503", "application/json")}
    assert all(a.content for op in document.operations for s, a in op.answers.items() if s >= "400")


def test_every_example_is_what_its_schema_says(document):
    """Bodies, answers and parameters."""
    whole = {"components": document.raw["components"]}
    media = [form for op in document.operations for form in op.body.values()]
    media += [form for op in document.operations for answer in op.answers.values() for form in answer.content.values()]
    media += [parameter for op in document.operations for parameter in op.parameters]
    wrong = [
        (value, error.message)
        for form in media
        for value in form.examples.values()
        for error in jsonschema_rs.Draft202012Validator({**whole, "allOf": [form.schema]}).iter_errors(value)
    ]

    assert wrong == []
    assert [form.schema for form in media if not form.examples] == []


def test_every_link_leads_to_an_operation_and_fills_what_it_needs(document):
    """A parameter in the path must come from somewhere."""
    for operation in document.operations:
        for answer in operation.answers.values():
            for link in answer.links:
                target = document.operation(link.target)
                needed = {parameter.name for parameter in target.parameters if parameter.place == "path"}
                assert needed <= {name.split(".")[-1] for name in link.parameters}


@pytest.mark.parametrize("kind", KINDS)
def test_what_services_share_is_the_same_in_every_document(kind):
    """Each document stands alone, so what they share is written several times; it must not drift apart."""
    names = {name for document in DOCUMENTS.values() for name in document.raw["components"].get(kind, {})}
    own = {"Quantity", "InvalidOrKeyReused", "NotQuiet"}  # what is asked or waited for differs
    written = {
        name: [d.raw["components"][kind][name] for d in DOCUMENTS.values() if name in d.raw["components"].get(kind, {})]
        for name in names - own
    }

    assert [name for name, copies in written.items() if any(copy != copies[0] for copy in copies)] == []


def test_topology_names_every_document():
    """So that tools find it."""
    topology = read_topology(Path(__file__).parents[1] / "platform" / "topology.yaml")
    named = {name: service.openapi for name, service in topology.services.items() if name != "mail"}

    assert named == {service: FOLDER / f"{service}.yaml" for service in SERVICES}


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_who_relies_on_the_released_document_is_broken(service):
    """What breaks a consumer is released knowingly, or not at all."""
    changes = compare(read_document(FOLDER.parent / "released" / f"{service}.yaml"), DOCUMENTS[service])

    assert [str(change) for change in changes if change.severity == "break"] == []
