"""Ways to pool and to hide, by name: each module here has MANNER; `plant` sets one party to work."""

from __future__ import annotations

import importlib
import pkgutil

from simulators.pooling import Manner


def registry() -> dict[str, Manner]:
    """Pooler scenario name -> its manner."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}").MANNER for name in names}
