"""Exercises in the article's order that check themselves against the engine."""
