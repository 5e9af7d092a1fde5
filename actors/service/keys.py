"""Who may do what: one token for the whole service, and a key for each stream's viewers that is made of it."""

import hashlib
import hmac


class Keys:
    """Knows the token. A viewer's key opens one stream, tells nothing of the token, and is the same after a restart."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def is_token(self, told: str) -> bool:
        """Whether that is the service's token."""
        return hmac.compare_digest(told.encode(), self._token)

    def viewing(self, stream: str) -> str:
        """The key of a stream's viewers."""
        return hmac.new(self._token, f"viewing {stream}".encode(), hashlib.sha256).hexdigest()[:32]

    def may_view(self, stream: str, key: str) -> bool:
        """Whether that is the key of a stream's viewers."""
        return hmac.compare_digest(key.encode(), self.viewing(stream).encode())
