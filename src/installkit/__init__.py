"""installkit."""
