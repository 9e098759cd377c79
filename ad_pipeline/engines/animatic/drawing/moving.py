"""Layers in motion: planes made once, then warped and blended for each frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import Bytes
from ad_pipeline.engines.animatic.drawing.layers import Layer
from ad_pipeline.engines.animatic.drawing.moves import Matrix, Pose, Shot, chained, sampling
from ad_pipeline.engines.animatic.drawing.resampling import Source, Sources
from ad_pipeline.media.encode import Planes

_MOST_SPOTS = 90


@dataclass(frozen=True)
class Laid:
    """Where a layer was blended in (left, top, right, bottom), and how much of each pixel it took."""

    window: tuple[int, int, int, int]
    share: Bytes


@dataclass(frozen=True, kw_only=True)
class MovingLayer:
    """One layer's planes: alpha at full and half size beside luma and chroma, each with a rim."""

    layer: Layer
    size: tuple[int, int]
    """Its own columns and rows."""
    planes: Sources
    alpha: Source
    alpha_half: Source
    even: bool
    """One colour all over, as blurred things in front are: only alpha needs warping."""

    @classmethod
    def of(cls, layer: Layer, rgba: Bytes) -> MovingLayer:
        """The layer with its sides made even by transparent rims."""
        rows, columns = rgba.shape[0] % 2, rgba.shape[1] % 2
        if rows or columns:
            rgba = np.pad(rgba, ((0, rows), (0, columns), (0, 0)), mode="edge")
            rgba[rgba.shape[0] - rows :, :, 3] = 0
            rgba[:, rgba.shape[1] - columns :, 3] = 0
        alpha = np.ascontiguousarray(rgba[..., 3])
        half = cv2.resize(alpha, (alpha.shape[1] // 2, alpha.shape[0] // 2), interpolation=cv2.INTER_AREA)
        colours = np.ascontiguousarray(rgba[..., :3])
        even = bool((colours == colours[0, 0]).all())
        return cls(
            layer=layer,
            size=(alpha.shape[1], alpha.shape[0]),
            planes=Sources.of(colours[:2, :2] if even else colours),
            alpha=Source.of(alpha, empty_beyond=True),
            alpha_half=Source.of(np.asarray(half, np.uint8), empty_beyond=True),
            even=even,
        )

    def to_film(self, camera: Matrix, shot: Shot, pose: Pose) -> Matrix:
        """2x3: place on the layer's own picture (in canvas-sized pixels) -> film place; `camera` is the plate's."""
        layer = self.layer
        grow = 1 + 0.035 * layer.depth * pose.near
        anchor = np.array([layer.anchor_x, layer.anchor_y])
        shift = anchor - grow * anchor
        if not layer.stands:
            # Near things pass the lens faster than the plate does.
            shift = shift - layer.depth * 0.9 * np.array([pose.pan_x * shot.width, pose.pan_y * shot.height])
            shift = shift - np.array([0, layer.depth * 0.012 * shot.height * pose.near])
        own = np.array([[1, 0, layer.left_px], [0, 1, layer.top_px]], np.float64)
        forward = np.array([[grow, 0, shift[0]], [0, grow, shift[1]]], np.float64)
        return chained(camera, chained(forward, own))

    def lay(self, frame: Planes, matrix: Matrix) -> Laid | None:
        """Blend this layer into `frame` in place; None when it lies outside."""
        window = self._window(matrix, width=frame[0].shape[1], height=frame[0].shape[0])
        if window is None:
            return None
        left, top, right, bottom = window
        size = (right - left, bottom - top)
        small = (size[0] // 2, size[1] // 2)
        if self.even:
            return Laid(window, self._lay_even(frame, matrix, window, small))
        pitch = self.layer.scale
        full = sampling(matrix, pitch_from=pitch, pitch_to=1, left=left, top=top)
        share = self.alpha.sampled(full, size)
        _blend(frame[0][top:bottom, left:right], self.planes.y.sampled(full, size), share)
        half = sampling(matrix, pitch_from=2 * pitch, pitch_to=2, left=left, top=top)
        share_half = self.alpha_half.sampled(half, small)
        for plane, source in ((frame[1], self.planes.u), (frame[2], self.planes.v)):
            part = plane[top // 2 : bottom // 2, left // 2 : right // 2]
            _blend(part, source.sampled(half, small), share_half)
        return Laid(window, share)

    def _lay_even(
        self, frame: Planes, matrix: Matrix, window: tuple[int, int, int, int], small: tuple[int, int]
    ) -> Bytes:
        """Only alpha is sampled, at half size: such layers are out of focus anyway."""
        left, top, right, bottom = window
        half = sampling(matrix, pitch_from=self.layer.scale, pitch_to=2, left=left, top=top)
        share = self.alpha.sampled(half, small)
        wide = np.asarray(cv2.resize(share, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR), np.uint8)
        _tint(frame[0][top:bottom, left:right], int(self.planes.y.samples[0, 0]), wide)
        for plane, source in ((frame[1], self.planes.u), (frame[2], self.planes.v)):
            part = plane[top // 2 : bottom // 2, left // 2 : right // 2]
            _tint(part, int(source.samples[0, 0]), share)
        return wide

    def _window(self, matrix: Matrix, *, width: int, height: int) -> tuple[int, int, int, int] | None:
        columns, rows = self.size[0] * self.layer.scale, self.size[1] * self.layer.scale
        corners = np.array([(0, 0), (columns, 0), (0, rows), (columns, rows)]) @ matrix[:, :2].T + matrix[:, 2]
        left = max(0, int(np.floor(corners[:, 0].min() / 2)) * 2)
        top = max(0, int(np.floor(corners[:, 1].min() / 2)) * 2)
        right = min(width, int(np.ceil(corners[:, 0].max() / 2)) * 2)
        bottom = min(height, int(np.ceil(corners[:, 1].max() / 2)) * 2)
        return (left, top, right, bottom) if right - left >= 2 and bottom - top >= 2 else None


def moving_parts(layer: Layer, rgba: Bytes) -> tuple[MovingLayer, ...]:
    """The layer ready to move; one of few coloured spots is taken apart, so that only the spots are blended.

    Dust over a whole frame cost 6 ms a frame as one layer, its 26 spots 1 ms.
    """
    whole = MovingLayer.of(layer, rgba)
    if not whole.even:
        return (whole,)
    seen = cv2.dilate((rgba[..., 3] > 1).astype(np.uint8), np.ones((5, 5), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(seen)
    boxes = stats[1:count, : cv2.CC_STAT_HEIGHT + 1]
    if not 0 < len(boxes) <= _MOST_SPOTS or int((boxes[:, 2] * boxes[:, 3]).sum()) > seen.size * 0.5:
        return (whole,)
    parts: list[MovingLayer] = []
    for x, y, columns, rows in boxes.tolist():
        place = replace(layer, left_px=layer.left_px + int(x * layer.scale), top_px=layer.top_px + int(y * layer.scale))
        parts.append(MovingLayer.of(place, rgba[y : y + rows, x : x + columns]))
    return tuple(parts)


def _blend(under: Bytes, above: Bytes, share: Bytes) -> None:
    kept = cv2.multiply(under, cv2.bitwise_not(share), scale=1 / 255)
    under[:] = cv2.add(kept, cv2.multiply(above, share, scale=1 / 255))


def _tint(under: Bytes, value: int, share: Bytes) -> None:
    kept = cv2.multiply(under, cv2.bitwise_not(share), scale=1 / 255)
    under[:] = cv2.add(kept, cv2.convertScaleAbs(share, alpha=value / 255))


class Glow:
    """A halo that swells, and a band of light that passes over the subject; luma only, so hues stay."""

    def __init__(self, luma: Bytes, *, centre: tuple[float, float], reach: float) -> None:
        height, width = luma.shape
        y, x = np.mgrid[0 : height // 8, 0 : width // 8].astype(np.float32) * 8
        far = ((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / max(reach, 1) ** 2
        bell = cv2.exp(-far * 1.1)
        # What is bright already has little room: a full halo there would burn out to flat white.
        level = float(
            (cv2.resize(luma, (bell.shape[1], bell.shape[0]), interpolation=cv2.INTER_AREA) * bell).sum() / bell.sum()
        )
        small = bell * min(max((228 - level) * 0.55, 10), 58)
        wide = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        self._halo = np.clip(wide + 0.5, 0, 255).astype(np.uint8)

    def lighten(self, luma: Bytes, strength: float) -> None:
        """Add the halo, `strength` 0..1."""
        cv2.addWeighted(luma, 1.0, self._halo, strength, 0, dst=luma)


def sweep(luma: Bytes, share: Bytes, *, place: float, slant: float) -> None:
    """A soft diagonal band of light over `luma` where `share` is; `place` 0..1 is before to past it."""
    height, width = luma.shape
    small = (max(2, width // 4), max(2, height // 4))
    x = np.linspace(0, 1, small[0], dtype=np.float32)[None, :]
    y = np.linspace(0, 1, small[1], dtype=np.float32)[:, None]
    along = x + slant * (y - 0.5) * 0.5 - (place * 2.2 - 0.6)
    band = (np.exp(-((along / 0.11) ** 2)) * 46).astype(np.float32)
    wide = cv2.convertScaleAbs(cv2.resize(band, (width, height), interpolation=cv2.INTER_LINEAR))
    luma[:] = cv2.add(luma, cv2.multiply(wide, share, scale=1 / 255))
