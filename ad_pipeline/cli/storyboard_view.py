"""A storyboard on the terminal: its scenes as they are decided, then as a table with a timetable, scores and costs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ad_pipeline.cli.tables import new_table, print_table
from ad_pipeline.engines.contracts import Written
from ad_pipeline.messages import Message, say, user_language
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.stages.launcher import degraded_lines
from ad_pipeline.stages.prospect import Prospect
from ad_pipeline.stages.session_facts import SessionFacts
from ad_pipeline.stages.workplace import StepReport
from ad_pipeline.story.brief import Brief
from ad_pipeline.story.storyboard import Scene, Storyboard

_WIDE = 150
"""Columns from which a row has room for everything."""


class SceneStream:
    """Prints each scene's words the moment they are decided, under the name of the role that decides."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console()
        self._role = ""

    def hear(self, report: StepReport) -> None:
        """Take one report."""
        news = report.written
        if not news:
            if report.state == "waiting" and report.note and not self._as_json:
                print(report.note, file=sys.stderr, flush=True)  # progress, no part of the answer
            return
        if self._as_json:
            told = {name: float(text) if name == "seconds" else text for name, text in news.decided.items()}
            line = {"event": "scene", "role": news.role, "scene": news.scene, **told}
            print(json.dumps(line, ensure_ascii=False), flush=True)
            return
        if news.role != self._role:
            self._role = news.role
            self._console.print(f"— {_role_said(news.role)}", style="bold", markup=False)
        self._console.print(_plain(_scene_line(news)), soft_wrap=True)


def print_storyboard(facts: SessionFacts, record: TakeRecord, routes: Sequence[Prospect]) -> None:
    """Everything a person decides by: the timetable, the review, what is claimed, who will make it for how much."""
    board = facts.storyboard
    why: dict[str, Any] = record.details.get("persona_why", {})
    names = dict.fromkeys((board.title, f"{facts.kit.named_in(board.language)} {facts.brief.product}"))
    print(_bare(" · ".join((*names, f"{board.duration_seconds:g} s"))))
    print(_bare(say("tone: {tone}", tone=board.tone)))
    if board.persona not in ("", "auto"):
        who = f" ({Message.of_note(why).said_in(user_language())})" if why else ""
        print(_bare(say("speaker: {persona}", persona=board.persona) + who))
    _print_timetable(board)
    _print_review(record)
    for verdict in record.verdicts:
        if not verdict.passed:
            limit = say("limit {limit}", limit=verdict.limit)
            note = f" — {verdict.note}" if verdict.note else ""
            print(_bare(f"! {verdict.name}: {verdict.measured} ({limit}){note}"))
    for fact in record.details.get("facts", ()):
        print(_bare(f"  {fact['fact_id']}  {fact['text']}  ({say('source')}: {fact['source']})"))
    _print_routes(routes, facts.brief)
    for line in degraded_lines([record]):
        print(line)


def storyboard_as_json(facts: SessionFacts, record: TakeRecord, routes: Sequence[Prospect]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "session": facts.session.session_id,
        "path": str(facts.session.plain_path(record.key)),
        "take": record.take,
        "storyboard": json.loads(facts.storyboard.to_json()),
        "review": record.details.get("review"),
        "checks": [verdict.model_dump() for verdict in record.verdicts],
        "steps": record.details.get("steps", []),
        "routes": [
            {
                "stage": route.stage,
                "engine": route.model_id,
                "pieces": route.pieces,
                "cost_usd": route.cost_usd,
                "seconds": route.seconds,
                "why": str(route.decision.reason),
                "passed_over": [{"engine": p.model_id, "why": str(p.why)} for p in route.decision.passed_over],
                "ready": route.why_not_ready is None,
            }
            for route in routes
        ],
        "estimated_cost_usd": round(sum(route.cost_usd for route in routes), 4),
        "degraded": record.degraded.model_dump(exclude={"reasons"}) if record.degraded else None,
    }


def _print_timetable(board: Storyboard) -> None:
    """The words before all: on a narrow terminal they wrap, and what the picture shows gives way to them."""
    is_wide = _width() >= _WIDE
    told = (say("said"), say("written"))
    names = (say("scene"), say("time"), *(("s",) if is_wide else ()), say("purpose"), *told)
    table = new_table(*names, *((say("picture"),) if is_wide else ()))
    _wrapping(table, *told)
    at_s = 0.0
    for scene in board.scenes:
        words = (" / ".join(line.text for line in scene.spoken) or "·", _one_line(scene.onscreen_text, most=200))
        until_s = at_s + scene.duration_seconds
        row = (str(scene.number), f"{_clock(at_s)}–{_clock(until_s)}")
        seconds, picture = (f"{scene.duration_seconds:.2f}",), (_one_line(scene.image_prompt, most=60),)
        cells = (*row, *(seconds if is_wide else ()), scene.purpose, *words, *(picture if is_wide else ()))
        table.add_row(*map(_plain, cells))
        at_s = until_s
    print_table(table)


def _print_review(record: TakeRecord) -> None:
    review: dict[str, dict[str, Any]] = record.details.get("review", {})
    scored = {name: note for name, note in review.items() if isinstance(note["score"], float | int)}
    if not scored:
        print(say("review: not run (no language model reviewed it)"))
        return
    table = new_table(say("review"), say("score"), say("why"))
    _wrapping(table, say("why"))
    for name, note in scored.items():
        table.add_row(name, f"{note['score']:.2f}", _plain(_one_line(note["reason"], most=300)))
    print_table(table)
    versions: list[dict[str, Any]] = record.details.get("versions", [])
    if len(versions) > 1:
        told = ", ".join(f"{version['tone_match']:.2f}" for version in versions if version["tone_match"] != "not run")
        print(say("{count} versions were written; tone match {told}", count=len(versions), told=told))


def _print_routes(routes: Sequence[Prospect], brief: Brief) -> None:
    """One row a route; where the terminal is narrow, the reason stands under the engine."""
    is_wide = _width() >= _WIDE
    columns = (say("stage"), say("engine"), say("pieces"), say("cost"), say("time"))
    table = new_table(*columns, *((say("why"),) if is_wide else ()))
    _wrapping(table, say("why") if is_wide else say("engine"))
    for route in routes:
        passed = _passed_said(route)
        why = _one_line(route.decision.reason.said_in(user_language()) + (f" ({passed})" if passed else ""), most=300)
        engine = route.model_id + ("" if route.why_not_ready is None else f" ({say('not ready')})")
        time_said = "?" if route.seconds is None else f"{route.seconds:.1f} s"
        cells = (str(route.pieces), f"${route.cost_usd:.3f}", time_said)
        who = _plain(engine) if is_wide else Text.assemble(_plain(engine), "\n", (_plain(why).plain, "dim"))
        table.add_row(route.stage, who, *cells, *((_plain(why),) if is_wide else ()))
    print_table(table)
    for why_not in dict.fromkeys(r.why_not_ready.said_in(user_language()) for r in routes if r.why_not_ready):
        print(f"- {why_not}")
    total, known = sum(r.cost_usd for r in routes), [r.seconds for r in routes if r.seconds is not None]
    budget = f" / ${brief.budget_usd:.2f}" if brief.budget_usd is not None else ""
    print(say("estimated cost: ${total:.2f}", total=total) + budget)
    if known:
        print(say("estimated work: {seconds:.0f} s one after another, by what it took here before", seconds=sum(known)))
    if len(known) < len(routes):
        print(say("? = nothing of the kind was made here yet"))


def _passed_said(route: Prospect) -> str:
    told = [f"{say('not')} {p.model_id}: {p.why.said_in(user_language())}" for p in route.decision.passed_over]
    return "; ".join(told)


def _scene_line(news: Written) -> str:
    told = {name: text for name, text in news.decided.items() if text}
    if news.role == "scene_plan":
        seconds = float(told.get("seconds", 0))
        return f"  {news.scene}  {told.get('purpose', ''):13} {seconds:4.1f} s  {told.get('idea', '')}"
    if news.role == "direction":
        return f"  {news.scene}  {told.get('shot', '')}"
    written = f"  [{_one_line(told['onscreen_text'])}]" if "onscreen_text" in told else ""
    return f"  {news.scene}  {told.get('narration', '·')}{written}"


def _role_said(role: str) -> str:
    words = {
        "scene_plan": say("scene plan"), "copy": say("copy"), "copy_polish": say("copy, polished"),
        "direction": say("pictures"), "rewrite": say("new words"),
        "ours": say("our own writer instead"),
    }  # fmt: skip
    return words.get(role, role)


def _width() -> int:
    """Columns to write on: the terminal's; enough, where none is."""
    console = Console()
    return console.width if console.is_terminal else 240


def _wrapping(table: Table, *headings: str) -> None:
    """Let these columns go on in the next line, where the others keep theirs."""
    for column in table.columns:
        if column.header in headings:
            column.no_wrap, column.overflow = False, "fold"


def _plain(text: str) -> Text:
    """Words of others as they are: a bracket in them is no order to the terminal, nor is an escape."""
    return Text(_bare(text))


def _bare(text: str) -> str:
    return "".join(letter for letter in text if letter == "\n" or letter.isprintable())


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"


def _one_line(text: str, *, most: int = 80) -> str:
    bare = _bare(" ".join(text.split()))
    return bare if len(bare) <= most else f"{bare[: most - 1]}…"


def scene_changes(before: Scene, after: Scene) -> list[str]:
    """What other words a scene has now, a line each."""
    before_said, after_said = (" / ".join(line.text for line in scene.spoken) for scene in (before, after))
    pairs = (
        (say("said"), before_said, after_said),
        (say("written"), before.onscreen_text, after.onscreen_text),
    )
    told = [f"{name}: {_one_line(old) or '·'} → {_one_line(new) or '·'}" for name, old, new in pairs if old != new]
    if len(before.spoken) > 1 and len(after.spoken) == 1:
        told.append(say("one voice says it now; there were {count} lines", count=len(before.spoken)))
    return told
