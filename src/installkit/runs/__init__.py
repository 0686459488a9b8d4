"""A run, live or ended: what it did, and what to show of it."""
