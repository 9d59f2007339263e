"""Where a call comes from."""

import pytest

from models.origin import network_of, origin


def test_the_network_is_told_by_the_id():
    for ip in ("203.0.113.7", "2001:db8:1:2::5", "::ffff:203.0.113.7"):
        told, _, network = origin(ip, None, "t13")
        assert network_of(told) == network
        assert network
    assert network_of("ip:ec2.amazonaws.com|ua:x") == network_of("tls:t13") == network_of("ua:curl") == ""


@pytest.mark.parametrize(
    ("ip", "agent", "tls", "expected"),
    [
        ("203.0.113.7", "Tool/1.2 (x)", "t13", ("ip:203.0.113.7|tls:t13", "tls:t13", "203.0.113.0/24")),
        ("203.0.113.7", "Tool/1.2 (x)", None, ("ip:203.0.113.7|ua:Tool", "ua:Tool", "203.0.113.0/24")),
        ("203.0.113.7", None, None, ("ip:203.0.113.7", "", "203.0.113.0/24")),
        ("::ffff:203.0.113.7", "", "", ("ip:203.0.113.7", "", "203.0.113.0/24")),
        ("2001:DB8:1:2:3::4", None, None, ("net:2001:db8:1:2::/64", "", "2001:db8:1::/48")),
        ("fe80::1%eth0", None, None, ("net:fe80::/64", "", "fe80::/48")),
        ("ec2.amazonaws.com", None, None, ("ip:ec2.amazonaws.com", "", "")),
        (None, "  ", "t13", ("tls:t13", "tls:t13", "")),
        ("", " /9", None, ("ua:9", "ua:9", "")),
        (None, None, None, ("", "", "")),
    ],
)
def test_origin(ip, agent, tls, expected):
    assert origin(ip, agent, tls) == expected
