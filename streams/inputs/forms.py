"""--format and --mapping in; the adapter that they ask for out."""

from __future__ import annotations

from models.errors import ConfigError
from streams.inputs.adapters import Adapter
from streams.inputs.cloudtrail import CloudTrail
from streams.inputs.mapping import Mapping

#: The contract's own form: no adapter needed.
OWN = "poolwatch"
FORMS: dict[str, type[Adapter]] = {CloudTrail.name: CloudTrail}


def adapter(format_name: str | None, mapping: str | None) -> Adapter | None:
    """None for the contract's own form. ConfigError where a form is unknown or both are given."""
    if format_name and mapping:
        raise ConfigError("--format and --mapping: give one of them, not both")
    if mapping:
        return Mapping.load(mapping)
    if not format_name or format_name == OWN:
        return None
    if format_name not in FORMS:
        raise ConfigError(f"--format {format_name}: unknown; there are {OWN}, {', '.join(FORMS)}")
    return FORMS[format_name]()
