"""What both clients are set up with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional
from urllib.parse import urlsplit

from .reconnect import ReconnectPolicy


@dataclass(frozen=True)
class Settings:
    """Times and patience. The defaults suit a server with its own defaults."""

    # A stream is for as long as it takes; a call is for a caller who waits.
    stream_policy: ReconnectPolicy = ReconnectPolicy()
    call_policy: ReconnectPolicy = ReconnectPolicy(cap_s=5.0, asked_s_max=10.0, failures_max=4)
    connect_timeout_s: float = 10.0
    # For a call: the longest silence before its answer is whole.
    answer_timeout_s: float = 30.0
    # For a stream: the longest silence before it counts as lost. The server breaks a silence after
    # 15 s (--keepalive), so that three of its comments have to be missing.
    stall_timeout_s: float = 45.0


def base_url(url: str) -> str:
    """The server's address, to which paths are appended; it may have a path of its own, behind a proxy."""
    try:
        parts = urlsplit(url)
        is_server = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that stays open
        is_server = False
    if not is_server or parts.query or parts.fragment:
        raise ValueError(f"not the URL of a server: {url!r} (write it like http://127.0.0.1:8080)")
    return url.rstrip("/")


def bearer(token: Optional[str]) -> dict[str, str]:
    """The header field of a token. A bad one is refused here: the libraries below would show it in their errors."""
    if token is None:
        return {}
    if not all("!" <= char <= "~" for char in token):
        raise ValueError("a token is visible ASCII characters, without spaces or line ends (strip one from a file)")
    return {"Authorization": f"Bearer {token}"}
