"""Errors that are the user's to mend: shown as one clear line, never as a traceback."""


class InputError(Exception):
    """Bad input: a file, row, key or value that the user named or wrote.

    The message is one line that names the file, row or key, and the valid choices where there are any.
    """
