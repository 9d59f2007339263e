"""What a worker does -> metrics, and lines in its log. Touches a port on loopback."""
