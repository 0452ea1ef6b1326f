"""Publishing to a Pact Broker: what its documentation asks for, on a real server that holds us to it."""

import base64
import json

import pact_wires
import pytest

from windtunnel.cli import main
from windtunnel.contracts.pact_broker import BrokerSettings, Publication, broker_settings, publish
from windtunnel.contracts.pact_files import read_pact, read_pacts
from windtunnel.errors import BrokerError, PactError

INDEX = {"_links": {"pb:publish-contracts": {"href": "/contracts/publish"}}}
PUBLISHED = {"notices": [{"type": "success", "text": "Pact successfully published for shop version 1."}], "_links": {}}


class Broker:
    """Answers as documented, and keeps what it was told."""

    def __init__(self, status=200, answer=PUBLISHED, index=INDEX):
        self.status, self.answer, self.index, self.told, self.headers = status, answer, index, [], []

    def __call__(self, method, path, headers, body):
        self.headers.append(dict(headers))
        if (method, path) == ("GET", "/"):
            return self._says(200, self.index)
        assert (method, path, headers["Content-Type"]) == ("POST", "/contracts/publish", "application/json")
        self.told.append(json.loads(body))
        return self._says(self.status, self.answer)

    def _says(self, status, document):
        return status, {"Content-Type": "application/hal+json;charset=utf-8"}, json.dumps(document).encode()


@pytest.fixture
def pacts(tmp_path):
    pact_wires.write(tmp_path / "pacts", pact_wires.interaction())
    pact_wires.write(tmp_path / "pacts", pact_wires.interaction(), provider="bank")
    pact_wires.write(tmp_path / "pacts", pact_wires.interaction(), consumer="bank", provider="store")
    return read_pacts(tmp_path / "pacts")


def published(broker, pacts, **settings):
    with pact_wires.served(broker) as url:
        return publish(BrokerSettings(url=url, **settings), pacts, Publication(version="1", branch="main", tags=("a",)))


def test_each_consumer_is_one_publication_of_all_its_contracts(pacts):
    """The required parameters, the contract itself in Base64; what was not given is left out."""
    broker = Broker()
    notices = published(broker, pacts, token="t")
    bank, shop = broker.told

    assert {key: value for key, value in shop.items() if key != "contracts"} == {
        "pacticipantName": "shop",
        "pacticipantVersionNumber": "1",
        "branch": "main",
        "tags": ["a"],
    }
    assert [(one["consumerName"], one["providerName"]) for one in shop["contracts"]] == [
        ("shop", "bank"),
        ("shop", "store"),
    ]
    assert {(one["specification"], one["contentType"]) for one in shop["contracts"]} == {("pact", "application/json")}
    assert base64.b64decode(shop["contracts"][1]["content"]).decode() == pacts[2].text
    assert bank["pacticipantName"] == "bank"
    assert notices == ["Pact successfully published for shop version 1."] * 2


@pytest.mark.parametrize(
    ("settings", "header"),
    [({"token": "t"}, "Bearer t"), ({"username": "u", "password": "p"}, "Basic dTpw"), ({}, None)],
    ids=["token", "password", "nobody"],
)
def test_credentials_are_sent_as_they_are_meant(pacts, settings, header):
    """A bearer token, or basic authentication, on every call."""
    broker = Broker()
    published(broker, pacts, **settings)

    assert {one.get("Authorization") for one in broker.headers} == {header}


@pytest.mark.parametrize(
    ("status", "answer", "told"),
    [
        (400, {"errors": {"branch": ["is too long", "is odd"]}}, "400: branch: is too long, is odd"),
        (
            409,
            {"notices": [{"text": "Cannot change the content of the pact"}], "errors": {}},
            "409: Cannot change the content",
        ),
        (401, {}, "401: not allowed; see PACT_BROKER_TOKEN"),
        (502, {}, "502: Bad Gateway"),
    ],
)
def test_refusal_is_told_in_the_broker_s_words(pacts, status, answer, told):
    """Notices, else errors by field, else what the status means."""
    with pytest.raises(BrokerError, match=told) as refused:
        published(Broker(status, answer), pacts)

    assert refused.value.status == status


def test_broker_that_is_too_old_or_no_broker_is_said_so(pacts):
    """The index names the place where contracts go, or there is none."""
    with pytest.raises(BrokerError, match=r"Pact Broker 2[.]86 or newer"):
        published(Broker(index={"_links": {}}), pacts)
    with pytest.raises(BrokerError, match="is it a Pact Broker"):
        published(Broker(index=[]), pacts)
    with pytest.raises(BrokerError, match="does not answer"):
        publish(BrokerSettings(url="http://127.0.0.1:9"), pacts, Publication(version="1"))


def test_credentials_go_to_no_other_host(pacts):
    """An index that points elsewhere is refused."""
    elsewhere = {"_links": {"pb:publish-contracts": {"href": "http://elsewhere.example/contracts/publish"}}}
    broker = Broker(index=elsewhere)

    with pytest.raises(BrokerError, match="on another host"):
        published(broker, pacts, token="t")
    assert broker.told == []


@pytest.mark.parametrize(
    ("environ", "mistake"),
    [
        ({"TOKEN": "t"}, "PACT_BROKER_BASE_URL is not set"),
        ({"BASE_URL": "broker"}, "https://host is needed"),
        ({"BASE_URL": "https://b.example", "TOKEN": "t", "USERNAME": "u", "PASSWORD": "p"}, "set one kind"),
        ({"BASE_URL": "https://b.example", "USERNAME": "u"}, "needed together"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(environ, mistake):
    """Each names its variables, and shows no secret."""
    with pytest.raises(PactError, match=mistake):
        broker_settings({f"PACT_BROKER_{name}": value for name, value in environ.items()})


def test_without_a_broker_there_are_no_settings_and_secrets_are_not_shown():
    """A representation may end in a log."""
    settings = broker_settings({"PACT_BROKER_BASE_URL": "https://b.example/", "PACT_BROKER_TOKEN": "sesame"})

    assert broker_settings({}) is None
    assert settings.url == "https://b.example"
    assert "sesame" not in repr(settings)


def test_command_publishes_to_the_broker_that_the_environment_names(tmp_path, monkeypatch, capsys):
    """And prints its notices."""
    path = pact_wires.write(tmp_path / "pacts", pact_wires.interaction())
    broker = Broker()
    for name in ("TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"PACT_BROKER_{name}", raising=False)
    with pact_wires.served(broker) as url:
        monkeypatch.setenv("PACT_BROKER_BASE_URL", url)
        code = main(["publish-pacts", str(path.parent), "--version", "1", "--branch", "main"])

    assert (code, capsys.readouterr().out) == (0, "Pact successfully published for shop version 1.\n")
    assert json.loads(base64.b64decode(broker.told[0]["contracts"][0]["content"])) == json.loads(read_pact(path).text)
