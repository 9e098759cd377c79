"""The animatic's key images: composed from drawn plates, light and the product; no GPU, no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ad_pipeline.engines.animatic.drawing.canvas import write_png
from ad_pipeline.engines.animatic.drawing.composition import composed
from ad_pipeline.engines.animatic.drawing.photo import Photo, product_photo
from ad_pipeline.engines.animatic.plan import Plan, planned
from ad_pipeline.engines.contracts import EngineFacts, Estimate, Job, Licence
from ad_pipeline.engines.crafts.image import ImageDone, ImageEngine, ImageRequest
from ad_pipeline.errors import EngineRefused

OWN_WORK = Licence(name="own work", paid_ads="yes", note="drawn by this program; nothing learnt, nothing fetched")

_LEAST_PX, _MOST_PX = 128, 4096


class AnimaticImage(ImageEngine):
    """Draws a scene's picture: the same request gives the same bytes."""

    facts = EngineFacts(
        name="animatic",
        model="compositor",
        version="4",
        crafts=frozenset({"image"}),
        licence=OWN_WORK,
        local=True,
        supports_seed=True,
        supports_layers=True,
    )

    def estimate_image(self, request: ImageRequest) -> Estimate:
        return Estimate(seconds=0.6 * request.size.width_px * request.size.height_px / (1080 * 1920))

    def render_image(self, request: ImageRequest, target: Path, layers_dir: Path, job: Job) -> ImageDone:
        """Draw `request`, leave the layers in `layers_dir` and the flat picture at `target`."""
        self._check_size(request)
        job.checkpoint(0.0, "planning")
        plan = planned(request)
        photo = self._photo(request, plan)
        composition = composed(request, plan, photo)
        job.checkpoint(0.7, "composed")
        composition.write(layers_dir)
        write_png(composition.flat(), target)
        job.checkpoint(1.0)
        return ImageDone(
            model=self.facts.model,
            seed=request.seed,
            details=_details(plan, photo) | {"layers": ["plate.png", *composition.pictures]},
            layers_dir=layers_dir,
        )

    def _photo(self, request: ImageRequest, plan: Plan) -> Photo | None:
        """The person's picture; read (and refused) even where this scene does not show it."""
        path = request.look.product_image
        if path is None:
            return None
        photo = product_photo(path, engine=self.facts.name)
        return photo if plan.shows_product else None

    def _check_size(self, request: ImageRequest) -> None:
        sides = (request.size.width_px, request.size.height_px)
        if min(sides) < _LEAST_PX or max(sides) > _MOST_PX:
            raise EngineRefused(
                "a picture of {size} is not drawn; each side may have {least} to {most} pixels",
                engine=self.facts.name,
                size=str(request.size),
                least=_LEAST_PX,
                most=_MOST_PX,
            )


def _details(plan: Plan, photo: Photo | None) -> dict[str, Any]:
    """What was decided, for the record."""
    product = ""
    if plan.shows_product:
        product = (
            {
                "alpha": "photo (own alpha)",
                "keyed": "photo (plain background removed)",
                "framed": "photo in a frame: its background is not plain",
            }[photo.cut]
            if photo
            else f"drawn {plan.product}"
        )
    return {
        "plate": plan.plate.name,
        "light": plan.light,
        "camera": plan.camera,
        "subject": plan.figure or plan.subject,
        "product": product,
        "badge": plan.badge,
        "honoured": list(plan.honoured),
        "not_honoured": list(plan.unmet),
    }
