"""Whether a claim of the brief carries what the copy says: the same numbers, the same words, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ad_pipeline.story.brief import Claim

# Words that carry no fact: who speaks, how it is put, what joins.
_EMPTY_EN = {
    "a", "an", "the", "and", "or", "of", "in", "on", "to", "for", "with", "were", "was", "is", "are", "that", "they",
    "it", "its", "our", "your", "you", "we", "said", "say", "says", "agree", "agreed", "felt", "feel", "after", "using",
    "use", "their", "this", "by", "who", "yes", "so", "than", "just", "be", "have", "had", "did", "do", "find", "found",
}  # fmt: skip
_EMPTY_KO = re.compile(
    r"(?:무려|바로|지금|그리고|우리|정말|네|이제|그래서|단|모두|함께|오늘|또|더)"
    r"|(?:말|답|느끼|느꼈|했|하|한|되|된|됐|돼|있|입니|이에|예요|이라|라고|다고)[가-힣]*"
)
_STEM_EN = 5
_NOT = re.compile(r"아니|아닙|않|없|못|\b(?:not|no|never|without|nor)\b|n't\b")

_UNITS = {
    "%": "%", "％": "%", "퍼센트": "%", "percent": "%", "프로": "%",
    "배": "x", "x": "x", "times": "x", "fold": "x",
    "초": "s", "second": "s", "seconds": "s", "분": "min", "minute": "min", "minutes": "min",
    "시간": "h", "h": "h", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "일": "day", "day": "day", "days": "day", "night": "day", "nights": "day",
    "주": "week", "주일": "week", "week": "week", "weeks": "week",
    "개월": "month", "달": "month", "month": "month", "months": "month", "년": "year", "year": "year", "years": "year",
    "명": "of", "사람": "of", "인": "of", "out": "of", "women": "of", "people": "of", "users": "of", "of": "of",
    "번": "uses", "회": "uses", "use": "uses", "uses": "uses", "applications": "uses",
    "만": "0000", "million": "000000", "위": "rank",
}  # fmt: skip
_MEASURE = re.compile(rf"(\d+(?:[.,]\d+)*)[\s-]?({'|'.join(sorted(_UNITS, key=len, reverse=True))})?(?![a-z])")
_COUNTED = re.compile(rf"{_MEASURE.pattern}(?:[가-힣]{{1,2}}(?![가-힣]))?")
"""A number with its unit and the particles that hang on it: 92%가, 3일간."""
_SPELLED = {
    "하루": "1일", "이틀": "2일", "사흘": "3일", "나흘": "4일", "열흘": "10일", "보름": "15일", "일주일": "1주",
    "한 달": "1달", "twice": "2 times", "double": "2 times", "triple": "3 times", "overnight": "1 night",
}  # fmt: skip
_COUNTED_KO = {"한": 1, "두": 2, "세": 3, "네": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9, "열": 10}
_COUNTED_EN = {
    word: n for n, word in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), 1)
}  # fmt: skip
_KO_COUNT = re.compile(rf"(?<![가-힣])({'|'.join(_COUNTED_KO)})\s?(?=배|번|명|사람|주(?![가-힣])|달|시간|초|회|개월)")


def supporter(clause: str, findings: Sequence[str], claims: Sequence[Claim], *, names: Sequence[str]) -> Claim | None:
    """The first claim that says what the clause says; None when the clause goes beyond all of them.

    A word may be bent (촉촉하다고 for 촉촉함), a number and its unit may not; `names` may stand beside the claim.
    """
    return next((claim for claim in claims if _carries(claim, clause, findings, names)), None)


def _carries(claim: Claim, clause: str, findings: Sequence[str], names: Sequence[str]) -> bool:
    if any(not _facts(finding) <= _measures(claim.text) | _said_words(finding, claim.text) for finding in findings):
        return False
    own_parts = {part.strip() for part in re.split(r"[.!?,;]", claim.text)}
    if _NOT.search(claim.text.lower()) and not _NOT.search(clause.lower()) and clause not in own_parts:
        return False
    known = " ".join((claim.text, claim.source, *names))
    return _facts(clause) <= _measures(known) | _said_words(clause, known)


def _facts(text: str) -> set[str]:
    """What a text says: its numbers with their units, and its words that carry a fact; never nothing."""
    return _measures(text) | set(_words(text)) or {text}


def _measures(text: str) -> set[str]:
    return {
        f"{re.sub(r',(?=[0-9]{3})', '', number)} {_UNITS.get(unit, '')}"
        for number, unit in _MEASURE.findall(_spelt(text))
    }


def _spelt(text: str) -> str:
    """`text` in small letters with its counted words as figures: 두 배 is 2배, two weeks is 2 weeks."""
    low = text.lower()
    for word, figure in _SPELLED.items():
        low = re.sub(rf"(?<![a-z가-힣]){word}(?![a-z])", figure, low)
    low = _KO_COUNT.sub(lambda hit: str(_COUNTED_KO[hit[1]]), low)
    return re.sub(rf"\b({'|'.join(_COUNTED_EN)})\b", lambda hit: str(_COUNTED_EN[hit[1]]), low)


def _words(text: str) -> list[str]:
    """The words that carry a fact, without numbers and what hangs on them (92%가)."""
    low = _COUNTED.sub(" ", _spelt(text))
    words = re.findall(r"[a-z']{2,}|[가-힣]+", low)
    return [
        word
        for word in words
        if not (word in _EMPTY_EN or word in _UNITS or _EMPTY_KO.fullmatch(word) or (len(word) == 1 and word > "z"))
    ]


def _said_words(text: str, told: str) -> set[str]:
    return {word for word in _words(text) if _is_said(word, told.lower())}


def _is_said(word: str, told: str) -> bool:
    if word.isascii():
        return bool(re.search(rf"(?<![a-z]){re.escape(word[:_STEM_EN])}", told))
    return word[:2] in told
