"""A page's bytes as text, whatever its header claims."""

from __future__ import annotations

import codecs
import re

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META = re.compile(rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_HANGUL = re.compile("[가-힣]")
# Only these: Python's own list also has codecs that unpack, or that read escapes as code.
_KNOWN = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "ascii": "utf-8",
    # What calls itself EUC-KR is written in Windows' larger set, 뷁 and all.
    "euc-kr": "cp949", "euckr": "cp949", "cp949": "cp949", "ms949": "cp949", "uhc": "cp949", "windows-949": "cp949",
    "ks_c_5601-1987": "cp949", "ksc5601": "cp949", "ks_c_5601": "cp949", "johab": "johab",
    "shift_jis": "cp932", "sjis": "cp932", "windows-31j": "cp932", "euc-jp": "euc_jp",
    "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "big5": "big5hkscs",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "windows-1252": "cp1252", "cp1252": "cp1252",
    "iso-8859-15": "iso8859-15", "utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be",
}  # fmt: skip
_ANY_BYTES = {"cp1252", "iso8859-15"}
"""Sets that read every byte as something: they fit everything, which proves nothing."""


def decoded(body: bytes, charset: str) -> str:
    """The text of a page; `charset` is what its header says, and may be wrong.

    Of the sets that may be meant, the one that reads with the fewest faults; a byte order mark settles it.
    """
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, errors="replace")
    readings = [body.decode(name, errors="replace") for name in _candidates(body, charset)]
    return min(readings, key=lambda text: text.count("\ufffd"))


def _candidates(body: bytes, charset: str) -> list[str]:
    """The likeliest first: bytes that read as UTF-8 are hardly ever anything else."""
    meta = _META.search(body[:4096])
    claimed = [charset.lower(), meta[1].decode("ascii").lower() if meta else ""]
    named = [_KNOWN[name] for name in claimed if name in _KNOWN]
    found = ["utf-8", *(name for name in named if name not in _ANY_BYTES)]
    if _HANGUL.search(body.decode("cp949", errors="ignore")):
        found.append("cp949")
    western = [name for name in named if name in _ANY_BYTES]
    return list(dict.fromkeys([*found, *(western or ["cp1252"])]))
