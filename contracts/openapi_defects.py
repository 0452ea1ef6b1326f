"""Known breaks of a contract, each as a change of a document or of a service, and the rule that must name it.

To add one: one row. What is changed must stand in exactly one place of the file.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Break:
    what: str
    file: str
    """Of documents: the service. Of services: a file under `platform/`."""
    change: tuple[str, str]
    rule: str
    service: str = ""
    """Who is asked when a service is changed."""


_BANK, _USERS, _STOCK = (f"storefront/{name}/app.py" for name in ("bank", "users", "inventory"))
_PROBLEMS, _APP = "storefront/shared/problems.py", "storefront/shared/application.py"

_LOCATION = """            Location: {$ref: "#/components/headers/Location"}
"""
_CONFIRMED = f"""{_LOCATION}          content:
            application/json:
              schema: {{$ref: "#/components/schemas/Confirmed"}}"""
_BUSY = """        "503": {$ref: "#/components/responses/Busy"}
        "504": {$ref: "#/components/responses/DeadlinePassed"}
  /sessions:"""
_TAKEN = """          description: There is a user with this email.
          headers:
            X-Request-Id: {$ref: "#/components/headers/X-Request-Id"}
          content:
            application/problem+json:"""

# fmt: off
IN_DOCUMENTS = [
    Break("a field of an answer is renamed", "orders",
          ("required: [id, status, reason, sku, quantity, amount_cents]\n      properties:\n        id:",
           "required: [order_id, status, reason, sku, quantity, amount_cents]\n      properties:\n        order_id:"),
          "response-required-property-removed"),
    Break("a field's type is changed", "inventory",
          ("price_cents: {type: integer, minimum: 1}\n        available",
           "price_cents: {type: string}\n        available"), "response-property-type-changed"),
    Break("a field that was always there may be missing", "notifications",
          ("required: [id, recipient, subject, reference, sent, created_at]",
           "required: [id, recipient, subject, reference, created_at]"), "response-property-became-optional"),
    Break("an answer has a new word for its state", "payments",
          ("enum: [pending, succeeded, declined, abandoned]", "enum: [pending, succeeded, declined, abandoned, held]"),
          "response-property-enum-value-added"),
    Break("a request needs one more field", "bank",
          ("required: [kind, amount_cents, card, reference]", "required: [kind, amount_cents, card, reference, iban]"),
          "new-required-request-property"),
    Break("a word is not taken any more", "bank", ("enum: [payment, refund]", "enum: [payment]"),
          "request-property-enum-value-removed"),
    Break("less may be ordered at once", "orders",
          ("Quantity: {type: integer, minimum: 1, maximum: 100}", "Quantity: {type: integer, minimum: 1, maximum: 10}"),
          "request-property-bounds-tightened"),
    Break("a header is dropped", "orders", (_CONFIRMED, _CONFIRMED.replace(_LOCATION, "")),
          "required-response-header-removed"),
    Break("accepted for later is not told any more", "payments",
          ("\"202\":\n          description: Not known yet; ask again with the same key and body.\n",
           "\"200\":\n          description: Not known yet; ask again with the same key and body.\n"),
          "response-success-status-removed"),
    Break("an outage is told as 500", "users", (_BUSY, _BUSY.replace('"503"', '"500"')),
          "response-non-success-status-removed"),
    Break("errors are no problem documents any more", "users", (_TAKEN, _TAKEN.replace("problem+json", "json")),
          "response-media-type-removed"),
    Break("a token is needed where none was", "inventory", ("\nsecurity: []\n", "\nsecurity: [{bearer: []}]\n"),
          "api-security-added"),
    Break("a route is gone", "bank", ("  /audit/transfers:\n", "  /audit/movements:\n"), "api-removed"),
]

IN_SERVICES = [
    Break("a field of an answer is renamed", _BANK,
          ('"amount_cents": row.amount_cents', '"amount": row.amount_cents'), "body-invalid", "bank"),
    Break("a field's type is changed", _STOCK,
          ('"price_cents": row.price_cents', '"price_cents": str(row.price_cents)'), "body-invalid", "inventory"),
    Break("a status is changed", _USERS,
          ("return jsonify(id=user.id, email=user.email), 201", "return jsonify(id=user.id, email=user.email), 200"),
          "status-undocumented", "users"),
    Break("an answer has a new word for its state", _BANK,
          ('"declined" if declined else "accepted"', '"declined" if declined else "booked"'), "body-invalid", "bank"),
    Break("a request needs one more field", _BANK,
          ('card = body.text("card"', 'body.text("iban", "[A-Z]+", "an IBAN")\n        card = body.text("card"'),
          "example", "bank"),
    Break("a challenge is dropped", "storefront/users/tokens.py",
          ('headers={"WWW-Authenticate": "Bearer"}', "headers={}"), "header-missing", "users"),
    Break("an outage does not say when to come again", _PROBLEMS,
          ('self.headers["Retry-After"] = str(retry_after)', "pass"), "header-missing", "notifications"),
    Break("the request id is dropped", _APP,
          ("response.headers[trace.REQUEST_ID] = trace.request_id.get()", "pass"), "header-missing", "bank"),
    Break("an error is no problem document", _PROBLEMS,
          ('"Content-Type": MEDIA_TYPE', '"Content-Type": "application/json"'), "media-type-undocumented", "inventory"),
    Break("an outage is told as 500", _PROBLEMS,
          ("super().__init__(503, kind", "super().__init__(500, kind"), "status-undocumented", "notifications"),
    Break("an error has another kind", _PROBLEMS,
          ('PREFIX = "urn:storefront:problem:"', 'PREFIX = "urn:storefront:error:"'), "body-invalid", "bank"),
    Break("an answer tells more than is documented", _STOCK,
          ("return jsonify(_product(row))", "return jsonify(**_product(row), initial=row.initial)"),
          "body-invalid", "inventory"),
    Break("nothing comes with a type", _STOCK,
          ('answer.headers.remove("Content-Type")', "pass"), "content-undocumented", "inventory"),
    Break("work that is too late is told as an outage", "resilience/inbound/deadline.py",
          ("status=504", "status=503"), "header-missing", "bank"),
]
# fmt: on
