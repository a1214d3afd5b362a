"""Figures that gates look at, one file each: a function from a report to a value. docs/gates.md says how to add one."""
