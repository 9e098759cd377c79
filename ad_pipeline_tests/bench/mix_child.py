"""A fresh process that mixes and masters one ad from files, and tells what it took.

`python -m ad_pipeline_tests.bench.mix_child FOLDER SECONDS`: the folder holds `music.wav`, and `voice.0.wav`,
`sfx.0.wav` and on, one of each for every five seconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ad_pipeline.media.loudness import master
from ad_pipeline.media.sound import Placed, mix, read_sound, write_wav
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.story.loudness_standards import STANDARDS

EACH_S = 5.0


def main(folder: Path, seconds: float) -> dict[str, float]:
    """Read, mix, master, write the stems."""
    began = time.perf_counter()
    mixed = mix(
        round(seconds * AUDIO_RATE_HZ),
        voices=_placed(folder, "voice", seconds),
        sfx=_placed(folder, "sfx", seconds),
        music=read_sound(folder / "music.wav"),
    )
    done = master(*mixed.parts, aim=STANDARDS["social"], target=folder / "made.m4a")
    for name, part in zip(("voice", "music", "sfx"), mixed.parts, strict=True):
        write_wav(folder / f"stem_{name}.wav", part, curve=done.curve)
    spent_s = time.perf_counter() - began
    # Not `ru_maxrss`: a child begins with that of the process that started it.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    most_kb = int(status.partition("VmHWM:")[2].split()[0])
    return {"seconds": spent_s, "most_mb": most_kb / 1024, "encodes": done.encodes}


def _placed(folder: Path, kind: str, seconds: float) -> Iterator[Placed]:
    for place in range(int(seconds / EACH_S)):
        samples = read_sound(folder / f"{kind}.{place}.wav", channels=1 if kind == "voice" else 2)
        yield Placed(samples=samples, start_s=place * EACH_S + 0.2 * (kind == "voice"), raw=kind == "voice")


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), float(sys.argv[2]))))
