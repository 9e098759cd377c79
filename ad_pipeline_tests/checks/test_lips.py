"""What the lips check finds: a job that did nothing, lips out of time, a picture that changed elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from ad_pipeline.checks.lips import check_lips, seen_lips
from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.errors import MediaError
from ad_pipeline.media.sound import Samples, write_wav
from ad_pipeline.media.time import FILM
from ad_pipeline_tests.comfy.faces import Rgb, a_ground, film_of, with_face

FRAMES, START_S = 72, 0.4
ROWS, COLUMNS = 320, 180


def _voice() -> tuple[Samples, Callable[[float], float]]:
    """Two seconds of a tone that swells unevenly, and how loud it is at a moment."""
    at = np.arange(96_000) / 48_000

    def loud(t: float) -> float:
        return float(abs(np.sin(2 * np.pi * 1.3 * t + 2 * t**2))) if 0 <= t < 2 else 0.0

    swell = np.abs(np.sin(2 * np.pi * 1.3 * at + 2 * at**2))
    return (0.4 * swell * np.sin(2 * np.pi * 190 * at)).astype(np.float32)[:, None], loud


@pytest.fixture
def ground() -> Rgb:
    return a_ground(ROWS, COLUMNS)


class Case:
    """A clip with a closed mouth, a voice, and what a job makes of them."""

    def __init__(self, folder: Path, ground: Rgb) -> None:
        self.folder, self.ground = folder, ground
        self.source = film_of(folder / "clip.mp4", [with_face(ground)] * FRAMES)
        samples, self.loud = _voice()
        self.voice = folder / "voice.wav"
        write_wav(self.voice, samples)

    def spoken(self, *, late_s: float = 0.0) -> list[Rgb]:
        moments = (FILM.seconds(n) - START_S - late_s for n in range(FRAMES))
        return [with_face(self.ground, mouth=self.loud(moment)) for moment in moments]

    def judged(self, pictures: Sequence[Rgb]) -> dict[str, Verdict]:
        made = film_of(self.folder / "lips.mp4", list(pictures))
        verdicts = check_lips(made, source=self.source, voice=self.voice, voice_start_s=START_S)
        return {verdict.name: verdict for verdict in verdicts}


@pytest.fixture
def case(tmp_path: Path, ground: Rgb) -> Case:
    return Case(tmp_path, ground)


def _failed(verdicts: dict[str, Verdict]) -> list[str]:
    return [name for name, verdict in verdicts.items() if not verdict.passed]


def test_lips_that_follow_the_voice_pass(case: Case) -> None:
    assert _failed(case.judged(case.spoken())) == []


def test_a_job_that_changed_nothing_is_told(case: Case) -> None:
    told = case.judged([with_face(case.ground)] * FRAMES)

    assert _failed(told) == ["mouth_moves", "lips_in_time"]
    assert "changed nothing" in told["mouth_moves"].note
    assert told["mouth_moves"].severity == "error"
    assert told["lips_in_time"].severity == "warning"


@pytest.mark.parametrize("late_s", [-0.3, -0.2, 0.1, 0.25])
def test_lips_out_of_time_are_told_with_how_much(case: Case, late_s: float) -> None:
    told = case.judged(case.spoken(late_s=late_s))

    assert _failed(told) == ["lips_in_time"]
    measured_ms = float(told["lips_in_time"].measured.split(" ")[0])
    assert measured_ms == pytest.approx(-late_s * 1000, abs=15)


@pytest.mark.parametrize("late_s", [-0.1, -0.04, 0.0, 0.04])
def test_lips_within_what_an_eye_forgives_pass(case: Case, late_s: float) -> None:
    assert _failed(case.judged(case.spoken(late_s=late_s))) == []


def test_movement_that_has_nothing_to_do_with_the_voice_is_a_warning(case: Case) -> None:
    chance = np.random.default_rng(5)

    told = case.judged([with_face(case.ground, mouth=float(chance.uniform(0, 1))) for _ in range(FRAMES)])

    assert _failed(told) == ["lips_in_time"]
    assert told["lips_in_time"].measured.startswith("cannot be told")
    assert told["lips_in_time"].severity == "warning"


def _redder(picture: Rgb) -> Rgb:
    return np.clip(picture.astype(np.int16) + (14, -6, 0), 0, 255).astype(np.uint8)


def test_a_picture_whose_colours_shifted_is_told(case: Case) -> None:
    assert "outside_region" in _failed(case.judged([_redder(picture) for picture in case.spoken()]))


def test_one_broken_frame_is_told(case: Case) -> None:
    pictures = case.spoken()
    pictures[40] = np.ascontiguousarray(pictures[40][:, ::-1])

    assert _failed(case.judged(pictures)) == ["outside_region"]


def test_a_change_larger_than_a_face_is_told(case: Case) -> None:
    pictures = case.spoken()
    for number, picture in enumerate(pictures):
        picture[: ROWS * 3 // 4] = cv2.blur(picture[: ROWS * 3 // 4], (41, 41)) // (1 + number % 2)

    assert "changed_region" in _failed(case.judged(pictures))


def test_a_film_of_another_size_is_an_error(case: Case) -> None:
    small = film_of(case.folder / "small.mp4", [case.ground[:160, :90].copy()] * 4)

    with pytest.raises(MediaError, match="90x160"):
        seen_lips(small, source=case.source, voice=case.voice, voice_start_s=0.0)


def test_silence_asks_for_no_movement(case: Case) -> None:
    write_wav(case.voice, np.zeros((48_000, 1), np.float32))

    told = case.judged([with_face(case.ground)] * FRAMES)

    assert told["mouth_moves"].passed
    assert told["mouth_moves"].measured == "changed in 0 of 0 frames with voice"
