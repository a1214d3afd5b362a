"""What a corpus tells of how words translate each other, as evidence for and against each word of a translation."""
