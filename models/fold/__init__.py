"""`Events` of a chunk -> `Sightings`. Touches the state of one source partition."""
