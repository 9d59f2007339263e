"""How state is kept: named pages of bytes. What changed is cheap to tell; all pages make it whole again."""

from __future__ import annotations

from typing import Protocol

from models.errors import ConfigError

#: page name -> content; None = the page is gone
Pages = dict[str, bytes | None]


def page_of(pages: dict[str, bytes], name: str, size: int) -> bytes:
    """Content of one page; ConfigError where it has not `size` bytes."""
    content = pages.get(name, b"")
    if len(content) != size:
        raise ConfigError(
            f"snapshot page {name}: {len(content)} bytes, expected {size}; "
            "delete the snapshot and replay the history"
        )
    return content


class Stateful(Protocol):
    """State that a snapshot can hold; `restore(all pages ever told, later over earlier)` gives it back."""

    def changed(self) -> Pages:
        """Pages that changed since the last call, since `restore`, or since the beginning."""

    def restore(self, pages: dict[str, bytes]) -> None:
        """Replace the state by the one the pages hold. ConfigError where they are of another version."""
