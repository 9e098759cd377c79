"""`storyboard`, `rewrite` and `variants`: the words of an ad, before and after its film."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ad_pipeline.cli.exits import DEGRADED, DONE, FAILED
from ad_pipeline.cli.making import brief_with_choices, drive, make_command, session_named
from ad_pipeline.cli.progress import ProgressDisplay
from ad_pipeline.cli.storyboard_view import SceneStream, print_storyboard, scene_changes, storyboard_as_json
from ad_pipeline.errors import Cancelled, InputRejected
from ad_pipeline.messages import say
from ad_pipeline.sessions.keys import checked_session_id
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.stages.launcher import Order, degraded_lines
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.prospect import prospects
from ad_pipeline.stages.rewriting import rewrite_scene, said_in
from ad_pipeline.stages.session_facts import SessionFacts, facts_of
from ad_pipeline.stages.storyboard import make_storyboard
from ad_pipeline.stages.variants import Variant, make_variants
from ad_pipeline.stages.workplace import StepReport, Workplace
from ad_pipeline.story.storyboard import Scene


def storyboard(options: argparse.Namespace) -> int:
    """Write the storyboard of a brief, or of a conversation, and show it with its review, costs and routes."""
    path = _brief_path(options)
    text = brief_with_choices(path, quality=options.quality, engine=options.engine)
    session_id = session_named(options.session, path)
    workplace = Workplace.at(settings_from_environment())
    stream = SceneStream(as_json=options.json) if options.stream else None
    with ProgressDisplay(quiet=options.json or options.stream) as display:
        heard = _heard(workplace, display, stream)
        open_session(heard, session_id, text, folder=path.absolute().parent)
        try:
            record = make_storyboard(heard, session_id)
        except Cancelled as error:
            raise KeyboardInterrupt from error
    facts = facts_of(workplace, session_id)
    routes = prospects(workplace, facts)
    if options.json:
        told = storyboard_as_json(facts, record, routes)
        print(
            json.dumps(
                {"event": "storyboard", **told} if stream else told, ensure_ascii=False, indent=None if stream else 1
            )
        )
    else:
        print_storyboard(facts, record, routes)
        print(say("storyboard: {path}", path=str(facts.session.plain_path(record.key))))
        print(say("make the film: {command}", command=make_command(session_id, workplace)))
    return _code_of(facts, [record])


def rewrite(options: argparse.Namespace) -> int:
    """Change the words of one scene as a person asks, then make again what depends on them."""
    workplace = Workplace.at(settings_from_environment())
    session_id = checked_session_id(options.session)
    before = facts_of(workplace, session_id).storyboard
    with ProgressDisplay(quiet=options.json) as display:
        try:
            record = rewrite_scene(_heard(workplace, display, None), session_id, options.scene, options.words)
        except Cancelled as error:
            raise KeyboardInterrupt from error
    after = facts_of(workplace, session_id)
    if not options.json:
        for line in (*scene_changes(before.scene(options.scene), after.storyboard.scene(options.scene)), *_own(record)):
            print(line)
    if not options.words_only:
        return drive(workplace, Order(session_id=session_id), as_json=options.json)
    if options.json:
        told = _scene_as_json(before.scene(options.scene), after.storyboard.scene(options.scene))
        print(json.dumps({"session": session_id, **told, **_record_as_json(record)}, ensure_ascii=False, indent=1))
    return _code_of(after, [record])


def variants(options: argparse.Namespace) -> int:
    """Write other versions of an ad as sessions of their own, and make their films."""
    workplace = Workplace.at(settings_from_environment())
    session_id = checked_session_id(options.session)
    made: list[Variant] = []
    with ProgressDisplay(quiet=options.json) as display:
        heard = _heard(workplace, display, None)
        fault: InputRejected | KeyboardInterrupt | None = None
        try:
            make_variants(heard, session_id, count=options.n, varied=options.vary, told=made.append)
        except Cancelled:
            fault = KeyboardInterrupt()
        except InputRejected as error:
            fault = error
    if not options.json:
        _print_variants(workplace, session_id, made)
    if fault:
        raise fault
    if options.words_only:
        if options.json:
            rows = [_variant_as_json(workplace, session_id, one) for one in made]
            print(json.dumps(rows, ensure_ascii=False, indent=1))
        return _code_of(facts_of(workplace, session_id), [one.record for one in made])
    return _films(workplace, session_id, made, as_json=options.json)


def _films(workplace: Workplace, session_id: str, made: Sequence[Variant], *, as_json: bool) -> int:
    """Each variant's film, one after the other; as JSON one list of all."""
    codes: list[int] = []
    rows: list[dict[str, Any]] = []
    for variant in made:
        order = Order(session_id=variant.session_id)
        if not as_json:
            print(f"{variant.session_id}:")
            codes.append(drive(workplace, order, as_json=False))
            continue
        with contextlib.redirect_stdout(io.StringIO()) as said:
            codes.append(drive(workplace, order, as_json=True))
        rows.append({**_variant_as_json(workplace, session_id, variant), "film": json.loads(said.getvalue())})
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    return FAILED if FAILED in codes else max(codes, default=DONE)


def _print_variants(workplace: Workplace, session_id: str, made: Sequence[Variant]) -> None:
    for variant in made:
        before = facts_of(workplace, session_id).storyboard
        after = facts_of(workplace, variant.session_id).storyboard
        told = say("{count} artifacts are the original's", count=variant.shared)
        print(f"{variant.session_id}  {variant.tone}".rstrip() + f"  ({told})")
        for scene_id in variant.scene_ids:
            for line in scene_changes(before.scene(scene_id), after.scene(scene_id)):
                print(f"  {scene_id} {line}")
    records = [variant.record for variant in made]
    for line in degraded_lines(list({str(record.degraded): record for record in reversed(records)}.values())):
        print(line)


def _variant_as_json(workplace: Workplace, session_id: str, variant: Variant) -> dict[str, Any]:
    before = facts_of(workplace, session_id).storyboard
    after = facts_of(workplace, variant.session_id).storyboard
    return {
        "session": variant.session_id,
        "scenes": [_scene_as_json(before.scene(name), after.scene(name)) for name in variant.scene_ids],
        "shared": variant.shared,
        "tone": variant.tone,
        **_record_as_json(variant.record),
    }


def _scene_as_json(before: Scene, after: Scene) -> dict[str, Any]:
    said = [{"said": said_in(scene), "written": scene.onscreen_text} for scene in (before, after)]
    return {"scene": before.id, "before": said[0], "after": said[1]}


def _record_as_json(record: TakeRecord) -> dict[str, Any]:
    return {
        "take": record.take,
        "failed_checks": [verdict.model_dump() for verdict in record.failed_checks],
        "degraded": record.degraded.model_dump(exclude={"reasons"}) if record.degraded else None,
    }


def _own(record: TakeRecord) -> list[str]:
    """That our own writer wrote, where a model was wanted: it has other lines, and does not hear what is wished."""
    if not record.degraded:
        return []
    ours = [say("our own writer gave another line; it cannot follow a wish")] if record.engine == "animatic" else []
    return [*ours, *degraded_lines([record])]


def _code_of(facts: SessionFacts, records: Sequence[TakeRecord]) -> int:
    if any(record.failed_checks for record in records):
        return FAILED
    return DEGRADED if any(one.degraded for one in records) and not facts.brief.allow_degraded else DONE


def _brief_path(options: argparse.Namespace) -> Path:
    if options.source == "chat":
        from ad_pipeline.cli.chat import brief_from_chat

        return brief_from_chat(options)
    if not options.brief:
        raise InputRejected("give a brief's file, or --from chat", field="brief")
    return Path(options.brief)


def _heard(workplace: Workplace, display: ProgressDisplay, stream: SceneStream | None) -> Workplace:
    def hear(report: StepReport) -> None:
        display.hear(report)
        if stream:
            stream.hear(report)

    return replace(workplace, report=hear, should_stop=lambda: display.stopped)
