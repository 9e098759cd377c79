"""`storyboard`, `rewrite` and `variants`: the words of an ad, before and after its film."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from ad_pipeline.cli.exits import DEGRADED, DONE, FAILED
from ad_pipeline.cli.making import brief_with_choices, drive, session_named
from ad_pipeline.cli.progress import ProgressDisplay
from ad_pipeline.cli.storyboard_view import SceneStream, print_storyboard, scene_changes, storyboard_as_json
from ad_pipeline.errors import Cancelled, InputRejected
from ad_pipeline.messages import say
from ad_pipeline.sessions.keys import checked_session_id
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.stages.launcher import Order, degraded_lines
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.prospect import prospects
from ad_pipeline.stages.rewriting import rewrite_scene
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline.stages.storyboard import make_storyboard
from ad_pipeline.stages.variants import Variant, make_variants
from ad_pipeline.stages.workplace import StepReport, Workplace


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
    if record.failed_checks:
        return FAILED
    return DEGRADED if record.degraded and not facts.brief.allow_degraded else DONE


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
    after = facts_of(workplace, session_id).storyboard.scene(options.scene)
    if not options.json:
        for line in (*scene_changes(before.scene(options.scene), after), *degraded_lines([record])):
            print(line)
    if options.words_only:
        return _told_words(record.failed_checks, session_id, as_json=options.json)
    return drive(workplace, Order(session_id=session_id), as_json=options.json)


def variants(options: argparse.Namespace) -> int:
    """Write other versions of an ad as sessions of their own, and make their films."""
    workplace = Workplace.at(settings_from_environment())
    session_id = checked_session_id(options.session)
    with ProgressDisplay(quiet=options.json) as display:
        heard = _heard(workplace, display, None)
        try:
            made = make_variants(heard, session_id, count=options.n, varied=options.vary)
        except Cancelled as error:
            raise KeyboardInterrupt from error
    if options.words_only:
        _print_variants(workplace, session_id, made, as_json=options.json)
        return DONE
    worst = DONE
    for variant in made:
        if not options.json:
            print(f"{variant.session_id}:")
        worst = max(worst, drive(workplace, Order(session_id=variant.session_id), as_json=options.json))
    return worst


def _print_variants(workplace: Workplace, session_id: str, made: list[Variant], *, as_json: bool) -> None:
    before = facts_of(workplace, session_id).storyboard
    rows = [
        {
            "session": variant.session_id,
            "scenes": list(variant.scene_ids),
            "shared": variant.shared,
            "tone": variant.tone,
            "degraded": bool(variant.record.degraded),
        }
        for variant in made
    ]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for variant in made:
        after = facts_of(workplace, variant.session_id).storyboard
        told = say("{count} artifacts are the original's", count=variant.shared)
        print(f"{variant.session_id}  {variant.tone}".rstrip() + f"  ({told})")
        for scene_id in variant.scene_ids:
            for line in scene_changes(before.scene(scene_id), after.scene(scene_id)):
                print(f"  {scene_id} {line}")
    for line in degraded_lines([variant.record for variant in made]):
        print(line)


def _told_words(failed: object, session_id: str, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"session": session_id, "failed_checks": bool(failed)}))
    return FAILED if failed else DONE


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
