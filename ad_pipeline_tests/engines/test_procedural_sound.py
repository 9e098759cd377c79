from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ad_pipeline.engines.animatic.moods import MOODS, mood_of
from ad_pipeline.engines.animatic.music import composed
from ad_pipeline.engines.animatic.sfx import rendered
from ad_pipeline.engines.animatic.sound import ProceduralSound
from ad_pipeline.engines.animatic.wav import Samples
from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.sound import MusicRequest, SfxRequest


def _asked(mood: str, duration_s: float = 15.0, seed: int = 1) -> MusicRequest:
    return MusicRequest(
        mood=mood,
        duration_s=duration_s,
        scene_starts_s=tuple(duration_s * share for share in (0, 0.17, 0.34, 0.6, 0.85)),
        rise_at_s=duration_s * 0.34,
        ending_at_s=duration_s * 0.85,
        seed=seed,
    )


def _level_db(samples: Samples) -> float:
    return 20 * float(np.log10(np.sqrt((samples**2).mean()) + 1e-9))


@pytest.mark.parametrize("mood", MOODS)
def test_a_bed_begins_softly_rises_and_rings_out(mood: str) -> None:
    bed, plan, _ = composed(_asked(mood))

    rise = int(plan.rise_s * 48_000)
    assert bed.shape == (15 * 48_000, 2)
    assert np.abs(bed).max() <= 10 ** (-3 / 20)
    assert np.abs(bed[0]).max() < 1e-4
    assert np.abs(bed[-1]).max() < 1e-4
    assert _level_db(bed[rise:-48_000]) > _level_db(bed[:rise]) + 2
    assert _level_db(bed[-24_000:]) < _level_db(bed[rise:-48_000]) - 6
    assert np.abs(np.diff(bed, axis=0)).max() < 0.35, "a step this large is heard as a click"


@pytest.mark.parametrize("mood", MOODS)
def test_a_bed_is_music_and_no_beep(mood: str) -> None:
    bed, _, _ = composed(_asked(mood))

    power = np.abs(np.fft.rfft(bed.mean(axis=1))) ** 2
    hertz = np.fft.rfftfreq(len(bed), 1 / 48_000)
    strongest = np.sort(power)[::-1]
    assert strongest[:20].sum() / power.sum() < 0.5
    for low, high in ((40, 200), (200, 800), (800, 3000)):
        assert power[(hertz >= low) & (hertz < high)].sum() / power.sum() > 0.01
    assert np.corrcoef(bed.T)[0, 1] < 0.95


@pytest.mark.parametrize("mood", MOODS)
@pytest.mark.parametrize("duration_s", [6.0, 15.0, 30.0])
def test_the_turns_of_the_story_meet_the_beat(mood: str, duration_s: float) -> None:
    request = _asked(mood, duration_s)

    _, plan, _ = composed(request)

    assert abs(plan.rise_s - request.rise_at_s) <= plan.beat_s
    assert duration_s * 0.5 < plan.last_chord_s < duration_s - 0.8


def test_seeds_vary_the_bed() -> None:
    one, two, again = (composed(_asked("calm_inspiring", seed=seed))[0] for seed in (1, 2, 1))

    assert not np.array_equal(one, two)
    assert np.array_equal(one, again)


@pytest.mark.parametrize(
    ("wish", "name", "exact"),
    [
        ("calm_inspiring", "calm_inspiring", True),
        ("Elegant Luxury", "elegant_luxury", True),
        ("upbeat trendy dance", "energetic_pop", False),
        ("잔잔하고 평온한", "calm_inspiring", False),
        ("%s {x}", "calm_inspiring", False),
        ("", "calm_inspiring", False),
    ],
)
def test_an_unknown_mood_becomes_the_nearest(wish: str, name: str, exact: bool) -> None:
    mood, was_exact = mood_of(wish)

    assert (mood.name, was_exact) == (name, exact)


def test_the_nearest_mood_is_said_in_the_details(tmp_path: Path) -> None:
    done = ProceduralSound().render_music(_asked("청량한 여름", 6.0), tmp_path / "m.wav", Job(job_id="x"))

    assert done.details["mood"] == "fresh_clean"
    assert done.details["mood_is_nearest"] is True


def test_effects_follow_the_scene() -> None:
    def heard(**facts: object) -> list[str]:
        return rendered(SfxRequest(clip=Path("c"), duration_s=3.0, **facts))[1]  # type: ignore[arg-type]

    assert heard() == []
    assert heard(transition_in="dissolve") == ["whoosh"]
    assert heard(transition_in="dissolve", opens=True) == []
    assert heard(purpose="cta", motion_style="pulse effect") == ["sting", "click"]
    assert heard(prompt="water surface", purpose="solution") == ["water", "shimmer"]


@pytest.mark.parametrize(
    ("words", "heard"),
    [
        ("a soft whoosh, then glass sparkles", ["whoosh", "shimmer"]),
        ("물방울 소리와 반짝이는 소리", ["water", "shimmer"]),
        ("뚜껑이 딸깍", ["click"]),
        ("waves of foam, wind", ["foam", "air"]),
        ("a dog barks", []),
    ],
)
def test_effects_are_what_a_scene_says_shall_be_heard(tmp_path: Path, words: str, heard: list[str]) -> None:
    asked = SfxRequest(clip=Path("c"), duration_s=2.0, prompt=words, says_sound=True)

    done = ProceduralSound().render_sfx(asked, tmp_path / "s.wav", Job(job_id="x"))

    assert done.details["heard"] == heard
    assert done.details["not_honoured"] == ([] if heard else [words])


def test_words_for_sounds_in_a_picture_ask_for_none() -> None:
    asked = SfxRequest(clip=Path("c"), duration_s=2.0, prompt="a sparkling snap of a bell, click")

    assert rendered(asked)[1:] == ([], [])


@pytest.mark.parametrize("duration_s", [0.5, 1.0, 12.0])
def test_effects_are_as_long_as_the_scene_and_never_clip(duration_s: float) -> None:
    sound, _, _ = rendered(
        SfxRequest(
            clip=Path("c"), duration_s=duration_s, prompt="water", purpose="cta", transition_in="wipe", closes=True
        )
    )

    assert len(sound) == round(duration_s * 48_000)
    assert np.abs(sound).max() <= 0.51
    assert np.abs(sound[[0, -1]]).max() < 1e-4
