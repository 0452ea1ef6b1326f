"""`python -m storefront.postgres FOLDER` runs a PostgreSQL server there, on PORT, until SIGTERM.

POSTGRES_USER and POSTGRES_PASSWORD are who may log in. Exits with 2 when there is no PostgreSQL on this machine.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from storefront.postgres.server import MissingError, Server
from storefront.shared.environment import Environment, SettingsError


def main() -> None:
    """Becomes the server: the process that was started is the one that serves."""
    env = Environment(os.environ)
    try:
        if len(sys.argv) != 2:
            raise SettingsError("name the folder of the data: python -m storefront.postgres FOLDER")
        server = Server(
            Path(sys.argv[1]) / "postgres",
            port=env.integer("PORT", 5432, low=1, high=65535),
            user=env.text("POSTGRES_USER", "storefront"),
            password=env.secret("POSTGRES_PASSWORD", at_least=8),
        )
        server.make()
        server.become()
    except (SettingsError, MissingError) as error:
        print(f"storefront.postgres: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
