"""Feature rows of a history -> a model. Pure, seeded, bounded."""
