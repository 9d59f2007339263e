"""A batch of a topic -> models -> topics, feed, ledger files. Touches Kafka, Redis, the ledger's folder."""
