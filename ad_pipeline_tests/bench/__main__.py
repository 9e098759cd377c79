"""`python -m ad_pipeline_tests.bench`: how fast, how big, against the limits we promised."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from ad_pipeline_tests.bench.ads import ad_rows, memory_rows, timed_ads
from ad_pipeline_tests.bench.captions import caption_rows
from ad_pipeline_tests.bench.crafts import key_image_rows, sound_rows
from ad_pipeline_tests.bench.loudness import loudness_rows
from ad_pipeline_tests.bench.machine import busy_note, machine_facts
from ad_pipeline_tests.bench.overhead import overhead_rows
from ad_pipeline_tests.bench.room import room_rows
from ad_pipeline_tests.bench.rows import Row, earlier, report_text, table
from ad_pipeline_tests.bench.scheduling import scheduling_rows
from ad_pipeline_tests.bench.stories import story_rows
from ad_pipeline_tests.bench.web import ui_rows

_TOP = Path(__file__).parents[2]
_REPORT = _TOP / "docs" / "benchmarks.md"
_BRIEF = _TOP / "examples" / "laneige_15s.yaml"
_NAMES = ("ad", "memory", "ui", "key-image", "sound", "gpu", "scheduling", "stories", "room", "loudness", "captions")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and rewrite the report when everything was measured; 1 when a limit is broken."""
    options = _parser().parse_args(arguments)
    wanted: set[str] = set(options.only or _NAMES)
    load, warnings = busy_note()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="ad_bench_", ignore_cleanup_errors=True) as folder:
        rows = _measured(Path(folder), wanted, rounds=1 if options.quick else 3, quick=options.quick)
    baseline = earlier(_REPORT)
    command = " ".join(["python -m ad_pipeline_tests.bench", *(["--quick"] if options.quick else [])])
    rounds = "one round" if options.quick else "median of 3 rounds, the measures interleaved"
    facts = [f"{date.today():%Y-%m-%d}, by `{command}` ({rounds})", *machine_facts(), load]
    print("\n".join([*facts, *warnings, "", table(rows, baseline)]))
    if wanted == set(_NAMES):
        _REPORT.write_text(report_text(rows, baseline, facts=facts, warnings=warnings), encoding="utf-8")
    return 0 if all(row.holds for row in rows) else 1


def _measured(folder: Path, wanted: set[str], *, rounds: int, quick: bool) -> list[Row]:
    rows: list[Row] = []
    if wanted & {"ad", "ui"}:
        times = timed_ads(folder, _BRIEF, rounds=rounds, tell=_tell)
        rows += ad_rows(times)
        if "ui" in wanted:
            rows += ui_rows(folder, _BRIEF, command_s=times.first_s, tell=_tell)
    if "memory" in wanted:
        _tell("memory of one ad")
        rows += memory_rows(folder, _BRIEF)
    if "key-image" in wanted:
        _tell("key images")
        rows += key_image_rows(quick=quick)
    if "sound" in wanted:
        _tell("music and effects of 60 s")
        rows += sound_rows()
    if "gpu" in wanted:
        rows += overhead_rows(folder / "gpu", quick=quick, tell=_tell)
    if "scheduling" in wanted:
        rows += scheduling_rows(folder, quick=quick, tell=_tell)
    if "room" in wanted:
        _tell("the writers' room")
        rows += room_rows(folder / "room", _BRIEF, quick=quick)
    if "loudness" in wanted:
        rows += loudness_rows(folder / "loudness", quick=quick, tell=_tell)
    if "captions" in wanted:
        _tell("captions of speech whose word times are known")
        rows += caption_rows(quick=quick)
    if "stories" in wanted:
        _tell("sixty briefs by the template writer")
        (folder / "stories").mkdir()
        rows += story_rows(folder / "stories", quick=quick)
    return rows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ad_pipeline_tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=_NAMES, help="measure only this; the report stays as it is")
    parser.add_argument("--quick", action="store_true", help="one round instead of three")
    return parser


def _tell(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
