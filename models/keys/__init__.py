"""What is remembered of a key -> the probability that another than its owner calls. Reads windows."""
