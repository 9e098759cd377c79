"""Is a clip or the final film as promised? One pass over its frames, one over its sound."""

from __future__ import annotations

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.errors import MediaError
from ad_pipeline.media.encode import explained
from ad_pipeline.media.loudness import Loudness, measured
from ad_pipeline.media.loudness_target import LoudnessTarget
from ad_pipeline.media.probe import MediaFacts, PictureFacts, probe
from ad_pipeline.media.sound import read_sound
from ad_pipeline.media.time import AUDIO_RATE_HZ, FILM
from ad_pipeline.values import Size

LONGEST_BLACK_S = 0.5
LONGEST_FROZEN_S = 1.5
LONGEST_SILENCE_S = 1.5
LOWEST_BITRATE_BPS, HIGHEST_BITRATE_BPS = 5_000_000, 10_000_000

_BLACK_MEAN, _BLACK_BRIGHTEST = 20, 34
_STILL_APART_FRAMES = 12
_STILL_STEP = 2.0
"""Luma steps: where 99.5 % of the picture changes by no more in half a second, nothing moves."""

_SILENT_DB = -60.0
_GRID = 16
"""Each 16th pixel each way is looked at: 8,000 samples of a full frame."""


Grid = NDArray[np.int16]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the pass over the frames found; runs in frames."""

    longest_black: int
    longest_frozen: int


def check_clip(path: Path, *, size: Size, frames: int) -> tuple[Verdict, ...]:
    """A scene's clip: size, rate, length, nothing black or frozen.

    Raises:
        MediaError: no film that can be read.
    """
    picture = _picture(probe(path), path)
    seen = _watched(path)
    return (
        *_of_picture(picture, size=size, frames=frames),
        *_of_frames(seen),
        Verdict(
            name="format",
            passed=(picture.codec, picture.pix_fmt) == ("h264", "yuv420p"),
            measured=f"{picture.codec} {picture.pix_fmt}",
            limit="h264 yuv420p",
        ),
    )


def check_final(
    path: Path,
    *,
    size: Size,
    frames: int,
    loudness_target: LoudnessTarget,
    loudness: Loudness | None = None,
    loudness_note: str = "",
) -> tuple[Verdict, ...]:
    """The finished ad, picture and sound. `loudness` spares measuring what was measured on this sound.

    `loudness_note` goes with the answer: whose loudness it is not.

    Raises:
        MediaError: no film that can be read.
    """
    facts = probe(path)
    picture = _picture(facts, path)
    with ThreadPoolExecutor(1) as beside:
        heard = beside.submit(lambda: tuple(_of_sound(facts, path, loudness_target, loudness, loudness_note)))
        seen = _watched(path, middle_s=facts.duration_s / 2)
        sound = heard.result()
    return (
        *_of_picture(picture, size=size, frames=frames),
        *_of_frames(seen),
        *_of_file(facts, picture, frames),
        *sound,
    )


def _of_picture(picture: PictureFacts, *, size: Size, frames: int) -> Iterable[Verdict]:
    yield Verdict(name="size", passed=picture.size == size, measured=str(picture.size), limit=str(size))
    constant = "constant" if picture.is_constant_rate else "varying"
    yield Verdict(
        name="frame_rate",
        passed=picture.rate == FILM and picture.is_constant_rate and picture.starts_at_s == 0,
        measured=f"{picture.rate} fps {constant}, from {picture.starts_at_s:g} s",
        limit=f"{FILM} fps constant, from 0 s",
    )
    yield Verdict(
        name="length", passed=picture.frames == frames, measured=f"{picture.frames} frames", limit=f"{frames} frames"
    )


def _of_frames(seen: Seen) -> Iterable[Verdict]:
    for name, run, longest_s in (
        ("black", seen.longest_black, LONGEST_BLACK_S),
        ("frozen", seen.longest_frozen, LONGEST_FROZEN_S),
    ):
        run_s = FILM.seconds(run)
        yield Verdict(name=name, passed=run_s <= longest_s, measured=f"{run_s:.2f} s", limit=f"at most {longest_s} s")


def _of_file(facts: MediaFacts, picture: PictureFacts, frames: int) -> Iterable[Verdict]:
    sound = facts.sound
    has = [picture.codec, picture.profile, picture.pix_fmt, "BT.709" if picture.is_bt709 else f"tags {picture.tags}"]
    has.append(f"{sound.codec} {sound.rate_hz} Hz x{sound.channels}" if sound else "no sound")
    has.append("faststart" if facts.is_faststart else "index at the end")
    wanted = ["h264", "High", "yuv420p", "BT.709", "aac 48000 Hz x2", "faststart"]
    yield Verdict(name="format", passed=has == wanted, measured=", ".join(has), limit=", ".join(wanted))
    bitrate = picture.bitrate_bps
    yield Verdict(
        name="bitrate",
        passed=LOWEST_BITRATE_BPS <= bitrate <= HIGHEST_BITRATE_BPS,
        measured=f"{bitrate / 1e6:.1f} Mbps",
        limit=f"{LOWEST_BITRATE_BPS / 1e6:g} to {HIGHEST_BITRATE_BPS / 1e6:g} Mbps",
        severity="warning",
        note="a calm picture needs fewer bits than the channel asks for" if bitrate < LOWEST_BITRATE_BPS else "",
    )
    off_s = abs(facts.duration_s - FILM.seconds(frames))
    yield Verdict(
        name="container_length",
        passed=off_s <= FILM.seconds(1),
        measured=f"{facts.duration_s:.3f} s",
        limit=f"{FILM.seconds(frames):.3f} s within one frame",
    )


def _of_sound(
    facts: MediaFacts, path: Path, target: LoudnessTarget, loudness: Loudness | None, note: str
) -> Iterable[Verdict]:
    limits = (
        f"{target.integrated_lufs:g} LUFS ±{target.tolerance_lu:g}{_windows_limit(target)}",
        f"at most {target.true_peak_dbtp:g} dBTP",
        f"at most {LONGEST_SILENCE_S} s",
    )
    names = ("loudness", "true_peak", "silence")
    if facts.sound is None:
        for name, limit in zip(names, limits, strict=True):
            yield Verdict(name=name, passed=False, measured="no sound", limit=limit)
        return
    now = loudness or measured(path)
    silent_s = longest_silence_s(read_sound(path))
    windows = f", short-term {now.max_short_term_lufs:.1f}, momentary {now.max_momentary_lufs:.1f} at most"
    yield Verdict(
        name=names[0],
        passed=now.keeps_loudness(target),
        measured=f"{now.integrated_lufs:.1f} LUFS{windows if _windows_limit(target) else ''}",
        limit=limits[0],
        note=note,
    )
    yield Verdict(
        name=names[1],
        passed=now.true_peak_dbtp <= target.true_peak_dbtp,
        measured=f"{now.true_peak_dbtp:.1f} dBTP",
        limit=limits[1],
    )
    yield Verdict(name=names[2], passed=silent_s <= LONGEST_SILENCE_S, measured=f"{silent_s:.2f} s", limit=limits[2])


def _windows_limit(target: LoudnessTarget) -> str:
    limits = (("short-term", target.max_short_term_lufs), ("momentary", target.max_momentary_lufs))
    return "".join(f", {name} at most {limit:g}" for name, limit in limits if limit is not None)


def longest_silence_s(samples: NDArray[np.float32]) -> float:
    """The longest stretch under -60 dB full scale, in steps of 50 ms."""
    hop = AUDIO_RATE_HZ // 20
    whole = len(samples) // hop * hop
    if not whole:
        return len(samples) / AUDIO_RATE_HZ
    power = np.square(samples[:whole], dtype=np.float64).reshape(whole // hop, -1).mean(axis=1)
    silent: list[bool] = (10 * np.log10(np.maximum(power, 1e-12)) < _SILENT_DB).tolist()
    return _longest_run(silent) * hop / AUDIO_RATE_HZ


def _picture(facts: MediaFacts, path: Path) -> PictureFacts:
    if facts.picture is None:
        raise MediaError("{path} holds no picture", path=path.name)
    return facts.picture


def _watched(path: Path, *, middle_s: float = 0.0) -> Seen:
    """Black and frozen stretches. Key frames first, twelve times cheaper; every frame where they look wrong.

    Our films have a key frame each half second, so no stretch over a limit slips between two. A film
    without them (another engine's clip) is watched whole. With `middle_s` what lies before and after it
    is looked at side by side: a decoder that skips most frames uses one core however many threads it has.
    """
    quick = _key_grids(path, middle_s) if middle_s else _grids(path, key_frames_only=True)
    dense = len(quick) > 2 and all(after - before <= _STILL_APART_FRAMES for before, after in pairwise(quick))
    if (
        dense
        and not any(_is_black(grid) for grid in quick.values())
        and not any(_is_still(before, after) for before, after in pairwise(quick.values()))
    ):
        return Seen(longest_black=0, longest_frozen=0)
    grids = list(_grids(path, key_frames_only=False).values())
    return Seen(
        longest_black=_longest_run(_is_black(grid) for grid in grids),
        longest_frozen=_longest_frozen(grids),
    )


def _key_grids(path: Path, middle_s: float) -> dict[int, Grid]:
    """The grids of all key frames, in order; the film's two parts are decoded side by side."""
    with ThreadPoolExecutor(1) as beside:
        second = beside.submit(lambda: _grids(path, key_frames_only=True, from_s=middle_s))
        first = _grids(path, key_frames_only=True, until_s=middle_s)
        return first | second.result()


def _grids(path: Path, *, key_frames_only: bool, from_s: float = 0.0, until_s: float = math.inf) -> dict[int, Grid]:
    """Frame number -> a coarse grid of its luma. The loop filter is left out: a tenth less time.

    A part begins at the last key frame before `from_s` and ends with the first frame after `until_s`.
    """
    grids: dict[int, Grid] = {}
    try:
        with av.open(str(path)) as container:
            stream: Any = container.streams.video[0]
            stream.codec_context.options = {"skip_loop_filter": "all"}
            if key_frames_only:
                stream.codec_context.skip_frame = "NONKEY"
            stream.thread_type, stream.thread_count = "AUTO", 1 if key_frames_only else 2
            rate, base = stream.average_rate or FILM.per_second, stream.time_base
            if from_s:
                container.seek(int(from_s / base), stream=stream, backward=True)
            for place, frame in enumerate(container.decode(stream)):
                luma: Any = frame.planes[0]
                rows = np.frombuffer(luma, np.uint8).reshape(-1, luma.line_size)[: frame.height]
                grid = rows[_GRID // 2 :: _GRID, _GRID // 2 : frame.width : _GRID].astype(np.int16)
                number = round(frame.pts * base * rate) if frame.pts is not None else place
                grids[number] = grid
                if number / rate > until_s:
                    break
    except (FFmpegError, OSError) as error:
        raise explained(error, "reading", path) from error
    return grids


def _is_black(grid: Grid) -> bool:
    return bool(grid.mean() < _BLACK_MEAN and grid.max() < _BLACK_BRIGHTEST)


def _is_still(before: Grid, after: Grid) -> bool:
    steps = np.abs(after - before).ravel()
    rank = math.ceil(0.995 * (steps.size - 1))
    return float(np.partition(steps, rank)[rank]) <= _STILL_STEP  # np.percentile loads modules when first used


def _longest_frozen(grids: list[Grid]) -> int:
    apart = _STILL_APART_FRAMES
    run = _longest_run(_is_still(before, now) for before, now in zip(grids, grids[apart:], strict=False))
    return run + apart if run else 0


def _longest_run(flags: Iterable[bool]) -> int:
    longest = now = 0
    for flag in flags:
        now = now + 1 if flag else 0
        longest = max(longest, now)
    return longest
