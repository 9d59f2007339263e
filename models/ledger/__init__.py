"""`Sightings` -> who saw whose customers, a day at a time. Touches its own tables only."""
