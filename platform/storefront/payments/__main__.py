"""`python -m storefront.payments` serves it."""

from storefront.payments.settings import Settings
from storefront.shared.serving import serve

if __name__ == "__main__":
    serve("storefront.payments.app", Settings)
