"""A site and its parts: plan, start, checks, parameters and secrets, inventory."""
