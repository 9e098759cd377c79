"""Frames as planes: RGB to YUV and back, and the one way a film file is written and read.

The cut works on the three planes that the codec works on (1.5 samples a pixel instead of 3), so
no frame is converted twice. Everything is BT.709, limited range, chroma sited in the middle of
its four pixels, and the files say so.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

import av
import cv2
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from ad_pipeline.errors import AdPipelineError, MachineLacks, MediaError
from ad_pipeline.media.time import FILM, FrameRate
from ad_pipeline.values import Size

Planes: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]
"""Y (H x W), U and V (H/2 x W/2), BT.709 limited range."""

_KR, _KB = 0.2126, 0.0722
_KG = 1.0 - _KR - _KB
_U_SPAN, _V_SPAN = 2 * (1 - _KB), 2 * (1 - _KR)
_LUMA = np.array([[219 / 255 * _KR, 219 / 255 * _KG, 219 / 255 * _KB, 16.0]], np.float32)
_CHROMA = np.array(
    [
        [224 / 255 * -_KR / _U_SPAN, 224 / 255 * -_KG / _U_SPAN, 224 / 255 * (1 - _KB) / _U_SPAN, 128.0],
        [224 / 255 * (1 - _KR) / _V_SPAN, 224 / 255 * -_KG / _V_SPAN, 224 / 255 * -_KB / _V_SPAN, 128.0],
    ],
    np.float32,
)
_BACK = np.linalg.inv(np.vstack([_LUMA[:, :3], _CHROMA[:, :3]])).astype(np.float32)
_TO_RGB = np.hstack([_BACK, _BACK @ np.array([[-16.0], [-128.0], [-128.0]], np.float32)])


def planes_from_rgb(rgb: NDArray[np.uint8]) -> Planes:
    """`rgb` (H x W x 3, even sides) as planes; each chroma sample is the mean of its four pixels."""
    height, width = rgb.shape[:2]
    if height % 2 or width % 2:
        raise MediaError("a film frame needs even sides; got {width}x{height}", width=width, height=height)
    exact = rgb.astype(np.float32)
    luma = cv2.convertScaleAbs(cv2.transform(exact, _LUMA))
    small = cv2.resize(exact, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    chroma = cv2.convertScaleAbs(cv2.transform(small, _CHROMA))
    return _u8(luma), _u8(np.ascontiguousarray(chroma[..., 0])), _u8(np.ascontiguousarray(chroma[..., 1]))


def rgb_from_planes(planes: Planes) -> NDArray[np.uint8]:
    """`planes` as RGB (H x W x 3)."""
    luma, u, v = planes
    chroma = cv2.resize(cv2.merge([u, v]), (luma.shape[1], luma.shape[0]), interpolation=cv2.INTER_LINEAR)
    exact = cv2.transform(cv2.merge([luma, chroma]).astype(np.float32), _TO_RGB)
    return np.clip(np.rint(exact), 0, 255).astype(np.uint8)


def size_of_planes(planes: Planes) -> Size:
    """The picture size that `planes` hold."""
    return Size(width_px=planes[0].shape[1], height_px=planes[0].shape[0])


@dataclass(frozen=True, kw_only=True)
class EncodeSettings:
    """How x264 writes: a bitrate (with its buffer), or one quantizer `qp` for all frames.

    `threads` belongs to the settings because x264's bytes change with it.
    """

    preset: str
    profile: Literal["baseline", "main", "high"] = "high"
    bitrate_bps: int | None = None
    max_bitrate_bps: int | None = None
    buffer_bits: int | None = None
    qp: int | None = None
    gop_frames: int = 12
    threads: int = 2

    def options(self) -> dict[str, str]:
        """As libx264's options. No B-frames: pts equals dts, so no edit list and joins are exact."""
        chosen = {
            "preset": self.preset,
            "profile": self.profile,
            "g": str(self.gop_frames),
            "keyint_min": str(self.gop_frames),
            "sc_threshold": "0",
            "bf": "0",
            "x264-params": "open-gop=0:chromaloc=1:stitchable=1",
        }
        if self.qp is not None:
            chosen["qp"] = str(self.qp)
        if self.max_bitrate_bps is not None:
            chosen["maxrate"] = str(self.max_bitrate_bps)
        if self.buffer_bits is not None:
            chosen["bufsize"] = str(self.buffer_bits)
        return chosen


MEZZANINE = EncodeSettings(preset="ultrafast", qp=22, gop_frames=12, threads=1, profile="baseline")
"""For motion clips: 46 to 47 dB PSNR on grainy pictures, 3.5 to 4.5 ms a frame to write, 1.5 to 2 to decode.

A constant quality (crf 21, 49 dB) took 7 ms: its rate control looks at each frame before it is coded. Two threads
cost 2 ms a frame more, and clips are made side by side anyway.
"""

DELIVERY = EncodeSettings(
    preset="superfast", bitrate_bps=7_000_000, max_bitrate_bps=9_500_000, buffer_bits=14_000_000, threads=1
)
"""For the final film: 5 to 10 Mbps whatever the content. One thread, since segments are encoded side by side."""


class VideoWriter:
    """Writes planes as one H.264 mp4: constant rate, first pts 0, index in front.

    The file is whole after the block, and gone when the block fails.

        with VideoWriter(target, size=size, settings=DELIVERY) as film:
            film.write(planes)

    Whoever draws on `canvas`, or on one of `canvases`, and writes that spares a copy; their rows may lie apart.

    Raises:
        MachineLacks: the disk is full.
        MediaError: a frame of another size, or the encoder failed.
    """

    def __init__(self, target: Path, *, size: Size, settings: EncodeSettings, rate: FrameRate = FILM) -> None:
        self._target = target
        self._size = size
        self._settings = settings
        self._rate = rate
        self.frames = 0

    def __enter__(self) -> Self:
        if self._size.width_px % 2 or self._size.height_px % 2:
            raise MediaError(
                "a film frame needs even sides; got {width}x{height}",
                width=self._size.width_px,
                height=self._size.height_px,
            )
        try:
            self._container = av.open(str(self._target), "w", format="mp4", options={"movflags": "+faststart"})
            self._stream = self._opened_stream()
            self._drawn_on: list[tuple[Planes, av.VideoFrame]] = []
            self.canvas = self._new_canvas()
        except (FFmpegError, OSError) as error:
            self._drop()
            raise explained(error, "writing", self._target) from error
        return self

    def canvases(self, count: int) -> tuple[Planes, ...]:
        """So many more, for frames that are drawn while another is written."""
        return tuple(self._new_canvas() for _ in range(count))

    def _new_canvas(self) -> Planes:
        # Used again and again: x264 copies what it is given, and fresh memory costs half a millisecond a frame.
        frame = av.VideoFrame(self._size.width_px, self._size.height_px, "yuv420p")
        y, u, v = (_seen(plane) for plane in frame.planes)
        self._drawn_on.append(((y, u, v), frame))
        return self._drawn_on[-1][0]

    def _opened_stream(self) -> Any:
        stream = self._container.add_stream("libx264", rate=self._rate.per_second, options=self._settings.options())
        stream.width, stream.height, stream.pix_fmt = self._size.width_px, self._size.height_px, "yuv420p"
        context = stream.codec_context
        context.time_base = 1 / self._rate.per_second
        context.thread_count = self._settings.threads
        # 1 is BT.709 for the three, and limited ("tv") for the range.
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
        if self._settings.bitrate_bps is not None:
            context.bit_rate = self._settings.bitrate_bps
        return stream

    def write(self, planes: Planes) -> None:
        """Add one frame."""
        if size_of_planes(planes) != self._size:
            raise MediaError(
                "frame {frame} is {got}; the film is {size}",
                frame=self.frames,
                got=size_of_planes(planes),
                size=self._size,
            )
        frame = next((frame for canvas, frame in self._drawn_on if canvas is planes), None)
        if frame is None:
            frame = self._drawn_on[0][1]
            for plane, samples in zip(self.canvas, planes, strict=True):
                plane[:] = samples
        frame.pts, frame.time_base = self.frames, 1 / self._rate.per_second
        try:
            self._container.mux(self._stream.encode(frame))
        except (FFmpegError, OSError) as error:
            raise explained(error, "writing", self._target) from error
        self.frames += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._drop()
            return
        try:
            if not self.frames:
                raise MediaError("no frame was written to {path}", path=self._target.name)
            self._container.mux(self._stream.encode(None))
            self._container.close()
        except (FFmpegError, OSError) as problem:
            self._drop()
            raise explained(problem, "writing", self._target) from problem
        except MediaError:
            self._drop()
            raise

    def _drop(self) -> None:
        container = getattr(self, "_container", None)
        if container is not None:
            # The first error is the one to tell; the file goes anyway.
            with contextlib.suppress(FFmpegError, OSError):
                container.close()
        self._target.unlink(missing_ok=True)


def read_planes(
    path: Path,
    *,
    start_frame: int = 0,
    frames: int | None = None,
    size: Size | None = None,
    threads: int = 1,
    into: Planes | None = None,
) -> Iterator[Planes]:
    """The frames of a film file from `start_frame` on, `frames` of them or all that come.

    The arrays are the caller's own; with `into` they are these each time, written anew.

    Raises:
        MediaError: no readable film, not 8-bit 4:2:0, another size than `size`, or too few frames.
    """
    given = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise MediaError("{path} holds no picture", path=path.name)
            stream = container.streams.video[0]
            stream.codec_context.thread_count = threads
            rate, base = stream.average_rate or Fraction(FILM.per_second), stream.time_base or 1 / FILM.per_second
            first_pts = stream.start_time or 0
            if start_frame:
                container.seek(first_pts + int(start_frame / (rate * base)), stream=stream, backward=True)
            for frame in container.decode(stream):
                if frame.pts is not None and round((frame.pts - first_pts) * base * rate) < start_frame:
                    continue
                if frames is not None and given >= frames:
                    break
                yield _planes_of(frame, path, size, into)
                given += 1
    except (FFmpegError, OSError) as error:
        raise explained(error, "reading", path) from error
    if frames is not None and given < frames:
        raise MediaError(
            "{path} has {given} frames from frame {start} on; {frames} are needed",
            path=path.name,
            given=given,
            start=start_frame,
            frames=frames,
        )


def _planes_of(frame: av.VideoFrame, path: Path, size: Size | None, into: Planes | None) -> Planes:
    got = Size(width_px=frame.width, height_px=frame.height)
    if frame.format.name not in ("yuv420p", "yuvj420p"):
        raise MediaError("{path} is {got}; expected yuv420p", path=path.name, got=frame.format.name)
    if size is not None and got != size:
        raise MediaError("{path} is {got}; expected {size}", path=path.name, got=got, size=size)
    if into is None:
        y, u, v = (_seen(plane).copy() for plane in frame.planes)
        return y, u, v
    for plane, place in zip(frame.planes, into, strict=True):
        place[:] = _seen(plane)
    return into


def _seen(plane: Any) -> NDArray[np.uint8]:
    """The samples inside FFmpeg's own buffer, whose rows may be longer than the picture."""
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


def explained(error: Exception, doing: Literal["writing", "reading"], path: Path) -> AdPipelineError:
    """A PyAV or system error on `path` as one of ours."""
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return MachineLacks("the disk is full while writing {path}; free some space and run again", path=path.name)
    reason = getattr(error, "strerror", None) or str(error)  # without numbers and folders
    if doing == "writing":
        return MediaError("cannot write {path}: {reason}", path=path.name, reason=reason)
    return MediaError("cannot read {path}: {reason}", path=path.name, reason=reason)


def _u8(array: Any) -> NDArray[np.uint8]:
    return array
