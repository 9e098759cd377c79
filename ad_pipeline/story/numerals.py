"""Numbers as they are said, in Korean and English."""

from __future__ import annotations

_SINO = "영일이삼사오육칠팔구"
_SINO_TENS = ("", "십", "백", "천")
_SINO_MYRIADS = ("", "만", "억", "조", "경")
_NATIVE_ONES = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_NATIVE_TENS = {1: "열", 2: "스물"}
_ENGLISH_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
_ENGLISH_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
_ENGLISH_THOUSANDS = ("", " thousand", " million", " billion", " trillion")


def sino_korean(digits: str) -> str:
    """`29000` is 이만구천; a leading zero or a very long number is said digit by digit; `1.5` is 일점오."""
    whole, _, part = digits.partition(".")
    if not whole or len(whole) > 16 or (len(whole) > 1 and whole[0] == "0"):
        said = "".join(_SINO[int(d)] for d in whole).replace("영", "공")
    else:
        said = _sino_whole(int(whole))
    return f"{said}점{''.join(_SINO[int(d)] for d in part)}" if part else said


def native_korean(number: int) -> str:
    """As Koreans count things: 세 (개), 열두 (병); Sino-Korean from 30 on."""
    tens, ones = divmod(number, 10)
    if not 1 <= number < 30:
        return sino_korean(str(number))
    if number == 20:
        return "스무"
    return _NATIVE_TENS.get(tens, "") + _NATIVE_ONES[ones]


def english(digits: str) -> str:
    """`48` is forty-eight, `1.5` is one point five; years are read as plain numbers."""
    whole, _, part = digits.partition(".")
    if not whole or len(whole) > 15 or (len(whole) > 1 and whole[0] == "0"):
        said = " ".join(_ENGLISH_ONES[int(d)] for d in whole)
    else:
        said = _english_whole(int(whole))
    return f"{said} point {' '.join(_ENGLISH_ONES[int(d)] for d in part)}" if part else said


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
