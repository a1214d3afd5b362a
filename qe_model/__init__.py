"""Quality estimation without references: annotations, synthetic errors, the word-level model and its scores."""
