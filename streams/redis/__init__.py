"""Pages of state and alerts <-> Redis. Touches Redis."""
