"""Chance -> the machines that callers use: addresses, user agents, TLS fingerprints. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

#: Product, versions and TLS fingerprint of kits that everybody uses: (share, user agent, fingerprint).
KITS = (
    (
        0.30,
        "amazon-selling-partner-api-sdk/2.{v} (Language=Java/17; Platform=Linux)",
        "t13d1516h2_8daaf6152771_b0da82dd1658",
    ),
    (0.22, "python-requests/2.{v}", "t13d1812h1_85036bcba153_375ca2c5e164"),
    (0.14, "node-fetch/3.{v}", "t13d1714h1_5b57614c22b0_3d5424432f57"),
    (0.12, "GuzzleHttp/7.{v} curl/8.5.0 PHP/8.2", "t13d3112h2_e8f1e7e78f70_b26ce05bbdd6"),
    (0.08, "Go-http-client/2.{v}", "t13d190900_9dc949149365_97f8aa674fd9"),
    (0.08, "okhttp/4.{v}", "t13d1613h2_46e7e9700bed_45f260be83e2"),
    (0.06, "RestSharp/110.{v}", "t12d210700_76e208dd3e22_2dae41c691ec"),
)
STAFF_KIT = ("InternalConsole/6.4 (Staff)", "t13d1517h2_8daaf6152771_b1ff8ab2d16f")
#: First octets of the address ranges that each kind of place has.
CLOUDS = (3, 13, 18, 34, 35, 52, 54, 20, 40, 104)
SERVERS = (5, 46, 78, 88, 91, 94, 135, 144, 159, 167, 176, 185, 188, 193, 195)
HOMES = (24, 47, 62, 67, 71, 73, 75, 76, 79, 80, 82, 84, 86, 92, 98, 99, 108, 109, 151, 173)


def inside(rng: np.random.Generator) -> str:
    """Address in the platform's own network."""
    return f"10.{rng.integers(10, 99)}.{rng.integers(0, 255)}.{rng.integers(2, 250)}"


@dataclass(slots=True)
class Machines:
    """Every machine that calls; number i has ip[i], agent[i], tls[i]."""

    rng: np.random.Generator
    ip: list[str] = field(default_factory=list)
    agent: list[str] = field(default_factory=list)
    tls: list[str] = field(default_factory=list)

    def add(self, ip: str, agent: str, tls: str) -> int:
        """A machine; its number."""
        self.ip.append(ip)
        self.agent.append(agent)
        self.tls.append(tls)
        return len(self.ip) - 1

    def kit(self, own: float = 0.25) -> tuple[str, str]:
        """(user agent, TLS fingerprint): a popular kit, or with probability `own` a build of its own."""
        if self.rng.random() < own:
            name = "".join(self.rng.choice(list("abcdefghiklmnoprstuvw"), 6)).capitalize()
            return f"{name}/{self.rng.integers(1, 9)}.{self.rng.integers(0, 30)}", self.fingerprint()
        shares = np.array([share for share, _, _ in KITS])
        _, agent, tls = KITS[int(self.rng.choice(len(KITS), p=shares / shares.sum()))]
        return agent.format(v=self.rng.integers(0, 32)), tls

    def fingerprint(self) -> str:
        """A TLS fingerprint that nobody else has."""
        a, b = self.rng.integers(0, 1 << 48, 2)
        return f"t13d{self.rng.integers(1000, 3300)}h2_{int(a):012x}_{int(b):012x}"

    def server(self) -> str:
        """Address of a rented server."""
        return self._address(SERVERS)

    def cloud(self) -> str:
        """Egress address of a cloud."""
        return self._address(CLOUDS)

    def home(self) -> str:
        """Address of a home or small office."""
        return self._address(HOMES)

    def neighbours(self, count: int) -> list[str]:
        """`count` (at most 250) addresses of one /24."""
        stem = self.server().rsplit(".", 1)[0]
        return [f"{stem}.{last}" for last in self.rng.permutation(np.arange(2, 254))[:count]]

    def _address(self, first: tuple[int, ...]) -> str:
        b, c, d = self.rng.integers(0, 256), self.rng.integers(0, 256), self.rng.integers(1, 255)
        return f"{self.rng.choice(first)}.{b}.{c}.{d}"

    def pool(self, addresses: list[str], kit: tuple[str, str]) -> tuple[int, int]:
        """(number of the first, how many) machines with these addresses and one kit."""
        first = len(self.ip)
        for address in addresses:
            self.add(address, *kit)
        return first, len(addresses)
