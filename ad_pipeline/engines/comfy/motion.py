"""Motion clips by ComfyUI: as long as the scene needs, gone on with from the last frame where a model ends."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from ad_pipeline.engines.comfy.filling import Wish, filled
from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.part import (
    RESAMPLED,
    ModelGraphs,
    announced_later,
    broken,
    facts_of,
    priced,
    spared,
    told,
    told_times,
)
from ad_pipeline.engines.comfy.recipe import Value
from ad_pipeline.engines.comfy.workshop import Ran, Want, Workshop
from ad_pipeline.engines.contracts import Done, Estimate, Job
from ad_pipeline.engines.crafts.motion import MotionEngine, MotionRequest
from ad_pipeline.errors import EngineRefused, MediaError
from ad_pipeline.media.conform import join_films, last_picture
from ad_pipeline.media.probe import probe
from ad_pipeline.media.time import FILM
from ad_pipeline.messages import Message
from ad_pipeline.values import Size

STAGE = "motion_clip"
_UPSCALE = "upscale_video"
_MOST_PIECES = 12
_MOST_ENLARGED = 1.05


class ComfyMotion(MotionEngine):
    """One model's clips from a picture."""

    def __init__(self, shop: Workshop, model: ModelGraphs) -> None:
        self._shop, self._model = shop, model
        self.facts = facts_of(model, shop)

    def missing(self) -> Message | None:
        return self._shop.missing(self._model.graph_for(None), stage=STAGE)

    def render_motion(self, request: MotionRequest, target: Path, job: Job) -> Done:
        scratch = target.with_name(f"{target.name}.parts")
        scratch.mkdir(exist_ok=True)
        try:
            films, runs = self._pieces(request, scratch, job)
            films, enlarged, enlarged_by = self._enlarged(request.size, films, scratch, job)
            runs += enlarged
            # With many pieces the join is the last part of the job that shows progress.
            join_films(
                films, target, size=request.size, frames=request.frames,
                report=lambda share: job.checkpoint(0.97 + 0.03 * share),
            )  # fmt: skip
        except MediaError as error:
            target.unlink(missing_ok=True)
            raise broken(error, self._model, job.job_id) from error
        finally:
            for file in scratch.iterdir():
                file.unlink()
            scratch.rmdir()
        return Done(
            model=self.facts.model,
            seed=request.seed,
            details={
                **told(runs),
                "pieces": len(films),
                "enlarged_by": enlarged_by,
                "not_honoured": [] if "prompt" in runs[0].graph.recipe.inputs else [request.motion_prompt],
            },
            **told_times(runs, self._model),
        )

    def _pieces(self, request: MotionRequest, scratch: Path, job: Job) -> tuple[list[Path], list[Ran]]:
        """Films that go on one from another's last frame until the clip is long enough."""
        films: list[Path] = []
        runs: list[Ran] = []
        image, given, stuck = request.image, 0, False
        while given < request.frames:
            place = len(films)
            if place == _MOST_PIECES or stuck:
                raise EngineRefused(
                    "{model} makes too few frames at a time: {given} of {frames} after {pieces} pieces",
                    engine=self._model.engine, model=self._model.model_id, given=given, frames=request.frames,
                    pieces=place,
                )  # fmt: skip
            film = scratch / f"{place}.mp4"
            done = given / request.frames
            piece = self._piece(request, image, request.frames - given + bool(place), place, done)
            runs.append(self._shop.run(job, replace(piece, drafts={"film": film})))
            films.append(film)
            gained = _frames_at_film_rate(film) - bool(place)
            given, stuck = given + gained, gained < 1
            if given < request.frames:
                image = scratch / f"{place}.last.png"
                last_picture(film, image)
        return films, runs

    def _piece(self, request: MotionRequest, image: Path, frames: int, place: int, done: float) -> Want:
        def fill(graph: Graph) -> dict[str, Value | Path]:
            return filled(
                graph,
                Wish(
                    prompt=", ".join(part for part in (request.motion_prompt, request.prompt, request.camera) if part),
                    negative=request.negative_prompt, seed=request.seed + place, steps=request.steps, cfg=request.cfg,
                    size=request.size, frames=request.model_frames if not place else None, film_frames=frames,
                    duration_s=FILM.seconds(frames), motion_style=request.motion_style,
                    motion_bucket=request.motion_bucket, files={"image": image},
                ),
            )  # fmt: skip

        return Want(
            stage=STAGE, part=f"piece {place}", graph=self._model.graph_for(None), fill=fill,
            share=(0.85 * done, 0.85 * min(1.0, done + frames / request.frames)), estimate_s=FILM.seconds(frames),
        )  # fmt: skip

    def estimate_motion(self, request: MotionRequest) -> Estimate:
        return priced(self._shop, self._model, self._foreseen(request))

    def announce_motion(self, request: MotionRequest, job: Job) -> AbstractContextManager[object]:
        return self._shop.announced(job, self._foreseen(request))

    def announce_later(self, job: Job, *, seconds: float) -> AbstractContextManager[object]:
        return announced_later(self._shop, self._model, job, stage=STAGE, seconds=seconds)

    def _foreseen(self, request: MotionRequest) -> Iterator[Want]:
        """The pieces, as many as the graph's own length makes of the clip, and their enlarging."""
        graph = self._shop.graph(self._model.graph_for(None))
        given, place, gained, made = 0, 0, 1, None
        while given < request.frames and place < _MOST_PIECES and gained > 0:
            piece = self._piece(
                request, request.image, request.frames - given + bool(place), place, given / request.frames
            )
            yield piece
            values = piece.fill(graph)
            gained, made = _foreseen_frames(graph, values, request.frames - given) - bool(place), _foreseen_size(values)
            given, place = given + gained, place + 1
        if made and self._is_enlarged(request.size, made):
            for number in range(place):
                yield self._enlarging(request.size, made, Path(f"{number}.mp4"), number, place)

    def _enlarged(self, wanted: Size, films: list[Path], scratch: Path, job: Job) -> tuple[list[Path], list[Ran], str]:
        """The films by an upscaling model, where it is needed and a node can; its runs, and what did it.

        All of them or none: a clip must not change its sharpness on the way.
        """
        first = probe(films[0]).picture
        assert first is not None
        if not self._is_enlarged(wanted, first.size):
            return films, [], RESAMPLED
        larger: list[Path] = []
        runs: list[Ran] = []
        for place, film in enumerate(films):
            larger.append(scratch / f"{place}.large.mp4")
            want = self._enlarging(wanted, first.size, film, place, len(films))
            want = replace(want, drafts={"film": larger[-1]})
            ran = spared(functools.partial(self._shop.run, job, want), job)
            if not isinstance(ran, Ran):
                return films, runs, f"{RESAMPLED}: {ran.message}"
            runs.append(ran)
        return larger, runs, _UPSCALE

    def _is_enlarged(self, wanted: Size, made: Size) -> bool:
        return _enlargement(wanted, made) > _MOST_ENLARGED and self._shop.can(_UPSCALE, stage=STAGE)

    def _enlarging(self, wanted: Size, made: Size, film: Path, place: int, of: int) -> Want:
        share = _enlargement(wanted, made)
        size = Size(width_px=_even(made.width_px * share), height_px=_even(made.height_px * share))

        def fill(graph: Graph) -> dict[str, Value | Path]:
            return filled(graph, Wish(size=size, exact_size=True, files={"video": film}))

        return Want(
            stage=STAGE, part=f"{_UPSCALE} {place}", graph=_UPSCALE, fill=fill,
            share=(0.85 + 0.12 * place / of, 0.85 + 0.12 * (place + 1) / of),
        )  # fmt: skip


def _enlargement(wanted: Size, made: Size) -> float:
    return max(wanted.width_px / made.width_px, wanted.height_px / made.height_px)


def _foreseen_frames(graph: Graph, values: Mapping[str, Value | Path], otherwise: int) -> int:
    """How many frames at 24 fps the graph's film will have, where its recipe tells."""
    frames, seconds = values.get("frames"), values.get("duration_s")
    if isinstance(seconds, int | float) and frames is None:
        return round(seconds * float(FILM.per_second))
    if not isinstance(frames, int) or not graph.recipe.rate_fps:
        return otherwise
    rate_fps = graph.recipe.film_rate_fps or graph.recipe.rate_fps
    return round(graph.recipe.film_frames(frames) / rate_fps * float(FILM.per_second))


def _foreseen_size(values: Mapping[str, Value | Path]) -> Size | None:
    width, height = values.get("width"), values.get("height")
    return Size(width_px=width, height_px=height) if isinstance(width, int) and isinstance(height, int) else None


def _frames_at_film_rate(film: Path) -> int:
    picture = probe(film).picture
    if picture is None:
        raise MediaError("{path} holds no picture", path=film.name)
    return round(picture.frames / picture.rate.per_second * FILM.per_second)


def _even(side: float) -> int:
    return round(side / 2) * 2
