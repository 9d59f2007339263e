"""Topics, and bytes to and from them, as the settings say who asks. Touches Kafka."""
