"""Is every mix as loud as each standard asks, on the encoded file; how long does a mix take, how much memory?"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ad_pipeline.media.loudness import Mastered, master, measured
from ad_pipeline.media.loudness_target import LoudnessTarget
from ad_pipeline.media.sound import write_wav
from ad_pipeline.story.loudness_standards import STANDARDS
from ad_pipeline_tests.bench.mix_child import EACH_S
from ad_pipeline_tests.bench.mixes import effects, forty, music, said
from ad_pipeline_tests.bench.rows import Row

MOST_MIX_S = 2.0
MOST_MIX_MB = 200.0
MOST_ENCODES = 3

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class _Tried:
    name: str
    target: LoudnessTarget
    done: Mastered
    is_within: bool


def loudness_rows(folder: Path, *, quick: bool, tell: Tell) -> list[Row]:
    """Forty mixes (every fifth when quick) for each standard; then one ad in processes of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    tried = _tried(folder, quick=quick, tell=tell)
    for miss in (each for each in tried if not each.is_within):
        tell(f"outside: {miss.name} for {miss.target.name}: {miss.done.measurements}")
    encodes = [each.done.encodes for each in tried]
    off_lu = [abs(each.done.integrated_lufs - each.target.integrated_lufs) for each in tried]
    tell("mix and master in a fresh process")
    short, long = _in_process(folder, 15.0, 1 if quick else 3), _in_process(folder, 60.0, 1)
    return [
        Row(name=f"mixes outside their standard, of {len(tried)}", value=len(tried) - sum(e.is_within for e in tried),
            unit="mixes", limit=0),
        Row(name="encodings of one mix, the most", value=max(encodes), unit="encodings", limit=MOST_ENCODES),
        Row(name="encodings of one mix, on average", value=statistics.mean(encodes), unit="encodings"),
        Row(name="distance from the loudness asked, the worst", value=max(off_lu), unit="LU"),
        Row(name="mix, master and stems of a 15 s ad", value=short["seconds"], unit="s", limit=MOST_MIX_S),
        Row(name="the same of a 60 s ad, most memory", value=long["most_mb"], unit="MB", limit=MOST_MIX_MB),
    ]  # fmt: skip


def _tried(folder: Path, *, quick: bool, tell: Tell) -> list[_Tried]:
    found: list[_Tried] = []
    for place, (name, build) in enumerate(forty()):
        if quick and place % 5:
            continue
        tell(f"loudness of mix {place + 1}: {name}")
        parts = build().parts
        for target in STANDARDS.values():
            done = master(*parts, aim=target, target=folder / "mix.m4a")
            # The file itself is asked again: not what the loop remembers.
            is_within = done.within_limits and measured(folder / "mix.m4a").keeps(target)
            found.append(_Tried(name=name, target=target, done=done, is_within=is_within))
    return found


def _in_process(folder: Path, seconds: float, rounds: int) -> dict[str, float]:
    """The median of its time, and its memory, in a process that did nothing else."""
    place = folder / f"{seconds:g}"
    place.mkdir(exist_ok=True)
    write_wav(place / "music.wav", music("calm_inspiring", seconds))
    for number in range(int(seconds / EACH_S)):
        write_wav(place / f"voice.{number}.wav", said(number), form="pcm16")
        write_wav(place / f"sfx.{number}.wav", effects(EACH_S, number))
    command = [sys.executable, "-m", "ad_pipeline_tests.bench.mix_child", str(place), str(seconds)]
    told = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)
        for _ in range(rounds)
    ]
    return {name: statistics.median(each[name] for each in told) for name in told[0]}
