"""An ad's music with and without a folder of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ad_pipeline.cli.music_findings import said_of_music
from ad_pipeline.media.sound import write_wav
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.stages.making import make
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline.stages.soundtrack import music_task
from ad_pipeline.stages.workplace import Wishes
from ad_pipeline_tests.media.songs import band
from ad_pipeline_tests.stages.sessions import a_workplace, open_ad

_HEAD = "file,mood,licence,paid_ads\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of music with two tracks that no CSV knows yet."""
    folder = tmp_path / "music"
    folder.mkdir()
    for name, bpm in (("a.wav", 104), ("b.wav", 92)):
        write_wav(folder / name, 0.3 * np.repeat(band("rock", bpm, 20, seed=1, ends=True).samples, 2), form="pcm16")
    monkeypatch.setenv("AD_PIPELINE_MUSIC", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def _made(tmp_path: Path, *, reuse: bool = True, **brief: Any) -> TakeRecord:
    workplace = a_workplace(tmp_path / "root")
    if not (tmp_path / "root" / "ad").exists():
        open_ad(workplace, **brief)
    facts = facts_of(workplace, "ad")
    return make(workplace, facts.session, music_task(facts), Wishes(reuse=reuse))


def test_an_ad_takes_its_music_from_the_folder_and_names_its_terms(tmp_path: Path, folder: Path) -> None:
    (folder / "music.csv").write_text(_HEAD + "a.wav,bright_playful,CC BY 4.0,yes\nb.wav,,,\n", encoding="utf-8")

    record = _made(tmp_path)

    assert (record.engine, record.model, record.degraded) == ("library", "own-tracks", None)
    assert (record.licence.name, record.licence.paid_ads) == ("CC BY 4.0", "yes")
    assert record.details["title"] == "a"
    assert record.details["passed_over"][0]["file"] == "b.wav"
    assert record.failed_checks == ()
    assert (tmp_path / "cache" / "ad_pipeline" / "beats").is_dir()


def test_another_take_has_another_track(tmp_path: Path, folder: Path) -> None:
    (folder / "music.csv").write_text(_HEAD + "a.wav,,bought,yes\nb.wav,,bought,yes\n", encoding="utf-8")

    titles = [_made(tmp_path, reuse=reuse).details["title"] for reuse in (True, True, False)]

    assert titles[0] == titles[1] != titles[2]


def test_a_paid_ad_without_licensed_tracks_is_composed_and_says_why(tmp_path: Path, folder: Path) -> None:
    record = _made(tmp_path)

    assert record.engine == "animatic"
    assert record.degraded is not None
    assert "music.csv names no licence" in record.degraded.why


def test_an_ad_that_is_not_commercial_takes_any_track(tmp_path: Path, folder: Path) -> None:
    record = _made(tmp_path, commercial=False)

    assert record.engine == "library"
    assert record.licence.paid_ads == "no"


def test_without_a_folder_the_composer_is_no_second_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AD_PIPELINE_MUSIC", raising=False)

    record = _made(tmp_path)

    assert (record.engine, record.degraded) == ("animatic", None)
    assert "for_paid_ads" not in record.parameters


def test_the_doctor_counts_tracks_and_names_what_is_wrong(folder: Path) -> None:
    (folder / "music.csv").write_text(_HEAD + "a.wav,,bought,yes\n", encoding="utf-8")
    (folder / "broken.mp3").write_bytes(b"\0" * AUDIO_RATE_HZ)
    good, said = said_of_music(folder)

    assert good
    assert said.startswith("2 tracks, 1 of them for paid ads; ")
    assert "broken.mp3" in said
    assert said_of_music(folder / "gone")[0] is False
