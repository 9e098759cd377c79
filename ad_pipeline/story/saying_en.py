"""How English speakers say what is written in digits and signs, and Korean words in English text."""

from __future__ import annotations

import re
import unicodedata

from ad_pipeline.story.hangul import to_latin
from ad_pipeline.story.numerals import english, english_digits, english_ordinal, english_year
from ad_pipeline.story.saying import Read, Rule

_N = r"\d+(?:,\d{3})*(?:\.\d+)?"
_UNITS = {
    "fl oz": ("fluid ounce", "fluid ounces"),
    "oz": ("ounce", "ounces"),
    "ml": ("milliliter", "milliliters"),
    "l": ("liter", "liters"),
    "mcg": ("microgram", "micrograms"),
    "µg": ("microgram", "micrograms"),
    "μg": ("microgram", "micrograms"),
    "mg": ("milligram", "milligrams"),
    "kg": ("kilogram", "kilograms"),
    "g": ("gram", "grams"),
    "nm": ("nanometer", "nanometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "km": ("kilometer", "kilometers"),
    "m": ("meter", "meters"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "ft": ("foot", "feet"),
    "in": ("inch", "inches"),
    "kcal": ("kilocalorie", "kilocalories"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "h": ("hour", "hours"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"),
    "sec": ("second", "seconds"),
    "secs": ("second", "seconds"),
    "℃": ("degree Celsius", "degrees Celsius"),
    "°c": ("degree Celsius", "degrees Celsius"),
    "℉": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°f": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"),
    "ppm": ("P P M", "P P M"),
    "gb": ("gigabyte", "gigabytes"),
    "mb": ("megabyte", "megabytes"),
    "tb": ("terabyte", "terabytes"),
    "w": ("watt", "watts"),
    "hz": ("hertz", "hertz"),
    "mah": ("milliamp hour", "milliamp hours"),
    "x": ("time", "times"),
    "×": ("time", "times"),
    "iu": ("I U", "I U"),
    "kda": ("kilodalton", "kilodaltons"),
    "㎖": ("milliliter", "milliliters"),
    "㎎": ("milligram", "milligrams"),
    "㎏": ("kilogram", "kilograms"),
    "%p": ("percentage point", "percentage points"),
    "pp": ("percentage point", "percentage points"),
    "%": ("percent", "percent"),
    "％": ("percent", "percent"),
}
_UNIT = (
    r"(%p|[%％℃℉×㎖㎎㎏]|°[CF]?|(?:fl\.?\s?oz\.?|oz|ml|mcg|[µμ]g|mg|kg|nm|cm|mm|km|lbs|lb|ft|kcal|hrs|hr|mins|min|secs|sec"
    r"|ppm|pp|gb|mb|tb|hz|mah|iu|kda|[lgmhxw])(?![A-Za-z]))"
)
_MONEY = {
    "₩": ("won", "won", "", ""),
    "￦": ("won", "won", "", ""),
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "", ""),
    "£": ("pound", "pounds", "penny", "pence"),
}
_MANY = {"k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion"}
_MONTHS = "January February March April May June July August September October November December".split()
_MONTH = (
    r"(Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|(?-i:May|MAY)|June?\.?|July?\.?|Aug(?:ust|\.)?"
    r"|Sept?(?:ember|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)"
)
_SHARES = {
    (1, 2): "one half",
    (1, 3): "one third",
    (2, 3): "two thirds",
    (1, 4): "one quarter",
    (3, 4): "three quarters",
    (1, 5): "one fifth",
    (1, 8): "one eighth",
    (1, 10): "one tenth",
}
_FRACTIONS = {"½": "one half", "⅓": "one third", "⅔": "two thirds", "¼": "one quarter", "¾": "three quarters"}
_LATIN_WORDS = {"e.g.": "for example", "i.e.": "that is", "etc.": "et cetera"}
_SAINTS = {"St": "Saint", "Mt": "Mount"}
_SPELLED = "AC BC DJ DM EU FM GPS HD HR ID IV NYC PC PM PR RSVP SNS SOS UN UX UI XL XS XXL US".split()
_DIGRAPH = re.compile(r"[AEIOUY]")


def _number(digits: str) -> str:
    return english(digits.replace(",", ""))


def _measure(number: str, unit: str, *, joined: bool) -> str:
    unit = unit.lower().rstrip(".").replace(".", "")
    unit = "fl oz" if unit.startswith("fl") else unit
    one, many = _UNITS[unit]
    return f"{_number(number)}{'-' if joined else ' '}{one if joined or number == '1' else many}"


def _unit(match: re.Match[str], read: Read) -> str:
    sign = "minus " if match[1] and match[4][0] in "℃℉°" else ""
    return sign + _measure(match[2], match[4], joined=bool(match[3]) and match[3] == "-")


def _money(match: re.Match[str], read: Read) -> str:
    sign, whole, part, many = match[1], match[2], match[3] or "", (match[4] or "").lower()
    one, several, cent, cents = _MONEY[sign]
    number = whole.replace(",", "")
    if many:
        return f"{_number(number + ('.' + part if part else ''))} {_MANY.get(many, many)} {several}"
    if part and (len(part) != 2 or not cent):
        return f"{_number(number + '.' + part)} {several}"
    said = f"{_number(number)} {one if number == '1' else several}"
    if not part or not int(part):
        return said
    small = f"{english(str(int(part)))} {cent if int(part) == 1 else cents}"
    return small if not int(number) else f"{said} and {small}"


def _money_range(match: re.Match[str], read: Read) -> str:
    return f"{_number(match[2])} to {_number(match[3])} {_MONEY[match[1]][1]}"


def _many(match: re.Match[str], read: Read) -> str:
    return f"{_number(match[1])} {_MANY[match[2].lower()]}"


def _month_of(text: str) -> str:
    return next(month for month in _MONTHS if month.lower().startswith(text.lower()[:3]))


def _month_day(match: re.Match[str], read: Read) -> str:
    year = f", {english_year(int(match[4]))}" if match[4] else ""
    until = f" to {english_ordinal(int(match[3]))}" if match[3] else ""
    return f"{_month_of(match[1])} {english_ordinal(int(match[2]))}{until}{year}"


def _day_month(match: re.Match[str], read: Read) -> str:
    return f"{_month_of(match[2])} {english_ordinal(int(match[1]))}"


def _slashed(match: re.Match[str], read: Read) -> str:
    over, under, year = int(match[1]), int(match[2]), match[3]
    if (over, under) in _SHARES and not year:
        return _SHARES[over, under]
    if 1 <= over <= 12 and 1 <= under <= 31:
        return f"{_MONTHS[over - 1]} {english_ordinal(under)}" + (f", {english_year(int(year))}" if year else "")
    return f"{_number(match[1])} {'' if over + under == 100 else 'over '}{_number(match[2])}"


def _iso_day(match: re.Match[str], read: Read) -> str:
    month, day = int(match[2]), int(match[3])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return " ".join(english_digits(part) for part in match.groups())
    return f"{_MONTHS[month - 1]} {english_ordinal(day)}, {english_year(int(match[1]))}"


def _clock(match: re.Match[str], read: Read) -> str:
    hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").upper().replace(".", "").strip()
    said = english(str(hour))
    if minute:
        said += f" {'oh ' if minute < 10 else ''}{english(str(minute))}"
    elif not half:
        said += " o'clock" if 1 <= hour <= 12 else " hundred"
    return f"{said} {' '.join(half)}" if half else said


def _phone(match: re.Match[str], read: Read) -> str:
    return ", ".join(english_digits(part) for part in re.split(r"\D+", match[0]) if part)


def _decade(match: re.Match[str], read: Read) -> str:
    said = english_year(int(match[1])) if len(match[1]) == 4 else english(match[1])
    return said[:-1] + "ies" if said.endswith("y") else said + "s"


def _range(match: re.Match[str], read: Read) -> str:
    """The lower end; the higher one and its unit are read on their own."""
    return f"{_number(match[1])} to"


def _pa(match: re.Match[str], read: Read) -> str:
    return f"P A {english(str(len(match[1])))} plus"


def _year(match: re.Match[str], read: Read) -> str:
    return english_year(int(match[1]))


def _dotted(match: re.Match[str], read: Read) -> str:
    return " ".join(letter for letter in match[0] if letter.isalpha())


def _capitals(match: re.Match[str], read: Read) -> str:
    word = match[1]
    return " ".join(word) if word in _SPELLED or not _DIGRAPH.search(word) else match[0]


_EARLY = (
    Rule(pattern=r"(?<![A-Za-z])PA\s?(\+{1,5})", reader=_pa),
    Rule(
        pattern=r"(?<![A-Za-z])(?:No\.\s?|No(?=\d)|N°\s?)(\d+)(?![\d,])", reader=lambda m, _: f"number {english(m[1])}"
    ),
    Rule(
        pattern=r"(?<![A-Za-z])(?:ver\.?\s?|v\.?)(\d+(?:\.\d+)?)(?![\d.])",
        reader=lambda m, _: f"version {english(m[1])}",
    ),
    Rule(pattern=r"(?<![\d/.])24\s?/\s?7(?![\d/])", reader=lambda m, _: "twenty-four seven"),
)

_LATE = (
    Rule(pattern=r"[½⅓⅔¼¾]", reader=lambda m, _: _FRACTIONS[m[0]]),
    Rule(pattern=r"[①-⑩Ⅰ-Ⅹ]", reader=lambda m, _: english(str(int(unicodedata.numeric(m[0]))))),
    Rule(pattern=r"(?<![A-Za-z.])(?-i:(?:[A-Z]\.){1,4}[A-Z])(?![A-Za-z])\.?", reader=_dotted),
    Rule(pattern=r"(?<![A-Za-z.])(e\.g\.|i\.e\.|etc\.)", reader=lambda m, _: _LATIN_WORDS[m[1].lower()]),
    Rule(pattern=r"(?<![A-Za-z])((?-i:St|Mt))\.\s?(?=[A-Z])", reader=lambda m, _: _SAINTS[m[1]]),
    Rule(pattern=r"(?<=[ap]m)\s?[-–]\s?(?=\d)", reader=lambda m, _: "to"),
    Rule(pattern=r"(?<![\d.A-Za-z])([2-6])(?-i:G)(?![A-Za-z])", reader=lambda m, _: f"{english(m[1])} G"),
    Rule(
        pattern=r"(?<![\d-])(?:\+?\d{1,2}[-.\s])?\(?\d{3}\)?[-.\s]\s?\d{3}[-.]\d{4}(?!\d)|(?<![\d-])0\d{1,2}-\d{3,4}-\d{4}(?!\d)"
        r"|(?<![\d-])1\d{3}-\d{4}(?!\d)",
        reader=_phone,
    ),
    Rule(pattern=r"(?<![\d.])(20\d\d|19\d\d)[-./](\d{1,2})[-./](\d{1,2})(?!\d)", reader=_iso_day),
    Rule(
        pattern=rf"(?<![A-Za-z]){_MONTH}\s(\d{{1,2}})(?:st|nd|rd|th)?"
        r"(?:\s?[-–~]\s?(\d{1,2})(?:st|nd|rd|th)?)?(?![\d%]|[.:]\d)(?:,?\s(20\d\d|19\d\d))?",
        reader=_month_day,
    ),
    Rule(pattern=rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?{_MONTH}(?![A-Za-z])", reader=_day_month),
    Rule(
        pattern=r"(?<![\d/.])(\d\.\d)\s?/\s?(\d+)(?![\d/.])",
        reader=lambda m, _: f"{_number(m[1])} out of {_number(m[2])}",
    ),
    Rule(pattern=r"(?<![\d/])(\d{1,2})\s?/\s?(\d{1,2})(?:/(20\d\d|19\d\d))?(?![\d/])", reader=_slashed),
    Rule(pattern=r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?!\d|:)\s?([AP]\.?M(?![A-Za-z])\.?)?", reader=_clock),
    Rule(pattern=r"(?<![\d:.])(1[0-2]|[1-9])()\s?([AP]\.?M(?![A-Za-z])\.?)", reader=_clock),
    Rule(pattern=rf"(?<![\d:])({_N})\s?:\s?({_N})(?![\d:])", reader=lambda m, _: f"{_number(m[1])} to {_number(m[2])}"),
    Rule(pattern=r"(?<!\d)(\d{1,3})(?:st|nd|rd|th)(?![A-Za-z])", reader=lambda m, _: english_ordinal(int(m[1]))),
    Rule(pattern=r"(?<![\dA-Za-z])['’]?(\d0|(?:19|20)\d0)s(?![A-Za-z])", reader=_decade),
    Rule(pattern=r"([₩￦$€¥£])\s?(\d[\d,]*\d|\d)\s?[-–~]\s?[₩￦$€¥£]?(\d[\d,]*\d|\d)(?![\d.%])", reader=_money_range),
    Rule(
        pattern=r"([₩￦$€¥£])\s?(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?(?:\s?((?:k|mn|m|bn|b)(?![A-Za-z])|thousand|million|billion))?",
        reader=_money,
    ),
    Rule(pattern=rf"({_N})\s?¢", reader=lambda m, _: f"{_number(m[1])} {'cent' if m[1] == '1' else 'cents'}"),
    Rule(pattern=rf"({_N})\s?(?:USD|US\$)(?![A-Za-z])", reader=lambda m, _: f"{_number(m[1])} dollars"),
    Rule(pattern=rf"(?<![\d.,])({_N})\s?[~∼〜–-]\s?(?={_N}(?![\d-]))", reader=_range),
    Rule(pattern=rf"(?<![\d.])({_N})\s?((?-i:[KMB]))(?![A-Za-z])", reader=_many),
    Rule(pattern=r"(?<=[%A-Za-z])\s?[~∼〜–]\s?(?=[₩$]?\d)", reader=lambda m, _: "to"),
    Rule(pattern=rf"((?<![^\s~\(])[-−])?(?<![\d.])({_N})(\s|-)?{_UNIT}", reader=_unit),
    Rule(pattern=rf"(?<![\d.])({_N})\s?(k|mn|m|bn)(?![A-Za-z])", reader=_many),
    Rule(pattern=r"(?<=[A-Za-z%]\s)[×x]\s?(\d+)(?![\dA-Za-z])", reader=lambda m, _: f"times {english(m[1])}"),
    Rule(pattern=r"(?<![A-Za-z])[×x](\d+)(?![\dA-Za-z])", reader=lambda m, _: f"times {english(m[1])}"),
    Rule(pattern=r"(?<![\d.,$])(20\d\d|19\d\d)(?!\d|[.,]\d|\+)", reader=_year),
    Rule(pattern=_N, reader=lambda m, _: _number(m[0])),
    Rule(pattern=r"(?<![A-Za-z])(w/o)\s?", reader=lambda m, _: "without"),
    Rule(pattern=r"(?<![A-Za-z])w/\s?(?=[A-Za-z])", reader=lambda m, _: "with"),
    Rule(pattern=r"(?<![A-Za-z])Dr\.\s?(?=[A-Z])", reader=lambda m, _: "Doctor"),
    Rule(pattern=r"\+", reader=lambda m, _: "plus"),
    Rule(pattern=r"&amp;|&", reader=lambda m, _: "and"),
    Rule(pattern=r"[%％]", reader=lambda m, _: "percent"),
    Rule(pattern=r"[\uac00-\ud7a3]+", reader=lambda m, _: to_latin(m[0])),
    Rule(pattern=r"(?<![A-Za-z'’])((?-i:[A-Z]{2,5}))(?![A-Za-z'’])", reader=_capitals),
)

RULES = (_EARLY, _LATE)
