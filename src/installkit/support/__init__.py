"""Help for support: the examination of an environment, and the report of a run."""
