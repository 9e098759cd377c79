"""Pictures, films and sounds from anywhere, brought to exactly what the cut expects: size, rate, length."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import Interpolation
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ad_pipeline.errors import MediaError
from ad_pipeline.media.encode import MEZZANINE, VideoWriter, explained, planes_from_rgb
from ad_pipeline.media.sound import read_sound, write_wav
from ad_pipeline.media.time import AUDIO_RATE_HZ, FILM, FrameRate
from ad_pipeline.values import Size

Rgb = NDArray[np.uint8]

_EXACTLY = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""Without it each reading darkens a picture by one to one and a half of 255; it takes 5 ms more for a full frame."""


def _ignored(_: float) -> None:
    return None


def fit_picture(source: Path, target: Path, *, size: Size) -> None:
    """Write `source` as an RGB PNG of exactly `size`: scaled to cover it, then cut from the middle.

    Raises:
        MediaError: `source` is no picture, or a broken one.
    """
    try:
        with Image.open(source) as image:
            picture = np.asarray(image.convert("RGB"), np.uint8)
    except (OSError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise MediaError("cannot read {path}: {reason}", path=source.name, reason=str(error)) from error
    Image.fromarray(covering(picture, size)).save(target, format="PNG", compress_level=1)


def join_films(
    sources: Sequence[Path], target: Path, *, size: Size, frames: int, report: Callable[[float], None] = _ignored
) -> None:
    """One clip of exactly `frames` at 24 fps, without sound, from films that go on one from another's last frame.

    The first frame of each later film is the last of the one before it, so it is left out. Frames
    beyond `frames` are cut off; `report` hears the share that is done and may raise to stop.

    Raises:
        MediaError: a film cannot be read, or together they are too short.
    """
    given = 0
    with VideoWriter(target, size=size, settings=MEZZANINE) as film:
        for place, source in enumerate(sources):
            for picture in islice(frames_at(source, FILM), 1 if place else 0, None):
                if given == frames:
                    break
                film.write(planes_from_rgb(covering(picture, size)))
                given += 1
                report(given / frames)
        if given < frames:
            raise MediaError(
                "{path} has {given} frames from frame {start} on; {frames} are needed",
                path=sources[-1].name, given=given, start=0, frames=frames,
            )  # fmt: skip


def retimed(source: Path, target: Path, *, rate: FrameRate, frames: int) -> None:
    """`source` at another rate, each new frame the one nearest in time; the last is held where it is too short.

    Raises:
        MediaError: it cannot be read.
    """
    last: Rgb | None = None
    pictures = frames_at(source, rate)
    first = next(pictures, None)
    if first is None:
        raise MediaError("{path} holds no picture", path=source.name)
    size = Size(width_px=first.shape[1], height_px=first.shape[0])
    with VideoWriter(target, size=size, settings=MEZZANINE, rate=rate) as film:
        last = first
        for _ in range(frames):
            film.write(planes_from_rgb(last))
            last = next(pictures, last)


def frames_at(source: Path, rate: FrameRate) -> Iterator[Rgb]:
    """The film's pictures as RGB at `rate`: for each moment the frame nearest to it.

    Raises:
        MediaError: it cannot be read.
    """
    try:
        with av.open(str(source)) as container:
            if not container.streams.video:
                raise MediaError("{path} holds no picture", path=source.name)
            stream = container.streams.video[0]
            own = stream.average_rate or Fraction(FILM.per_second)
            wanted = 0
            before: Rgb | None = None
            end = Fraction(0)
            for number, frame in enumerate(container.decode(stream)):
                # Nearest in time: frame n stands for the moments from half a frame before it on.
                while before is not None and (wanted * own / rate.per_second) < number - Fraction(1, 2):
                    yield before
                    wanted += 1
                before = np.asarray(frame.to_ndarray(format="rgb24", interpolation=_EXACTLY), np.uint8)
                end = number + Fraction(1, 2)
            while before is not None and (wanted * own / rate.per_second) < end:
                yield before
                wanted += 1
    except (FFmpegError, OSError) as error:
        raise explained(error, "reading", source) from error


def pictures_at(source: Path, frames: Sequence[int]) -> tuple[Rgb, ...]:
    """These frames at 24 fps as RGB, in the order asked for; beyond the film's end its last.

    Raises:
        MediaError: it cannot be read, or holds no picture.
    """
    wanted, found = set(frames), dict[int, Rgb]()
    last: Rgb | None = None
    for number, picture in enumerate(frames_at(source, FILM)):
        last = picture
        if number in wanted:
            found[number] = picture
        if number >= max(wanted):
            break
    if last is None:
        raise MediaError("{path} holds no picture", path=source.name)
    return tuple(found.get(number, last) for number in frames)


def last_picture(source: Path, target: Path) -> None:
    """Write the film's last frame as a PNG.

    Raises:
        MediaError: it holds none.
    """
    held = deque(frames_at(source, FILM), maxlen=1)
    if not held:
        raise MediaError("{path} holds no picture", path=source.name)
    Image.fromarray(held[0]).save(target, format="PNG", compress_level=1)


def fit_sound(source: Path, target: Path, *, seconds: float) -> float:
    """Write `source` as 48 kHz stereo of exactly `seconds`, silent where it is too short; how long it really was.

    Raises:
        MediaError: it holds no sound.
    """
    samples = read_sound(source)
    wanted = round(seconds * AUDIO_RATE_HZ)
    fitted = np.zeros((wanted, 2), np.float32)
    fitted[: len(samples)] = samples[:wanted]
    write_wav(target, fitted)
    return len(samples) / AUDIO_RATE_HZ


def covering(picture: Rgb, size: Size) -> Rgb:
    """The picture scaled to cover `size`, then cut from the middle."""
    rows, columns = picture.shape[:2]
    if (columns, rows) == (size.width_px, size.height_px):
        return picture
    scale = max(size.width_px / columns, size.height_px / rows)
    wide = (max(size.width_px, round(columns * scale)), max(size.height_px, round(rows * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LANCZOS4
    scaled = np.asarray(cv2.resize(picture, wide, interpolation=method), np.uint8)
    left, top = (wide[0] - size.width_px) // 2, (wide[1] - size.height_px) // 2
    return np.ascontiguousarray(scaled[top : top + size.height_px, left : left + size.width_px])
