"""The camera's resampling: the picture that a plain warp gives, at places exact enough that nothing trembles."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ad_pipeline.engines.animatic.drawing.moves import MOVES, Hand, Matrix, Shot, path_of
from ad_pipeline.engines.animatic.drawing.resampling import Source, Sources

WIDTH, HEIGHT = 360, 480
MARGIN = 40
FRAMES = 48


def _matrix(zoom: float, *, offset: tuple[float, float] = (0.0, 0.0), turn_deg: float = 0.0) -> Matrix:
    """Canvas place -> film place, about the frame's middle, the canvas being larger by a margin all round."""
    angle = np.radians(turn_deg)
    linear = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([WIDTH / 2 + MARGIN, HEIGHT / 2 + MARGIN]) + offset
    return np.hstack([linear, (np.array([WIDTH / 2, HEIGHT / 2]) - linear @ middle)[:, None]])


def _textured() -> NDArray[np.uint8]:
    rng = np.random.default_rng(8)
    noise = rng.normal(0, 1, (HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2.5) * 180 + cv2.GaussianBlur(noise, (0, 0), 12) * 900
    return np.clip(soft + 120, 0, 255).astype(np.uint8)


def _plainly_warped(plane: NDArray[np.uint8], film: Matrix, size: tuple[int, int], pitch: int) -> NDArray[np.float32]:
    """Each sample looked up where the inverse of `film` says, in float: sample j stands at `(j + 0.5) * pitch`."""
    linear = np.linalg.inv(film[:, :2])
    x, y = np.meshgrid((np.arange(size[0]) + 0.5) * pitch, (np.arange(size[1]) + 0.5) * pitch)
    from_x = (linear[0, 0] * (x - film[0, 2]) + linear[0, 1] * (y - film[1, 2])) / pitch - 0.5
    from_y = (linear[1, 0] * (x - film[0, 2]) + linear[1, 1] * (y - film[1, 2])) / pitch - 0.5
    left, top = np.floor(from_x).astype(int), np.floor(from_y).astype(int)
    part_x, part_y = from_x - left, from_y - top
    rows, columns = plane.shape

    def at(dy: int, dx: int) -> NDArray[np.float64]:
        return plane[np.clip(top + dy, 0, rows - 1), np.clip(left + dx, 0, columns - 1)].astype(float)

    upper = at(0, 0) * (1 - part_x) + at(0, 1) * part_x
    lower = at(1, 0) * (1 - part_x) + at(1, 1) * part_x
    return (upper * (1 - part_y) + lower * part_y).astype(np.float32)


@pytest.mark.parametrize("turn_deg", [0.0, 0.7, -1.5])
@pytest.mark.parametrize("zoom", [0.9, 0.97, 1.0, 1.013, 1.1, 1.27, 1.3])
def test_a_frame_is_what_a_plain_warp_gives(zoom: float, turn_deg: float) -> None:
    picture = _textured()
    sources = Sources.of(picture)

    for offset in ((0.0, 0.0), (0.37, -0.81), (-7.13, 5.55), (19.99, -23.5)):
        film = _matrix(zoom, offset=offset, turn_deg=turn_deg)
        frame = sources.filmed(film, width=WIDTH, height=HEIGHT)

        for source, found, pitch in zip((sources.y, sources.u, sources.v), frame, (1, 2, 2), strict=True):
            rim = source.rim
            plane = source.samples[rim:-rim, rim:-rim]
            wanted = _plainly_warped(plane, film, (WIDTH // pitch, HEIGHT // pitch), pitch)
            away = found.astype(np.float32) - wanted
            assert found.shape == wanted.shape
            assert np.percentile(np.abs(away), 99.9) <= 2, (offset, pitch)
            assert np.abs(away).max() <= 4, (offset, pitch)
            # cv2's resize rounds an eighth of a level upwards, its warp does not.
            assert abs(float(away.mean())) <= 0.15, (offset, pitch)


@pytest.mark.parametrize("zoom", [0.9, 1.0, 1.3])
def test_what_lies_beyond_repeats_the_edge_or_is_empty(zoom: float) -> None:
    plane = np.full((400, 300), 200, np.uint8)
    beyond = np.array([[1 / zoom, 0, -60.3], [0, 1 / zoom, -45.7]])

    repeated = Source.of(plane).sampled(beyond, (420, 500))
    empty = Source.of(plane, empty_beyond=True).sampled(beyond, (420, 500))

    assert repeated.min() == repeated.max() == 200
    assert empty[:20].max() == 0 and empty[:, :20].max() == 0
    assert empty[200, 200] == 200


@pytest.mark.parametrize("shape", [(6, 4), (60, 44), (170, 172)])
def test_small_pictures_are_sampled_too(shape: tuple[int, int]) -> None:
    plane = np.arange(shape[0] * shape[1], dtype=np.uint32).reshape(shape) % 200
    source = Source.of(plane.astype(np.uint8))

    same = source.sampled(np.array([[1.0, 0, 0], [0, 1.0, 0]]), (shape[1], shape[0]))

    assert np.array_equal(same, plane)


_DOT_PX = 7.0
_LUMA_SPAN = 219


def _dotted(dots: list[tuple[int, int]]) -> NDArray[np.uint8]:
    y, x = np.mgrid[0 : HEIGHT + 2 * MARGIN, 0 : WIDTH + 2 * MARGIN] + 0.5
    glow = sum(np.exp(-((x - dot[0]) ** 2 + (y - dot[1]) ** 2) / (2 * _DOT_PX**2)) for dot in dots)
    return np.repeat(np.clip(np.asarray(glow) * 255 + 0.5, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def _away(luma: NDArray[np.uint8], place: NDArray[np.float64], zoom: float) -> NDArray[np.float64]:
    """How far the dot stands from `place`: the shift that explains best what differs from a dot drawn there.

    A centre of mass would measure the rounding to whole levels in the dot's flat outskirts instead.
    """
    reach = 36
    left, top = int(place[0]) - reach, int(place[1]) - reach
    part = luma[top : top + 2 * reach, left : left + 2 * reach].astype(float) - 16
    v, u = np.mgrid[top : top + part.shape[0], left : left + part.shape[1]] + 0.5
    across, down, wide = u - place[0], v - place[1], (_DOT_PX * zoom) ** 2
    drawn = _LUMA_SPAN * np.exp(-(across**2 + down**2) / (2 * wide))
    slopes = (drawn * across / wide, drawn * down / wide)
    return np.array([((part - drawn) * slope).sum() / (slope**2).sum() for slope in slopes])


@pytest.mark.parametrize("style", MOVES)
def test_no_move_trembles_by_more_than_a_hundredth_of_a_pixel(style: str) -> None:
    """Dots are filmed and their centres tracked; what departs from the exact path is jitter."""
    dots = [(130, 140), (220, 290), (310, 420)]
    sources = Sources.of(_dotted(dots))
    hand = Hand.of(3, strength=1.0)
    poses = path_of(style, frames=FRAMES, seconds=2.0, hand=hand)
    shot = Shot(
        canvas_width=WIDTH + 2 * MARGIN, canvas_height=HEIGHT + 2 * MARGIN, frame_left=MARGIN, frame_top=MARGIN,
        width=WIDTH, height=HEIGHT, focus_x=WIDTH / 2 + MARGIN, focus_y=HEIGHT * 0.6 + MARGIN,
    ).covering(poses)  # fmt: skip

    away: list[NDArray[np.float64]] = []
    for pose in poses:
        film = shot.to_film(pose)
        luma = sources.filmed(film, width=WIDTH, height=HEIGHT)[0]
        wanted = [film[:, :2] @ dot + film[:, 2] for dot in dots]
        zoom = float(np.sqrt(np.linalg.det(film[:, :2])))
        away.append(np.concatenate([_away(luma, place, zoom) for place in wanted]))

    track = np.array(away)
    assert float(np.sqrt((track**2).mean())) <= 0.01
    assert float(np.abs(np.diff(track, axis=0)).max()) <= 0.02, "a step from one frame to the next"
