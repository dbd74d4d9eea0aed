"""Tokens for the tests, made by hand: a library would refuse to make most of the bad ones."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any, Callable

SECRET = b"no secret at all, but long enough to sign with"
Sign = Callable[[bytes], bytes]


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def hs256(secret: bytes = SECRET) -> Sign:
    return lambda text: hmac.new(secret, text, hashlib.sha256).digest()


def token(user: str | None, scope: str | None = None, *, lives: float | None = 3600, sign: Sign = hs256(),
          header: dict[str, Any] | None = None, **claims: Any) -> str:  # fmt: skip
    """`lives`: until `exp`, in seconds from now, which may be over; None: there is no `exp`."""
    said = {"sub": user, "scope": scope, "exp": None if lives is None else int(time.time() + lives), **claims}
    said = {name: value for name, value in said.items() if value is not None}
    parts = [{"alg": "HS256", "typ": "JWT", **(header or {})}, said]
    text = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    return f"{text}.{base64url(sign(text.encode()))}"


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}
