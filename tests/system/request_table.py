"""Reads the tables of requests in tests/net/http; requests.table describes their form."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness import REPOSITORY

LINES = {
    "{host}": b"Host: localhost\r\n",
    "{json}": b"Content-Type: application/json\r\n",
    "{chunked}": b"Transfer-Encoding: chunked\r\n",
    r"\r": b"\r", r"\n": b"\n", r"\t": b"\t", r"\0": b"\0",
}  # fmt: skip
SPECIAL = re.compile(r"\{(?:host|json|chunked)\}|\\[rnt0]|\\x(..)|\{(.)\*([0-9]+)\}")


@dataclass(frozen=True)
class Row:
    answers: list[int]
    name: str
    request: bytes


def unescaped(text: str) -> bytes:
    parts, at = [], 0
    for found in SPECIAL.finditer(text):
        parts.append(text[at : found.start()].encode())
        at = found.end()
        if found[1]:
            parts.append(bytes.fromhex(found[1]))
        elif found[2]:
            parts.append(found[2].encode() * int(found[3]))
        else:
            parts.append(LINES[found[0]])
    return b"".join(parts) + text[at:].encode()


def read_table(file: str) -> list[Row]:
    lines = (REPOSITORY / "tests" / "net" / "http" / file).read_text().splitlines()
    rows = [line.split(" | ", 2) for line in lines if line and not re.match("#( |$)", line)]
    return [Row([int(one) for one in answers.split()], name.strip(), unescaped(text)) for answers, name, text in rows]
