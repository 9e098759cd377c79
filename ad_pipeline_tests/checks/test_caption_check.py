"""Captions that leave their scene, run into each other, or go by too fast."""

from __future__ import annotations

from ad_pipeline.checks.captions import check_captions
from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.media.captions import Cue

SCENES = [(0.0, 3.0), (3.0, 6.0)]


def _checked(*cues: Cue, language: str = "ko") -> tuple[Verdict, Verdict]:
    times, speed = check_captions(cues, SCENES, "ko" if language == "ko" else "en")
    return times, speed


def _cue(start_s: float, end_s: float, text: str = "물처럼 맑게") -> Cue:
    return Cue(start_s=start_s, end_s=end_s, lines=(text,))


def test_captions_inside_their_scenes_pass() -> None:
    assert all(verdict.passed for verdict in _checked(_cue(0.2, 1.5), _cue(1.5, 3.0), _cue(3.2, 6.0)))
    assert all(verdict.passed for verdict in _checked())


def test_a_caption_over_a_cut_is_named() -> None:
    times, _ = _checked(_cue(0.2, 1.5), _cue(2.5, 3.4))

    assert (times.passed, times.severity, times.measured) == (False, "error", "caption 2 leaves its scene")


def test_captions_over_each_other_are_named() -> None:
    times, _ = _checked(_cue(0.2, 1.5), _cue(1.2, 2.4))

    assert times.measured == "caption 1 runs into the next"


def test_what_goes_by_too_fast_is_a_warning_by_language() -> None:
    text = "0123456789 0123456789 01234567"  # 30 characters in two seconds
    _, korean = _checked(_cue(0.5, 2.5, text))
    _, english = _checked(_cue(0.5, 2.5, text), language="en")

    assert (korean.passed, korean.severity, korean.measured) == (
        False,
        "warning",
        "15.0 characters a second in caption 1",
    )
    assert english.passed
