"""The template writer over sixty briefs: how fast, and whether all of it can be shot."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from ad_pipeline.errors import AdPipelineError
from ad_pipeline.media.time import FILM
from ad_pipeline.story.storyboard import Storyboard, storyboard_from_text
from ad_pipeline_tests.bench.rows import Row
from ad_pipeline_tests.stages.sessions import a_workplace
from ad_pipeline_tests.stories.written import BRIEFS, Written, laid_out, plain_picture, write, written

MOST_MS = 20.0

_ROUNDS = 5


def story_rows(folder: Path, *, quick: bool) -> list[Row]:
    """Warm processor time per brief against reading the same storyboard back, then what of the sixty misses."""
    told = {name: written(name) for name in BRIEFS}
    writing_ms = [_median_ms(lambda ad=ad: write(ad.brief, ad.kit), quick=quick) for ad in told.values()]
    texts = [ad.board.to_json() for ad in told.values()]
    reading_ms = [_median_ms(lambda text=text: Storyboard.model_validate_json(text), quick=quick) for text in texts]
    workplace, plain = a_workplace(folder / "sessions"), plain_picture(folder / "plain.png")
    outside = [name for name in BRIEFS if not all(v.passed for v in laid_out(workplace, name, plain).values())]
    count = f"of {len(BRIEFS)} briefs"
    return [
        Row(
            name="a storyboard by the template writer, median brief",
            value=statistics.median(writing_ms), unit="CPU ms", limit=MOST_MS,
        ),
        Row(
            name="a storyboard by the template writer, slowest brief", value=max(writing_ms), unit="CPU ms",
            limit=MOST_MS,
        ),
        Row(
            name="the same storyboards read from JSON by pydantic, median", value=statistics.median(reading_ms),
            unit="CPU ms", ratio=statistics.median(writing_ms) / statistics.median(reading_ms),
            ratio_to="the reading, to write it",
        ),
        Row(name="storyboards not valid", value=sum(not _is_valid(ad) for ad in told.values()), unit=count, limit=0),
        Row(
            name="storyboards with a narration too long for its scene",
            value=sum(bool(ad.late) for ad in told.values()), unit=count, limit=0,
        ),
        Row(
            name="storyboards that say what a rule forbids", value=sum(bool(ad.flags) for ad in told.values()),
            unit=count, limit=0,
        ),
        Row(name="storyboards with letters outside the safe zone", value=len(outside), unit=count, limit=0),
    ]  # fmt: skip


def _is_valid(ad: Written) -> bool:
    try:
        read = storyboard_from_text(ad.board.to_json())
    except AdPipelineError:
        return False
    return read == ad.board and sum(read.scene_frames) == FILM.frames(ad.brief.duration)


def _median_ms(work: Callable[[], object], *, quick: bool) -> float:
    work()
    spent: list[float] = []
    for _ in range(1 if quick else _ROUNDS):
        began = time.thread_time()
        work()
        spent.append((time.thread_time() - began) * 1000)
    return statistics.median(spent)
