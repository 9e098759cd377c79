"""Putting planes together: one scene over the next, text over the film."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ad_pipeline.media.encode import Planes, planes_from_rgb
from ad_pipeline.media.timeline import Joint
from ad_pipeline.media.titles import Overlay
from ad_pipeline.values import Size

_BLACK = (16, 128, 128)
_WIPE_EDGE_SHARE = 0.12


def joined(before: Planes, after: Planes, *, joint: Joint, step: int) -> Planes:
    """Frame `step` (0 up to the joint's frames, which is excluded) on the way from one shot to the next."""
    part = (step + 1) / (joint.frames + 1)
    eased = part * part * (3 - 2 * part)
    match joint.kind:
        case "cut":
            return after
        case "dissolve":
            return _dissolved(before, after, eased)
        case "fade_through_black":
            return darkened(before, 1 - 2 * part) if part < 0.5 else darkened(after, 2 * part - 1)
        case "slide":
            return _slid(before, after, eased)
        case "wipe":
            return _wiped(before, after, eased)


def _dissolved(before: Planes, after: Planes, part: float) -> Planes:
    y, u, v = (cv2.addWeighted(a, 1 - part, b, part, 0) for a, b in zip(before, after, strict=True))
    return _typed(y, u, v)


def darkened(planes: Planes, light: float) -> Planes:
    """`planes` with `light` (0 black to 1 as they are); eased, since the eye is keener in the dark."""
    kept = math.sin(max(0.0, min(1.0, light)) * math.pi / 2)
    y, u, v = (
        cv2.convertScaleAbs(plane, alpha=kept, beta=black * (1 - kept))
        for plane, black in zip(planes, _BLACK, strict=True)
    )
    return _typed(y, u, v)


def _slid(before: Planes, after: Planes, part: float) -> Planes:
    half_columns = round(part * before[1].shape[1])

    def moved(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint8]:
        columns = half_columns * (a.shape[1] // before[1].shape[1])
        return np.concatenate([a[:, columns:], b[:, :columns]], axis=1)

    return _each(before, after, moved)


def _wiped(before: Planes, after: Planes, part: float) -> Planes:
    """`after` comes in from the left behind a soft edge."""

    def wiped(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint8]:
        width = a.shape[1]
        edge = width * _WIPE_EDGE_SHARE
        front = part * (width + edge)
        shown = np.clip((front - np.arange(width) - 0.5) / edge, 0, 1).astype(np.float32)
        first, last = int(np.argmax(shown < 1)) if (shown < 1).any() else width, int((shown > 0).sum())
        mixed = a.copy()
        mixed[:, :first] = b[:, :first]
        mixed[:, first:last] = np.rint(
            a[:, first:last] + (b[:, first:last] - a[:, first:last].astype(np.float32)) * shown[first:last]
        )
        return mixed

    return _each(before, after, wiped)


def _each(before: Planes, after: Planes, mix: Callable[[Any, Any], Any]) -> Planes:
    y, u, v = (mix(a, b) for a, b in zip(before, after, strict=True))
    return _typed(y, u, v)


def _typed(y: Any, u: Any, v: Any) -> Planes:
    return y, u, v


@dataclass(frozen=True, kw_only=True)
class _Layer:
    """One plane of an overlay: its own samples and how much they cover, from (top, left) on."""

    top: int
    left: int
    ink: NDArray[np.uint8]
    cover: NDArray[np.float32]
    rest: NDArray[np.float32]


class OverlayPainter:
    """Draws one overlay onto planes, only on the rows it covers.

    Made once per overlay and segment; what does not change from frame to frame is prepared here.
    """

    def __init__(self, overlay: Overlay, size: Size) -> None:
        self.overlay = overlay
        rgba, top, left = _on_even_grid(overlay, size)
        self._layers = _layers_of(rgba, top, left) if rgba.size else ()

    def paint(self, planes: Planes, frame: int) -> None:
        """Draw onto `planes`, in place, as the overlay looks at `frame` of the film."""
        opacity = self.overlay.opacity_at(frame)
        if not opacity or not self._layers:
            return
        drop_px = self.overlay.drop_px_at(frame)
        for index, (plane, layer) in enumerate(zip(planes, self._layers, strict=True)):
            _lay(plane, _lowered(layer, drop_px / (2 if index else 1)) if drop_px > 0.02 else layer, opacity)


def _lay(plane: NDArray[np.uint8], layer: _Layer, opacity: float) -> None:
    height, width = layer.ink.shape
    under = plane[layer.top : layer.top + height, layer.left : layer.left + width]
    if opacity >= 1:
        cover, rest = layer.cover, layer.rest
    else:
        cover = layer.cover * np.float32(opacity)
        rest = _rest(cover)
    under[:] = cv2.blendLinear(under, layer.ink, rest, cover)


def _lowered(layer: _Layer, by: float) -> _Layer:
    shift = np.array([[1, 0, 0], [0, 1, by]], np.float32)
    size = (layer.ink.shape[1], layer.ink.shape[0])
    cover = np.asarray(cv2.warpAffine(layer.cover, shift, size, flags=cv2.INTER_LINEAR), np.float32)
    ink = np.asarray(
        cv2.warpAffine(layer.ink, shift, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
    return _Layer(top=layer.top, left=layer.left, ink=ink, cover=cover, rest=_rest(cover))


def _on_even_grid(overlay: Overlay, size: Size) -> tuple[NDArray[np.uint8], int, int]:
    """The block's RGBA inside the picture, with room to rise, starting and ending on even pixels."""
    box = overlay.block.box
    left, top = max(0, box.left_px - box.left_px % 2), max(0, box.top_px - box.top_px % 2)
    room = math.ceil(abs(overlay.rise_px))
    right = min(size.width_px, box.right_px + box.right_px % 2)
    bottom = min(size.height_px, box.bottom_px + room + (box.bottom_px + room) % 2)
    grid = np.zeros((max(0, bottom - top), max(0, right - left), 4), np.uint8)
    if not grid.size:
        return grid, top, left
    seen = overlay.block.rgba[max(0, -box.top_px) :, max(0, -box.left_px) :]
    seen = seen[: bottom - max(box.top_px, 0), : right - max(box.left_px, 0)]
    down, across = max(box.top_px, 0) - top, max(box.left_px, 0) - left
    grid[down : down + seen.shape[0], across : across + seen.shape[1]] = seen
    return grid, top, left


def _layers_of(rgba: NDArray[np.uint8], top: int, left: int) -> tuple[_Layer, _Layer, _Layer]:
    alpha = np.asarray(rgba[..., 3] / np.float32(255), np.float32)
    height, width = alpha.shape
    # Ink without its alpha; where nothing covers, a neighbour's colour does no harm.
    whole = np.divide(
        rgba[..., :3], alpha[..., None], out=np.zeros((height, width, 3), np.float32), where=alpha[..., None] > 0
    )
    y, _, _ = planes_from_rgb(_clipped(whole))
    alpha_small = np.asarray(cv2.resize(alpha, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.float32)
    ink_small = np.asarray(
        cv2.resize(rgba[..., :3].astype(np.float32), (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    )
    small = np.divide(ink_small, alpha_small[..., None], out=np.zeros_like(ink_small), where=alpha_small[..., None] > 0)
    _, u, v = planes_from_rgb(np.repeat(np.repeat(_clipped(small), 2, 0), 2, 1))
    return (
        _Layer(top=top, left=left, ink=y, cover=alpha, rest=_rest(alpha)),
        _Layer(top=top // 2, left=left // 2, ink=u, cover=alpha_small, rest=_rest(alpha_small)),
        _Layer(top=top // 2, left=left // 2, ink=v, cover=alpha_small, rest=_rest(alpha_small)),
    )


def _rest(cover: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 - cover, np.float32)


def _clipped(samples: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.clip(np.rint(samples), 0, 255).astype(np.uint8)
