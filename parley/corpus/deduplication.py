"""Train rows that say again what an earlier train row says: exactly, or nearly.

Near duplicates are found by MinHash (Broder 1997) over the character n-grams of all cells of a row, with banding
(locality-sensitive hashing); every candidate is then compared by its real n-grams. The earlier row stays.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from parley.corpus.cleaning_config import CleaningConfig, DuplicatesConfig
from parley.corpus.cleaning_report import CleaningReport
from parley.corpus.row_filters import cell_keys, chunks, drop_rows, language_salt, languages_of, train_rows
from parley.corpus.text_column import mixed, normal_form

_SLACK: Final = 0.15  # MinHash estimates the overlap to about 0.07; whatever is not clearly below is compared for real


def remove_near_duplicates(table: pa.Table, config: CleaningConfig) -> tuple[pa.Table, CleaningReport]:
    """Drop train rows that repeat an earlier one, exactly and then nearly, as `config.duplicates` asks.

    Returns:
        The table, rows of other splits untouched, and a report of `exact_duplicates` and `near_duplicates`.
    """
    report = CleaningReport()
    if config.duplicates.exact:
        table, found = _without("exact_duplicates", table, _exact(table))
        report += found
    if config.duplicates.near:
        table, found = _without("near_duplicates", table, _near(table, config.duplicates))
        report += found
    return table, report


def _without(name: str, table: pa.Table, originals: np.ndarray) -> tuple[pa.Table, CleaningReport]:
    """The table without the rows that have an original; the report's examples name it."""
    return drop_rows(name, table, originals >= 0, lambda row: {"repeats": table["row_id"][int(originals[row])].as_py()})


def _exact(table: pa.Table) -> np.ndarray:
    """For each row the earlier train row with equal normal form in the same languages, or -1; int64[N]."""
    fingerprints = np.zeros(table.num_rows, np.uint64)
    for code in languages_of(table):
        keys = cell_keys(table, code)
        fingerprints += np.where(keys == 0, np.uint64(0), mixed(keys ^ language_salt(code)))
    originals = np.full(table.num_rows, -1)
    rows = np.flatnonzero(train_rows(table) & (fingerprints != 0))
    _, first, inverse = np.unique(fingerprints[rows], return_index=True, return_inverse=True)
    repeats = first[inverse] != np.arange(len(rows))
    originals[rows[repeats]] = rows[first[inverse][repeats]]
    return originals


def _near(table: pa.Table, config: DuplicatesConfig) -> np.ndarray:
    """For each row the earlier kept train row that overlaps with it enough, or -1; int64[N]."""
    originals = np.full(table.num_rows, -1)
    signatures, sizes = _signatures(table, config)
    rows = np.flatnonzero(train_rows(table) & (sizes >= config.min_chars))
    languages = languages_of(table)
    columns = {code: table[code].combine_chunks() for code in languages}

    def ngrams(row: int) -> set[tuple[str, str]]:
        texts = ((code, normal_form(columns[code][row].as_py() or "")) for code in languages)
        return {(code, text[at : at + config.ngram]) for code, text in texts for at in range(len(text))}

    for earlier, later in _candidates(signatures[rows], config):
        first, second = int(rows[earlier]), int(rows[later])
        if originals[first] >= 0 or originals[second] >= 0:
            continue
        left, right = ngrams(first), ngrams(second)
        if len(left & right) >= config.min_overlap * len(left | right):
            originals[second] = first
    return originals


def _signatures(table: pa.Table, config: DuplicatesConfig) -> tuple[np.ndarray, np.ndarray]:
    """MinHash of each row, uint32[N, hashes], and its normalised characters, int64[N]."""
    multipliers = mixed(np.arange(1, config.hashes + 1, dtype=np.uint64)) | np.uint64(1)
    signatures = np.full((table.num_rows, config.hashes), np.iinfo(np.uint32).max, np.uint32)
    sizes = np.zeros(table.num_rows, np.int64)
    for code in languages_of(table):
        salt = language_salt(code)
        for start, column in chunks(table[code]):
            sizes[start : start + len(column)] += column.normal_lengths
            grams, starts = column.ngrams(config.ngram)
            cells = np.flatnonzero(np.diff(starts))
            if len(cells) == 0:
                continue
            for index, multiplier in enumerate(multipliers):
                hashed = (((grams ^ salt) * multiplier) >> np.uint64(32)).astype(np.uint32)
                smallest = np.minimum.reduceat(hashed, starts[cells])
                signatures[start + cells, index] = np.minimum(signatures[start + cells, index], smallest)
    return signatures, sizes


def _candidates(signatures: np.ndarray, config: DuplicatesConfig) -> Iterator[tuple[int, int]]:
    """Pairs (earlier, later) that share a band and whose signatures agree nearly enough, in the order of the later."""
    width = config.hashes // config.bands
    pairs = []
    for band in range(config.bands):
        bucket = np.zeros(len(signatures), np.uint64)
        for value in signatures[:, band * width : (band + 1) * width].T:
            bucket = mixed(bucket ^ value.astype(np.uint64))
        order = np.argsort(bucket, kind="stable")
        starts = np.flatnonzero(np.concatenate([[True], np.diff(bucket[order]) != 0])) if len(order) else order
        leaders = np.repeat(order[starts], np.diff(np.append(starts, len(order))))
        previous = np.concatenate([order[:1], order[:-1]])
        for earlier in (leaders, np.where(bucket[previous] == bucket[order], previous, order)):
            pairs.append(np.stack([order, earlier], axis=1)[earlier < order])
    unique = np.unique(np.concatenate(pairs), axis=0) if pairs else np.zeros((0, 2), np.int64)
    agreement = (signatures[unique[:, 0]] == signatures[unique[:, 1]]).mean(axis=1)
    for later, earlier in unique[agreement >= config.min_overlap - _SLACK].tolist():
        yield earlier, later
