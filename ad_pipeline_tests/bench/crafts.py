"""Single crafts in this process: what a plate and a minute of music cost in processor time."""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2

from ad_pipeline.engines.animatic.drawing.plates.catalogue import PLATES
from ad_pipeline.engines.animatic.image import AnimaticImage
from ad_pipeline.engines.animatic.sound import ProceduralSound
from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.image import ImageRequest, Look
from ad_pipeline.engines.crafts.sound import MusicRequest, SfxRequest
from ad_pipeline.stages.kits import kit_of
from ad_pipeline.story.channels import safe_box
from ad_pipeline.values import Size
from ad_pipeline_tests.bench.rows import Row

MOST_KEY_IMAGE_S = 1.2
MOST_SOUND_S = 1.5

_AT_ONCE = 5
_JOB = Job(job_id="00000000-0000-4000-8000-000000000000")
_FILM = Size(width_px=1080, height_px=1920)


def key_image_rows(*, quick: bool) -> list[Row]:
    """A product shot on every plate (every fourth when quick), layers and PNG files written; then five at once."""
    spent = [drawn(place) for place in range(0, len(PLATES), 4 if quick else 1)]
    with ProcessPoolExecutor(_AT_ONCE, mp_context=multiprocessing.get_context("spawn")) as processes:
        list(processes.map(_ready, range(_AT_ONCE)))
        began = time.monotonic()
        together = list(processes.map(drawn, range(_AT_ONCE)))
        whole_s = time.monotonic() - began
    return [
        Row(
            name="key image 1080x1920, median plate",
            value=statistics.median(spent), unit="CPU s", limit=MOST_KEY_IMAGE_S,
        ),
        Row(name="key image 1080x1920, slowest plate", value=max(spent), unit="CPU s"),
        Row(
            name="five key images at once, the median one",
            value=statistics.median(together), unit="CPU s", limit=MOST_KEY_IMAGE_S,
        ),
        Row(name="five key images at once, until the last is there", value=whole_s, unit="s"),
    ]  # fmt: skip


def drawn(plate: int) -> float:
    """Processor seconds of one product shot on that plate."""
    cv2.setNumThreads(1)
    engine, look = AnimaticImage(), Look(kit=kit_of("laneige", folders=()), product="Water Glow Serum")
    request = ImageRequest(
        prompt=f"product, {PLATES[plate].words[0]}",
        size=_FILM,
        seed=7,
        purpose="solution",
        look=look,
        safe_box=safe_box("9:16", ("instagram_reels",)),
    )
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        engine.render_image(request, Path(folder, "key.png"), Path(folder, "layers"), _JOB)
        return time.process_time() - began


def _ready(_: int) -> None:
    """All modules are loaded once the call comes back; a moment, so that each process takes one."""
    time.sleep(0.3)


def sound_rows() -> list[Row]:
    """The procedural sound of a 60 s ad: one bed, twelve scenes' effects."""
    engine, starts = ProceduralSound(), tuple(float(second) for second in range(0, 60, 5))
    music = MusicRequest(
        mood="calm_inspiring", duration_s=60.0, scene_starts_s=starts, rise_at_s=20.0, ending_at_s=55.0, seed=7
    )
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        engine.render_music(music, Path(folder, "music.wav"), _JOB)
        for place, _ in enumerate(starts):
            effects = SfxRequest(
                clip=Path(folder, "unused.mp4"), duration_s=5.0, transition_in="dissolve", opens=place == 0, seed=place
            )
            engine.render_sfx(effects, Path(folder, "sfx.wav"), _JOB)
        spent = time.process_time() - began
    return [Row(name="music and effects, 60 s ad", value=spent, unit="CPU s", limit=MOST_SOUND_S)]
