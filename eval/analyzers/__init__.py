"""Investigation as code: what may have made a pair worse. One file per analyzer; docs/analyzers.md says how to add one.

A module of this package is an analyzer when it has `TOPICS`, the questions it answers, and `analyze(question)`.
"""
