"""Settings -> a running worker: agents on the partitions that it owns. Touches all that they do."""
