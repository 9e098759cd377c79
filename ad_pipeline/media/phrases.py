"""Where a line of text may break: after a clause gladly, inside of a phrase hardly."""

from __future__ import annotations

import re
from typing import Literal

_CLOSERS = "\"'”’)]»"
_OPEN_KO = frozenset(
    (
        "이 그 저 한 두 세 네 다섯 여섯 열 이런 그런 저런 어떤 무슨 어느 모든 온 "
        "새 헌 첫 단 더 덜 가장 매우 아주 정말 참 너무 꼭 못 안 각 전 약 "
        "총 최대 최소 단지 오직 겨우 바로 막 또 및 우리 내 네 제 그의 나의 하루 매일 "
        "오전 오후 지난 다음 "
    ).split()
)
_NOUNS_KO = re.compile(
    r"(?:것|거|게|걸|건|수|때|줄|뿐|만큼|대로|채|듯|듯이|데|적|바|리|터|중|후|뒤|동안|이상|이하|정도|"
    r"개|번|병|명|가지|시간|일|주|달|년|원|분|초|배|장|잔|살|회|단계)"
    r"(?:[은는이가을를의와과도만로]|에|에는|에도|에서|으로|까지|부터|마다|보다|처럼|밖에|이다|입니다|이에요|예요)?[.,!?…]*"
)
_HELPS_KO = re.compile(r"(?:있|없|않|싶|못하|말[아고자]|드[려립]|주[는세]|보세|봐)")
_GOOD_KO = re.compile(r"(?:[을를에와과로]|에서|까지|부터|으로|[가-힣](?:고|며|면|서|니|지만|도록|듯이?|려고))$")
_OF_KO = re.compile(r"[가-힣]의$")

_OPEN_EN = frozenset(
    "a an the of in on at to for with from by into onto over under about between through without and or but nor so "
    "my your our their his her its this that these those every each some any no not is are was were be been am "
    "will would can could should may might must do does did has have had very more most less just only so too as "
    "than if when while because i you we they he she it who which what dr mr mrs ms".split()
)
_BEGINS_EN = frozenset(
    "and or but nor so of in on at to for with from by into over under about between through without that which who "
    "when while because if than as".split()
)


def ends_sentence(word: str) -> bool:
    """Whether a sentence ends behind it."""
    return word.rstrip(_CLOSERS).endswith((".", "!", "?", "。", "…", "！", "？")) and not re.fullmatch(
        r"(?:dr|mr|mrs|ms|no|vs|st)\.", word.lower()
    )


def ends_clause(word: str) -> bool:
    """Whether a clause or a sentence ends behind it."""
    return ends_sentence(word) or word.rstrip(_CLOSERS).endswith((",", ";", ":", "—", "–", "、", "，"))


def break_cost(word: str, following: str, language: Literal["ko", "en"]) -> float:
    """0 behind a sentence, about 1 between any two words, 3 where they belong together."""
    if ends_sentence(word):
        return 0.0
    if ends_clause(word):
        return 0.15
    if word[-1:].isdigit() and following[:1].isalnum():
        return 3.0
    return _korean(word, following) if language == "ko" else _english(word, following)


def _korean(word: str, following: str) -> float:
    if _NOUNS_KO.fullmatch(following) or word in _OPEN_KO:
        return 3.0
    if _HELPS_KO.match(following):
        return 2.2
    if _OF_KO.search(word):
        return 1.6
    return 0.6 if _GOOD_KO.search(word) else 1.1


def _english(word: str, following: str) -> float:
    plain = word.lower().strip("\"'“”‘’(")
    if plain in _OPEN_EN:
        return 3.0
    if plain.endswith(("'s", "’s")):
        return 1.6
    return 0.6 if following.lower().strip("\"'“”‘’(") in _BEGINS_EN else 1.1
