"""`python -m storefront.orders` serves it."""

from storefront.orders.settings import Settings
from storefront.shared.serving import serve

if __name__ == "__main__":
    serve("storefront.orders.app", Settings)
