"""A question, of entities or a case -> their customers, from the ledger's files. Reads files and feed."""
