"""A run, live or long ago: what it did, and what is to be told of it."""
