"""Where the film stands still for a description: after the words of its scene, wherever those end."""

from __future__ import annotations

import numpy as np
import pytest

from ad_pipeline.media.holding import held_s
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.media.timeline import Shot
from ad_pipeline.stages.description_plan import told_whole
from ad_pipeline.story.describing import Telling

_SHOTS = (
    Shot(scene_id="scene_001", start_frame=0, frames=281, head_frames=0, tail_frames=0),
    Shot(scene_id="scene_002", start_frame=281, frames=79, head_frames=0, tail_frames=0),
)


@pytest.mark.parametrize("end_s", [347 / 24 - 0.01, np.nextafter(347 / 24, 0), 347 / 24, 347 / 24 + 0.01])
def test_no_word_is_counted_as_if_it_were_spoken_after_the_picture_stood(end_s: float) -> None:
    """Words that end exactly with a frame as well: 10 ms steps meet a frame four times a second."""
    words = (11.92, float(end_s))
    tellings = (
        Telling(scene_id="scene_001", language="ko"),
        Telling(scene_id="scene_002", language="ko", seen="접힌 비단, 세럼"),
    )
    known = {"접힌 비단, 세럼.": np.zeros(3 * AUDIO_RATE_HZ, np.float32)}

    laid, holds = told_whole(tellings, _SHOTS, [words], known, film_s=15.0)

    assert len(holds) == 1
    assert held_s(words[1], holds) == words[1]
    assert laid["scene_002"].start_s > words[1]
