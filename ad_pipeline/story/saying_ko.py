"""How Koreans say what is written in digits, signs and Latin letters."""

from __future__ import annotations

import re
import unicodedata

from ad_pipeline.story.hangul import from_latin
from ad_pipeline.story.numerals import about_korean, digits_korean, loan_korean, native_korean, sino_korean
from ad_pipeline.story.saying import ATTACHED, Read, Rule

_N = r"\d+(?:,\d{3})*(?:\.\d+)?"
_WHOLE = r"\d{1,3}(?:,\d{3})+|\d+"
_UNITS = {
    "%p": "퍼센트포인트",
    "%": "퍼센트",
    "％": "퍼센트",
    "fl oz": "플루이드 온스",
    "fl. oz": "플루이드 온스",
    "floz": "플루이드 온스",
    "oz": "온스",
    "ml": "밀리리터",
    "l": "리터",
    "mcg": "마이크로그램",
    "µg": "마이크로그램",
    "μg": "마이크로그램",
    "mg": "밀리그램",
    "kg": "킬로그램",
    "g": "그램",
    "nm": "나노미터",
    "cm": "센티미터",
    "mm": "밀리미터",
    "km": "킬로미터",
    "m": "미터",
    "℃": "도",
    "°c": "도",
    "℉": "화씨",
    "kcal": "킬로칼로리",
    "ppm": "피피엠",
    "kda": "킬로달톤",
    "da": "달톤",
    "hz": "헤르츠",
    "gb": "기가바이트",
    "tb": "테라바이트",
    "mb": "메가바이트",
    "w": "와트",
    "v": "볼트",
    "mah": "밀리암페어",
    "inch": "인치",
    "cc": "씨씨",
    "h": "시간",
    "hr": "시간",
    "hrs": "시간",
    "min": "분",
    "sec": "초",
    "iu": "아이유",
    "㎖": "밀리리터",
    "ℓ": "리터",
    "㎎": "밀리그램",
    "㎏": "킬로그램",
    "㎍": "마이크로그램",
    "㎜": "밀리미터",
    "㎝": "센티미터",
    "㎞": "킬로미터",
}
_UNIT = (
    r"(%p|[%％℃㎖ℓ㎎㎏㎍㎜㎝㎞]|°C|(?:fl\.?\s?oz|oz|ml|mcg|[µμ]g|mg|kg|nm|cm|mm|km|kcal|ppm|kda|da|hz|gb|tb|mb|mah|inch|cc|hrs|hr|min"
    r"|sec|iu|[lgmwvh])(?![A-Za-z]))"
)
_MONEY = {"₩": "원", "￦": "원", "$": "달러", "€": "유로", "¥": "엔", "£": "파운드"}
_FRACTIONS = {"½": "이분의 일", "⅓": "삼분의 일", "⅔": "삼분의 이", "¼": "사분의 일", "¾": "사분의 삼"}
_CENTS = {"$": "센트", "€": "센트", "£": "펜스"}

# Counted in native numbers up to 39; those of `_MANY` up to 99; time and multiples up to 20.
_FEW = (
    "시간|개(?![월국년입])|번(?![지호])|병|명|장(?!치)|겹|잔|달(?!러|톤)|통|곳|벌|켤레|마리|권|알|팩|세트|박스|포(?!인|션)|"
    "컵|스푼|끼|쌍|줄|방울|방|배(?![송속])|캔|봉지|봉|그릇|조각"
)
_MANY = "가지|살|송이"
_SPACED = (
    "주년|주차|주|개입|매입|개월|개국|개년|회차|회|위|등급|등|분기|분|초|단계|층|호|인분|인|매|차|급|도|"
    "킬로|시즌|퍼센트|프로|박"
)
_SHARES = ("%", "％", "%p")
_WEEKDAY = "[월화수목금토일]"


def _number(digits: str) -> str:
    return sino_korean(digits.replace(",", ""))


def _whole(digits: str) -> int:
    return int(digits.replace(",", ""))


def _unit(match: re.Match[str], read: Read) -> str:
    sign, number, unit = match[1], match[2], " ".join(match[3].lower().split())
    if unit in ("h", "hr", "hrs"):
        return f"{_hours(number)} 시간"
    if unit == "℉":
        return f"화씨 {_number(number)} 도"
    # -30 % is a discount and said without its sign.
    below = ("영하 " if unit in ("℃", "°c") else "" if unit in _SHARES else "마이너스 ") if sign else ""
    return f"{below}{_number(number)} {_UNITS[unit]}"


def _hours(digits: str) -> str:
    return native_korean(int(digits), most=20) if digits.isdigit() else _number(digits)


def _money(match: re.Match[str], read: Read) -> str:
    sign, whole, cents, many = match[1], match[2], match[3], match[4] or ""
    said = f"{_number(whole)}{many}"
    if cents and len(cents) == 2 and sign in _CENTS and not many:
        more = f" {_number(str(int(cents)))} {_CENTS[sign]}" if int(cents) else ""
        return f"{said} {_MONEY[sign]}{more}"
    return f"{_number(whole + ('.' + cents if cents else ''))}{many} {_MONEY[sign]}"


def _won(match: re.Match[str], read: Read) -> str:
    """2만9천원, 1만 9천원, 29,000원: the parts of one price."""
    parts = re.findall(rf"({_N})\s?([만천백억]*)", match[0])
    said = [
        (("" if digits == "1" and unit and unit[0] in "만천백" else _number(digits)) + unit) for digits, unit in parts
    ]
    return " ".join(said) + ("원" if parts[-1][1] else " 원")


def _few(match: re.Match[str], read: Read) -> str:
    digits, counter = match[1], match[2]
    if not re.fullmatch(_WHOLE, digits):
        return f"{_number(digits)} {counter}"
    most = 99 if re.fullmatch(_MANY, counter) else 39
    most = 20 if counter in ("시간", "배") else most
    return f"{native_korean(_whole(digits), most=most)} {counter}"


def _few_range(match: re.Match[str], read: Read) -> str:
    low, high = int(match[1]), int(match[2])
    if said := about_korean(low, high):
        return f"{said} {match[3]}"
    return f"{native_korean(low, most=20)}에서 {native_korean(high, most=20)} {match[3]}"


def _clock(match: re.Match[str], read: Read) -> str:
    hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").lower().replace(".", "")
    day = {"am": "오전 ", "pm": "오후 "}.get(half.strip(), "")
    said = f"{day}{native_korean(hour, most=12) if hour else '영'} 시"
    return f"{said} {sino_korean(str(minute))} 분" if minute else said


def _o_clock(match: re.Match[str], read: Read) -> str:
    return f"{native_korean(int(match[1]), most=12) if int(match[1]) else '영'} 시"


def _month(number: int) -> str:
    return {6: "유", 10: "시"}.get(number, sino_korean(str(number))) + "월"


def _day(match: re.Match[str], read: Read) -> str:
    """11/20, 2026.11.20, with its weekday."""
    year = f"{sino_korean(match[1])}년 " if match[1] else ""
    weekday = f" {match[4]}요일" if match[4] else ""
    return f"{year}{_month(int(match[2]))} {sino_korean(match[3])}일{weekday}"


def _slashed(match: re.Match[str], read: Read) -> str:
    """1/2 is a share, 11/20 a day."""
    over, under = int(match[1]), int(match[2])
    is_share = (over, under) in {(1, 2), (1, 3), (2, 3), (1, 4), (3, 4), (1, 5), (1, 10), (1, 100)}
    if (is_share and not match[3]) or not (1 <= over <= 12 and 1 <= under <= 31):
        return f"{sino_korean(match[2])}분의 {sino_korean(match[1])}"
    return f"{_month(over)} {sino_korean(match[2])}일" + (f" {match[3]}요일" if match[3] else "")


def _ratio(match: re.Match[str], read: Read) -> str:
    return " 대 ".join(_number(part.strip()) for part in match[0].split(":"))


def _phone(match: re.Match[str], read: Read) -> str:
    return " ".join(digits_korean(part) for part in re.split(r"\D+", match[0]) if part)


def _plus_one(match: re.Match[str], read: Read) -> str:
    return f"{loan_korean(match[1])} 플러스 {loan_korean(match[2])}"


def _times(match: re.Match[str], read: Read) -> str:
    digits = match[1]
    return f"{native_korean(int(digits), most=20) if digits.isdigit() else _number(digits)} 배"


def _english_rank(match: re.Match[str], read: Read) -> str:
    number = int(match[1])
    return {1: "퍼스트", 2: "세컨드", 3: "서드"}.get(number, f"{native_korean(number)} 번째")


def _nth(match: re.Match[str], read: Read) -> str:
    return f"{'첫' if match[1] == '1' else native_korean(int(match[1]))} 번째"


def _pa(match: re.Match[str], read: Read) -> str:
    count = len(match[1])
    return f"피에이 {loan_korean(str(count))} 플러스"


def _version(match: re.Match[str], read: Read) -> str:
    return f"버전 {sino_korean(match[1])}" if "." in match[1] else f"버전 {loan_korean(match[1])}"


def _letter_and_number(match: re.Match[str], read: Read) -> str:
    return f"{from_latin(match[1])} {loan_korean(match[2])}"


def _range(match: re.Match[str], read: Read) -> str:
    """The lower end; the higher one and its unit are read on their own."""
    return f"{_number(match[1])}에서"


def _from(match: re.Match[str], read: Read) -> str:
    """Between two dates or times 부터, between two amounts 에서; it follows its word without a space."""
    before = match.string[: match.start()].rstrip()
    dated = re.search(r"(?:[일시월년\)]|\d:\d\d|\d{1,2}[./]\d{1,2})$", before)
    return ATTACHED + ("부터" if dated else "에서")


def _out_of(match: re.Match[str], read: Read) -> str:
    return f"{_number(match[2])} 점 만점에 {_number(match[1])}"


def _counted(match: re.Match[str], read: Read) -> str:
    return f"{_number(match[1])} {match[2]}"


def _latin(match: re.Match[str], read: Read) -> str:
    """A word by its sound; CamelCase and all its parts by what is known of them."""
    word = re.sub(r"['’]s?\b", "", match[0])
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", word).split()
    if len(parts) > 1:
        return read(" ".join(parts))
    return from_latin(word)


_EARLY = (
    Rule(pattern=r"(?<![A-Za-z])PA\s?(\+{1,5})", reader=_pa),
    Rule(pattern=r"(?<![A-Za-z])N[oO°º]\.?\s?1(?![\d.,]\d|\d)", reader=lambda m, _: "넘버원"),
    Rule(
        pattern=r"(?<![A-Za-z])(?:No\.\s?|No(?=\d)|N°\s?)(\d{1,3})(?!\d)",
        reader=lambda m, _: f"넘버 {loan_korean(m[1])}",
    ),
    Rule(pattern=r"(?<![A-Za-z])(?:ver\.?\s?|version\s|v\.?)(\d+(?:\.\d+)?)(?![\d.])", reader=_version),
    Rule(pattern=r"(?<![\d/.])24\s?/\s?7(?![\d/])", reader=lambda m, _: "트웬티포 세븐"),
    Rule(
        pattern=r"(?<!\d)(\d)\s?-?\s?in\s?-?\s?(\d)(?!\d)",
        reader=lambda m, _: f"{loan_korean(m[1])} 인 {loan_korean(m[2])}",
    ),
    Rule(pattern=r"all\s?-\s?in\s?-\s?one|all in one", reader=lambda m, _: "올인원"),
)

_LATE = (
    Rule(pattern=r"[½⅓⅔¼¾]", reader=lambda m, _: _FRACTIONS[m[0]]),
    Rule(pattern=r"[①-⑩Ⅰ-Ⅹ]", reader=lambda m, _: sino_korean(str(int(unicodedata.numeric(m[0]))))),
    Rule(
        pattern=r"(?<![A-Za-z.])(?:[A-Z]\.){1,4}[A-Z](?![A-Za-z])\.?",
        reader=lambda m, _: "".join(from_latin(c) for c in m[0] if c.isalpha()),
    ),
    Rule(pattern=r"(?<=\d)·(?=\d)|(?<=[A-Za-z])\.(?=\d)", reader=lambda m, _: ""),
    Rule(pattern=r"(?<![\d.A-Za-z])([2-6])(?-i:G)(?![A-Za-z])", reader=lambda m, _: f"{loan_korean(m[1])}지"),
    Rule(pattern=r"(?<![\uac00-\ud7a3])제\s?(\d+)", reader=lambda m, _: f"제{sino_korean(m[1])}"),
    Rule(
        pattern=r"(?<![\d-])(?:0\d{1,2}[-)\s.]\s?\d{3,4}[-\s.]\d{4}|1\d{3}-\d{4}|\+82[-\s]\d{1,2}[-\s]\d{3,4}[-\s]\d{4})(?!\d)",
        reader=_phone,
    ),
    Rule(
        pattern=rf"(?<![\d.])(\d{{4}})[./-](\d{{1,2}})[./-](\d{{1,2}})(?![\d])\.?(?:\s?\(({_WEEKDAY})\))?", reader=_day
    ),
    Rule(pattern=rf"(?<![\d.])()(\d{{1,2}})\.(\d{{1,2}})\s?\(({_WEEKDAY})\)", reader=_day),
    Rule(
        pattern=r"(?<![\d.])()(1[0-2]|[1-9])\.([12]\d|3[01]|[1-9])()(?=\s?~\s?(?:\d{1,2}\.)?\d{1,2}(?![\d.]|\s?[%배만천원]))",
        reader=_day,
    ),
    Rule(pattern=r"(?<=~)()(1[0-2]|[1-9])\.([12]\d|3[01]|[1-9])()(?![\d.]|\s?[%배만천원a-zA-Z])", reader=_day),
    Rule(pattern=r"(?<![\d/.])(\d\.\d)\s?/\s?(\d+)(?![\d/.])", reader=_out_of),
    Rule(pattern=rf"(?<![\d/])(\d{{1,3}})\s?/\s?(\d{{1,3}})(?![\d/])(?:\s?\(({_WEEKDAY})\))?", reader=_slashed),
    Rule(pattern=rf"\(({_WEEKDAY})\)", reader=lambda m, _: f"{m[1]}요일"),
    Rule(pattern=r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?!\d|:)\s?([AP]\.?M\b\.?)?", reader=_clock),
    Rule(pattern=r"(?<![\d:.])(1[0-2]|[1-9])()\s?([AP]\.?M\b\.?)", reader=_clock),
    Rule(pattern=r"(?<![\d:.])(\d{1,2})\s?시(?!간|즌|리즈|트|대|작|술|럼|스)", reader=_o_clock),
    Rule(pattern=r"(?<![\d.])(1[0-2]|[1-9])월", reader=lambda m, _: _month(int(m[1]))),
    Rule(pattern=rf"(?<![\d:]){_N}(?:\s?:\s?{_N})+(?![\d:])", reader=_ratio),
    Rule(pattern=r"(?<![\d+.,])([1-5])\s?\+\s?([1-5])(?![\d+.,]|\s?[만천백%])", reader=_plus_one),
    Rule(pattern=r"([₩￦$€¥£])\s?(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?\s?([만천억]*)", reader=_money),
    Rule(
        pattern=rf"(?<![\d.])(?:(?:{_N}\s?[만천백억]+\s?)+(?:{_N}\s?[천백]*\s?)?|{_N}\s?)원(?![료인칙래])", reader=_won
    ),
    Rule(pattern=rf"(?<![\d.,])({_N})\s?[~∼〜–-]\s?(?={_N}\s?{_UNIT})", reader=_range),
    Rule(pattern=rf"((?<![^\s~\(])[-−])?(?<![\d.])({_N})\s?{_UNIT}", reader=_unit),
    Rule(pattern=rf"(?<![\d.])(\d{{1,2}})\s?[~∼〜–-]\s?(\d{{1,2}})\s?({_FEW}|{_MANY})(?!럼)", reader=_few_range),
    Rule(pattern=r"(?<![\d.])(\d{1,2})\s?번째", reader=_nth),
    Rule(pattern=rf"(?<![\d.])({_N})\s?({_MANY}|{_FEW})(?!럼)", reader=_few),
    Rule(pattern=rf"(?<![\d.,])({_N})\s?[~∼〜–]\s?(?={_N})", reader=_range),
    Rule(pattern=rf"(?<![\d.,])({_N})-(?={_N}\s?[\uac00-\ud7a3])", reader=_range),
    Rule(pattern=r"(?<=\S)\s?[~∼〜→]\s?(?=[₩$]?\d)", reader=_from),
    Rule(pattern=r"(?<![^\s\(])[-−](?=\d+\s?(?:세|살|kg|도))", reader=lambda m, _: "마이너스"),
    Rule(pattern=rf"(?<=\d)(?:\s?)[×x*]\s?({_WHOLE})(?![\dA-Za-z])", reader=lambda m, _: f"곱하기 {_number(m[1])}"),
    Rule(
        pattern=rf"(?:(?<=[A-Za-z]\s)[×x*]|(?<=[A-Za-z])[×*])\s?({_WHOLE})(?![\dA-Za-z])",
        reader=lambda m, _: f"곱하기 {_number(m[1])}",
    ),
    Rule(pattern=r"(?<![A-Za-z0-9])[×x]\s?(\d{1,3})(?![\dA-Za-z])", reader=_times),
    Rule(pattern=r"(?<![\d.])(\d+(?:\.\d+)?)[×x](?![A-Za-z0-9])", reader=_times),
    Rule(pattern=r"(?<!\d)(\d{1,2})(?:st|nd|rd|th)(?![A-Za-z])", reader=_english_rank),
    Rule(
        pattern=r"(?<![\d.A-Za-z])(\d)\s?([DK])(?![A-Za-z])",
        reader=lambda m, _: f"{loan_korean(m[1])}{from_latin(m[2])}",
    ),
    Rule(pattern=r"(?<![A-Za-z])([A-Z])-?(\d{1,2})(?![\d.]|\s?(?:%|ml|g))", reader=_letter_and_number),
    Rule(
        pattern=r"(?<!\d)(2030|3040|4050|1020)(?=\s?(?:세대|여성|남성|대|직장|고객))",
        reader=lambda m, _: digits_korean(m[1]),
    ),
    Rule(pattern=rf"(?<![\d.])({_N})\s?({_SPACED})", reader=_counted),
    Rule(pattern=r"(?<=\d)\s?\+(?=\s?\d)", reader=lambda m, _: "플러스"),
    Rule(pattern=r"(?<![\d.,])1(?=[만천백])", reader=lambda m, _: ""),
    Rule(pattern=r"(?<=\d)\.(?=\d)", reader=lambda m, _: "점"),
    Rule(pattern=_N, reader=lambda m, _: _number(m[0])),
    Rule(pattern=r"\+", reader=lambda m, _: "플러스"),
    Rule(pattern=r"&amp;|&", reader=lambda m, _: "앤드"),
    Rule(pattern=r"[A-Za-z\u00c0-\u024f]+(?:['’][A-Za-z]+)?", reader=_latin),
)

RULES = (_EARLY, _LATE)
