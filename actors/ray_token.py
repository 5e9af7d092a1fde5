"""The tokens by which Ray and the live service know their users: files that nobody else can read."""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from ns_ray.errors import FileError

_BYTES = 32


def token_path() -> Path:
    """Where Ray looks for it."""
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")


def private_token(path: Path | None = None, named_by: str = "RAY_AUTH_TOKEN_PATH") -> Path:
    """Have a token, of mode 0600; one that is there already is kept. Ray itself would make one that all may read.

    Args:
        path: the file; None for Ray's.
        named_by: how another is named.

    Raises:
        FileError: it cannot be made, or is another user's and open to all.
    """
    path = token_path() if path is None else path
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
            part.touch(mode=0o600)
            try:
                part.write_text(secrets.token_hex(_BYTES))
                os.link(part, path)  # whole, or not at all, whoever else makes one
            finally:
                part.unlink()
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}; name another file for the token by {named_by}") from None
    return path
