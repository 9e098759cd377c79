"""Camera moves: for each frame where the camera looks, how near, how turned. Pure numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Matrix: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Pose:
    """The camera at one moment; pans are shares of the frame's width and height.

    `near` (0..1 and more) is how far layers have come forward; `glow` and `sweep` drive the light:
    glow is its strength, sweep its place from 0 (before the subject) to 1 (past it).
    """

    zoom: float = 1.0
    pan_x: float = 0.0
    pan_y: float = 0.0
    turn_deg: float = 0.0
    near: float = 0.0
    glow: float = 0.0
    sweep: float = 0.0


def eased(t: float) -> float:
    """Starts and ends softly, but is never at rest: a picture that stands still looks broken."""
    return 0.55 * t + 0.45 * t * t * (3 - 2 * t)


def settled(t: float) -> float:
    """Fast first, then coming to rest."""
    return 1 - (1 - t) ** 3


def _zoom_in(t: float, seconds: float, side: float) -> Pose:
    return Pose(zoom=1 + 0.105 * eased(t), near=eased(t), sweep=t)


def _parallax(t: float, seconds: float, side: float) -> Pose:
    e = eased(t)
    return Pose(zoom=1.02 + 0.035 * e, pan_x=side * 0.042 * (e - 0.5), pan_y=-0.008 * (e - 0.5), near=1.3 * e, sweep=t)


def _rotation(t: float, seconds: float, side: float) -> Pose:
    e = eased(t)
    glow = 0.5 - 0.5 * math.cos(2 * math.pi * t)
    return Pose(zoom=1.03 + 0.05 * e, turn_deg=side * 1.5 * (e - 0.5), near=e, glow=0.35 + 0.65 * glow, sweep=t)


def _slide(t: float, seconds: float, side: float) -> Pose:
    s = settled(min(t * 1.15, 1.0))
    return Pose(zoom=1.0 + 0.03 * eased(t), pan_x=side * 0.055 * (1 - s), near=0.9 * s, sweep=t)


def _pulse(t: float, seconds: float, side: float) -> Pose:
    beats = max(1, round(seconds / 1.1))
    beat = (t * beats) % 1.0
    # A quick swell and a slow return, smooth at both ends of the beat.
    swell = math.sin(math.pi * beat**0.6) ** 2
    return Pose(
        zoom=1.01 + 0.03 * eased(t) + 0.020 * swell, near=0.5 * eased(t) + 0.5 * swell, glow=0.55 * swell, sweep=t
    )


def _drift(t: float, seconds: float, side: float) -> Pose:
    e = eased(t)
    return Pose(zoom=1.0 + 0.045 * e, pan_x=side * 0.012 * e, pan_y=-0.010 * e, near=0.6 * e, sweep=t)


MOVES: dict[str, Callable[[float, float, float], Pose]] = {
    "slow zoom-in": _zoom_in,
    "parallax movement": _parallax,
    "rotation + glow effect": _rotation,
    "slide transition": _slide,
    "pulse effect": _pulse,
    "gentle drift": _drift,
}


@dataclass(frozen=True, kw_only=True)
class Hand:
    """How one operator does the move: its direction and size, where it drifts besides, when the light passes."""

    side: float = 1.0
    strength: float = 1.0
    drift_x: float = 0.0
    drift_y: float = 0.0
    sweep_s: float = 0.0

    @classmethod
    def of(cls, seed: int, *, strength: float) -> Hand:
        """Another seed, visibly another take: up to a sixth more or less, and a drift of its own."""
        rng = np.random.default_rng((seed, 5))
        side = 1.0 if rng.uniform() < 0.5 else -1.0
        angle, reach = float(rng.uniform(0, 2 * math.pi)), float(rng.uniform(0.004, 0.012))
        return cls(
            side=side,
            strength=strength * float(rng.uniform(0.85, 1.17)),
            drift_x=reach * math.cos(angle),
            drift_y=0.6 * reach * math.sin(angle),
            sweep_s=float(rng.uniform(-0.08, 0.08)),
        )


def path_of(style: str, *, frames: int, seconds: float, hand: Hand) -> list[Pose]:
    """One pose per frame of the style's move, as `hand` does it."""
    move, strength = MOVES.get(style, _drift), hand.strength
    poses: list[Pose] = []
    for i in range(frames):
        t = i / max(frames - 1, 1)
        pose, along = move(t, seconds, hand.side), eased(t)
        poses.append(
            replace(
                pose,
                zoom=1 + (pose.zoom - 1) * strength,
                pan_x=(pose.pan_x + hand.drift_x * along) * strength,
                pan_y=(pose.pan_y + hand.drift_y * along) * strength,
                turn_deg=pose.turn_deg * strength,
                near=pose.near * strength,
                sweep=pose.sweep + hand.sweep_s,
            )
        )
    return poses


@dataclass(frozen=True, kw_only=True)
class Shot:
    """The canvas and the frame on it: turns poses into transforms. Places are pixel edges, not centres."""

    canvas_width: float
    canvas_height: float
    frame_left: float
    frame_top: float
    width: float
    height: float
    focus_x: float
    focus_y: float
    base_zoom: float = 1.0

    def to_film(self, pose: Pose) -> Matrix:
        """2x3: canvas place -> film place. At zoom 1 the film shows its frame exactly."""
        zoom = pose.zoom * self.base_zoom
        angle = math.radians(pose.turn_deg)
        linear = zoom * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        centre = np.array([self.frame_left + self.width / 2, self.frame_top + self.height / 2])
        focus = np.array([self.focus_x, self.focus_y])
        # Zooming keeps the focus where it is on the film.
        looks_at = focus - (focus - centre) / zoom + np.array([pose.pan_x * self.width, pose.pan_y * self.height])
        shift = np.array([self.width / 2, self.height / 2]) - linear @ looks_at
        return np.hstack([linear, shift[:, None]])

    def covering(self, poses: list[Pose], *, least: float = 1.0) -> Shot:
        """This shot, near enough that no pose shows past the canvas's edge."""
        shot = replace(self, base_zoom=least)
        for _ in range(120):
            if all(shot._is_covered(pose) for pose in poses):
                return shot
            shot = replace(shot, base_zoom=shot.base_zoom + 0.005)
        return shot

    def _is_covered(self, pose: Pose) -> bool:
        back = inverted(self.to_film(pose))
        corners = np.array([(0, 0), (self.width, 0), (0, self.height), (self.width, self.height)], np.float64)
        seen = corners @ back[:, :2].T + back[:, 2]
        # Half a pixel is kept so that interpolation at the rim never reads past it.
        return bool(
            seen[:, 0].min() >= 0.5
            and seen[:, 1].min() >= 0.5
            and seen[:, 0].max() <= self.canvas_width - 0.5
            and seen[:, 1].max() <= self.canvas_height - 0.5
        )


def inverted(matrix: Matrix) -> Matrix:
    """The 2x3 that undoes `matrix`."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.hstack([linear, (-linear @ matrix[:, 2])[:, None]])


def chained(after: Matrix, before: Matrix) -> Matrix:
    """`before`, then `after`."""
    return np.hstack([after[:, :2] @ before[:, :2], (after[:, :2] @ before[:, 2] + after[:, 2])[:, None]])


def sampling(matrix: Matrix, *, pitch_from: float, pitch_to: float, left: float = 0, top: float = 0) -> Matrix:
    """`matrix` (source place -> film place) as cv2's inverse map between sample indices.

    A plane's sample i lies at (i + 0.5) * pitch; (`left`, `top`) is where the output window begins.
    """
    back = inverted(matrix)
    linear, shift = back[:, :2], back[:, 2]
    first = np.array([left + 0.5 * pitch_to, top + 0.5 * pitch_to])
    return np.hstack([linear * (pitch_to / pitch_from), ((linear @ first + shift) / pitch_from - 0.5)[:, None]])
