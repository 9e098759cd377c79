"""The floor that the product's times are divided by: one ffmpeg encoding the finished frames."""

from __future__ import annotations

import time
from pathlib import Path

from ad_pipeline.media.encode import DELIVERY, EncodeSettings, read_planes
from ad_pipeline.media.ffmpeg import run_ffmpeg
from ad_pipeline.media.time import FILM
from ad_pipeline.values import Size


def write_raw(film: Path, raw: Path) -> int:
    """The frames of `film` as raw yuv420p (3.1 MB a frame at 1080 x 1920); returns how many."""
    frames = 0
    with raw.open("wb") as out:
        for planes in read_planes(film):
            for plane in planes:
                out.write(plane.tobytes())
            frames += 1
    return frames


def floor_seconds(raw: Path, *, size: Size, target: Path, settings: EncodeSettings = DELIVERY) -> float:
    """Wall time of one ffmpeg process that encodes `raw` with the final's own settings."""
    options = [word for name, value in settings.options().items() for word in (f"-{name}", value)]
    rate = [] if settings.bitrate_bps is None else ["-b:v", str(settings.bitrate_bps)]
    source = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", str(size), "-r", str(FILM), "-i", str(raw)]
    began = time.monotonic()
    run_ffmpeg([*source, "-c:v", "libx264", *options, *rate, "-movflags", "+faststart", str(target)], attempts=1)
    return time.monotonic() - began
