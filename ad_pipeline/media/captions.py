"""What is said, as text to read along: cues of at most two lines, in time with the voice."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

MOST_LINES = 2
LINE_CHARACTERS = {"ko": 16, "en": 42}
SHORTEST_CUE_S = 0.9
_PAUSE_S = 0.45
"""A longer silence between two marks begins a new cue."""

_NARRATORS = {"", "narrator"}


@dataclass(frozen=True, kw_only=True)
class Cue:
    """Lines that are shown together; seconds from the start of the film."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]
    speaker: str = ""


def cues_from_marks(
    marks: Sequence[tuple[str, float, float]],
    *,
    language: Literal["ko", "en"],
    scene_start_s: float,
    scene_end_s: float,
    voice_start_s: float | None = None,
    speaker: str = "",
) -> tuple[Cue, ...]:
    """Cues for one scene. `marks` are (text, start, end) in seconds from the start of the voice.

    The voice begins at `voice_start_s` of the film (with the scene, by default). Short marks are
    gathered into a phrase, a long one is shared out by syllables. Cues do not overlap and do not
    leave the scene; one is longer than the shortest display time wherever there is room.
    """
    offset = scene_start_s if voice_start_s is None else voice_start_s
    limit = LINE_CHARACTERS[language]
    placed: list[Cue] = []
    for text, start_s, end_s in _phrases(marks, limit):
        start, end = (min(max(at + offset, scene_start_s), scene_end_s) for at in (start_s, end_s))
        chunks = _chunks(text, limit)
        weights = [syllables(" ".join(chunk)) for chunk in chunks]
        at = start
        for chunk, weight in zip(chunks, weights, strict=True):
            until = at + (end - start) * weight / sum(weights)
            placed.append(Cue(start_s=at, end_s=until, lines=chunk, speaker=speaker))
            at = until
    return _given_time(placed, scene_start_s, scene_end_s)


def syllables(text: str) -> int:
    """About how many syllables `text` has: Hangul by letter, Latin by groups of vowels, digits as two each."""
    count = 0
    for word in unicodedata.normalize("NFC", text).split():
        hangul = sum("가" <= c <= "힣" for c in word)
        digits = sum(c.isdigit() for c in word)
        latin = len(re.findall(r"[aeiouyAEIOUY]+", word))
        count += max(1, hangul + 2 * digits + latin)
    return max(1, count)


def to_srt(cues: Sequence[Cue]) -> str:
    """SubRip. It has no escapes, so what a player would take for markup is written with look-alikes."""
    blocks = [
        f"{i}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n" + "\n".join(map(_srt_safe, _shown(cue)))
        for i, cue in enumerate(cues, start=1)
    ]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def to_vtt(cues: Sequence[Cue]) -> str:
    """WebVTT, with the speaker as a voice tag where it is not the narrator."""
    blocks = ["WEBVTT"]
    for cue in cues:
        named = "" if cue.speaker in _NARRATORS else f"<v {_vtt_safe(cue.speaker)}>"
        lines = "\n".join(_vtt_safe(line) for line in _shown(cue))
        blocks.append(f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}\n{named}{lines}")
    return "\n\n".join(blocks) + "\n"


def _phrases(marks: Sequence[tuple[str, float, float]], limit: int) -> list[tuple[str, float, float]]:
    """Marks gathered while they fit one cue, follow closely, and no sentence has ended."""
    found: list[tuple[str, float, float]] = []
    for raw, start_s, end_s in sorted(marks, key=lambda mark: mark[1]):
        text = " ".join(unicodedata.normalize("NFC", raw).split())
        if not text:
            continue
        if found:
            before, before_start, before_end = found[-1]
            together = f"{before} {text}"
            ends_sentence = before.rstrip("\"'”’)").endswith((".", "!", "?", "。", "…"))
            if not ends_sentence and start_s - before_end < _PAUSE_S and _lines(together.split(), limit):
                found[-1] = (together, before_start, max(before_end, end_s))
                continue
        found.append((text, start_s, max(start_s, end_s)))
    return found


def _chunks(text: str, limit: int) -> list[tuple[str, ...]]:
    """`text` in as few cues as hold it, each as long as the others as far as words allow."""
    words = [piece for word in text.split() for piece in _cut_word(word, limit)]
    fewest = len(_filled(words, limit, limit * MOST_LINES + 1))
    # The tightest room that still takes the fewest cues gives the most even ones.
    for room in range(max(map(len, words)), limit * MOST_LINES + 2):
        groups = _filled(words, limit, room)
        if len(groups) == fewest:
            return [_lines(group, limit) or (" ".join(group),) for group in groups]
    return [_lines(group, limit) or (" ".join(group),) for group in _filled(words, limit, limit * MOST_LINES + 1)]


def _filled(words: Sequence[str], limit: int, room: int) -> list[list[str]]:
    groups: list[list[str]] = [[]]
    for word in words:
        tried = [*groups[-1], word]
        if groups[-1] and (len(" ".join(tried)) > room or not _lines(tried, limit)):
            groups.append([word])
        else:
            groups[-1] = tried
    return groups


def _lines(words: Sequence[str], limit: int) -> tuple[str, ...] | None:
    """One line when it fits, else the two most even ones; None when two do not hold them."""
    whole = " ".join(words)
    if len(whole) <= limit:
        return (whole,)
    halves = [(" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words))]
    fitting = [pair for pair in halves if max(map(len, pair)) <= limit]
    return min(fitting, key=lambda pair: abs(len(pair[0]) - len(pair[1]))) if fitting else None


def _cut_word(word: str, limit: int) -> list[str]:
    """A word longer than a line (an address, say) in pieces; any other as it is."""
    return [word[i : i + limit] for i in range(0, len(word), limit)]


def _given_time(cues: Sequence[Cue], scene_start_s: float, scene_end_s: float) -> tuple[Cue, ...]:
    """Short cues take room after them, then before them; none overlaps the next."""
    done: list[Cue] = []
    for i, cue in enumerate(cues):
        earliest = done[-1].end_s if done else scene_start_s
        latest = cues[i + 1].start_s if i + 1 < len(cues) else scene_end_s
        start = max(cue.start_s, earliest)
        end = min(max(cue.end_s, start + SHORTEST_CUE_S), max(latest, start))
        start = max(earliest, min(start, end - SHORTEST_CUE_S))
        if end > start:
            done.append(replace(cue, start_s=start, end_s=end))
        elif done:
            # No time is left for it: its words join those before, so that nothing said is unread.
            done[-1] = replace(done[-1], lines=(*done[-1].lines, *cue.lines))
    return tuple(done)


def _shown(cue: Cue) -> list[str]:
    return [line.strip() for text in cue.lines for line in text.splitlines() if line.strip()]


def _srt_safe(line: str) -> str:
    return line.replace("-->", "→").replace("<", "‹").replace(">", "›").replace("{\\", "(\\")


def _vtt_safe(line: str) -> str:
    return html.escape(line, quote=False)


def _clock(seconds: float, point: str) -> str:
    whole_ms = max(0, round(seconds * 1000))
    minutes, ms = divmod(whole_ms, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}{point}{ms % 1000:03}"
