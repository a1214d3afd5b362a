"""Readers of source formats: a file each, registered by name in `registry.SOURCES`."""
