"""Learning: what goes with the article."""
