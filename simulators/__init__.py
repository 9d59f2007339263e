"""PRETENDS: a marketplace; usage events and the truth about them."""
