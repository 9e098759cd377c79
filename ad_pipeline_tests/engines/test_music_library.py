"""The user's own music: which track an ad takes, what it may not take, and what the record tells."""

from __future__ import annotations

import functools
import shutil
import unicodedata
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from ad_pipeline.engines.animatic.moods import MOODS
from ad_pipeline.engines.contracts import Done, Job
from ad_pipeline.engines.crafts.sound import MusicRequest, SfxRequest
from ad_pipeline.engines.library.catalogue import library_in
from ad_pipeline.engines.library.choosing import chosen
from ad_pipeline.engines.library.engine import LibraryMusic
from ad_pipeline.engines.library.moods import distance, moods, moods_in
from ad_pipeline.engines.library.sheet import key_of, sheet_in, sheet_of
from ad_pipeline.engines.library.sound_file import sound_file
from ad_pipeline.engines.library.tracks import Row, Track
from ad_pipeline.errors import EngineRefused, InputRejected, MediaError
from ad_pipeline.media.sound import read_sound, write_wav
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline_tests.media.songs import band

_REQUEST = MusicRequest(
    mood="calm_inspiring", duration_s=15.0, scene_starts_s=(0, 3, 7, 11.5), rise_at_s=7.0, ending_at_s=11.5, seed=0
)
_HEAD = "file,title,artist,mood,bpm,licence,paid_ads,source,credit,expires\n"
_JOB = Job(job_id="1")


@functools.cache
def _samples(seconds: int = 30, bpm: int = 104) -> np.ndarray:
    return 0.3 * np.repeat(band("rock", bpm, seconds, seed=bpm, ends=True).samples, 2)


def _wav(path: Path, seconds: int = 30, *, bpm: int = 104) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, _samples(seconds, bpm), form="pcm16")
    return path


def _encoded(path: Path, codec: str, **tags: str) -> Path:
    sound = _samples()[: 6 * AUDIO_RATE_HZ]
    with av.open(str(path), "w") as container:
        container.metadata.update(tags)
        stream: Any = container.add_stream(codec, rate=AUDIO_RATE_HZ)
        stream.layout = "mono"
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=AUDIO_RATE_HZ)
        for start in range(0, len(sound), AUDIO_RATE_HZ):
            frame = av.AudioFrame.from_ndarray(sound[None, start : start + AUDIO_RATE_HZ], "fltp", "mono")
            frame.sample_rate = AUDIO_RATE_HZ
            frame.pts = start
            for part in resampler.resample(frame):
                container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


def _csv(folder: Path, *lines: str, encoding: str = "utf-8") -> None:
    (folder / "music.csv").write_text(_HEAD + "\n".join(lines) + "\n", encoding=encoding)


def _render(folder: Path, target: Path, **changes: object) -> Done:
    engine = LibraryMusic(folder, kept_in=folder.parent / "kept")
    return engine.render_music(replace(_REQUEST, **changes), target, _JOB)  # pyright: ignore[reportArgumentType] # fields by name


def _track(file: str, mood: str, *, row: Row | None = None, duration_s: float = 60.0) -> Track:
    row = row or Row(licence="CC BY 4.0", paid_ads="yes")
    return Track(
        file=file,
        path=Path(file),
        title=file,
        artist="",
        moods=moods_in(mood),
        bpm=None,
        duration_s=duration_s,
        row=row,
    )


def _order(*tracks: Track, mood: str = "calm_inspiring", seed: int = 0) -> list[str]:
    choice = chosen(tracks, mood=mood, length_s=15, for_paid_ads=True, today=date(2026, 11, 21), seed=seed)
    return [candidate.track.file for candidate in choice.order]


# --- moods ---------------------------------------------------------------------------------------


def test_the_librarys_moods_are_those_of_the_composer() -> None:
    assert set(moods()) == set(MOODS)


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("calm_inspiring", "calm_inspiring"),
        ("차분한", "calm_inspiring"),
        ("신나는", "bright_playful"),
        ("고급스러운", "elegant_luxury"),
        ("Upbeat", "energetic_pop"),
        (unicodedata.normalize("NFD", "따뜻한"), "warm_acoustic"),
        ("bold-cinematic trailer", "bold_cinematic"),
    ],
)
def test_a_mood_is_known_in_both_languages(text: str, mood: str) -> None:
    assert moods_in(text)[0] == mood


def test_a_part_of_an_english_word_is_no_mood() -> None:
    assert moods_in("snowfall at an unwarmed harbour") == ()


def test_moods_of_a_kind_lie_nearer_than_others() -> None:
    near = distance(["calm_inspiring"], ["warm_acoustic"])

    assert distance(["calm_inspiring"], ["calm_inspiring", "bold_cinematic"]) == 0
    assert 0 < near < distance(["calm_inspiring"], ["energetic_pop"])


# --- choosing ------------------------------------------------------------------------------------


def test_the_nearest_mood_comes_first_and_no_mood_last() -> None:
    tracks = [_track("a", ""), _track("b", "energetic"), _track("c", "warm"), _track("d", "calm")]

    assert _order(*tracks) == ["d", "c", "b", "a"]


def test_equals_take_turns_by_the_seed() -> None:
    tracks = [_track(name, "calm") for name in "abc"] + [_track("d", "epic")]

    firsts = [_order(*tracks, seed=seed)[0] for seed in range(6)]

    assert firsts == ["a", "b", "c", "a", "b", "c"]
    assert chosen(tracks, mood="calm", length_s=1, for_paid_ads=True, today=date(2026, 1, 1), seed=4).variant == 1


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (Row(), "names no licence"),
        (Row(licence="CC BY 4.0"), "does not say paid_ads yes"),
        (Row(licence="CC BY-NC 4.0", paid_ads="no"), "does not say paid_ads yes"),
        (Row(licence="bought", paid_ads="yes", expires=date(2026, 11, 20)), "ended on 2026-11-20"),
    ],
)
def test_a_paid_ad_takes_only_what_is_licensed_for_it(row: Row, why: str) -> None:
    tracks = [_track("a", "calm", row=row), _track("b", "epic")]

    choice = chosen(tracks, mood="calm", length_s=15, for_paid_ads=True, today=date(2026, 11, 21), seed=0)
    free = chosen(tracks, mood="calm", length_s=15, for_paid_ads=False, today=date(2026, 11, 21), seed=0)

    assert [candidate.track.file for candidate in choice.order] == ["b"]
    assert why in str(choice.passed[0].why)
    assert free.order[0].track.file == "a"


def test_a_licence_is_good_on_its_last_day() -> None:
    row = Row(licence="bought", paid_ads="yes", expires=date(2026, 11, 21))

    assert _order(_track("a", "calm", row=row)) == ["a"]


def test_a_track_that_is_shorter_than_the_ad_is_passed_over() -> None:
    choice = chosen(
        [_track("a", "calm", duration_s=14.9), _track("b", "epic")], mood="calm", length_s=15, for_paid_ads=True,
        today=date(2026, 11, 21), seed=0,
    )  # fmt: skip

    assert [candidate.track.file for candidate in choice.order] == ["b"]
    assert str(choice.passed[0].why) == "it lasts 14.9 s, and the ad 15.0 s"


# --- the folder ----------------------------------------------------------------------------------


def test_names_folders_and_tags_tell_what_a_track_is(tmp_path: Path) -> None:
    short = _wav(tmp_path / "calm_inspiring - Morning Light.wav", 2)
    for name in ("upbeat_120bpm_city_walk.wav", "차분한/오후.wav", "Some Artist - Song.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(short, tmp_path / name)
    _encoded(tmp_path / "x.mp3", "mp3", title="From The Tag", artist="Tagged", genre="Cinematic", TBPM="98")

    found = {track.file: track for track in library_in(tmp_path).tracks}

    facts = {file: (track.title, track.artist, track.moods[:1], track.bpm) for file, track in found.items()}
    assert facts == {
        "calm_inspiring - Morning Light.wav": ("Morning Light", "", ("calm_inspiring",), None),
        "upbeat_120bpm_city_walk.wav": ("city walk", "", ("energetic_pop",), 120.0),
        "차분한/오후.wav": ("오후", "", ("calm_inspiring",), None),
        "Some Artist - Song.wav": ("Song", "Some Artist", (), None),
        "x.mp3": ("From The Tag", "Tagged", ("bold_cinematic",), 98.0),
    }


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp3", "mp3"),
        ("a.m4a", "aac"),
        ("a.flac", "flac"),
        ("a.ogg", "libopus"),
        ("a.opus", "libopus"),
        ("a.aac", "aac"),
    ],
)
def test_every_usual_kind_of_file_is_music(tmp_path: Path, name: str, codec: str) -> None:
    _encoded(tmp_path / name, codec)

    assert [track.file for track in library_in(tmp_path).tracks] == [name]
    assert sound_file(tmp_path / name).duration_s == pytest.approx(6, abs=1)


def test_the_csv_says_more_than_the_name(tmp_path: Path) -> None:
    _wav(tmp_path / "upbeat_120bpm_x.wav", 2)
    _csv(tmp_path, "upbeat_120bpm_x.wav,제목,가수,따뜻한,84,CC BY 4.0,예,https://example.com/x,음악: 가수,2027. 1. 31.")

    (track,) = library_in(tmp_path).tracks

    assert (track.title, track.artist, track.moods, track.bpm) == ("제목", "가수", ("warm_acoustic",), 84.0)
    assert track.row.paid_ads == "yes"
    assert track.row.expires == date(2027, 1, 31)
    assert track.row.credit == "음악: 가수"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_csv_is_read_as_programs_save_it(tmp_path: Path, encoding: str, mark: str) -> None:
    text = f"파일{mark}분위기{mark}라이선스{mark}광고\r\n노래.mp3{mark}차분한{mark}구매{mark}예\r\n"
    (tmp_path / "music.csv").write_bytes(text.encode(encoding))

    row = sheet_in(tmp_path).rows[key_of("노래.mp3")]

    assert (row.mood, row.licence, row.paid_ads) == ("차분한", "구매", "yes")


def test_korean_names_match_however_a_machine_writes_them(tmp_path: Path) -> None:
    _wav(tmp_path / unicodedata.normalize("NFD", "봄날.wav"), 2)
    _csv(tmp_path, "봄날.wav,,,calm,,bought,yes,,,")

    library = library_in(tmp_path)

    assert library.faults == ()
    assert library.tracks[0].row.licence == "bought"
    assert library.tracks[0].title == "봄날"


def test_lines_that_are_wrong_are_named_and_the_others_used(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        _wav(tmp_path / name, 2)
    _csv(
        tmp_path, "a.wav,,,,,bought,maybe,,,", "b.wav,,,,,bought,yes,,,31.12.", "c.wav,,,,,bought,yes,,,",
        "../d.wav,,,,,bought,yes,,,", "/etc/e.wav,,,,,bought,yes,,,", "C:\\f.wav,,,,,bought,yes,,,",
        "gone.wav,,,,,,,,,", ",title,,,,,,,,",
    )  # fmt: skip

    library = library_in(tmp_path)

    assert [track.file for track in library.tracks] == ["c.wav"]
    told = "\n".join(map(str, library.faults))
    for part in (
        "line 2: paid_ads is 'maybe'",
        "line 3: expires is '31.12.'",
        "'../d.wav' leads out",
        "line 6: '/etc/e.wav'",
    ):
        assert part in told
    assert "'C:\\\\f.wav' leads out" in told
    assert "'gone.wav', which is not in the folder" in told
    assert "line 9: the column file is empty" in told


def test_a_typing_error_in_a_column_is_asked_about() -> None:
    sheet = sheet_of("file,lisence,paid_ads\na.mp3,bought,yes\n")

    assert "did you mean 'licence'?" in str(sheet.faults[0])


@pytest.mark.parametrize(
    ("raw", "why"),
    [(b"a;b;c\n1;2;3\n", "no column file"), (b"", "no column file"), (b"\xff\xfe\x00\x81\x20", "save it as CSV UTF-8")],
)
def test_what_is_no_table_of_tracks_is_refused(tmp_path: Path, raw: bytes, why: str) -> None:
    (tmp_path / "music.csv").write_bytes(raw)

    with pytest.raises(InputRejected, match=why):
        sheet_in(tmp_path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside = _wav(tmp_path / "outside" / "a.wav", 2)
    folder = tmp_path / "music"
    folder.mkdir()
    (folder / "link.wav").symlink_to(outside)
    (folder / "more").symlink_to(outside.parent, target_is_directory=True)
    _wav(folder / "own.wav", 2)

    assert [track.file for track in library_in(folder).tracks] == ["own.wav"]


def test_text_from_files_is_one_plain_line(tmp_path: Path) -> None:
    _wav(tmp_path / "a.wav", 2)
    _csv(tmp_path, 'a.wav,"two\nlines \x1b[31m",' + "x" * 900 + ",,,,,,,")

    (track,) = library_in(tmp_path).tracks

    assert track.title == "two lines [31m"
    assert len(track.artist) == 200


# --- files that cannot be used -------------------------------------------------------------------


@pytest.mark.parametrize("kind", [b"drms", b"enca"])
def test_a_protected_file_is_named_as_such(tmp_path: Path, kind: bytes) -> None:
    file = _encoded(tmp_path / "bought.m4a", "aac")
    raw = file.read_bytes()
    assert raw.count(b"mp4a") == 1
    file.write_bytes(raw.replace(b"mp4a", kind))

    library = library_in(tmp_path)

    assert library.tracks == ()
    assert "bought.m4a is protected against copying (DRM)" in str(library.faults[0])


def test_an_m4p_is_protected_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.m4p").write_bytes(b"0" * 100)

    with pytest.raises(MediaError, match="DRM"):
        sound_file(tmp_path / "a.m4p")


def test_empty_broken_and_soundless_files_are_each_said(tmp_path: Path) -> None:
    (tmp_path / "empty.mp3").touch()
    (tmp_path / "text.mp3").write_text("la la la " * 50, encoding="utf-8")
    (tmp_path / "half.m4a").write_bytes(_encoded(tmp_path / "whole.m4a", "aac").read_bytes()[:2000])
    write_wav(tmp_path / "none.wav", np.zeros(0, np.float32))

    library = library_in(tmp_path)

    assert [track.file for track in library.tracks] == ["whole.m4a"]
    told = [str(fault) for fault in library.faults]
    assert told[0] == "empty.mp3 is an empty file"
    assert [any(name in fault for fault in told) for name in ("text.mp3", "half.m4a", "none.wav")] == [True] * 3
    assert len(told) == 4
    assert not [fault for fault in told if "Errno" in fault or str(tmp_path) in fault]


# --- the engine ----------------------------------------------------------------------------------


def test_an_ad_gets_its_bed_and_the_record_tells_whose(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    _wav(folder / "a.wav")
    _csv(folder, "a.wav,Morning,Kim,차분한,104,CC BY 4.0,yes,https://example.com/a,Music: Kim,2099-01-01")

    done = _render(folder, tmp_path / "bed.wav")

    sound = read_sound(tmp_path / "bed.wav")
    assert sound.shape == (15 * AUDIO_RATE_HZ, 2)
    assert done.licence is not None
    assert (done.licence.name, done.licence.paid_ads) == ("CC BY 4.0", "yes")
    told = dict(done.details)
    assert {name: told[name] for name in ("title", "artist", "licence", "source", "credit", "file", "own_ending")} == {
        "title": "Morning", "artist": "Kim", "licence": "CC BY 4.0", "source": "https://example.com/a",
        "credit": "Music: Kim", "file": "a.wav", "own_ending": True,
    }  # fmt: skip
    assert told["beats_per_minute"] == pytest.approx(104, rel=0.01)
    assert len(told["file_sha256"]) == 64
    assert not told["mood_is_nearest"]
    assert sum(part["bars"] for part in told["parts"]) >= 4
    assert abs(told["turns"]["call_to_action"]["to_beat_s"]) < 0.06
    assert told["passed_over"] == []


def test_the_same_seed_gives_the_same_bytes_and_the_next_another_track(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    _wav(folder / "calm - a.wav")
    _wav(folder / "calm - b.wav", bpm=92)

    titles = [
        _render(folder, tmp_path / f"{take}.wav", seed=seed, for_paid_ads=False).details["title"]
        for take, seed in enumerate((0, 0, 1))
    ]

    assert titles == ["a", "a", "b"]
    first, again, other = ((tmp_path / f"{take}.wav").read_bytes() for take in range(3))
    assert first == again != other


def test_one_track_gives_another_passage_to_another_take(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    _wav(folder / "calm.wav", 60)

    starts = [
        _render(folder, tmp_path / "bed.wav", seed=seed, for_paid_ads=False).details["parts"][0]["from_s"]
        for seed in (0, 1)
    ]

    assert starts[0] != starts[1]


def test_what_was_passed_over_is_told_with_its_reason(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    _wav(folder / "calm - short.wav", 12)
    _wav(folder / "calm - free.wav")
    _wav(folder / "epic - good.wav")
    (folder / "broken.mp3").write_text("no", encoding="utf-8")
    _csv(folder, "epic - good.wav,,,,,bought,yes,,,", "calm - short.wav,,,,,bought,yes,,,")

    done = _render(folder, tmp_path / "bed.wav")

    assert done.details["title"] == "good"
    assert done.details["mood_is_nearest"]
    whys = {told["file"]: told["why"] for told in done.details["passed_over"]}
    assert whys["calm - short.wav"] == "it lasts 12.0 s, and the ad 15.0 s"
    assert "names no licence" in whys["calm - free.wav"]
    assert "broken.mp3" in whys


def test_a_file_that_tells_a_false_length_is_passed_over_when_it_is_heard(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    whole = _wav(folder / "calm - a.wav").read_bytes()
    silent = np.concatenate([_samples()[: 10 * AUDIO_RATE_HZ], np.zeros(20 * AUDIO_RATE_HZ, np.float32)])
    write_wav(folder / "calm - a.wav", silent)
    (folder / "warm - b.wav").write_bytes(whole)

    done = _render(folder, tmp_path / "bed.wav", for_paid_ads=False)

    assert done.details["title"] == "b"
    assert "and the ad 15.0 s" in done.details["passed_over"][0]["why"]


def test_no_track_for_a_paid_ad_is_one_clear_refusal(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    _wav(folder / "calm.wav")

    with pytest.raises(
        EngineRefused, match=r"may be used for this ad \(1 looked at\); calm.wav: music.csv names no licence"
    ):
        _render(folder, tmp_path / "bed.wav")
    assert not (tmp_path / "bed.wav").exists()


def test_a_track_without_told_terms_allows_no_paid_ads_in_the_record(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    _wav(folder / "calm.wav")

    done = _render(folder, tmp_path / "bed.wav", for_paid_ads=False)

    assert done.licence is not None
    assert (done.licence.name, done.licence.paid_ads) == ("none told", "no")


def test_what_was_heard_is_kept_outside_the_users_folder_and_used_again(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    _wav(folder / "calm.wav")
    before = sorted(path.name for path in folder.rglob("*"))

    first = _render(folder, tmp_path / "bed.wav", for_paid_ads=False)
    (kept,) = (tmp_path / "kept").glob("*.json")
    kept.write_text(
        kept.read_text(encoding="utf-8").replace('"beats_per_minute": 10', '"beats_per_minute": 99'), encoding="utf-8"
    )
    second = _render(folder, tmp_path / "bed.wav", for_paid_ads=False)
    kept.write_text("{", encoding="utf-8")
    third = _render(folder, tmp_path / "bed.wav", for_paid_ads=False)

    assert sorted(path.name for path in folder.rglob("*")) == before
    assert second.details["beats_per_minute"] > 900
    assert third.details == first.details


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    _wav(folder / "calm.wav")
    (tmp_path / "kept").write_text("a file where the folder should be", encoding="utf-8")

    assert _render(folder, tmp_path / "bed.wav", for_paid_ads=False).details["title"] == "calm"


def test_what_is_missing_is_said_before_any_work(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    bad = tmp_path / "bad"
    _wav(bad / "a.wav", 2)
    (bad / "music.csv").write_text("name,licence\n", encoding="utf-8")
    good = tmp_path / "good"
    _wav(good / "a.wav", 2)

    said = [str(LibraryMusic(folder).missing()) for folder in (tmp_path / "gone", empty, bad, good)]

    assert "gone is not there" in said[0]
    assert "empty has no music yet" in said[1]
    assert "has no column file" in said[2]
    assert said[3] == "None"


def test_the_library_makes_no_effects(tmp_path: Path) -> None:
    with pytest.raises(EngineRefused, match="no effects"):
        LibraryMusic(tmp_path).render_sfx(SfxRequest(clip=tmp_path / "c.mp4", duration_s=3), tmp_path / "s.wav", _JOB)
