"""The users service over HTTP."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from flask import Response, jsonify, request
from sqlalchemy import bindparam, select

from storefront.shared.application import ServiceApp
from storefront.shared.bodies import Body
from storefront.shared.database import Database
from storefront.shared.problems import Problem
from storefront.users.models import Base, User
from storefront.users.settings import Settings
from storefront.users.tokens import Tokens, unauthorized

_BY_ID = select(User.id, User.email).where(User.id == bindparam("wanted"))
_EMAIL = r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}"


def create_app(settings: Settings, clock: Callable[[], float] = time.time) -> ServiceApp:
    """Register, log in, and `GET /me`, which the other services ask to know who is calling them."""
    database = Database(settings.database_url, Base.metadata, connections=settings.threads)
    app = ServiceApp("users", database, settings)
    tokens = Tokens(settings.jwt_key, settings.token_seconds, clock)
    # OWASP's recommendation for Argon2id: 19 MiB, two passes, one lane.
    hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
    nobody = hasher.hash(uuid.uuid4().hex)

    @app.post("/users")
    def register() -> tuple[Response, int]:
        email, password = _credentials()
        user = User(id=uuid.uuid4().hex, email=email, password_hash=hasher.hash(password), created_at=clock())
        if not database.add(user):
            raise Problem(409, "email-taken", "There is a user with this email")
        return jsonify(id=user.id, email=user.email), 201

    @app.post("/sessions")
    def log_in() -> tuple[Response, int]:
        email, password = _credentials()
        with database.read() as session:
            user = session.scalar(select(User).where(User.email == email))
        try:
            # An unknown email takes as long as a wrong password, so that neither can be told from the other.
            hasher.verify(user.password_hash if user else nobody, password)
        except VerificationError:
            user = None
        if user is None:
            raise unauthorized("Email or password is wrong")
        return jsonify(token=tokens.issue(user.id), expires_in=tokens.seconds), 201

    @app.get("/me")
    def me() -> Response:
        user_id = tokens.user_of(request.headers.get("Authorization", ""))
        with database.view() as connection:
            user = connection.execute(_BY_ID, {"wanted": user_id}).one_or_none()
        if user is None:
            raise unauthorized("The token's user does not exist")
        return jsonify(id=user.id, email=user.email)

    return app


def _credentials() -> tuple[str, str]:
    body = Body()
    email = body.text("email", _EMAIL, "an email address").lower()
    password = body.text("password", r"[^\x00-\x1f\ud800-\udfff]{8,200}", "8 to 200 characters")
    body.fingerprint()
    return email, password
