"""Crossings -> alerts, their versions and cases. Touches its own book only."""
