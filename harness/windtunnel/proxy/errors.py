"""Why the control API says no. `status` is the HTTP status; the text is Toxiproxy's, which clients match on.

RefusalError
├── BadBodyError            400  not JSON, or a value of the wrong type
├── MissingFieldError       400
├── InvalidStreamError      400
├── InvalidToxicTypeError   400
├── UnfitToxicError         400  a toxic on HTTP requests where it cannot act (ours; no text of Toxiproxy's)
├── BadQueryError           400
├── ProxyNotFoundError      404
├── ToxicNotFoundError      404
├── ProxyExistsError        409
├── ToxicExistsError        409
└── ListenError             500  the address cannot be listened on (Toxiproxy answers 500, and so do we)
    └── AddressError        500  nor can it be read, or found
"""

from __future__ import annotations

from windtunnel.errors import ProxyError


class RefusalError(ProxyError):
    """Base: a request that cannot be fulfilled."""

    code = 500
    text = "internal error"

    def __init__(self, detail: str = "") -> None:
        self.detail = detail
        super().__init__(self.text + detail, status=self.code)

    def at(self, where: str) -> RefusalError:
        """The same, with the place at the end of its text."""
        return type(self)(f"{self.detail} at {where}")


class BadBodyError(RefusalError):
    code, text = 400, "bad request body: "


class MissingFieldError(RefusalError):
    code, text = 400, "missing required field: "


class InvalidStreamError(RefusalError):
    code, text = 400, "stream was invalid, can be either upstream or downstream"


class InvalidToxicTypeError(RefusalError):
    code, text = 400, "invalid toxic type"


class UnfitToxicError(RefusalError):
    code, text = 400, ""


class BadQueryError(RefusalError):
    code, text = 400, "bad query: "


class ProxyNotFoundError(RefusalError):
    code, text = 404, "proxy not found"


class ToxicNotFoundError(RefusalError):
    code, text = 404, "toxic not found"


class ProxyExistsError(RefusalError):
    code, text = 409, "proxy already exists"


class ToxicExistsError(RefusalError):
    code, text = 409, "toxic already exists"


class ListenError(RefusalError):
    code, text = 500, "listen tcp"


class AddressError(ListenError):
    code, text = 500, ""
