"""`python -m storefront.bank` serves it."""

from storefront.bank.settings import Settings
from storefront.shared.serving import serve

if __name__ == "__main__":
    serve("storefront.bank.app", Settings)
