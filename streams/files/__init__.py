"""Alerts, score rows, ledger days -> files that are there whole or not at all. Touches files."""
