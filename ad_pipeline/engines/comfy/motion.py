"""Motion clips by ComfyUI: as long as the scene needs, gone on with from the last frame where a model ends."""

from __future__ import annotations

from pathlib import Path

from ad_pipeline.engines.comfy.filling import Wish, filled
from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.part import ModelGraphs, broken, facts_of, told, told_times
from ad_pipeline.engines.comfy.recipe import Value
from ad_pipeline.engines.comfy.workshop import Ran, Want, Workshop
from ad_pipeline.engines.contracts import Done, Job, MotionEngine, MotionRequest
from ad_pipeline.errors import EngineRefused, MediaError
from ad_pipeline.media.conform import join_films, last_picture
from ad_pipeline.media.probe import probe
from ad_pipeline.media.time import FILM
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

    def missing(self) -> str:
        return self._shop.missing(self._model.graph_for(None), stage=STAGE)

    def render_motion(self, request: MotionRequest, target: Path, job: Job) -> Done:
        scratch = target.with_name(f"{target.name}.parts")
        scratch.mkdir(exist_ok=True)
        try:
            films, runs = self._pieces(request, scratch, job)
            films, enlarged = self._enlarged(request.size, films, scratch, job)
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
                "enlarged_by": _UPSCALE if enlarged else "Lanczos, here",
                "not_honoured": [] if "prompt" in runs[0].graph.recipe.inputs else [request.motion_prompt],
            },
            **told_times(runs),
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
            runs.append(self._piece(request, image, film, request.frames - given + bool(place), place, done, job))
            films.append(film)
            gained = _frames_at_film_rate(film) - bool(place)
            given, stuck = given + gained, gained < 1
            if given < request.frames:
                image = scratch / f"{place}.last.png"
                last_picture(film, image)
        return films, runs

    def _piece(
        self, request: MotionRequest, image: Path, film: Path, frames: int, place: int, done: float, job: Job
    ) -> Ran:
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

        return self._shop.run(
            job,
            Want(
                stage=STAGE, part=f"piece {place}", graph=self._model.graph_for(None), fill=fill, drafts={"film": film},
                share=(0.85 * done, 0.85 * min(1.0, done + frames / request.frames)),
                estimate_s=FILM.seconds(frames),
            ),
        )  # fmt: skip

    def _enlarged(self, wanted: Size, films: list[Path], scratch: Path, job: Job) -> tuple[list[Path], list[Ran]]:
        """The films by an upscaling model, where it is needed and a node can; in one shape with the ad."""
        first = probe(films[0]).picture
        assert first is not None
        share = max(wanted.width_px / first.size.width_px, wanted.height_px / first.size.height_px)
        if share <= _MOST_ENLARGED or not self._shop.can(_UPSCALE, stage=STAGE):
            return films, []
        size = Size(width_px=_even(first.size.width_px * share), height_px=_even(first.size.height_px * share))
        larger: list[Path] = []
        runs: list[Ran] = []
        for place, film in enumerate(films):

            def fill(graph: Graph, film: Path = film) -> dict[str, Value | Path]:
                return filled(graph, Wish(size=size, exact_size=True, files={"video": film}))

            larger.append(scratch / f"{place}.large.mp4")
            want = Want(
                stage=STAGE, part=f"{_UPSCALE} {place}", graph=_UPSCALE, fill=fill, drafts={"film": larger[-1]},
                share=(0.85 + 0.12 * place / len(films), 0.85 + 0.12 * (place + 1) / len(films)),
            )  # fmt: skip
            runs.append(self._shop.run(job, want))
        return larger, runs


def _frames_at_film_rate(film: Path) -> int:
    picture = probe(film).picture
    if picture is None:
        raise MediaError("{path} holds no picture", path=film.name)
    return round(picture.frames / picture.rate.per_second * FILM.per_second)


def _even(side: float) -> int:
    return round(side / 2) * 2
