"""Errors that are the user's to mend: shown as one clear line, never as a traceback."""


class InputError(Exception):
    """Bad input: a file, row, key or value that the user named or wrote.

    The message is one line that names the file, row or key, and the valid choices where there are any.
    """


def is_panic(error: BaseException) -> bool:
    """Whether the Rust code of `tokenizers` gave up, as on a regular expression without end; no class to import."""
    return type(error).__name__ == "PanicException"
