"""`python -m storefront.inventory` serves it."""

from storefront.inventory.settings import Settings
from storefront.shared.serving import serve

if __name__ == "__main__":
    serve("storefront.inventory.app", Settings)
