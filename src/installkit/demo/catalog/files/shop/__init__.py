"""The demo's own programs; standard library only."""
