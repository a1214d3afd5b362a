"""Files that people bring, of every form: one mechanism for the corpus, test sets, outputs and annotations."""
