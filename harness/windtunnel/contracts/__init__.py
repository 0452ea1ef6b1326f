"""OpenAPI documents as contracts: does a service answer as its document says, and what breaks whoever relies on it?

    document = read_document(Path("contracts/openapi/orders.yaml"))
    Conformance(document).findings("POST", "/orders", 201, headers, body)     # what the document does not say
    compare(read_document(old), document)                                     # what breaks a consumer, by rule

`document.py` reads, `conformance.py` holds answers against a document, `breaking.py` compares two of them with the
rules in `rules/`: one rule a function, in one table. `pact_*.py` are the contracts that consumers write: made, verified
against a standing system, and weighed for a deployment.
"""

from __future__ import annotations

from windtunnel.contracts.breaking import Change, compare
from windtunnel.contracts.conformance import Conformance, Finding
from windtunnel.contracts.document import Answer, Document, Header, Media, Operation, Parameter, read_document

__all__ = [
    "Answer",
    "Change",
    "Conformance",
    "Document",
    "Finding",
    "Header",
    "Media",
    "Operation",
    "Parameter",
    "compare",
    "read_document",
]
