"""The fields of a usage event as a page shows them: what each may hold, means, and switches off. Pure.

`python -m models.field_table` prints the table in docs/inputs.md; a test holds it.
"""

from __future__ import annotations

from models.decode.fields import REQUIRED, RULES
from models.decode.lists import LIST_MAX_IDS
from models.scoring.missing import needing, switched_off
from models.scoring.rules import RuleSet

#: What is taken for a field that is absent or null.
DEFAULTS = {"records": "0", "bytes": "0", "pii": "none"}

MEANINGS = {
    "event_id": "unique per call; a repeat within 60 s of event time counts once",
    "time": "when the gateway answered",
    "developer_id": "registered developer (application) that the call was made as",
    "seller_id": "seller whose data was asked for; the key of the Kafka message",
    "key_id": "identifier of the credential, never the secret itself",
    "operation": "e.g. `getOrders`; models/operations.toml (`--operations FILE`) says which read or act",
    "status": "HTTP status of the answer; 429 = throttled",
    "records": "order and customer records returned",
    "bytes": "size of the answer",
    "pii": "classes of personal data returned",
    "customers": "pseudonymous ids of the customers in the answer; alerts count those exposed",
    "orders": "pseudonymous ids of the orders in the answer, or of the order acted on; matters most",
    "source_ip": "IPv4 or IPv6 of the caller; makes the origin, with the two below",
    "user_agent": "as sent; its product name is part of the origin where there is no TLS fingerprint",
    "tls_fingerprint": "JA3, JA4 or the like; without this and user_agent alerts have no `key_owners`",
    "marketplace": "e.g. `US`; nothing depends on it",
}


def table() -> str:
    """The table as Markdown."""
    lines = [
        "| field | must be | absent | meaning | off without it |",
        "|---|---|---|---|---|",
    ]
    for name, must in RULES.items():
        absent = "**rejected**" if name in REQUIRED else DEFAULTS.get(name, "not known")
        lines.append(f"| `{name}` | {_told(name, must)} | {absent} | {MEANINGS[name]} | {_off(name)} |")
    return "\n".join([*lines, ""])


def _told(name: str, must: str) -> str:
    if name == "pii":
        head, _, classes = must.partition(" out of ")
        return f"{head} of strings out of " + " ".join(f"`{one}`" for one in classes.split(", "))
    if name in ("customers", "orders"):
        return f"{must}, {LIST_MAX_IDS:,} at most, each as an id above"
    return must


def _off(name: str) -> str:
    """How many features stay 0 and shipped rules cannot fire where the field never comes."""
    off = switched_off(needing({name}), {name}, RuleSet.load())
    counts = ((len(off.features), "feature"), (len(off.rules), "rule"))
    return ", ".join(f"{n} {one}{'s' * (n > 1)}" for n, one in counts if n)


if __name__ == "__main__":
    print(table(), end="")
