"""`music.csv`: what a person writes about the tracks of their library, read with what is wrong in it."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType

from ad_pipeline.engines.contracts import PaidAds
from ad_pipeline.engines.library.tracks import Row, likely_bpm, plain
from ad_pipeline.errors import InputRejected
from ad_pipeline.messages import Message, worded
from ad_pipeline.story.border import nearest

NAME = "music.csv"
LARGEST_BYTES = 2_000_000

_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "file": ("파일", "파일명"),
        "title": ("제목", "곡명"),
        "artist": ("가수", "아티스트", "작곡가"),
        "mood": ("분위기", "무드"),
        "bpm": ("템포", "빠르기"),
        "licence": ("license", "라이선스", "라이센스"),
        "paid_ads": ("paid ads", "광고", "광고사용", "광고_사용"),
        "source": ("출처",),
        "credit": ("표기", "저작자표시", "크레딧"),
        "expires": ("만료", "만료일"),
    }
)
_PAID_ADS: Mapping[str, PaidAds] = MappingProxyType(
    {
        **dict.fromkeys(("yes", "y", "true", "1", "예", "네", "가능", "o"), "yes"),
        **dict.fromkeys(("no", "n", "false", "0", "아니오", "아니요", "불가", "x"), "no"),
        **dict.fromkeys(("limited", "조건부", "일부"), "limited"),
    }
)
_DATE = re.compile(r"(\d{4})[-./](\d{1,2})[-./](\d{1,2})\.?")


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Rows by the file that they are about, as `key_of` writes it; and what is wrong, by line."""

    rows: Mapping[str, Row] = field(default_factory=dict[str, Row])
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    """The same keys, as the person wrote them."""
    faults: tuple[Message, ...] = ()
    refused: frozenset[str] = frozenset()
    """Files whose row cannot be trusted: they are not used."""


def key_of(file: str) -> str:
    """One file's name, however it was typed: a Mac writes Korean letters in pieces, Windows its slashes back."""
    return unicodedata.normalize("NFC", file.strip()).replace("\\", "/").casefold()


def sheet_in(folder: Path) -> Sheet:
    """What `music.csv` there says; nothing when there is none.

    Raises:
        InputRejected: it is no such table.
    """
    path = folder / NAME
    if not path.is_file():
        return Sheet()
    return sheet_of(_text(path))


def sheet_of(text: str) -> Sheet:
    """The same for its text.

    Raises:
        InputRejected: it has no column `file`, or is no table.
    """
    head = text.lstrip().partition("\n")[0]
    mark = max((",", ";", "\t"), key=head.count)
    try:
        table = list(csv.reader(io.StringIO(text.lstrip(), newline=""), delimiter=mark))
    except csv.Error as error:
        raise InputRejected("{name} is no table: {reason}", name=NAME, reason=str(error)) from error
    columns, faults = _columns(table[0] if table else [])
    rows, names, refused = dict[str, Row](), dict[str, str](), set[str]()
    for line, cells in enumerate(table[1:], 2):
        told = {name: cells[at].strip() for at, name in columns.items() if at < len(cells)}
        file = told.get("file", "")
        if not file:
            if any(told.values()):
                faults.append(_fault(line, worded("the column file is empty")))
            continue
        key, row = key_of(file), _row(told)
        if key.startswith("/") or ".." in key.split("/") or re.match(r"[a-z]:", key):
            faults.append(_fault(line, worded("{file!r} leads out of the folder", file=plain(file))))
        elif key in rows or key in refused:
            faults.append(_fault(line, worded("{file!r} stands there twice", file=plain(file))))
        elif isinstance(row, Message):
            faults.append(_fault(line, row))
            refused.add(key)
        else:
            rows[key], names[key] = row, plain(file)
    return Sheet(rows=rows, names=names, faults=tuple(faults), refused=frozenset(refused))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise InputRejected("{name} cannot be read: {reason}", name=NAME, reason=error.strerror or "") from error
    if len(raw) > LARGEST_BYTES:
        raise InputRejected("{name} is larger than {limit} bytes", name=NAME, limit=LARGEST_BYTES)
    # Excel in Korea saves a plain CSV in its own code page.
    for encoding in ("utf-8-sig", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputRejected("{name} is no text that we can read; save it as CSV UTF-8", name=NAME)


def _columns(head: list[str]) -> tuple[dict[int, str], list[Message]]:
    """Which column is which, and a word on those that are none of ours: a typing error hides a licence."""
    known = {name: column for column, others in _COLUMNS.items() for name in (column, *others)}
    columns, faults = dict[int, str](), list[Message]()
    for at, cell in enumerate(head):
        name = unicodedata.normalize("NFC", cell.strip()).lower()
        if name in known:
            columns[at] = known[name]
        elif guess := nearest(name, list(_COLUMNS)):
            faults.append(
                worded(
                    "{name}: unknown column {column!r}; did you mean {guess!r}?",
                    name=NAME, column=plain(cell), guess=guess,
                )
            )  # fmt: skip
    if "file" not in columns.values():
        raise InputRejected(
            "{name} has no column file; its first line has to name its columns: {known}",
            name=NAME,
            known=", ".join(_COLUMNS),
        )
    return columns, faults


def _row(told: Mapping[str, str]) -> Row | Message:
    """One line's facts; what is wrong with them where a wrong one could cost somebody their rights."""
    paid, expires = told.get("paid_ads", "").lower(), told.get("expires", "")
    if paid and paid not in _PAID_ADS:
        return worded("paid_ads is {got!r}; expected yes or no", got=plain(paid))
    ends = _date(expires)
    if expires and ends is None:
        return worded("expires is {got!r}; expected a date such as 2027-12-31", got=plain(expires))
    return Row(
        title=plain(told.get("title", "")),
        artist=plain(told.get("artist", "")),
        mood=plain(told.get("mood", "")),
        bpm=likely_bpm(told.get("bpm", "")),
        licence=plain(told.get("licence", "")),
        paid_ads=_PAID_ADS.get(paid),
        source=plain(told.get("source", "")),
        credit=plain(told.get("credit", "")),
        expires=ends,
    )


def _date(text: str) -> date | None:
    found = _DATE.fullmatch(text.replace(" ", ""))
    if not found:
        return None
    try:
        return date(*(int(part) for part in found.groups()))
    except ValueError:
        return None


def _fault(line: int, why: Message) -> Message:
    return worded("{name} line {line}: {why}", name=NAME, line=line, why=why)
