"""The Redis feed -> alert page and API. Touches a socket of its own."""
