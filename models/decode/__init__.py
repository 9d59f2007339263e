"""Raw JSON records and Arrow tables -> `Events` and `Rejected`. Pure; knows the shared nouns only."""
