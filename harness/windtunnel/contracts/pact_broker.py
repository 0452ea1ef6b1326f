"""Publishes contracts to a Pact Broker, where one is named by its standard environment variables.

The Broker's own documentation of `POST /contracts/publish` (relation `pb:publish-contracts`, from Pact Broker 2.86) is
what is spoken here: one request for each consumer, the contracts in it in Base64, notices in the answer.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from windtunnel.contracts.pact_files import PactFile
from windtunnel.errors import BrokerError, PactError

RELATION: Final = "pb:publish-contracts"
_HAL: Final = "application/hal+json"


@dataclass(frozen=True, kw_only=True)
class BrokerSettings:
    """Where the broker is, and who we are there."""

    url: str
    token: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What is published of one consumer."""

    version: str
    branch: str = ""
    tags: tuple[str, ...] = ()
    build_url: str = ""


def broker_settings(environ: Mapping[str, str]) -> BrokerSettings | None:
    """From PACT_BROKER_BASE_URL, and PACT_BROKER_TOKEN or PACT_BROKER_USERNAME and PACT_BROKER_PASSWORD.

    None where no broker is named. Raises `PactError` for settings that contradict each other.
    """
    names = ("BASE_URL", "TOKEN", "USERNAME", "PASSWORD")
    url, token, username, password = (environ.get(f"PACT_BROKER_{name}", "") for name in names)
    if not url:
        if token or username or password:
            raise PactError("PACT_BROKER_BASE_URL is not set, but credentials for a broker are; set it, or unset them")
        return None
    if httpx.URL(url).scheme not in ("http", "https") or not httpx.URL(url).host:
        raise PactError(f"PACT_BROKER_BASE_URL is {url!r}; https://host is needed")
    if token and (username or password):
        raise PactError("PACT_BROKER_TOKEN and PACT_BROKER_USERNAME or _PASSWORD are both set; set one kind")
    if bool(username) != bool(password):
        raise PactError("PACT_BROKER_USERNAME and PACT_BROKER_PASSWORD are needed together")
    return BrokerSettings(url=url.rstrip("/"), token=token, username=username, password=password)


def publish(settings: BrokerSettings, files: Iterable[PactFile], what: Publication) -> list[str]:
    """Publish them all. Returns the broker's notices, for a person to read. Raises `BrokerError` with its reasons."""
    by_consumer: dict[str, list[PactFile]] = {}
    for file in files:
        by_consumer.setdefault(file.consumer, []).append(file)
    if not by_consumer:
        raise PactError("no pact to publish")
    notices: list[str] = []
    with _client(settings) as client:
        place = _place(client, settings)
        for consumer, pacts in by_consumer.items():
            body = _body(consumer, pacts, what)
            document = _call(client, "POST", place, body)
            notices += [str(one.get("text", "")) for one in _mappings(document.get("notices"))]
    return notices


def _client(settings: BrokerSettings) -> httpx.Client:
    headers = {"Accept": _HAL}
    if settings.token:
        headers["Authorization"] = f"Bearer {settings.token}"
    auth = httpx.BasicAuth(settings.username, settings.password) if settings.username else None
    return httpx.Client(headers=headers, auth=auth, timeout=30.0, follow_redirects=False)


def _place(client: httpx.Client, settings: BrokerSettings) -> httpx.URL:
    """Where the broker wants contracts, as its index says. Credentials go to the host that was named, and no other."""
    links = _call(client, "GET", httpx.URL(settings.url)).get("_links")
    link = links.get(RELATION) if isinstance(links, dict) else None
    href = link.get("href") if isinstance(link, dict) else None
    if not isinstance(href, str):
        raise BrokerError(f"{settings.url} offers no {RELATION}; Pact Broker 2.86 or newer is needed there")
    base, place = httpx.URL(settings.url), httpx.URL(settings.url).join(href)
    if (place.scheme, place.host, place.port) != (base.scheme, base.host, base.port):
        raise BrokerError(
            f"{settings.url} wants contracts at {place}, on another host; set PACT_BROKER_BASE_URL to that, or "
            f"mend the broker's own base URL"
        )
    return place


def _body(consumer: str, pacts: Sequence[PactFile], what: Publication) -> dict[str, object]:
    contracts = [
        {
            "consumerName": consumer,
            "providerName": pact.provider,
            "specification": "pact",
            "contentType": "application/json",
            "content": base64.b64encode(pact.text.encode()).decode(),
        }
        for pact in pacts
    ]
    also = {"branch": what.branch, "tags": list(what.tags), "buildUrl": what.build_url}
    return {
        "pacticipantName": consumer,
        "pacticipantVersionNumber": what.version,
        **{name: value for name, value in also.items() if value},
        "contracts": contracts,
    }


def _call(client: httpx.Client, method: str, url: httpx.URL, body: object = None) -> Mapping[str, Any]:
    try:
        answer = client.request(method, url, json=body)
    except httpx.TransportError as error:
        raise BrokerError(f"{url} does not answer: {type(error).__name__}: {error}") from None
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not answer.is_success:
        raise BrokerError(f"{method} {url}: {answer.status_code}: {_why(answer, document)}", status=answer.status_code)
    if not isinstance(document, dict):
        raise BrokerError(f"{method} {url}: {answer.status_code}, but no JSON object; is it a Pact Broker?")
    return document


def _why(answer: httpx.Response, document: object) -> str:
    """The broker's notices; where it has none, its errors by field; else what the status means."""
    found = document if isinstance(document, dict) else {}
    notices = [str(one.get("text", "")) for one in _mappings(found.get("notices"))]
    errors = found.get("errors")
    if not notices and isinstance(errors, dict):
        notices = [f"{name}: {', '.join(map(str, told))}" for name, told in errors.items() if isinstance(told, list)]
    if notices:
        return "; ".join(notices)
    if answer.status_code in (401, 403):
        return "not allowed; see PACT_BROKER_TOKEN, or PACT_BROKER_USERNAME and PACT_BROKER_PASSWORD"
    return answer.reason_phrase or "no reason given"


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
