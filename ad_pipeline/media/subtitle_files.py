"""Cues as files: SubRip, WebVTT, and ASS with a colour for each speaker. No text of a cue is ever markup."""

from __future__ import annotations

import html
from collections.abc import Sequence

from ad_pipeline.media.captions import Cue
from ad_pipeline.values import Size

_NARRATORS = {"", "narrator"}
# White, yellow, cyan, green: the order in which subtitles for the deaf give colours to speakers; as &HAABBGGRR.
_COLOURS = ("&H00FFFFFF", "&H0000FFFF", "&H00FFFF00", "&H0066FF66", "&H00B4B4FF", "&H00FFC8A0")


def to_srt(cues: Sequence[Cue]) -> str:
    """SubRip. It has no escapes, so what a player would take for markup is written with look-alikes."""
    blocks = [
        f"{i}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n" + "\n".join(map(_srt_safe, _shown(cue.lines)))
        for i, cue in enumerate(cues, start=1)
    ]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def to_vtt(cues: Sequence[Cue]) -> str:
    """WebVTT, with the speaker as a voice tag where it is not the narrator."""
    blocks = ["WEBVTT"]
    for cue in cues:
        named = "" if cue.speaker in _NARRATORS else f"<v {_vtt_safe(_in_one_line(cue.speaker))}>"
        # Where two speak and one has no name to show, the dash tells them apart.
        lines = "\n".join(_vtt_safe(line) for line in _shown(cue.bare_lines if named else cue.lines))
        blocks.append(f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}\n{named}{lines}")
    return "\n\n".join(blocks) + "\n"


def to_ass(cues: Sequence[Cue], *, size: Size, font: str, font_px: int, margin_px: int) -> str:
    """Advanced SubStation: a style for each speaker, `margin_px` above the lower edge of a `size` picture."""
    speakers = list(dict.fromkeys("" if cue.speaker in _NARRATORS else cue.speaker for cue in cues)) or [""]
    # The narrator is white wherever he comes.
    speakers.sort(key=lambda name: name != "")
    side_px = round(size.width_px * 0.06)
    styles = [
        f"Style: {_style(at)},{_field(font)},{font_px},{_COLOURS[at % len(_COLOURS)]},&H00FFFFFF,&H00101010,&H80000000,"
        f"-1,0,0,0,100,100,0,0,1,{max(1, round(font_px * 0.06))},0,2,{side_px},{side_px},{margin_px},1"
        for at in range(len(speakers))
    ]
    events = [
        f"Dialogue: 0,{_ass_clock(cue.start_s)},{_ass_clock(cue.end_s)},"
        f"{_style(speakers.index('' if cue.speaker in _NARRATORS else cue.speaker))},{_field(cue.speaker)},0,0,0,,"
        + "\\N".join(map(_ass_safe, _shown(cue.lines)))
        for cue in cues
    ]
    head = (
        "[Script Info]\nScriptType: v4.00+\nWrapStyle: 2\nScaledBorderAndShadow: yes\nYCbCr Matrix: TV.709\n"
        f"PlayResX: {size.width_px}\nPlayResY: {size.height_px}\n\n[V4+ Styles]\n"
        "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, "
        "Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, "
        "MarginR, MarginV, Encoding\n"
    )
    form = "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    return head + "\n".join(styles) + "\n\n" + form + "\n".join(events) + ("\n" if events else "")


def _style(at: int) -> str:
    return f"Speaker{at + 1}"


def _shown(lines: Sequence[str]) -> list[str]:
    return [line.strip() for text in lines for line in text.splitlines() if line.strip()]


def _srt_safe(line: str) -> str:
    return line.replace("-->", "→").replace("<", "‹").replace(">", "›").replace("{\\", "(\\")


def _vtt_safe(line: str) -> str:
    return html.escape(line, quote=False)


def _ass_safe(line: str) -> str:
    """ASS has no escape that every player knows, so braces and backslashes become signs without a meaning."""
    return line.translate({ord("{"): "(", ord("}"): ")", ord("\\"): "/"})


def _field(text: str) -> str:
    """A name between commas."""
    return _in_one_line(_ass_safe(text).replace(",", " "))


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _clock(seconds: float, point: str) -> str:
    whole_ms = max(0, round(seconds * 1000))
    minutes, ms = divmod(whole_ms, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}{point}{ms % 1000:03}"


def _ass_clock(seconds: float) -> str:
    whole_cs = max(0, round(seconds * 100))
    minutes, cs = divmod(whole_cs, 6000)
    return f"{minutes // 60}:{minutes % 60:02}:{cs // 100:02}.{cs % 100:02}"
