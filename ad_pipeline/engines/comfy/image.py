"""Key images by ComfyUI: made near the model's own size, then brought to the ad's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from ad_pipeline.engines.comfy.filling import Wish, filled
from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.part import (
    RESAMPLED,
    ModelGraphs,
    broken,
    facts_of,
    photo_for,
    priced,
    spared,
    told,
    told_times,
)
from ad_pipeline.engines.comfy.recipe import Value
from ad_pipeline.engines.comfy.workshop import Ran, Want, Workshop
from ad_pipeline.engines.contracts import Estimate, Job
from ad_pipeline.engines.crafts.image import ImageDone, ImageEngine, ImageRequest
from ad_pipeline.errors import MediaError
from ad_pipeline.media.conform import fit_picture
from ad_pipeline.messages import Message
from ad_pipeline.values import Size

STAGE = "key_image"
_UPSCALE = "upscale"
_MOST_ENLARGED = 1.05
"""Beyond this a picture is enlarged by a model where a node has one."""


class ComfyImage(ImageEngine):
    """One model's pictures: from words, from a product photo, along a control picture, or a picture edited."""

    def __init__(self, shop: Workshop, model: ModelGraphs) -> None:
        self._shop, self._model = shop, model
        self.facts = facts_of(model, shop)

    def missing(self) -> Message | None:
        return self._shop.missing(self._model.graph_for(None), stage=STAGE)

    def render_image(self, request: ImageRequest, target: Path, layers_dir: Path, job: Job) -> ImageDone:
        name = self._model.graph_for(request.controlnet_mode)
        raw, large = target.with_name(f"{target.name}.raw.png"), target.with_name(f"{target.name}.large.png")
        try:
            runs = [self._shop.run(job, replace(self._picture(request, name), drafts={"picture": raw}))]
            seen = runs[0].seen["picture"]
            made = Size(width_px=seen.width_px, height_px=seen.height_px)
            enlarged, enlarged_by = self._enlarged(request.size, made, raw, large, job)
            runs += enlarged
            fit_picture(large if enlarged else raw, target, size=request.size)
        except MediaError as error:
            raise broken(error, self._model, job.job_id) from error
        finally:
            raw.unlink(missing_ok=True)
            large.unlink(missing_ok=True)
        job.checkpoint(1.0)
        return ImageDone(
            model=self.facts.model,
            seed=request.seed,
            details={**told(runs), "made_at": str(made), "enlarged_by": enlarged_by},
            **told_times(runs, self._model),
        )

    def estimate_image(self, request: ImageRequest) -> Estimate:
        return priced(self._shop, self._model, self._foreseen(request))

    def announce_image(self, request: ImageRequest, job: Job) -> AbstractContextManager[object]:
        return self._shop.announced(job, self._foreseen(request))

    def _foreseen(self, request: ImageRequest) -> Iterator[Want]:
        """The picture, and its enlarging where the graph's own size is known to be too small."""
        picture = self._picture(request, self._model.graph_for(request.controlnet_mode))
        yield picture
        given = picture.fill(self._shop.graph(picture.graph))
        width, height = given.get("width"), given.get("height")
        if isinstance(width, int) and isinstance(height, int):
            made = Size(width_px=width, height_px=height)
            if self._is_enlarged(request.size, made):
                yield self._enlarging(request.size, made, Path("picture.png"))

    def _picture(self, request: ImageRequest, name: str) -> Want:
        def fill(graph: Graph) -> dict[str, Value | Path]:
            return filled(graph, self._wish(request, graph))

        return Want(stage=STAGE, part="picture", graph=name, fill=fill, share=(0.0, 0.85))

    def _wish(self, request: ImageRequest, graph: Graph) -> Wish:
        slots, look = graph.recipe.inputs, request.look
        photo = request.edits or look.product_image
        files: dict[str, Path] = {}
        if "image" in slots and (photo or not slots["image"].optional):
            files["image"] = photo_for(photo, self._model)
        if "image_2" in slots and request.edits and look.product_image:
            files["image_2"] = look.product_image
        if "control_image" in slots:
            files["control_image"] = photo_for(photo, self._model)
        lora = look.kit.lora
        more: dict[str, Value] = {"lora": lora.file, "lora_strength": lora.strength} if lora else {}
        prompt = f"{lora.trigger}, {request.prompt}" if lora and lora.trigger and "lora" in slots else request.prompt
        return Wish(
            prompt=prompt, negative=request.negative_prompt, seed=request.seed, steps=request.steps,
            cfg=request.cfg, size=request.size, files=files, more=more,
        )  # fmt: skip

    def _enlarged(self, wanted: Size, made: Size, raw: Path, large: Path, job: Job) -> tuple[list[Ran], str]:
        """The picture by an upscaling model, where it is needed and a node can; and what did it."""
        if not self._is_enlarged(wanted, made):
            return [], RESAMPLED
        want = replace(self._enlarging(wanted, made, raw), drafts={"picture": large})
        ran = spared(lambda: self._shop.run(job, want), job)
        return ([ran], _UPSCALE) if isinstance(ran, Ran) else ([], f"{RESAMPLED}: {ran.message}")

    def _is_enlarged(self, wanted: Size, made: Size) -> bool:
        return _enlargement(wanted, made) > _MOST_ENLARGED and self._shop.can(_UPSCALE, stage=STAGE)

    def _enlarging(self, wanted: Size, made: Size, raw: Path) -> Want:
        # The graph cuts nothing off: it is told the size of the whole picture, enlarged.
        share = _enlargement(wanted, made)
        size = Size(width_px=round(made.width_px * share), height_px=round(made.height_px * share))

        def fill(graph: Graph) -> dict[str, Value | Path]:
            return filled(graph, Wish(size=size, exact_size=True, files={"image": raw}))

        return Want(stage=STAGE, part=_UPSCALE, graph=_UPSCALE, fill=fill, share=(0.85, 1.0))


def _enlargement(wanted: Size, made: Size) -> float:
    return max(wanted.width_px / made.width_px, wanted.height_px / made.height_px)
