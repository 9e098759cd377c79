"""Key images by ComfyUI: made near the model's own size, then brought to the ad's."""

from __future__ import annotations

from pathlib import Path

from ad_pipeline.engines.comfy.filling import Wish, filled
from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.part import ModelGraphs, broken, facts_of, photo_for, told, told_times
from ad_pipeline.engines.comfy.recipe import Value
from ad_pipeline.engines.comfy.workshop import Ran, Want, Workshop
from ad_pipeline.engines.contracts import ImageDone, ImageEngine, ImageRequest, Job
from ad_pipeline.errors import MediaError
from ad_pipeline.media.conform import fit_picture
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

    def missing(self) -> str:
        return self._shop.missing(self._model.graph_for(None), stage=STAGE)

    def render_image(self, request: ImageRequest, target: Path, layers_dir: Path, job: Job) -> ImageDone:
        name = self._model.graph_for(request.controlnet_mode)
        raw, large = target.with_name(f"{target.name}.raw.png"), target.with_name(f"{target.name}.large.png")
        try:
            runs = [self._made(request, name, raw, job)]
            seen = runs[0].seen["picture"]
            made = Size(width_px=seen.width_px, height_px=seen.height_px)
            enlarged = self._enlarged(request.size, made, raw, large, job)
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
            details={**told(runs), "made_at": str(made), "enlarged_by": _UPSCALE if enlarged else "Lanczos, here"},
            **told_times(runs),
        )

    def _made(self, request: ImageRequest, name: str, raw: Path, job: Job) -> Ran:
        def fill(graph: Graph) -> dict[str, Value | Path]:
            return filled(graph, self._wish(request, graph))

        return self._shop.run(
            job,
            Want(stage=STAGE, part="picture", graph=name, fill=fill, drafts={"picture": raw}, share=(0.0, 0.85)),
        )

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

    def _enlarged(self, wanted: Size, made: Size, raw: Path, large: Path, job: Job) -> list[Ran]:
        """The picture by an upscaling model, where it is needed and a node can."""
        share = max(wanted.width_px / made.width_px, wanted.height_px / made.height_px)
        if share <= _MOST_ENLARGED or not self._shop.can(_UPSCALE, stage=STAGE):
            return []
        # The graph cuts nothing off: it is told the size of the whole picture, enlarged.
        size = Size(width_px=round(made.width_px * share), height_px=round(made.height_px * share))

        def fill(graph: Graph) -> dict[str, Value | Path]:
            return filled(graph, Wish(size=size, exact_size=True, files={"image": raw}))

        want = Want(stage=STAGE, part=_UPSCALE, graph=_UPSCALE, fill=fill, drafts={"picture": large}, share=(0.85, 1.0))
        return [self._shop.run(job, want)]
