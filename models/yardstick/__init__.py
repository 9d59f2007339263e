"""Labels, alerts, scores -> how good they are. Pure."""
