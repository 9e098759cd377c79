"""Small key images that tests of the animatic begin with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from ad_pipeline.engines.animatic.image import AnimaticImage
from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.image import ImageRequest, Look
from ad_pipeline.values import Box, Size
from ad_pipeline_tests.story.samples import a_kit

JOB = Job(job_id="3f0e8d52-0000-4000-8000-000000000001")
SMALL = Size(width_px=216, height_px=384)


def image_request(size: Size = SMALL, **changes: object) -> ImageRequest:
    width, height = size.width_px, size.height_px
    safe = Box(left_px=width // 16, top_px=height // 7, right_px=width * 15 // 16, bottom_px=height * 2 // 3)
    calm = Box(left_px=safe.left_px, top_px=safe.top_px, right_px=safe.right_px, bottom_px=height // 4)
    request = ImageRequest(
        prompt="a bottle on a podium",
        size=size,
        seed=5,
        purpose="solution",
        look=Look(kit=a_kit(), product="워터 글로우 세럼"),
        safe_box=safe,
        calm_boxes=(calm,),
    )
    return replace(request, **changes)  # type: ignore[arg-type]  # a test's own shorthand


def rendered(request: ImageRequest, folder: Path, name: str = "key.png") -> np.ndarray:
    AnimaticImage().render_image(request, folder / name, folder / f"{name}.layers", JOB)
    with Image.open(folder / name) as picture:
        assert picture.mode == "RGB"
        return np.asarray(picture)
