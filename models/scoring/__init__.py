"""Windows of an entity -> features, fired rules, score, reasons. Pure but for reading rules and model."""
