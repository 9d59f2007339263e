"""Links and alerts of every partition -> alerts by case. Touches its own state only."""
