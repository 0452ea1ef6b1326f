"""Bearer tokens: made when somebody logs in, verified when another service shows one."""

from __future__ import annotations

from collections.abc import Callable

import jwt

from storefront.shared.problems import Problem

_ALGORITHM = "HS256"


class Tokens:
    """Signs and verifies JWTs. `clock` gives Unix seconds."""

    def __init__(self, key: str, seconds: int, clock: Callable[[], float]) -> None:
        self._key, self._clock = key, clock
        self.seconds = seconds

    def issue(self, user_id: str) -> str:
        now = int(self._clock())
        claims = {"sub": user_id, "iat": now, "exp": now + self.seconds}
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def user_of(self, authorization: str) -> str:
        """The user whom an Authorization header names. Raises `Problem` 401."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise unauthorized("A bearer token is needed")
        try:
            # The expiry is checked here, against the clock that was passed in.
            claims = jwt.decode(
                token.strip(),
                self._key,
                algorithms=[_ALGORITHM],
                options={"require": ["sub", "exp"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            raise unauthorized("The token is not valid") from None
        if not isinstance(claims["exp"], int) or claims["exp"] <= self._clock():
            raise unauthorized("The token has expired")
        return str(claims["sub"])


def unauthorized(detail: str) -> Problem:
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})
