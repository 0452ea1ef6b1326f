"""The storefront: six small services that sell a fixed catalogue, and the first system the harness verifies.

    client ──> users          who is asking
    client ──> orders ──> users, inventory, payments ──> bank
                  └╌╌(outbox)╌╌> notifications ──> mail

Each service is one folder: `settings.py` (what it reads from the environment), `models.py` (its own database),
`app.py` (the factory `create_app(settings)`) and what it does, one file a thing. What they share is in `shared/`.
Inventory runs as two instances on one database; orders balances its calls between them.
"""
