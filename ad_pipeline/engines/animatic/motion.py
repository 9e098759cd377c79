"""The animatic's motion clips: a sub-pixel camera over a still picture and its layers."""

from __future__ import annotations

import contextlib
import itertools
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import Bytes
from ad_pipeline.engines.animatic.drawing.layers import Layers, read_layers
from ad_pipeline.engines.animatic.drawing.moves import MOVES, Hand, Pose, Shot, path_of
from ad_pipeline.engines.animatic.drawing.moving import Glow, Laid, MovingLayer, moving_parts, sweep
from ad_pipeline.engines.animatic.drawing.resampling import Sources
from ad_pipeline.engines.animatic.image import OWN_WORK
from ad_pipeline.engines.contracts import Done, EngineFacts, Estimate, Job
from ad_pipeline.engines.crafts.motion import MotionEngine, MotionRequest
from ad_pipeline.errors import EngineRefused
from ad_pipeline.media.encode import MEZZANINE, Planes, VideoWriter
from ad_pipeline.media.time import FILM
from ad_pipeline.values import Size

_USUAL_BUCKET = 127
_FLAT_ZOOM = 1.045
"""A picture without overscan is entered this far, so that no edge ever shows."""

_CHECK_EVERY_FRAMES = 8
_MOST_FRAMES = 24 * 120
_DRAWN_AT_ONCE = 2
"""Two and the encoder keep two cores busy when a scene is made alone; beside others they do no harm."""


class KenBurns(MotionEngine):
    """Moves a picture as a camera would, its layers by their depth; the same request gives the same bytes."""

    facts = EngineFacts(
        name="animatic",
        model="ken-burns",
        version="4",
        crafts=frozenset({"motion"}),
        licence=OWN_WORK,
        local=True,
        supports_seed=True,
        supports_layers=True,
    )

    def estimate_motion(self, request: MotionRequest) -> Estimate:
        return Estimate(seconds=0.02 * request.frames * request.size.width_px * request.size.height_px / (1080 * 1920))

    def render_motion(self, request: MotionRequest, target: Path, job: Job) -> Done:
        """Write the clip; leaves no file behind when it fails or is stopped."""
        self._check(request)
        job.checkpoint(0.0, "reading layers")
        scene = self._scene(request)
        with (
            VideoWriter(target, size=request.size, settings=MEZZANINE) as film,
            contextlib.closing(_frames(scene, film.canvases(_DRAWN_AT_ONCE + 1))) as frames,
        ):
            for i, frame in enumerate(frames):
                if i % _CHECK_EVERY_FRAMES == 0:
                    job.checkpoint(i / request.frames)
                film.write(frame)
        job.checkpoint(1.0)
        honoured = request.motion_style in MOVES
        return Done(
            model=self.facts.model,
            seed=request.seed,
            details={
                "motion_style": request.motion_style if honoured else "gentle drift",
                "asked_style": request.motion_style,
                "layers": list(dict.fromkeys(["plate.png", *(moving.layer.file for moving in scene.layers)]))
                if scene.layered
                else [],
                "strength": round(_strength(request), 2),
                "honoured": [request.motion_style] if honoured else [],
                "not_honoured": [text for text in (request.motion_prompt,) if text]
                + ([] if honoured else [request.motion_style]),
            },
        )

    def _check(self, request: MotionRequest) -> None:
        if not 1 <= request.frames <= _MOST_FRAMES:
            raise EngineRefused(
                "a clip of {frames} frames is not made; allowed are 1 to {most}",
                engine=self.facts.name,
                frames=request.frames,
                most=_MOST_FRAMES,
            )

    def _scene(self, request: MotionRequest) -> _Scene:
        layers = read_layers(request.layers_dir) if request.layers_dir is not None else None
        if layers is not None and request.layers_dir is not None and layers.size == request.size:
            return self._layered(request, layers, request.layers_dir)
        return self._flat(request)

    def _layered(self, request: MotionRequest, layers: Layers, folder: Path) -> _Scene:
        plate = self._read(folder / "plate.png", channels=3)
        focus = next(
            ((layer.anchor_x, layer.anchor_y) for layer in layers.layers if layer.file == "product.png"),
            (layers.canvas.width_px / 2, layers.canvas.height_px / 2),
        )
        shot = Shot(
            canvas_width=plate.shape[1], canvas_height=plate.shape[0],
            frame_left=layers.frame_left_px, frame_top=layers.frame_top_px,
            width=request.size.width_px, height=request.size.height_px,
            # Half way to the subject: it grows towards the viewer without leaving its place for text.
            focus_x=(focus[0] + plate.shape[1] / 2) / 2, focus_y=(focus[1] + plate.shape[0] / 2) / 2,
        )  # fmt: skip
        poses = _poses(request)
        moving = tuple(
            part for layer in layers.layers for part in moving_parts(layer, self._read(folder / layer.file, channels=4))
        )
        return _Scene(
            plate=Sources.of(plate),
            shot=shot.covering(poses),
            poses=poses,
            layers=moving,
            size=request.size,
            layered=True,
            centre=(focus[0] - layers.frame_left_px, focus[1] - layers.frame_top_px),
            sweeps=layers.sweep or request.motion_style == "rotation + glow effect",
            light_x=layers.light_x,
        )

    def _flat(self, request: MotionRequest) -> _Scene:
        picture = self._read(request.image, channels=3)
        wide, high = request.size.width_px, request.size.height_px
        share = max(wide / picture.shape[1], high / picture.shape[0])
        size = (max(wide, round(picture.shape[1] * share)), max(high, round(picture.shape[0] * share)))
        if size != (picture.shape[1], picture.shape[0]):
            method = cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC
            picture = np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)
        picture = np.ascontiguousarray(picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2])
        rows, columns = picture.shape[:2]
        shot = Shot(
            canvas_width=columns, canvas_height=rows, frame_left=(columns - wide) / 2, frame_top=(rows - high) / 2,
            width=wide, height=high, focus_x=columns / 2, focus_y=rows / 2,
        )  # fmt: skip
        poses = _poses(request)
        return _Scene(
            plate=Sources.of(picture),
            shot=shot.covering(poses, least=_FLAT_ZOOM),
            poses=poses,
            layers=(),
            size=request.size,
            layered=False,
            centre=(wide / 2, high / 2),
            sweeps=False,
            light_x=-1.0,
        )

    def _read(self, path: Path, *, channels: int) -> Bytes:
        try:
            data = np.frombuffer(path.read_bytes(), np.uint8)
            found = (
                cv2.imdecode(data, cv2.IMREAD_UNCHANGED if channels == 4 else cv2.IMREAD_COLOR) if data.size else None
            )
        except (OSError, cv2.error) as error:
            raise EngineRefused("the picture {name} cannot be read", engine=self.facts.name, name=path.name) from error
        if found is None or found.ndim != 3 or found.shape[2] != channels:
            raise EngineRefused("the picture {name} cannot be read", engine=self.facts.name, name=path.name)
        order = cv2.COLOR_BGRA2RGBA if channels == 4 else cv2.COLOR_BGR2RGB
        return np.asarray(cv2.cvtColor(found, order), np.uint8)


@dataclass(frozen=True, kw_only=True)
class _Scene:
    """Everything a frame is made of; each frame depends on its number alone."""

    plate: Sources
    shot: Shot
    poses: list[Pose]
    layers: tuple[MovingLayer, ...]
    size: Size
    layered: bool
    centre: tuple[float, float]
    sweeps: bool
    light_x: float

    def glow(self) -> Glow | None:
        """The halo of a move that has one, fitted to how the plate begins."""
        if not any(pose.glow > 0 for pose in self.poses):
            return None
        matrix = self.shot.to_film(self.poses[0])
        luma = self.plate.filmed(matrix, width=self.size.width_px, height=self.size.height_px)[0]
        return Glow(luma, centre=self.centre, reach=self.size.height_px * 0.28)


def _strength(request: MotionRequest) -> float:
    bucket = request.motion_bucket if request.motion_bucket is not None else _USUAL_BUCKET
    return min(max(bucket, 1), 255) / _USUAL_BUCKET


def _poses(request: MotionRequest) -> list[Pose]:
    return path_of(
        request.motion_style,
        frames=request.frames,
        seconds=FILM.seconds(request.frames),
        hand=Hand.of(request.seed, strength=_strength(request)),
    )


def _frames(scene: _Scene, canvases: Sequence[Planes]) -> Generator[Planes]:
    """The frames in order, some drawn ahead while the encoder writes: all of it leaves Python's lock alone.

    Each canvas is drawn on again once its frame was taken and the next one is asked for.
    """
    glow = scene.glow()
    with ThreadPoolExecutor(_DRAWN_AT_ONCE, thread_name_prefix="ken-burns") as threads:
        ahead: deque[Future[Planes]] = deque()
        try:
            for pose, canvas in zip(scene.poses, itertools.cycle(canvases), strict=False):
                ahead.append(threads.submit(_frame, scene, pose, glow, canvas))
                if len(ahead) == len(canvases):
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for waiting in ahead:
                waiting.cancel()


def _frame(scene: _Scene, pose: Pose, glow: Glow | None, canvas: Planes) -> Planes:
    camera = scene.shot.to_film(pose)
    frame = scene.plate.filmed(camera, width=scene.size.width_px, height=scene.size.height_px, into=canvas)
    if glow is not None and pose.glow > 0:
        glow.lighten(frame[0], pose.glow)
    for moving in scene.layers:
        laid = moving.lay(frame, moving.to_film(camera, scene.shot, pose))
        if laid is not None and scene.sweeps and moving.layer.file == "product.png":
            _sweep(frame, laid, pose, scene.light_x)
    return frame


def _sweep(frame: Planes, laid: Laid, pose: Pose, light_x: float) -> None:
    """The passing light, in the middle half of the clip only."""
    place = (pose.sweep - 0.25) / 0.5
    if 0 < place < 1:
        left, top, right, bottom = laid.window
        place = place if light_x < 0 else 1 - place
        sweep(frame[0][top:bottom, left:right], laid.share, place=place, slant=-light_x)
