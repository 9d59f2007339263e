"""How state is kept: rows that do not move, hash tables, names, pages. Touches its own arrays only."""
