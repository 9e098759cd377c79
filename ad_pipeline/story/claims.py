"""What copy may not say, and what only with a source: the rules are data, the reading is here. Pure.

A filter for writers and reviewers, no legal advice; see `claim_rules.toml`.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal

from ad_pipeline.story.brief import Claim, StoryLanguage
from ad_pipeline.story.claim_support import supporter

Severity = Literal["forbidden", "needs_proof"]

# A sentence, or a part of one that stands alone; a comma in 1,000 or a point in 1.5 ends nothing.
_CLAUSE = re.compile(r"(?:[^.!?…。！？,;\n]|(?<=\d)[.,](?=\d)|(?<=\bno)\.(?=\s?\d)|(?<=\bdr)\.)+")
_SENTENCE = re.compile(r"(?:[^.!?…。！？\n]|(?<=\d)\.(?=\d)|(?<=\bno)\.(?=\s?\d)|(?<=\bdr)\.)+")
_ENDLESS = re.compile(r"[\d,.]+([\d,.]{24})")
_NOT_EN = re.compile(
    r"\b(?:not|never|isn.t|aren.t|doesn.t|don.t|cannot|can.t|won.t|nor|no)\s+(?!just|only|stop|fail)(?:[\w-]+\s+){0,2}$"
)
_NOT_KO = re.compile(
    r"^[가-힣]{0,6}\s?(?:[가-힣]+\s?){0,3}?(?:아니|아닙|아닌|않|없이|말고|대신(?!\s?쓰))(?!\s?(?:나라|라면\s?모를까))"
)


@dataclass(frozen=True, kw_only=True)
class ClaimRule:
    """One thing that copy may not say; `fixes` tell a writer what to do instead."""

    name: str
    category: str
    severity: Severity
    law: str
    source: str
    checked_on: str
    fixes: Mapping[StoryLanguage, str]
    korean: re.Pattern[str] | None
    english: re.Pattern[str] | None
    innocent: re.Pattern[str] | None
    negatable: bool
    named: re.Pattern[str] | None


@dataclass(frozen=True, kw_only=True)
class Flag:
    """One finding: which rule, the words as they stand in the text, and the claim of the brief that carries them."""

    rule: ClaimRule
    words: tuple[str, ...]
    clause: str
    supported_by: Claim | None

    @property
    def severity(self) -> Severity:
        return self.rule.severity

    @property
    def stands(self) -> bool:
        """Whether the copy has to change: nothing carries it."""
        return self.supported_by is None

    def fix(self, language: StoryLanguage) -> str:
        """What to do instead, for a person or a model that writes."""
        return self.rule.fixes[language]


def flags_of(
    text: str, language: StoryLanguage, *, supported: Sequence[Claim] = (), names: Sequence[str] = ()
) -> tuple[Flag, ...]:
    """Everything in `text` that breaks a rule, in the order of the rules, a flag per clause.

    A clause may run over a line's end, not over an empty line. A claim carries a finding that needs proof when the
    clause says its numbers and words and nothing else, and its sentence what was measured; no claim carries what is
    forbidden. `names` are the product's and brand's own: their words need no proof where they stand in full, and a
    number in them is no measurement.
    """
    plain = _plain(text)
    low = "".join(small if len(small := letter.lower()) == 1 else letter for letter in plain)  # places stay
    found: list[Flag] = []
    for rule in claim_rules().values():
        spans = _found(rule, low, language)
        if rule.severity == "needs_proof":
            spans = [span for span in spans if not _is_named(span, low, rule, names)]
        for start, end in _clauses_with(spans, low):
            inside = [plain[a:b] for a, b in spans if start <= a < end]
            clause = plain[start:end].strip()
            carried = None
            if supported and rule.severity == "needs_proof":
                carried = supporter(clause, inside, supported, names=names, sentence=_sentence_at(start, low))
            found.append(Flag(rule=rule, words=tuple(dict.fromkeys(inside)), clause=clause, supported_by=carried))
    return tuple(found)


def _plain(text: str) -> str:
    """`text` as it is read: one space between words, an empty line as a line's end, no letters in disguise.

    A full-width １００％ is 100%, and a zero-width space hides no word from a rule. An endless figure keeps its
    end: the rules would look at it from each of its digits.
    """
    seen = "".join(letter for letter in unicodedata.normalize("NFKC", text) if unicodedata.category(letter) != "Cf")
    seen = _ENDLESS.sub(r"\1", seen)
    return "\n".join(" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", seen))


def flags_of_all(
    statements: Iterable[tuple[str, StoryLanguage]], *, supported: Sequence[Claim] = (), names: Sequence[str] = ()
) -> tuple[Flag, ...]:
    """The same for texts of several languages; what is spoken and what is written are two statements."""
    return tuple(
        flag for text, language in statements for flag in flags_of(text, language, supported=supported, names=names)
    )


@functools.cache
def claim_rules() -> Mapping[str, ClaimRule]:
    """All rules by name."""
    rows = tomllib.loads((resources.files("ad_pipeline.story") / "claim_rules.toml").read_text(encoding="utf-8"))
    checked_on = str(rows.pop("checked_on"))
    return MappingProxyType({name: _rule(name, row, checked_on) for name, row in rows.items()})


def _rule(name: str, row: Mapping[str, Any], checked_on: str) -> ClaimRule:
    return ClaimRule(
        name=name,
        category=row["category"],
        severity=row["severity"],
        law=row["law"],
        source=row["source"],
        checked_on=checked_on,
        fixes={"ko": row["fix_ko"], "en": row["fix_en"]},
        korean=_any_of(row["ko"]),
        english=_any_of(row["en"]),
        innocent=_any_of([*row.get("innocent_ko", ()), *row.get("innocent_en", ())]),
        negatable=row.get("negatable", False),
        named=_any_of([row["named"]] if "named" in row else ()),
    )


def _any_of(patterns: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None


def _found(rule: ClaimRule, low: str, language: StoryLanguage) -> list[tuple[int, int]]:
    """Where the rule's words stand, without those that their surroundings make innocent."""
    patterns = [rule.english] if language == "en" else [rule.korean, rule.english]
    spans = sorted({hit.span() for pattern in patterns if pattern for hit in pattern.finditer(low)})
    if not spans:
        return []
    excused = [hit.span() for hit in rule.innocent.finditer(low)] if rule.innocent else []
    return [
        (start, end)
        for start, end in spans
        if not any(a < end and start < b for a, b in excused) and not (rule.negatable and _is_denied(low, start, end))
    ]


def _is_denied(low: str, start: int, end: int) -> bool:
    """Whether the clause says that it is not so: `does not treat`, `치료를 목적으로 하지 않습니다`."""
    before = re.split(r"[.!?…,;]", low[:start])[-1]
    after = re.split(r"[.!?…,;]", low[end:])[0]
    return bool(_NOT_EN.search(before) or _NOT_KO.search(after))


def _is_named(span: tuple[int, int], low: str, rule: ClaimRule, names: Sequence[str]) -> bool:
    """Whether the finding stands inside the product's own name, or says what the name says anyway."""
    start, end = span
    for name in (" ".join(name.lower().split()) for name in names):
        if not name:
            continue
        if any(hit.start() <= start and end <= hit.end() for hit in re.finditer(re.escape(name), low)):
            return True
        if rule.named and rule.named.search(name):
            digits = re.findall(r"\d+", low[start:end])
            if set(digits) <= set(re.findall(r"\d+", name)) and (digits or rule.name == "functional"):
                return True
    return False


def _clauses_with(spans: Sequence[tuple[int, int]], low: str) -> list[tuple[int, int]]:
    """The clauses that hold a finding's beginning, in order."""
    if not spans:
        return []
    return [m.span() for m in _CLAUSE.finditer(low) if any(m.start() <= start < m.end() for start, _ in spans)]


def _sentence_at(place: int, text: str) -> str:
    return next((m.group() for m in _SENTENCE.finditer(text) if m.start() <= place < m.end()), "")
