"""Breaks of contracts that Pact must catch, each as a change of a provider's source: a table.

To add one: one row. `change` is (what stands there, what the break makes of it) and must fit in exactly one place of
the file; `interaction` is one that is broken then, and `reason` a part of what is said about it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Break:
    what: str
    provider: str
    file: str
    change: tuple[str, str]
    interaction: str
    reason: str


_PROBLEMS, _PAYMENTS = "storefront/shared/problems.py", "storefront/payments/app.py"
_UNREACHED = "a charge, while the bank cannot be reached"

# fmt: off
BREAKS = [
    Break("field renamed in an answer", "inventory", "storefront/inventory/app.py",
          ("quantity=quantity, unit_price_cents=price", "quantity=quantity, price_cents=price"),
          "a reservation of stock that is there", "unit_price_cents"),
    Break("type of a field changed", "inventory", "storefront/inventory/app.py",
          ("unit_price_cents=price", "unit_price_cents=str(price)"),
          "a reservation of stock that is there", "unit_price_cents"),
    Break("status of a refusal changed", "inventory", "storefront/inventory/reservations.py",
          ('Problem(409, "out-of-stock"', 'Problem(400, "out-of-stock"'),
          "a reservation of what is sold out", "expected 409 but was 400"),
    Break("Retry-After dropped from a degraded answer", "payments", _PROBLEMS,
          ("if retry_after is not None:", "if False:"), _UNREACHED, "Retry-After"),
    Break("problem document replaced by plain text", "payments", _PROBLEMS,
          ('{**problem.headers, "Content-Type": MEDIA_TYPE}', '{**problem.headers, "Content-Type": "text/plain"}'),
          _UNREACHED, "text/plain"),
    Break("degraded 503 turned into 500", "payments", _PROBLEMS,
          ("super().__init__(503, kind, detail", "super().__init__(500, kind, detail"),
          _UNREACHED, "expected 503 but was 500"),
    Break("type of the problem document renamed", "payments", _PAYMENTS,
          ('kind="not-charged"', 'kind="nothing-charged"'), _UNREACHED, "nothing-charged"),
    Break("request field added that is required", "payments", _PAYMENTS,
          ('fingerprint=f"payment:{body.fingerprint()}"', 'fingerprint=body.text("currency", "EUR", "EUR")'),
          "a charge that the bank takes", "expected 201 but was 422"),
    Break("decline told as a success", "bank", "storefront/bank/app.py",
          ('if row["status"] == "declined":', "if False:"), "a transfer that is declined", "expected 402 but was 201"),
    Break("field dropped from an answer", "users", "storefront/users/app.py",
          ("return jsonify(id=user.id, email=user.email)\n", "return jsonify(id=user.id)\n"),
          "who it is that shows a good token", "email"),
    Break("refusal of a message turned into a try-again", "notifications", "storefront/shared/bodies.py",
          ('raise Problem(422, "invalid-body", f"{name} must be {meaning}")',
           'raise Problem(503, "invalid-body", f"{name} must be {meaning}")'),
          "a mail to no address", "expected 422 but was 503"),
    Break("field of an event renamed", "orders", "storefront/orders/mails.py",
          ('"reference": order.id,', '"order": order.id,'), "the mail of a confirmed order", "reference"),
]
# fmt: on
