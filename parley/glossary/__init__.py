"""Glossaries: the file, finding its terms in a text, hints on them for a model, and what became of them."""
