"""Links as documents write them: what they lead to, what they take from an exchange, and which chains there are."""

import json

import pytest
import requests
import yaml
from sequence_system import write_sequence_system

from windtunnel.errors import SpecError
from windtunnel.fuzz.expressions import Exchange, NoValueError, evaluate
from windtunnel.fuzz.links import linked_shot, links_of
from windtunnel.fuzz.operations import operations_of
from windtunnel.fuzz.shots import Answer, Gun
from windtunnel.fuzz.suite import read_suite
from windtunnel.topology import read_topology


@pytest.fixture
def topology(tmp_path):
    return read_topology(write_sequence_system(tmp_path))


def change(topology, name, **changes):
    """The document with other words in one link of 201."""
    path = topology.path.parent / "front.yaml"
    document = yaml.safe_load(path.read_text())
    document["paths"]["/things"]["post"]["responses"]["201"]["links"][name] |= changes
    path.write_text(yaml.safe_dump(document))
    return operations_of(topology)


def answered(status, body, headers):
    response = requests.Response()
    response.status_code, response._content = status, json.dumps(body).encode()
    response.headers.update(headers)
    return Answer(seconds=0.01, response=response)


@pytest.fixture
def exchange(topology):
    """A thing was made."""
    (make, *_) = operations_of(topology)
    case = make.source.Case(headers={"Idempotency-Key": "abcdefgh"}, body={"count": 3}, query={"dry": "no"})
    case.path_parameters = {"shelf": "b/1"}
    with Gun("http://127.0.0.1:1", 1.0) as gun:
        shot = gun.load(case, "valid")
    answer = answered(201, {"id": "f0", "parts": [{"a/b": 7}]}, {"Location": "/things/f0"})
    return Exchange(operation=make, shot=shot, answer=answer)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$response.body#/id", "f0"),
        ("$response.body#/parts/0/a~1b", 7),
        ("$response.header.location", "/things/f0"),
        ("$request.header.Idempotency-Key", "abcdefgh"),
        ("$request.path.shelf", "b/1"),
        ("$request.query.dry", "no"),
        ("$request.body", {"count": 3}),
        ("$request.body#/count", 3),
        ("$method", "POST"),
        ("$statusCode", 201),
        ("Bearer {$response.body#/id}!", "Bearer f0!"),
        ({"of": ["$response.body#/id", 5]}, {"of": ["f0", 5]}),
        ("a text", "a text"),
        (12, 12),
    ],
)
def test_an_expression_takes_its_value_from_the_exchange(exchange, expression, value):
    """All of OpenAPI 3.1, 4.8.20.4; what is no expression stays as it is."""
    assert evaluate(expression, exchange) == value


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("$response.body#/nothing", "not in the exchange"),
        ("$response.body#/id/deeper", "not in the exchange"),
        ("$response.header.Retry-After", "not in the exchange"),
        ("$answer.body", "no runtime expression"),
    ],
)
def test_what_is_not_there_is_told(exchange, expression, told):
    """Never sent as a text."""
    with pytest.raises(NoValueError, match=told):
        evaluate(expression, exchange)


def test_an_exchange_without_an_answer_has_no_values_of_it(exchange):
    """A lost answer leads nowhere."""
    lost = Exchange(operation=exchange.operation, shot=exchange.shot, answer=Answer(seconds=1, trouble="no answer"))

    with pytest.raises(NoValueError):
        evaluate("$statusCode", lost)


def test_a_link_fills_its_target_and_leaves_the_rest_as_it_was(topology, exchange):
    """The path is the link's, the body that of a valid request."""
    links = links_of(operations_of(topology))
    read, _, again = links.after(exchange.operation, 201)
    with Gun("http://127.0.0.1:1", 1.0) as gun:
        template = read.target.source.Case(path_parameters={"thing_id": "other"}, headers={"X": "kept"})
        shot = linked_shot(read, exchange, template, gun)
        once_more = linked_shot(again, exchange, again.target.source.Case(body={"count": 9}), gun)

    assert (shot.prepared.method, shot.prepared.path_url) == ("GET", "/things/f0")
    assert shot.prepared.headers["X"] == "kept"
    assert json.loads(once_more.prepared.body) == {"count": 3}
    assert once_more.prepared.headers["Idempotency-Key"] == "abcdefgh"


def test_the_links_of_an_answer_are_those_of_its_status(topology):
    """References are followed; a replay is known by taking everything from the request."""
    operations = operations_of(topology)
    links, make = links_of(operations), operations[0]

    assert [link.name for link in links.after(make, 201)] == ["readThing", "deleteThing", "again"]
    assert links.after(make, 202) == ()
    assert (links.unfinished(make, 503).id, links.unfinished(make, 201)) == ("front: makeThing 503 again", None)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"operationId": "raedThing"}, "unknown operation 'raedThing'"),
        ({"parameters": {"thing": "$response.body#/id"}}, "GET /things/{thing_id} has no parameter thing"),
    ],
)
def test_a_link_that_leads_nowhere_is_a_mistake(topology, changes, told):
    """At collection, with the document's name."""
    with pytest.raises(SpecError, match=r"link readThing") as raised:
        links_of(change(topology, "readThing", **changes))

    assert told in str(raised.value)


def test_a_link_may_name_its_target_by_reference(topology):
    """`operationRef` within the same document."""
    operations = change(topology, "readThing", operationId=None, operationRef="#/paths/~1things~1{thing_id}/get")

    assert [link.target.id for link in links_of(operations).all if link.name == "readThing"] == ["readThing"]


def test_chains_go_every_way_once(topology):
    """From what no other operation leads to; what a longer chain begins with has none of its own."""
    assert [chain.id for chain in read_suite(topology).chains] == [
        "front: makeThing -> readThing",
        "front: makeThing -> deleteThing",
        "front: makeThing -> again -> readThing",
        "front: makeThing -> again -> deleteThing",
    ]


def test_what_is_left_out_is_in_no_chain(topology):
    """The plan has a reason for it."""
    plan = topology.path.parent / "fuzz.yaml"
    plan.write_text(plan.read_text() + 'leave_out: {"front: DELETE /things/{thing_id}": it is slow}\n')

    assert not any("delete" in chain.id for chain in read_suite(topology).chains)
