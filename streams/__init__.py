"""MOVES: Kafka, Faust, Redis, Prometheus, files, web. Decides nothing."""
