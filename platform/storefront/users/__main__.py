"""`python -m storefront.users` serves it."""

from storefront.shared.serving import serve
from storefront.users.settings import Settings

if __name__ == "__main__":
    serve("storefront.users.app", Settings)
