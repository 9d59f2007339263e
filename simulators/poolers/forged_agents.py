"""Forged user agents: sellers' own keys, another agent with each visit, from one or two machines."""

from simulators.pooling import Manner

MANNER = Manner(
    "sellers' own keys under ever other user agents, from one or two machines",
    mode="own",
    sellers=(15, 40),
    forged=True,
    expect=("foreign", "developers"),
)
