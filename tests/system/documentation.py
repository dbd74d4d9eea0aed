"""Reads the guides: their code blocks with the marks above them, their headings, their links.

A mark is a comment that no reader sees, on the line above a block:

    <!-- not run: WHY -->          nobody runs it here, and why
    <!-- until: TEXT -->           each line is run for itself; one that goes on is ended (Ctrl-C) once it has said TEXT
    <!-- server: FLAGS -->         it is run with a server of its own with these flags; the blocks after it, too
    <!-- no server -->             it starts servers itself

Several stand on a line each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from harness import REPOSITORY

GUIDES = [
    REPOSITORY / "README.md",
    *sorted((REPOSITORY / "tools" / "docs").glob("*.md")),
    *sorted((REPOSITORY / "tools" / "clients").glob("*/README.md")),
]
BLOCK = re.compile(r"(?P<marks>(?:^<!-- [^\n]* -->\n)*)^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


@dataclass
class Block:
    file: Path
    line: int
    language: str
    marks: dict[str, str]  # what stands behind the colon, by what stands before it
    text: str

    @property
    def place(self) -> str:
        return f"{self.file.relative_to(REPOSITORY)}:{self.line}"


def blocks(file: Path) -> list[Block]:
    text = file.read_text()
    return [
        Block(
            file,
            text.count("\n", 0, found.start("language")) + 1,
            found["language"],
            dict(re.findall(r"<!-- ([^:\n]+?)(?:: ([^\n]*))? -->\n", found["marks"])),
            found["text"],
        )
        for found in BLOCK.finditer(text)
    ]


def prose(file: Path) -> str:
    """Without the code blocks."""
    return BLOCK.sub("", file.read_text())


def anchors(file: Path) -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(file), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def links(file: Path) -> Iterator[str]:
    for found in LINK.finditer(prose(file)):
        yield found[1] or found[2]
