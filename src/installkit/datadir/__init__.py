"""A data directory: its folders, its store, and the runs in it; what installer, site and run share."""
