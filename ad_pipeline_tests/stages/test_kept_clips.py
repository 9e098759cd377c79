"""Loose clips that nobody used for long make room; nothing else does."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ad_pipeline.stages.kept_clips import sweep_clips, touch_clip

_DAY_S = 86_400.0


def _clip(folder: Path, number: int, *, days: float) -> Path:
    clip = folder / f"clip_{number:024x}"
    clip.mkdir(parents=True)
    (clip / "film.mp4").write_bytes(b"film")
    used_s = time.time() - days * _DAY_S
    os.utime(clip, (used_s, used_s))
    return clip


def test_the_newest_clips_stay_and_the_others_go_when_they_are_old(tmp_path: Path) -> None:
    clips = [_clip(tmp_path, number, days=0.9 * number) for number in range(6)]
    touch_clip(clips[5])

    assert sweep_clips(tmp_path, most=2) == 3

    assert [clip.is_dir() for clip in clips] == [True, True, False, False, False, True]
    assert {path.name for path in tmp_path.iterdir()} == {clips[number].name for number in (0, 1, 5)}


def test_what_is_no_clip_is_never_deleted(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    photo = _clip(elsewhere, 1, days=9) / "film.mp4"
    clips = tmp_path / ".clips"
    own = _clip(clips, 2, days=9).rename(clips / "my clips")
    (clips / f"clip_{3:024x}").symlink_to(photo.parent)
    half = _clip(clips, 4, days=9).rename(clips / ".gone-0123456789ab")

    sweep_clips(clips, most=0)

    assert photo.exists() and own.exists()
    assert not half.exists(), "another process was killed while it deleted"
    assert sweep_clips(tmp_path / "not there") == 0
