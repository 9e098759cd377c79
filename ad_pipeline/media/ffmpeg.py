"""The one place that starts ffmpeg.

Arguments are a list and no shell sees them; words from users never go into a filter.
"""

from __future__ import annotations

import math
import re
import subprocess
import time
from collections.abc import Callable, Sequence

import imageio_ffmpeg

from ad_pipeline.errors import Cancelled, MachineLacks, MediaError

_TOLD_LINES = 6
_POLL_S = 0.1


def _never() -> bool:
    return False


def ffmpeg_path() -> str:
    """The program; `IMAGEIO_FFMPEG_EXE` wins over the one that came with the package.

    Raises:
        MachineLacks: there is none for this machine.
    """
    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise MachineLacks(
            "ffmpeg is missing; pip install --force-reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to an ffmpeg"
        ) from error


def ffmpeg_version() -> str:
    """`n7.1` and the like; empty when its first line is of another form."""
    found = re.match(r"ffmpeg version (\S+)", run_ffmpeg(["-version"], wants_stdout=True))
    return found.group(1) if found else ""


def run_ffmpeg(
    arguments: Sequence[str],
    *,
    timeout_s: float = 60.0,
    attempts: int = 2,
    should_stop: Callable[[], bool] = _never,
    wants_stdout: bool = False,
) -> str:
    """Run ffmpeg to its end and return what it said on stderr (or stdout).

    Raises:
        MediaError: it failed each time; its last lines ride along.
        MachineLacks: there is no ffmpeg, or the disk is full.
        Cancelled: `should_stop` said so; the process is gone.
    """
    for attempt in range(1, attempts + 1):
        try:
            return _run_once(arguments, timeout_s, should_stop, wants_stdout=wants_stdout)
        except MediaError:
            if attempt == attempts:
                raise
    raise AssertionError("attempts is at least 1")


def _run_once(
    arguments: Sequence[str], timeout_s: float, should_stop: Callable[[], bool], *, wants_stdout: bool
) -> str:
    # Should we be killed, ffmpeg ends by itself: -timelimit is in seconds of its own CPU time.
    limits = ["-hide_banner", "-nostdin", "-y", "-timelimit", str(math.ceil(timeout_s * 4))]
    command = [ffmpeg_path(), *([] if wants_stdout else limits), *arguments]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if wants_stdout else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise MachineLacks(
            "ffmpeg at {path} does not start ({reason}); set IMAGEIO_FFMPEG_EXE to one that does, or unset it",
            path=command[0],
            reason=str(error),
        ) from error
    with process:
        try:
            out, said = _waited_for(process, timeout_s, should_stop)
        except BaseException:
            process.kill()
            raise
    text = said.decode(errors="replace")
    if process.returncode:
        raise _explained(text, process.returncode)
    return out.decode(errors="replace") if wants_stdout else text


def _waited_for(
    process: subprocess.Popen[bytes], timeout_s: float, should_stop: Callable[[], bool]
) -> tuple[bytes, bytes]:
    ends = time.monotonic() + timeout_s
    while True:
        try:
            out, said = process.communicate(timeout=_POLL_S)
            return out or b"", said or b""
        except subprocess.TimeoutExpired as error:
            if should_stop():
                raise Cancelled("the work was stopped") from error
            if time.monotonic() > ends:
                raise MediaError(
                    "ffmpeg did not finish in {timeout} s and was ended; is the machine overloaded?", timeout=timeout_s
                ) from error


def _explained(said: str, code: int) -> MediaError | MachineLacks:
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return MachineLacks("the disk is full; free some space and run again")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return MediaError("ffmpeg failed ({code}): {said}", code=code, said=" | ".join(lines[-_TOLD_LINES:]))
