"""The error tree. Each message says where, what rule, how to mend; never personal data."""


class PoolwatchError(Exception):
    """It ran and failed: one line on standard error, exit code 1."""

    exit_code = 1


class ConfigError(PoolwatchError):
    """A setting, rule, model or flag is wrong: exit code 2."""

    exit_code = 2


class BadRecord(PoolwatchError):
    """One record breaks a rule: dead-lettered with its place and the reason, and counted."""


class Fenced(PoolwatchError):
    """Another worker owns the partition: drop what is queued and join again."""
