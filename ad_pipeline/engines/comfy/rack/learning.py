"""How long runs and loads take, learnt from the jobs that ended well; all processes share what was learnt."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection, RowMapping, insert, select, update

from ad_pipeline.engines.comfy.rack.situation import Times
from ad_pipeline.engines.comfy.rack.tables import TIMES

_TIMES = select(TIMES)
_NEWEST = 0.3
"""The part of the newest measure in a mean time."""
_DOUBTFUL_S, _MOST = 1800.0, 5.0
"""A machine may have slept in the middle of so long a run: it counts as at most so many times what was known."""


def learn(rows: Connection, row: RowMapping, took_s: float) -> None:
    """Take in what a job took, from its start on the node to its end here; `row` is its row."""
    took_s = max(0.0, took_s)  # a clock may be set meanwhile
    times = known_times(rows)
    kind, name, measure = ("run", row["graph"], took_s)
    if row["estimate_s"] > 0:
        kind, measure = "rate", took_s / row["estimate_s"]
    known = times.rate if kind == "rate" else times.run_s
    if row["swapped"]:
        if name not in known:
            return
        run_s = known[name] * (row["estimate_s"] if kind == "rate" else 1.0)
        kind, name, measure, known = "load", row["models"], max(0.0, took_s - run_s), times.load_s
    before = known.get(name)
    if before is not None and took_s > _DOUBTFUL_S:
        measure = min(measure, _MOST * before)
    mean = measure if before is None else before + _NEWEST * (measure - before)
    at = (TIMES.c.kind == kind, TIMES.c.name == name)
    if before is None:
        rows.execute(insert(TIMES).values(kind=kind, name=name, seconds=mean))
    else:
        rows.execute(update(TIMES).where(*at).values(seconds=mean))


def known_times(rows: Connection) -> Times:
    """All that was measured."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows.execute(_TIMES):
        found[row.kind][row.name] = row.seconds
    return Times(run_s=found["run"], rate=found["rate"], load_s=found["load"])
