"""Whether a claim of the brief carries what the copy says: its numbers, its words, what was measured, nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ad_pipeline.story.brief import Claim

# Words that carry no fact: who speaks, how it is put, what joins.
_EMPTY_EN = {
    "a", "an", "the", "and", "or", "of", "in", "on", "to", "for", "with", "were", "was", "is", "are", "that", "they",
    "it", "its", "our", "your", "you", "we", "said", "say", "says", "agree", "agreed", "felt", "feel", "after", "using",
    "use", "their", "this", "by", "who", "yes", "so", "than", "just", "be", "have", "had", "did", "do", "find", "found",
    "feels", "feeling", "only", "now", "all", "yours",
}  # fmt: skip
_EMPTY_KO = re.compile(
    r"(?:무려|바로|지금|그리고|우리|정말|네|이제|그래서|단|모두|함께|오늘|또|더)"
    r"|만에|대답|중에|(?:본|써|쓴|지난|여러|모두)"
    r"|(?:말(?!끔)|답|느끼|느꼈|느낀|느낌|느껴|했|하(?!얗|얀|얘)|한(?!국|방)|되(?!살|돌|찾)|된|됐|돼|있|입니|이에|예요|이라|라고|다고|받|얻|마친|마쳤|확인|뽑|꼽)[가-힣]*"
)
# How something feels or when it is used: no fact beside a claim that counts nothing.
_FEELING = re.compile(
    r"(?:편안|산뜻|가볍|가벼|부드러|부드럽|상쾌|시원|기분|아침|저녁|하루|매일|당신|마음|comfort|light|soft|fresh|easy|every|day|morning)"
    r"[가-힣a-z]*"
)
_LABEL = re.compile(r"spf\s?\d+|pa\s?\++")
"""What a sunscreen's label says: it stands by itself, whatever is said beside it."""
_SUN = re.compile(r"자외선|\buv|\bsun\b|\brays\b|spf|\bpa\s?\+")
# Words that say the same in a claim and in copy.
_ALIKE = (
    ("보습", "촉촉"), ("지속", "이어", "유지", "계속"), ("증가", "차오", "차올", "늘어", "상승"),
    ("사용", "바르", "바른", "발라", "직후"), ("hydrat", "moist"), ("discount", "off"), ("세일", "할인"),
    ("무료", "공짜"), ("증정", "사은"),
)  # fmt: skip
# What the subject of a claim is not: how many said so, of whom, when, and that it was tested.
_NO_SUBJECT = re.compile(
    r"(?:만족|사용|이상|조사|시험|테스트|완료|결과|직후|증가|감소|향상|지속|유지|부문|참여|응답|여성|고객|피부|기준|제품|효과|인체|임상|설문|동의"
    r"|skin|more|less|happy|satisf|women|people|users|report|survey|test|clinical|result|improve|increase|customer)[가-힣a-z]*"
)
_KIND = re.compile(
    r"(?:세럼|크림|쿠션|토너|앰플|선크림|로션|마스크|틴트|에센스|미스트|립|serum|cream|cushion|toner|ampoule|lotion|mask|tint|essence|mist)"
    r"[가-힣a-z]*"
)
_STEM_EN = 5
_FIRST_EN = re.compile(r"#\s?1\b|\bno\.?\s?1\b|\bnumber[- ](?:one|1)\b")
_NOT = re.compile(r"아니|아닙|않|없|못|\b(?:not|no(?!\.?\s?\d)|never|without|nor)\b|n't\b")

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
    "만": "0000", "million": "000000", "위": "rank", "등": "rank", "% more": "% more", "percent more": "% more",
    "원": "krw", "won": "krw", "krw": "krw", "usd": "usd", "dollars": "usd", "eur": "eur", "euros": "eur",
}  # fmt: skip
_MEASURE = re.compile(rf"(\d+(?:[.,]\d+)*)[\s-]?({'|'.join(sorted(_UNITS, key=len, reverse=True))})?(?![a-z])")
_COUNTED = re.compile(rf"{_MEASURE.pattern}(?:[가-힣]{{1,2}}(?![가-힣]))?")
"""A number with its unit and the particles that hang on it: 92%가, 3일간."""
_SPELLED = {
    "하루": "1일", "이틀": "2일", "사흘": "3일", "나흘": "4일", "열흘": "10일", "보름": "15일", "일주일": "1주",
    "한 달": "1달", "백만": "100만", "천만": "1000만",
    "twice": "2 times", "double": "2 times", "triple": "3 times", "overnight": "1 night",
}  # fmt: skip
_COUNTED_KO = {"한": 1, "두": 2, "세": 3, "네": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9, "열": 10}
_COUNTED_EN = {
    word: n for n, word in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), 1)
}  # fmt: skip
_KO_COUNT = re.compile(rf"(?<![가-힣])({'|'.join(_COUNTED_KO)})\s?(?=배|번|명|사람|주(?![가-힣])|달|시간|초|회|개월)")


_DIGITS_KO = {letter: n for n, letter in enumerate("일이삼사오육칠팔구", 1)}
_PERCENT_KO = re.compile(r"(?<![가-힣])(백|[일이삼사오육칠팔구]?십?[일이삼사오육칠팔구]?(?<=[가-힣]))\s?퍼센트")
_PRICE_KO = re.compile(r"(?<![\d.,])(?:(\d{1,4})만\s?)?(?:(\d)천)?\s?원")


def supporter(
    clause: str, findings: Sequence[str], claims: Sequence[Claim], *, names: Sequence[str], sentence: str
) -> Claim | None:
    """The first claim that says what the clause says; None when the clause goes beyond all of them.

    A word may be bent (촉촉하다고 for 촉촉함), a number and its unit may not; `names` may stand beside the claim.
    What was measured has to stand in the clause's `sentence`: 92% who liked the moisture are not 92% who liked it all.
    """
    return next((claim for claim in claims if _carries(claim, clause, findings, names, sentence)), None)


def _carries(claim: Claim, clause: str, findings: Sequence[str], names: Sequence[str], sentence: str) -> bool:
    told = claim.text.lower()
    if _is_of_the_sun(findings) and _LABEL.search(told):
        return _labels(clause) <= _labels(told)
    if not all(_is_told(finding, claim) for finding in findings):
        return False
    own_parts = {part.strip() for part in re.split(r"[.!?,;]", claim.text)}
    if _NOT.search(told) and not _NOT.search(clause.lower()) and clause not in own_parts:
        return False
    known = " ".join((claim.text, claim.source, *names))
    counted = _measures(" ".join(findings))
    if counted and not _names_the_subject(claim.text, sentence):
        return False
    beyond = _facts(clause) - _measures(known) - _said_words(clause, known)
    return not beyond if counted else all(_FEELING.fullmatch(fact) for fact in beyond)


def _is_told(finding: str, claim: Claim) -> bool:
    """Whether the claim itself says it; how many were asked may stand in its source."""
    asked = {measure for measure in _measures(claim.source) if measure.endswith(" of")}
    beyond = _facts(finding) - _measures(claim.text) - asked - _said_words(finding, claim.text)
    # A finding may end before its unit: 만족도 92 of 92%.
    bare = {f"{measure.split()[0]} " for measure in _measures(claim.text)}
    return not beyond - bare


def _is_of_the_sun(findings: Sequence[str]) -> bool:
    return all(_SUN.search(finding.lower()) for finding in findings)


def _labels(text: str) -> set[str]:
    return {"".join(label.split()) for label in _LABEL.findall(text.lower())}


def _names_the_subject(claim: str, sentence: str) -> bool:
    """Whether the sentence says what the claim counted; for a rank, of which kind and who gave it."""
    near = sentence.lower()
    subjects = [word for word in _words(claim) if not _NO_SUBJECT.fullmatch(word)]
    if not any(measure.endswith(" rank") for measure in _measures(claim)):
        return not subjects or any(_is_said(word, near) for word in subjects)
    kinds = [word for word in subjects if _KIND.fullmatch(word)]
    others = [word for word in subjects if word not in kinds]
    return all(not group or any(_is_said(word, near) for word in group) for group in (kinds, others))


def _facts(text: str) -> set[str]:
    """What a text says: its numbers with their units, and its words that carry a fact; never nothing."""
    return _measures(text) | set(_words(text)) or {text}


def _measures(text: str) -> set[str]:
    return {
        f"{re.sub(r',(?=[0-9]{3})|[.]0+$', '', number)} {_UNITS.get(unit, '')}"
        for number, unit in _MEASURE.findall(_spelt(text))
    }


def _spelt(text: str) -> str:
    """`text` in small letters with its counted words as figures: 두 배 is 2배, two weeks is 2 weeks."""
    low = _PRICE_KO.sub(_won, re.sub(r"[$€₩]\s?(\d[\d,.]*)", _with_currency, text.lower()))
    low = _FIRST_EN.sub("1위", low)
    low = _PERCENT_KO.sub(lambda hit: f"{_sino(hit[1])}%", low)
    for word, figure in _SPELLED.items():
        low = re.sub(rf"(?<![a-z가-힣]){word}(?![a-z])", figure, low)
    low = _KO_COUNT.sub(lambda hit: str(_COUNTED_KO[hit[1]]), low)
    return re.sub(rf"\b({'|'.join(_COUNTED_EN)})\b", lambda hit: str(_COUNTED_EN[hit[1]]), low)


def _with_currency(hit: re.Match[str]) -> str:
    return f"{hit[1]} { {'$': 'usd', '€': 'eur', '₩': 'krw'}[hit[0][0]] }"


def _won(hit: re.Match[str]) -> str:
    return f"{int(hit[1] or 0) * 10_000 + int(hit[2] or 0) * 1000}원" if hit[1] or hit[2] else hit[0]


def _sino(word: str) -> int:
    """구십이 as 92, up to a hundred."""
    if word == "백":
        return 100
    tens, ten, ones = word.rpartition("십")
    return (_DIGITS_KO.get(tens, 1) * 10 if ten else 0) + _DIGITS_KO.get(ones, 0)


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
    stems = next((alike for alike in _ALIKE if word.startswith(alike)), None)
    if stems:
        return any(stem in told for stem in stems)
    if word.isascii():
        return bool(re.search(rf"(?<![a-z]){re.escape(word[:_STEM_EN])}", told))
    return word[:2] in told
