"""Numbers as they are said, in Korean and English."""

from __future__ import annotations

_SINO = "영일이삼사오육칠팔구"
_SINO_TENS = ("", "십", "백", "천")
_SINO_MYRIADS = ("", "만", "억", "조", "경")
_NATIVE_ONES = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_NATIVE_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_ABOUT = {
    (1, 2): "한두", (2, 3): "두세", (3, 4): "서너", (4, 5): "네다섯", (5, 6): "대여섯", (6, 7): "예닐곱",
    (7, 8): "일고여덟",
}  # fmt: skip
_LOAN = ("제로", "원", "투", "쓰리", "포", "파이브", "식스", "세븐", "에잇", "나인", "텐")
_ENGLISH_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
_ENGLISH_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
_ENGLISH_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_ENGLISH_THOUSANDS = ("", " thousand", " million", " billion", " trillion")


def sino_korean(digits: str) -> str:
    """`29000` is 이만구천; a leading zero or a very long number is said digit by digit; `1.5` is 일점오."""
    whole, _, part = digits.partition(".")
    if not whole or len(whole) > 16 or (len(whole) > 1 and whole[0] == "0"):
        said = "".join(_SINO[int(d)] for d in whole).replace("영", "공")
    else:
        said = _sino_whole(int(whole))
    return f"{said}점{''.join(_SINO[int(d)] for d in part)}" if part else said


def native_korean(number: int, *, most: int = 99) -> str:
    """As Koreans count things: 세 (개), 열두 (병), 서른 (가지); Sino-Korean above `most`, and from 100 on."""
    tens, ones = divmod(number, 10)
    if not 1 <= number <= min(most, 99):
        return sino_korean(str(number))
    if number == 20:
        return "스무"
    return _NATIVE_TENS[tens] + _NATIVE_ONES[ones]


def about_korean(low: int, high: int) -> str:
    """A small range as it is counted: 두세 (개); empty where there is no such word."""
    return _ABOUT.get((low, high), "")


def digits_korean(digits: str) -> str:
    """Digit by digit, as telephone numbers are read: 공일공."""
    return "".join(_SINO[int(d)] for d in digits).replace("영", "공")


def loan_korean(digits: str) -> str:
    """The English number that stands in names (넘버 파이브, 비 투); Sino-Korean above ten."""
    number = int(digits)
    return _LOAN[number] if number < len(_LOAN) and digits == str(number) else sino_korean(digits)


def english(digits: str) -> str:
    """`48` is forty-eight, `1.5` is one point five; a year is read as a plain number (see `english_year`)."""
    whole, _, part = digits.partition(".")
    if not whole or len(whole) > 15 or (len(whole) > 1 and whole[0] == "0"):
        said = " ".join(_ENGLISH_ONES[int(d)] for d in whole)
    else:
        said = _english_whole(int(whole))
    return f"{said} point {' '.join(_ENGLISH_ONES[int(d)] for d in part)}" if part else said


def english_ordinal(number: int) -> str:
    """`1` is first, `21` is twenty-first."""
    said = _english_whole(number)
    head, joint, last = said.rpartition("-" if "-" in said.split()[-1] else " ")
    if last in _ENGLISH_ORDINALS:
        return head + joint + _ENGLISH_ORDINALS[last]
    return head + joint + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


def english_year(year: int) -> str:
    """`2026` is twenty twenty-six, `2005` two thousand five, `1990` nineteen ninety."""
    century, rest = divmod(year, 100)
    if 2000 <= year < 2010 or (rest == 0 and century % 10 == 0):
        return _english_whole(year)
    if rest == 0:
        return f"{_english_whole(century)} hundred"
    return f"{_english_whole(century)} {'oh ' if rest < 10 else ''}{_english_whole(rest)}"


def english_digits(digits: str) -> str:
    """Digit by digit."""
    return " ".join(_ENGLISH_ONES[int(d)] for d in digits)


def _sino_whole(number: int) -> str:
    if number == 0:
        return "영"
    groups: list[str] = []
    for myriad in _SINO_MYRIADS:
        number, group = divmod(number, 10_000)
        if group:
            said = _sino_group(group)
            groups.append(("" if said == "일" and myriad == "만" else said) + myriad)
    return "".join(reversed(groups))


def _sino_group(group: int) -> str:
    said = ""
    for place in (3, 2, 1, 0):
        digit = group // 10**place % 10
        if digit:
            said += ("" if digit == 1 and place else _SINO[digit]) + _SINO_TENS[place]
    return said


def _english_whole(number: int) -> str:
    if number == 0:
        return "zero"
    groups: list[str] = []
    for thousand in _ENGLISH_THOUSANDS:
        number, group = divmod(number, 1000)
        if group:
            groups.append(_english_group(group) + thousand)
    return " ".join(reversed(groups))


def _english_group(group: int) -> str:
    hundreds, rest = divmod(group, 100)
    said = [f"{_ENGLISH_ONES[hundreds]} hundred"] if hundreds else []
    if 0 < rest < 20:
        said.append(_ENGLISH_ONES[rest])
    elif rest:
        tens, ones = divmod(rest, 10)
        said.append(_ENGLISH_TENS[tens] + (f"-{_ENGLISH_ONES[ones]}" if ones else ""))
    return " ".join(said)
