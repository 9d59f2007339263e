"""Made-up marketplaces, or files -> figures, beside those of plain methods. Touches files it makes."""
