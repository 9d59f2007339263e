"""INPUT arguments -> one history of events by time. Touches files, standard input, Kafka."""
