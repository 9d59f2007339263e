"""A replay, its figures against labels -> one HTML page. Touches that file."""
