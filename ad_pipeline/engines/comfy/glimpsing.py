"""The pictures that a node sends of unfinished work, as far as they are pictures."""

from __future__ import annotations

import io

from PIL import Image

from ad_pipeline.engines.comfy.events import Preview
from ad_pipeline.engines.contracts import Glimpse

ASKED_FOR = {"preview_method": "auto"}
"""In a job's extra_data (ComfyUI 0.5 and later): a server that was started without previews sends them for this job."""

_LARGEST_BYTES = 4 * 1024 * 1024
_LARGEST_PX = 2048 * 2048


class Glimpses:
    """Passes each picture of one job on once."""

    def __init__(self) -> None:
        self._last: Preview | None = None

    def news(self, preview: Preview | None) -> Glimpse | None:
        """The picture, when it is another than last time and decodes."""
        if preview is None or preview is self._last:
            return None
        self._last = preview
        return _decoded(preview.image)


def _decoded(data: bytes) -> Glimpse | None:
    if len(data) > _LARGEST_BYTES:
        return None
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
            if image.width * image.height > _LARGEST_PX:
                return None
            image.load()
            return Glimpse(suffix=".png" if image.format == "PNG" else ".jpg", picture=data)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # Pillow is not of one mind
        return None
