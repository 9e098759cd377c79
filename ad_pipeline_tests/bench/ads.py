"""Whole ads through the command line: the first run, a re-run, a resume, what Dagster adds, and memory."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ad_pipeline.media.encode import read_planes, size_of_planes
from ad_pipeline_tests.bench.command import Place, ran, started
from ad_pipeline_tests.bench.floor import floor_seconds, write_raw
from ad_pipeline_tests.bench.machine import MemoryWatch
from ad_pipeline_tests.bench.rows import Row

MOST_FLOORS = 3.5
MOST_DAGSTER_S = 4.5
MOST_OF_FIRST = 0.6
MOST_RESUME_S = 3.0
MOST_MEMORY_GB = 1.5

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class AdTimes:
    """Seconds of each round."""

    floor: list[float]
    first: list[float]
    dagster: list[float]
    rerun: list[float]
    resume: list[float]

    @property
    def first_s(self) -> float:
        return statistics.median(self.first)


def timed_ads(folder: Path, brief: Path, *, rounds: int, tell: Tell) -> AdTimes:
    """Each round takes every measure once, so that a change of the machine's mood meets all of them."""
    place = Place(root=folder / "sessions", home=folder / "home")
    tell("warming up: one ad of the example brief")
    _, made = ran(place, "make", str(brief), "--session", "warm_up")
    film, raw = Path(made["finals"][0]["path"]), folder / "frames.yuv"
    write_raw(film, raw)
    size = size_of_planes(next(read_planes(film, frames=1)))
    elsewhere = Place(root=place.root, home=folder / "other_home")
    tell("warming up: Dagster's other books, with another ad")
    ran(elsewhere, "make", str(brief.with_name("etude_6s.yaml")), "--session", "other")
    times = AdTimes(floor=[], first=[], dagster=[], rerun=[], resume=[])
    for number in range(1, rounds + 1):
        session = f"round_{number}"
        tell(f"round {number} of {rounds}: floor")
        times.floor.append(floor_seconds(raw, size=size, target=folder / "floor.mp4"))
        tell(f"round {number} of {rounds}: new session")
        times.first.append(ran(place, "make", str(brief), "--session", session)[0])
        tell(f"round {number} of {rounds}: resume with everything finished")
        seconds, again = ran(place, "make", str(brief), "--session", session)
        assert again["nothing_to_do"], "the resume found work to do"
        times.resume.append(seconds)
        tell(f"round {number} of {rounds}: every take there, all of it news to Dagster")
        # Without the plain name of a final the command starts its workers at once, as for a new session.
        (place.root / session / "final.mp4").unlink()
        times.dagster.append(ran(elsewhere, "make", str(brief), "--session", session)[0])
        tell(f"round {number} of {rounds}: one scene of five again")
        times.rerun.append(ran(place, "rerun", session, "--scene", "scene_003", "--seed", str(100 + number))[0])
    raw.unlink()
    return times


def ad_rows(times: AdTimes) -> list[Row]:
    """The medians against their limits."""
    floor = statistics.median(times.floor)
    first = times.first_s
    of_floor = statistics.median(a / b for a, b in zip(times.first, times.floor, strict=True))
    of_first = statistics.median(a / b for a, b in zip(times.rerun, times.first, strict=True))
    return [
        Row(name="floor: ffmpeg on the film's raw frames", value=floor, unit="s"),
        Row(
            name="example ad, new session", value=first, unit="s",
            ratio=of_floor, ratio_to="floor", limit=MOST_FLOORS,
        ),
        Row(
            name="of which Dagster (every run, every take reused; process start included)",
            value=statistics.median(times.dagster), unit="s", limit=MOST_DAGSTER_S,
        ),
        Row(
            name="rerun of one scene of five", value=statistics.median(times.rerun), unit="s",
            ratio=of_first, ratio_to="first", limit=MOST_OF_FIRST,
        ),
        Row(
            name="resume, everything finished", value=statistics.median(times.resume), unit="s",
            limit=MOST_RESUME_S,
        ),
    ]  # fmt: skip


def memory_rows(folder: Path, brief: Path) -> list[Row]:
    """The most that one ad's process tree holds; watching costs time, so this run is not timed."""
    place = Place(root=folder / "sessions", home=folder / "home")
    with started(place, "make", str(brief), "--session", "memory") as process:
        with MemoryWatch(process.pid) as watch:
            process.communicate(timeout=600)
        if process.returncode:
            raise RuntimeError(f"make ended with {process.returncode}")
    return [
        Row(
            name="peak memory of the process tree (PSS)",
            value=watch.most_pss_bytes / 1e9, unit="GB", limit=MOST_MEMORY_GB,
        ),
        Row(name="the same, shared pages counted in each process (RSS)", value=watch.most_rss_bytes / 1e9, unit="GB"),
    ]  # fmt: skip
