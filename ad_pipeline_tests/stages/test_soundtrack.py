"""The film's sound is mixed once for all formats, and again only when a part of it changed."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from ad_pipeline.media.loudness import measured
from ad_pipeline.media.sound import Samples, read_sound, write_wav
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline.stages.sfx import sfx_key
from ad_pipeline.stages.soundtrack import MUSIC, FilmSound, Soundtrack, unmet_note
from ad_pipeline.stages.voice import AIR_S, voice_key
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline_tests.sessions.writing import facts as take_facts
from ad_pipeline_tests.stages.sessions import a_workplace, open_ad

KEPT = ["json", "m4a", "music.wav", "sfx.wav", "voice.wav"]


def _tone(seconds: float, hz: float, level: float = 0.2) -> Samples:
    at = np.arange(round(seconds * AUDIO_RATE_HZ)) / AUDIO_RATE_HZ
    wave = level * np.sin(2 * np.pi * hz * at)
    return np.stack([wave, wave], 1).astype(np.float32)


def _take(workplace: Workplace, key: ArtifactKey, samples: Samples) -> None:
    session = workplace.session("ad")
    with session.drafting(key) as draft:
        write_wav(draft.path, samples)
        session.commit(draft, made_by="pipeline", facts=take_facts(fingerprint=f"{samples.sum()} {len(samples)}"))


def _speak(workplace: Workplace, scene_id: str, hz: float) -> None:
    _take(workplace, voice_key(scene_id), _tone(1.0, hz)[:, :1])


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    """An ad of six seconds with its music, its effects and its voices."""
    workplace = a_workplace(tmp_path / "root")
    open_ad(workplace)
    _take(workplace, MUSIC, _tone(6.0, 220))
    for scene_id in ("scene_001", "scene_002"):
        _take(workplace, sfx_key(scene_id), _tone(1.0, 900, 0.05))
        _speak(workplace, scene_id, 330)
    return workplace


def _sound(workplace: Workplace) -> FilmSound:
    """As a cut of its own asks: with nothing remembered."""
    return Soundtrack(facts_of(workplace, "ad")).sound


def _files(workplace: Workplace) -> dict[str, int]:
    folder = workplace.session("ad").folder / ".segments" / "sound"
    return {path.name: path.stat().st_ino for path in folder.iterdir()}


def test_a_second_cut_with_the_same_parts_takes_the_kept_file(workplace: Workplace) -> None:
    first = _sound(workplace)
    before = _files(workplace)

    again = _sound(workplace)

    assert again == first
    assert _files(workplace) == before
    assert sorted(name.partition(".")[2] for name in before) == KEPT
    assert first.within_limits and not first.is_silent
    assert first.loudness.integrated_lufs == pytest.approx(-14, abs=0.6)
    assert first.ducked_db != 0
    assert len(read_sound(first.path)) == pytest.approx(6 * AUDIO_RATE_HZ, abs=2048)


def test_one_cuts_formats_share_one_sound(workplace: Workplace) -> None:
    soundtrack = Soundtrack(facts_of(workplace, "ad"))

    assert soundtrack.sound is soundtrack.sound


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage", ["changed", "cut", "gone", "told_gone", "told_broken", "told_of_another", "stem_changed", "stem_gone"]
)
def test_a_damaged_kept_file_is_mixed_anew(workplace: Workplace, damage: str) -> None:
    first = _sound(workplace)
    file = first.path
    whole, told = file.read_bytes(), file.with_suffix(".json")
    if damage == "changed":
        file.write_bytes(whole[:-100] + bytes(100))
    elif damage == "cut":
        file.write_bytes(whole[: len(whole) // 2])
    elif damage == "gone":
        file.unlink()
    elif damage == "stem_changed":
        first.stems["voice"].write_bytes(b"an editor's own")
    elif damage == "stem_gone":
        first.stems["music"].unlink()
    elif damage == "told_gone":
        told.unlink()
    else:
        told.write_text("{" if damage == "told_broken" else "{}", encoding="utf-8")

    again = _sound(workplace)

    assert again == first
    assert file.read_bytes() == whole, "the same parts give the same sound"
    assert sorted(_files(workplace)) == sorted(f"{file.stem}.{suffix}" for suffix in KEPT)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["voice", "sfx", "music"])
def test_a_changed_part_makes_a_new_sound_and_the_old_part_finds_the_old_one(workplace: Workplace, part: str) -> None:
    first = _sound(workplace)
    if part == "voice":
        _speak(workplace, "scene_002", 500)
    elif part == "sfx":
        _take(workplace, sfx_key("scene_001"), _tone(0.5, 700, 0.05))
    else:
        _take(workplace, MUSIC, _tone(6.0, 110))

    changed = _sound(workplace)

    assert changed.path != first.path
    assert first.path.exists(), "kept, should the person pick the earlier take again"
    if part == "voice":
        workplace.session("ad").pick(voice_key("scene_002"), 1, by="person")
        inode = first.path.stat().st_ino
        assert _sound(workplace) == first
        assert first.path.stat().st_ino == inode


def _age(workplace: Workplace) -> None:
    """A hundred seconds pass."""
    for told in (workplace.session("ad").folder / ".segments" / "sound").glob("*.json"):
        then = told.stat().st_mtime - 100
        os.utime(told, (then, then))


@pytest.mark.slow
def test_the_last_three_sounds_are_kept_by_when_they_were_used(workplace: Workplace) -> None:
    paths: list[Path] = []
    for take, hz in enumerate((330, 400, 450, 500), 1):
        if take > 1:
            _speak(workplace, "scene_002", hz)
        paths.append(_sound(workplace).path)
        _age(workplace)
        if take == 3:
            workplace.session("ad").pick(voice_key("scene_002"), 1, by="person")
            assert _sound(workplace).path == paths[0]  # used again: no longer the oldest
            _age(workplace)

    assert [path.exists() for path in paths] == [True, False, True, True]
    assert len(_files(workplace)) == 3 * len(KEPT)


def test_what_a_killed_process_left_goes_when_it_is_old(workplace: Workplace) -> None:
    folder = workplace.session("ad").folder / ".segments" / "sound"
    folder.mkdir(parents=True)
    old, young, orphan = folder / "aa.1234.m4a", folder / "bb.1234.m4a", folder / "cc.m4a"
    for path in (old, young, orphan):
        path.write_bytes(b"half")
    then = time.time() - 7200
    os.utime(old, (then, then))

    _sound(workplace)

    assert [path.exists() for path in (old, young, orphan)] == [False, True, False]


def test_an_ad_without_a_voice_has_a_sound_without_one(workplace: Workplace) -> None:
    with_voice = _sound(workplace)
    open_ad(workplace, voice="none")

    without = _sound(workplace)

    assert without.path != with_voice.path
    assert without.ducked_db == 0


def test_the_stems_add_up_to_the_sound(workplace: Workplace) -> None:
    sound = _sound(workplace)

    stems = {name: read_sound(path) for name, path in sound.stems.items()}

    assert list(stems) == ["voice", "music", "sfx"]
    assert {len(stem) for stem in stems.values()} == {6 * AUDIO_RATE_HZ}
    assert all(stem.any() for stem in stems.values())
    together, heard = stems["voice"] + stems["music"] + stems["sfx"], read_sound(sound.path)
    missing = together[: len(heard)] - heard[: len(together)]
    assert np.sqrt(np.mean(missing**2)) < 0.03 * np.sqrt(np.mean(heard**2)), "but for what AAC leaves out"


def test_a_voice_begins_when_its_record_says(workplace: Workplace) -> None:
    first = _onset_s(_sound(workplace))
    session = workplace.session("ad")
    with session.drafting(voice_key("scene_001")) as draft:
        write_wav(draft.path, _tone(1.0, 330)[:, :1])
        session.commit(draft, made_by="pipeline", facts=take_facts(fingerprint="late", details={"start_s": 0.75}))

    late = _onset_s(_sound(workplace))

    assert first == pytest.approx(AIR_S, abs=0.01)
    assert late == pytest.approx(0.75, abs=0.01)


def _onset_s(sound: FilmSound) -> float:
    """When the voice is first heard."""
    voice = np.abs(read_sound(sound.stems["voice"])[:, 0])
    return int(np.argmax(voice > 0.1 * voice.max())) / AUDIO_RATE_HZ


def test_a_voice_of_an_engine_goes_through_the_chain_and_the_guide_voice_does_not(workplace: Workplace) -> None:
    raw = _sound(workplace)
    for scene_id in ("scene_001", "scene_002"):
        session = workplace.session("ad")
        with session.drafting(voice_key(scene_id)) as draft:
            write_wav(draft.path, _tone(1.0, 330)[:, :1])
            facts = take_facts(fingerprint=f"guide {scene_id}", details={"guide_voice": True})
            session.commit(draft, made_by="pipeline", facts=facts)

    guide = _sound(workplace)

    assert guide.path != raw.path
    assert not np.allclose(read_sound(guide.stems["voice"]), read_sound(raw.stems["voice"]), atol=1e-4)


def test_the_accessible_sound_keeps_all_else_further_down(workplace: Workplace) -> None:
    usual = _sound(workplace)

    clearer = Soundtrack(facts_of(workplace, "ad"), accessible=True).sound

    assert clearer.path != usual.path
    assert usual.path.exists()
    assert clearer.speech_over_music_lu >= 20 > usual.speech_over_music_lu >= 12
    assert clearer.within_limits


@pytest.mark.parametrize(
    ("channels", "lufs", "unmet"),
    [(["tiktok"], -14, []), (["tv_kr", "tiktok"], -24, ["tiktok"]), (["tv_us", "tv_eu"], -23, [])],
)
def test_the_sound_is_as_loud_as_its_first_channel_asks_and_the_record_tells(
    tmp_path: Path, workplace: Workplace, channels: list[str], lufs: float, unmet: list[str]
) -> None:
    open_ad(workplace, channels=channels)
    facts = facts_of(workplace, "ad")

    sound = Soundtrack(facts).sound

    told = sound.told(facts)
    assert sound.within_limits
    assert measured(sound.path).integrated_lufs == pytest.approx(lufs, abs=0.4)
    assert told["loudness_target"]["integrated_lufs"] == lufs
    assert told["loudness_target"]["title"]
    assert told["loudness_target"]["source"]
    assert list(told["loudness_unmet"]) == unmet
    assert [name for name in channels if name in unmet_note(facts)] == unmet
    assert told["loudness_measured"][told["loudness_kept"]]["integrated_lufs"] == pytest.approx(lufs, abs=0.4)
    assert told["speech_over_music_lu"] >= 12
    json.dumps(told, allow_nan=False)


def test_silence_is_told_without_a_number(workplace: Workplace) -> None:
    for key in (MUSIC, sfx_key("scene_001"), sfx_key("scene_002")):
        _take(workplace, key, np.zeros((AUDIO_RATE_HZ, 2), np.float32))
    open_ad(workplace, voice="none")
    facts = facts_of(workplace, "ad")

    told = Soundtrack(facts).sound.told(facts)

    assert told["loudness_measured"][0]["integrated_lufs"] is None
    assert told["speech_over_music_lu"] is None
    json.dumps(told, allow_nan=False)
