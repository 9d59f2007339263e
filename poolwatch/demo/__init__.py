"""The whole system on one machine, and its view in a terminal. Touches processes, the console."""
