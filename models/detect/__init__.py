"""`Sightings` -> alerts, score rows, links for actors. Touches the state of one sightings partition."""
