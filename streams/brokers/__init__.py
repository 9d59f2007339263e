"""Nothing -> a Kafka and a Redis on this machine, for demo and tests. Touches processes, loopback."""
