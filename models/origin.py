"""source_ip, user_agent, tls_fingerprint -> origin id, client, network: where a call comes from. Pure."""

from __future__ import annotations

import ipaddress
import re

_PRODUCT = re.compile(r"[^\s/(]+")


def product(user_agent: str | None) -> str:
    """Product name that a user agent starts with, without its version; "" where there is none."""
    found = _PRODUCT.search(user_agent) if user_agent else None
    return found.group()[:64] if found else ""


def places(source_ip: str) -> tuple[str, str]:
    """(part of the origin id, network) of an address; the network is "" for what is no address.

    IPv4 counts whole and its network is the /24; IPv6 counts as its /64 (one household or machine has
    all of it) and its network is the /48. Log entries such as `ec2.amazonaws.com` stand for themselves.
    """
    try:
        address = ipaddress.ip_address(source_ip.strip().split("%")[0])
    except ValueError:
        return f"ip:{source_ip}", ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            value = int(address)
            prefix = ipaddress.IPv6Address(value >> 64 << 64)
            return f"net:{prefix}/64", f"{ipaddress.IPv6Address(value >> 80 << 80)}/48"
        address = address.ipv4_mapped
    return f"ip:{address}", f"{ipaddress.IPv4Address(int(address) >> 8 << 8)}/24"


def network_of(origin_id: str) -> str:
    """Network of the address in an origin's id; "" where it tells of none."""
    kind, _, place = origin_id.partition("|")[0].partition(":")
    return places(place.partition("/")[0])[1] if kind in ("ip", "net") else ""


def tells_place(origin_id: str) -> bool:
    """Address and client are known: whether a key is used in two places can be told."""
    return origin_id.startswith(("ip:", "net:")) and "|" in origin_id


def origin(
    source_ip: str | None, user_agent: str | None, tls_fingerprint: str | None
) -> tuple[str, str, str]:
    """(origin id, client, network), each "" where the event tells nothing of it.

    The user agent is the caller's word: it counts only where there is no TLS fingerprint.
    """
    place, network = places(source_ip) if source_ip else ("", "")
    if tls_fingerprint:
        client = f"tls:{tls_fingerprint}"
    else:
        name = product(user_agent)
        client = f"ua:{name}" if name else ""
    return "|".join(part for part in (place, client) if part), client, network
