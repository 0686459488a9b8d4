"""What helps those who help: the examination of an environment, and the report of a run."""
