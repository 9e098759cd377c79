import time
from pathlib import Path

import pytest

from ad_pipeline.errors import Cancelled, MachineLacks, MediaError
from ad_pipeline.media.ffmpeg import ffmpeg_version, run_ffmpeg

ENDLESS = ["-re", "-f", "lavfi", "-i", "testsrc=size=64x64", "-f", "null", "-"]


def test_the_version_is_known() -> None:
    assert ffmpeg_version()


def test_a_failure_carries_the_last_lines(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"ffmpeg failed \(\d+\): .*no_such_file.mp4"):
        run_ffmpeg(["-i", str(tmp_path / "no_such_file.mp4"), "-f", "null", "-"])


def test_a_run_that_lasts_too_long_is_ended() -> None:
    began = time.monotonic()

    with pytest.raises(MediaError, match="did not finish in 0.4 s"):
        run_ffmpeg(ENDLESS, timeout_s=0.4, attempts=1)

    assert time.monotonic() - began < 3


def test_a_stop_ends_the_run() -> None:
    with pytest.raises(Cancelled):
        run_ffmpeg(ENDLESS, should_stop=lambda: True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told_as_one() -> None:
    with pytest.raises(MachineLacks, match="disk is full"):
        run_ffmpeg(["-f", "lavfi", "-i", "testsrc=size=640x360:duration=2", "-f", "rawvideo", "/dev/full"])


def test_a_missing_ffmpeg_is_told_with_its_fix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import imageio_ffmpeg

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(tmp_path / "no_ffmpeg"))

    with pytest.raises(MachineLacks, match="does not start .*IMAGEIO_FFMPEG_EXE"):
        run_ffmpeg(["-version"])
