"""How state is kept: named pages of bytes. What changed is cheap to tell; all pages make it whole again."""

from __future__ import annotations

from typing import Protocol

#: page name -> content; None = the page is gone
Pages = dict[str, bytes | None]


class Stateful(Protocol):
    """State that a snapshot can hold; `restore(all pages ever told, later over earlier)` gives it back."""

    def changed(self) -> Pages:
        """Pages that changed since the last call, since `restore`, or since the beginning."""

    def restore(self, pages: dict[str, bytes]) -> None:
        """Replace the state by the one the pages hold. ConfigError where they are of another version."""
