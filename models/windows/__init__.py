"""`Sightings` -> running sums, distinct counts of an entity. Touches one sightings partition's tables."""
