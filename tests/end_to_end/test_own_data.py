"""One's own data by the README's very commands: folders of each format, to the corpus; one of all, to the report."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parley.config.composition import compose_config
from parley.corpus.store import Corpus
from parley.pipeline.errors import InputError
from parley.pipeline.executors.serial import InProcess
from parley.pipeline.runner import make_plan, run_plan
from scripts.graph import stages
from scripts.run_config import RunConfig
from tests.end_to_end.toy_run import ROOT, SMALL, overrides, script

NAMES = ("red", "blue", "green", "black", "white", "golden", "broken", "hidden", "little", "old")
ROWS = [
    (f"I found the {name} key in room {room}", f"J'ai trouvé la clé {name} dans la salle {room}")
    for room in range(3)
    for name in NAMES
]
TABLE = {"en": [en for en, _ in ROWS], "fr": [fr for _, fr in ROWS]}


def parquet(folder: Path) -> None:
    (folder / "parallel").mkdir()
    pq.write_table(pa.table(TABLE), folder / "parallel" / "chat.parquet")


def tsv(folder: Path) -> None:
    lines = ["id\tEN-US\tfr_FR\tnote", *(f"{n}\t{en}\t{fr}\t" for n, (en, fr) in enumerate(ROWS))]
    (folder / "chat [v2].tsv").write_text("\ufeff" + "\r\n".join(lines) + "\r\n\r\n", encoding="utf-8")


def csv(folder: Path) -> None:
    (folder / "données").mkdir()
    text = "English,French\n" + "".join(f'"{en}, now","{fr}, ici"\n' for en, fr in ROWS)
    (folder / "données" / "it's.csv.gz").write_bytes(gzip.compress(text.encode()))


def jsonl(folder: Path) -> None:
    rows = (json.dumps({"translation": {"en": en, "fr": fr}}) for en, fr in ROWS)
    (folder / "chat.jsonl").write_text("\n".join(rows) + "\n\n")


def moses(folder: Path) -> None:
    (folder / "chat.en").write_text("".join(f"{en}\n" for en, _ in ROWS))
    (folder / "chat.fr").write_text("".join(f"{fr}\n" for _, fr in ROWS) + "\n", encoding="utf-8")


def tmx(folder: Path) -> None:
    unit = '<tu><tuv xml:lang="en-GB"><seg>{}</seg></tuv><tuv xml:lang="FR"><seg>{}</seg></tuv></tu>'
    units = "".join(unit.format(en, fr.replace("'", "&#39;")) for en, fr in ROWS)
    (folder / "memory.tmx").write_text(f"<tmx><body>{units}</body></tmx>", encoding="utf-8")


def readme_command(experiment: str) -> list[str]:
    """The words behind `pipeline.py` in the README's section."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"python scripts/pipeline.py (experiment={experiment} data.root=FOLDER)\n", text)
    assert found
    return found[1].split()


def corpus_of(words: list[str], folder: Path, runs: Path) -> Corpus:
    words = [word.replace("FOLDER", f"'{folder}'".replace("it's", "it\\'s")) for word in words]
    config = compose_config(RunConfig, "pipeline", [*words, f"runs_root={runs}"])
    plan = make_plan([stage for stage in stages(config) if stage.name in ("cleaned", "compared", "corpus")], runs / "r")
    run_plan(plan, InProcess())
    return Corpus.open(next(job.folder for stage, job in plan.jobs.items() if stage.name == "corpus"))


@pytest.mark.parametrize("write", [parquet, tsv, csv, jsonl, moses, tmx])
def test_a_folder_of_each_format_becomes_a_corpus(tmp_path: Path, write: Callable[[Path], None]) -> None:
    folder = tmp_path / "my [data]"
    folder.mkdir()
    write(folder)
    (folder / "LICENCE.txt").write_text("ours")
    (folder / "sizes.csv").write_text("name,size\na,1\n")
    corpus = corpus_of(readme_command("mine"), folder, tmp_path / "runs")
    assert list(corpus.languages) == ["en", "fr"]
    (source,) = corpus.facts["sources"].values()
    assert source["rows_in"] == len(ROWS)
    assert all(corpus.facts["rows"].values()), "each split has rows"


def test_what_a_shipped_config_leaves_out_need_not_be_there(tmp_path: Path) -> None:
    parquet(tmp_path)
    corpus = corpus_of(readme_command("game_chat_small"), tmp_path, tmp_path / "runs")
    assert corpus.facts["sources"]["chat"]["rows_in"] == len(ROWS)


def test_a_folder_without_text_says_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(InputError, match=r"no file with text in a language; what is read: \.parquet \.tsv"):
        corpus_of(readme_command("mine"), tmp_path, tmp_path / "runs")


def test_a_broken_file_is_refused_and_not_passed_over(tmp_path: Path) -> None:
    tsv(tmp_path)
    (tmp_path / "more.tsv").write_bytes(b"en\tfr\nyes\t\xff\n")
    with pytest.raises(InputError, match=r"more\.tsv: line 2 is not valid utf-8"):
        corpus_of(readme_command("mine"), tmp_path, tmp_path / "runs")


@pytest.mark.slow
def test_a_folder_of_all_formats_goes_to_the_report(tmp_path: Path) -> None:
    for write in (parquet, tsv, csv, jsonl, moses, tmx):
        write(tmp_path)
    sizes = SMALL | {"training.max_tokens": 0, "evaluation.max_messages": 1, "runs_root": tmp_path / "runs"}
    done = script("pipeline", "experiment=mine", f"data.root={tmp_path}", *overrides(sizes))
    assert done.returncode == 0, done.stderr
    assert "languages found: en fr" in done.stderr
    assert "column 'note'" in done.stderr
    assert (tmp_path / "runs" / "mine" / "report" / "index.html").is_file()
