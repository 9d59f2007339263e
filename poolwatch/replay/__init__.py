"""A history -> alerts, scores, a summary, by the code that runs live. Touches files; hands over to Redis."""
