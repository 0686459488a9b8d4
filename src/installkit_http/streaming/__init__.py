"""Streams of events and logs, live or from a cursor on."""
