"""What may have made a pair worse, as code. One file an analyzer; docs/analyzers.md says how to add one."""
