"""`python -m storefront.notifications` serves it."""

from storefront.notifications.settings import Settings
from storefront.shared.serving import serve

if __name__ == "__main__":
    serve("storefront.notifications.app", Settings)
