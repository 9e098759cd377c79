"""Ways out of an ad that a text may hold: addresses, phones, handles and invitations, however they are disguised."""

from __future__ import annotations

import re
import unicodedata

# Behind these a dot makes an address, however the name before it is written.
_KNOWN = (
    "com|net|org|kr|co|io|shop|store|me|app|biz|info|xyz|site|online|link|page|ly|gl|example|test|jp|cn|us|eu|tv|ai|club|"
    "top|vip|cc"
)
# ASCII: to Python a Hangul letter is part of a word, and Korean puts its particles right behind a link or a name.
_ADDRESS = re.compile(
    r"\b(?:https?://|www\.)[^\s가-힣]+|\b[\w.+-]+@[\w-]+(?:\.\w+)+|(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])|"
    rf"(?<![\w.])(?:[a-z0-9-]+\.)+(?:{_KNOWN})\b(?:/[^\s가-힣]*)?|"
    r"(?<![\w.])(?:[a-z0-9-]{2,}\.)+[a-z]{2,}(?![\w.])(?:/[^\s가-힣]*)?",
    re.ASCII | re.IGNORECASE,
)
_SENTENCES = re.compile(r"[A-Za-z0-9'-]+(?:\.[A-Z][a-z']*)+")
_HANGUL_ADDRESS = re.compile(
    rf"[가-힣][가-힣a-z0-9-]*\.(?:(?:{_KNOWN})(?![a-z])|(?:한국|닷컴|닷넷)(?=[^가-힣]|$|에서|으로|로))|"
    r"[가-힣a-z0-9-]{2,}\s?닷\s?(?:컴|넷|케이알)",
    re.IGNORECASE,
)
_SPELLED = re.compile(
    r"[a-z0-9가-힣-]{2,}\s*(?:[(\[]\s*(?:dot|닷|점|\.)\s*[)\]]|\s(?:dot|닷|점|\.)\s?)\s*"
    r"(?:com|net|org|kr|io|co|xyz|biz|컴|넷)(?![a-z가-힣])",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?<![\d.,])(?:"
    r"(?:\+\d{1,3}[-. ]?)?\(?0\d{1,2}\)?[-. ]?\d{3,4}[-. ]?\d{4}|1[568]\d{2}[-. ]?\d{4}|"
    r"(?:\+?1[-. ])?(?:\(\d{3}\)\s?|\d{3}[-. ])\d{3}[-. ]\d{4}|\+\d{1,3}(?:[-. ]?\d{2,4}){3,4}"
    r")(?!\d)|공일공|(?:\b(?:call|dial)\b|전화|문의)\D{0,8}\d[\d. -]{5,}\d",
    re.IGNORECASE,
)
# A number behind # is a shade.
_HANDLE = re.compile(r"(?<![\w@])(?:@[\w.]{2,}|#[^\W\d_]\w+)")
_INVITATION = re.compile(
    r"(?:카톡|카카오톡|인스타(?:그램)?|텔레그램)\s?(?:아이디|id\b|[a-z0-9._]*[\d_][a-z0-9._]*)|오픈\s?채팅|"
    r"프로필(?:의|에\s?있는)?\s?링크|아래\s?링크|링크(?:를)?\s?(?:클릭|누르|눌러)|계좌\s?(?:번호|\d)|"
    r"디엠\s?(?:주|보내)|\bdm\s?(?:us\b|me\b|주|보내)|qr\s?(?:코드|code|을)|"
    r"\bscan\s+the\s+code|\btext\s+\w+\s+to\s+\d{4,}|\bfollow\s+[a-z]\w*[_\d]\w*|"
    r"\blinks?\s+in\s+(?:the\s+|our\s+|my\s+)?(?:bio|profile)\b|\b(?:tap|click|follow)\s+(?:the|this|our|that)\s+link\b",
    re.IGNORECASE,
)


def plain(text: str) -> str:
    """The text as a reader sees it: full-width letters as common ones, nothing invisible between them."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", text) if unicodedata.category(letter) != "Cf")


def contacts_in(text: str) -> tuple[str, ...]:
    """Every address, phone, handle and invitation in a plain text, in no order that matters, each once."""
    found = [match.group() for match in _ADDRESS.finditer(text) if not _only_ends_sentences(match.group())]
    others = (_HANGUL_ADDRESS, _SPELLED, _PHONE, _HANDLE, _INVITATION)
    found += [match.group() for pattern in others for match in pattern.finditer(text)]
    return tuple(dict.fromkeys(link.rstrip(".") for link in found))


def _only_ends_sentences(link: str) -> bool:
    """`Sleep.Glow.Repeat`: no blank behind a full stop, but a new sentence's capital."""
    known = re.search(rf"\.(?:{_KNOWN})$", link, re.IGNORECASE)
    return bool(_SENTENCES.fullmatch(link)) and not known
