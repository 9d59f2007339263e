"""DECIDES: events in; features, scores, alerts out. No clock, no network; event time only."""
