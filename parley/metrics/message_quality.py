"""The table in which scores of translations without references are handed on: a line per output.

Whoever scores (a model of quality estimation) writes it, whoever reports reads it; neither knows the other.
"""

from typing import Final

import pyarrow as pa

FILE: Final = "quality.parquet"
SEVERITIES: Final = ("minor", "major", "critical")
DIMENSIONS: Final = ("accuracy", "fluency", "consistency")

SPAN: Final = pa.struct(
    [("start", pa.int32()), ("end", pa.int32())] + [(name, pa.string()) for name in ("side", "severity", "dimension")]
)
"""An error: characters from `start` to before `end` of the output (`side` is target) or of the source; a point where
something is missing has `start` = `end`."""

SCHEMA: Final = pa.schema(
    [(name, pa.string()) for name in ("pair", "system", "row_id")]
    + [("score", pa.float32()), ("words", pa.int32())]
    + [(name, pa.int32()) for name in (*SEVERITIES, *DIMENSIONS)]
    + [("flags", pa.list_(pa.string())), ("spans", pa.list_(SPAN))]
)
"""`score` is 0 to 100, `words` are those of the output; severities and dimensions count its errors; `flags` name what
is no translation at all (empty, copied, wrong_language)."""
