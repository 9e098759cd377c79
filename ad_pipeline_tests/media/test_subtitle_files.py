from __future__ import annotations

from pathlib import Path

import av
import pytest

from ad_pipeline.media.captions import Cue
from ad_pipeline.media.subtitle_files import to_ass, to_srt, to_vtt
from ad_pipeline.values import Size

HOSTILE = Cue(start_s=3661.2345, end_s=3662.0, lines=("a --> b\n\n<i>&", "{\\an8}x"), speaker="지수")
TALK = (
    Cue(start_s=0.5, end_s=1.5, lines=("- 좋아?",), speaker="지수", dialogue=True),
    Cue(start_s=1.5, end_s=3.0, lines=("- 응, 정말", "좋아."), speaker="민지", dialogue=True),
    Cue(start_s=3.0, end_s=4.0, lines=("- 지금 만나보세요.",), speaker="narrator", dialogue=True),
)
_SIZE = Size(width_px=1080, height_px=1920)


def _ass(cues: tuple[Cue, ...]) -> str:
    return to_ass(cues, size=_SIZE, font="Pretendard SemiBold", font_px=50, margin_px=300)


def test_markup_and_arrows_in_the_text_are_safe() -> None:
    assert to_srt([HOSTILE]) == "1\n01:01:01,234 --> 01:01:02,000\na → b\n‹i›&\n(\\an8}x\n"
    assert (
        to_vtt([HOSTILE]) == "WEBVTT\n\n01:01:01.234 --> 01:01:02.000\n<v 지수>a --&gt; b\n&lt;i&gt;&amp;\n{\\an8}x\n"
    )


def test_no_cues_are_a_file_without_cues() -> None:
    assert to_srt(()) == ""
    assert to_vtt(()) == "WEBVTT\n\n".rstrip() + "\n"
    assert "Dialogue:" not in _ass(())


def test_speakers_are_told_apart_in_every_file() -> None:
    ass = _ass(TALK)

    assert "- 좋아?" in to_srt(TALK)
    assert "<v 지수>좋아?" in to_vtt(TALK)
    assert "<v 민지>응, 정말\n좋아." in to_vtt(TALK)
    assert "\n- 지금 만나보세요." in to_vtt(TALK)
    styles = {line.split(",")[0]: line.split(",")[3] for line in ass.splitlines() if line.startswith("Style:")}
    assert len(set(styles.values())) == 3
    used = [line.split(",")[3] for line in ass.splitlines() if line.startswith("Dialogue:")]
    assert used == ["Speaker2", "Speaker3", "Speaker1"]
    assert styles["Style: Speaker1"] == "&H00FFFFFF"


def test_text_of_a_user_is_never_an_override_of_ass() -> None:
    ass = _ass((HOSTILE, Cue(start_s=1, end_s=2, lines=("C:\\new {\\b1}굵게",), speaker="a,b{\\i1}\nc")))

    events = [line for line in ass.splitlines() if line.startswith("Dialogue:")]
    assert len(events) == 2
    assert not any("{" in line or "}" in line for line in events)
    assert [line.replace("\\N", "").count("\\") for line in events] == [0, 0]
    assert all(len(line.split(",", 9)) == 10 for line in events)


@pytest.mark.parametrize(("name", "write"), [("c.srt", to_srt), ("c.vtt", to_vtt), ("c.ass", _ass)])
def test_a_player_reads_what_was_written(name: str, write: object, tmp_path: Path) -> None:
    target = tmp_path / name
    target.write_text(write(TALK), encoding="utf-8")  # type: ignore[operator]

    with av.open(str(target)) as container:
        packets = [p for p in container.demux(container.streams.subtitles[0]) if p.size]

    assert [round(float(p.pts * p.time_base), 2) for p in packets] == [0.5, 1.5, 3.0]
    assert [round(float(p.duration * p.time_base), 2) for p in packets] == [1.0, 1.5, 1.0]
    assert "만나보세요" in bytes(packets[2]).decode()


def test_times_over_an_hour_are_written_whole() -> None:
    assert "Dialogue: 0,1:01:01.23,1:01:02.00,Speaker1,지수,0,0,0,,a --> b\\N<i>&\\N(/an8)x" in _ass((HOSTILE,))
