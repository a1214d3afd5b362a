"""Language identification: every script, both kinds of Chinese, and caution on short or mixed text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.languages.identification import LanguageIdentifier
from parley.languages.table import CODES
from parley.pipeline.errors import InputError

SENTENCES = {
    "en": "Does anyone want to trade with me before the event ends?",
    "es": "¿Alguien quiere intercambiar conmigo antes de que termine el evento?",
    "fr": "Quelqu'un veut échanger avec moi avant la fin de l'événement ?",
    "de": "Möchte jemand mit mir handeln, bevor das Event vorbei ist?",
    "it": "Qualcuno vuole scambiare con me prima che finisca l'evento?",
    "pt": "Alguém quer trocar comigo antes que o evento acabe, pessoal? Não demorem!",
    "pl": "Czy ktoś chce się ze mną wymienić, zanim skończy się wydarzenie?",
    "ru": "Кто-нибудь хочет обменяться со мной до конца события?",
    "tr": "Etkinlik bitmeden önce benimle takas yapmak isteyen var mı?",
    "id": "Ada yang mau bertukar barang denganku sebelum acaranya selesai?",
    "vi": "Có ai muốn trao đổi với mình trước khi sự kiện kết thúc không?",
    "th": "มีใครอยากแลกของกับเราก่อนกิจกรรมจบไหม",
    "ja": "イベントが終わる前に、誰か交換してくれませんか？",
    "ko": "이벤트가 끝나기 전에 저랑 교환하실 분 계신가요?",
    "zh-Hans": "活动结束之前有人想跟我交换东西吗？",
    "zh-Hant": "活動結束之前有人想跟我交換東西嗎？",
}
IDENTIFIER = LanguageIdentifier()


def test_identifies_every_language() -> None:
    assert IDENTIFIER.identify(list(SENTENCES.values())) == list(SENTENCES)


@pytest.mark.parametrize("target", CODES)
def test_only_the_target_language_is_on_target(target: str) -> None:
    on_target = [code for code, text in SENTENCES.items() if not IDENTIFIER.off_target(text, target)]
    assert on_target == [target]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("text", ["", "123 !!", "🙂👍", "gg wp"])
def test_text_that_fits_every_language_is_never_off_target(text: str, code: str) -> None:
    assert not IDENTIFIER.off_target(text, code)


@pytest.mark.parametrize(
    ("text", "code", "matches"),
    [
        ("เล่น Minecraft กัน", "th", True),
        ("сервер Discord", "ru", True),
        ("Let's go", "ru", True),  # short: could be a name
        ("Let's go to the castle now", "ru", False),
        ("поехали", "en", False),
        ("こんにちは", "zh-Hans", False),
        ("你们好", "ja", False),
        ("了解", "ja", True),
        ("了解", "zh-Hans", True),
        ("了解", "zh-Hant", True),
        ("我们", "zh-Hant", False),
        ("我們", "zh-Hans", False),
        ("皇后的里程台", "zh-Hans", True),
        ("皇后的里程台", "zh-Hant", True),
    ],
)
def test_script_matches(text: str, code: str, matches: bool) -> None:
    assert IDENTIFIER.script_matches(text, code) is matches


def test_text_left_in_the_source_language_is_easier_to_catch() -> None:
    text = "No puedo ver a nadie"
    without_source = IDENTIFIER.off_target(text, "pt")
    assert IDENTIFIER.off_target(text, "pt", "es") or not without_source
    strict = LanguageIdentifier(lead=1.0, source_lead=0.1)
    assert not strict.off_target(SENTENCES["es"], "pt")
    assert strict.off_target(SENTENCES["es"], "pt", "es")


def test_identify_answers_only_candidates() -> None:
    few = LanguageIdentifier(("fr", "th"))
    assert set(few.identify(list(SENTENCES.values()))) <= {"fr", "th", "und"}
    assert few.identify([SENTENCES["ru"], "..."]) == ["und", "und"]


def test_unknown_candidate_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean"):
        LanguageIdentifier(("en", "zh-hans"))


@given(st.text(max_size=60), st.sampled_from(CODES))
def test_any_text_gets_the_same_answer_twice(text: str, code: str) -> None:
    assert IDENTIFIER.identify([text]) == IDENTIFIER.identify([text])
    assert IDENTIFIER.off_target(text, code) == IDENTIFIER.off_target(text, code)
