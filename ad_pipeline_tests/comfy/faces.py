"""Faces that tests draw, and what the test server's detector and lipsync make of them.

A face is an oval of one colour that nothing else has; its mouth opens as far as it is told.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ad_pipeline.media.encode import MEZZANINE, VideoWriter, planes_from_rgb
from ad_pipeline.values import Size

Rgb = NDArray[np.uint8]
SKIN = (236, 170, 130)
_NEAR = 22
_SMALLEST_SHARE = 0.01


def with_face(picture: Rgb, *, mouth: float = 0.0) -> Rgb:
    """The picture with a face in its upper middle."""
    rows, columns = picture.shape[:2]
    drawn = picture.copy()
    centre, radii = (columns // 2, rows * 2 // 5), (columns // 4, rows // 6)
    cv2.ellipse(drawn, centre, radii, 0, 0, 360, SKIN, -1)
    return with_mouth(drawn, mouth)


def with_mouth(picture: Rgb, mouth: float) -> Rgb:
    """The face's mouth, 0 closed to 1 open; a picture without a face stays as it is."""
    found = face_box(picture)
    if found is None:
        return picture
    left, top, right, bottom = found
    drawn = picture.copy()
    centre = ((left + right) // 2, top + (bottom - top) * 3 // 4)
    radii = (max(2, (right - left) // 6), max(1, round((bottom - top) * 0.12 * mouth)))
    cv2.ellipse(drawn, centre, radii, 0, 0, 360, (60, 10, 20), -1)
    return drawn


def face_box(picture: Rgb) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom; None without a face."""
    near = np.abs(picture.astype(np.int16) - SKIN).max(axis=2) < _NEAR
    skin = np.asarray(cv2.erode(near.astype(np.uint8), np.ones((5, 5), np.uint8)), np.uint8) > 0
    if skin.mean() < _SMALLEST_SHARE:
        return None
    rows, columns = np.flatnonzero(skin.any(axis=1)), np.flatnonzero(skin.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def mesh(png: bytes) -> bytes:
    """What a detector of faces draws: white lines on black where one is, else black."""
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), np.uint8)
    drawn = np.zeros_like(picture)
    found = face_box(picture)
    if found:
        left, top, right, bottom = found
        radii = ((right - left) // 2, (bottom - top) // 2)
        cv2.ellipse(drawn, ((left + right) // 2, (top + bottom) // 2), radii, 0, 0, 360, (255, 255, 255), 1)
    file = io.BytesIO()
    Image.fromarray(drawn).save(file, "png", compress_level=1)
    return file.getvalue()


def spoken_film(film: bytes, sound: bytes) -> bytes | None:
    """The film with mouths that open as the sound is loud at each frame's moment; None where it shows no face."""
    with av.open(io.BytesIO(film), "r") as container:
        rate = container.streams.video[0].average_rate or Fraction(25)
        pictures = [np.asarray(f.to_ndarray(format="rgb24"), np.uint8) for f in container.decode(video=0)]
    if not pictures or face_box(pictures[0]) is None:
        return None
    loud = _loudness(sound, rate=rate)
    return encoded([with_mouth(p, loud(number)) for number, p in enumerate(pictures)], rate=rate)


def _loudness(sound: bytes, *, rate: Fraction) -> Callable[[int], float]:
    """How loud it is around a frame's moment, 0 to 1, within one frame."""
    with av.open(io.BytesIO(sound), "r") as container:
        hz = container.streams.audio[0].rate
        heard = [frame.to_ndarray().astype(np.float64).reshape(-1) for frame in container.decode(audio=0)]
    samples = np.concatenate(heard)
    top = float(np.abs(samples).max()) or 1.0

    def at(number: int) -> float:
        middle, half = int(number / rate * hz), int(hz / rate / 2)
        part = samples[max(0, middle - half) : middle + half]
        return min(1.0, float(np.sqrt(np.square(part).mean())) / top * 1.4) if len(part) else 0.0

    return at


def encoded(pictures: list[Rgb], *, rate: Fraction) -> bytes:
    """An mp4 as ComfyUI's SaveVideo makes it with the graph's settings: x264, crf 14, no colour tags."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "14", "preset": "veryfast"}
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


def film_of(path: Path, pictures: list[Rgb]) -> Path:
    """A clip as our own stages write it."""
    rows, columns = pictures[0].shape[:2]
    with VideoWriter(path, size=Size(width_px=columns, height_px=rows), settings=MEZZANINE) as film:
        for picture in pictures:
            film.write(planes_from_rgb(picture))
    return path


def a_ground(rows: int, columns: int, *, seed: int = 2) -> Rgb:
    """A picture of soft blue-green patches with some grain: nothing in it is a face."""
    rng = np.random.default_rng(seed)
    small = rng.integers(40, 160, (9, 6, 3)).astype(np.uint8)
    small[..., 0] //= 3
    large = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    return np.clip(large + rng.integers(-4, 5, large.shape), 0, 255).astype(np.uint8)
