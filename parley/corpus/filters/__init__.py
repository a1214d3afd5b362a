"""Filters of cleaning: a file each, registered by name in `registry.FILTERS`."""
