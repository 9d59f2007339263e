"""What stages tell each other: sightings and links, by partition, <-> bytes. Pure."""
