"""`show`, `takes`, `pick` and `route`: what is there, and who shall make it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from ad_pipeline.cli.exits import DONE
from ad_pipeline.cli.language_findings import why_not_asked
from ad_pipeline.cli.tables import new_table, print_table
from ad_pipeline.errors import InputRejected
from ad_pipeline.messages import Message, say, user_language
from ad_pipeline.routing.route import Decision, decide, role_decisions
from ad_pipeline.sessions.keys import ArtifactKey, Kind, checked_take
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Session
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.stages.launcher import Order, degraded_lines
from ad_pipeline.stages.product_page import page_line
from ad_pipeline.stages.progress import SCENE_KINDS, finished, stands
from ad_pipeline.stages.session_facts import STORYBOARD, SessionFacts, facts_of
from ad_pipeline.stages.storyboard import adopt_hand_edit
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.story.border import nearest
from ad_pipeline.story.formats import FORMATS


def show(options: argparse.Namespace) -> int:
    """One session's scenes, checks and files; without a session, the list of all."""
    workplace = Workplace.at(settings_from_environment())
    if options.session is None:
        return _listed(workplace, as_json=options.json)
    facts = facts_of(workplace, options.session)
    done = finished(workplace, options.session)
    spent = workplace.ledger.spent(options.session)
    picked = facts.film_records
    if options.json:
        _print_json(
            {
                "session": options.session,
                "folder": str(facts.session.folder),
                "brand": facts.brief.brand_id,
                "product": facts.brief.product,
                "finished": done.whole,
                "cost_usd": round(spent.settled_usd, 6),
                "storyboard": json.loads(facts.storyboard.to_json()) if facts.session.picked(STORYBOARD) else None,
                "artifacts": [record.model_dump(mode="json") for record in picked],
            }
        )
        return DONE
    print(f"{options.session}  {facts.kit.named_in('ko')}  {facts.brief.product}")
    page = facts.product_facts_record
    if page and not page.degraded:  # that is told below
        print(page_line(facts))
    if facts.session.picked(STORYBOARD):
        _print_scenes(facts, picked)
    for record in picked:
        if record.stage == "final_mp4":
            print(f"{say('final')} {record.format}  v{record.take}  {facts.session.path_of(record)}")
    bad = [(record, note) for record in picked for note in record.failed_checks]
    for record, note in bad:
        print(say("check failed: {name}: {measured}, limit {limit}", name=f"{record.key} {note.name}", measured=note.measured, limit=note.limit))  # fmt: skip  # noqa: E501
    for record in picked:
        for note in record.warnings:
            print(say("look at {name}: {measured}, limit {limit}", name=f"{record.key} {note.name}", measured=note.measured, limit=note.limit))  # fmt: skip  # noqa: E501
    for record in picked:
        if record.stage == "music" and record.details.get("credit"):
            print(say("to be credited: {credit}", credit=str(record.details["credit"])))
    for line in degraded_lines(picked):
        print(line)
    state = say("finished") if done.whole else say("not finished")
    print(say("state: {state}; cost so far ${cost:.2f}", state=state, cost=spent.settled_usd))
    return DONE


def _money(usd: float) -> str:
    """Cents; what is less in as many digits as it takes: a spoken line costs no whole cent."""
    return f"${usd:.2f}" if usd == 0 or usd >= 0.01 else f"${usd:.4f}"


def takes(options: argparse.Namespace) -> int:
    """Every take of a session's artifacts; the picked ones are marked."""
    session = Workplace.at(settings_from_environment()).store.existing(options.session)
    if options.scene:
        _known_scene(session, options.scene)
    records = [r for r in session.records() if not options.scene or r.scene_id == options.scene]
    picked = {(r.key, r.take) for r in session.picked_records()}
    if options.json:
        _print_json([{**r.model_dump(mode="json"), "picked": (r.key, r.take) in picked} for r in records])
        return DONE
    table = new_table("", say("artifact"), say("take"), say("engine"), say("seed"), say("seconds"), say("made at"))
    for record in records:
        table.add_row(
            "●" if (record.key, record.take) in picked else " ",
            str(record.key),
            f"v{record.take}",
            f"{record.engine}/{record.model}" + (f" ({say('degraded')})" if record.degraded else ""),
            "" if record.seed is None else str(record.seed),
            f"{record.seconds_run:.2f}",
            f"{record.made_at.astimezone():%Y-%m-%d %H:%M:%S}",
        )
    print_table(table)
    return DONE


def pick(options: argparse.Namespace) -> int:
    """Make the film use another take; what depends on it is made again with the final."""
    workplace = Workplace.at(settings_from_environment())
    facts = facts_of(workplace, options.session)
    take = checked_take(options.take)
    if adopt_hand_edit(workplace, facts):  # a pick of a storyboard would overwrite it
        facts = facts_of(workplace, options.session)
    chosen = [facts.session.take(key, take) for key in _picked_keys(facts, options)]
    for record in chosen:
        # The driver would put its own choice back: better said now than done unasked.
        if not stands(facts, record):
            raise InputRejected(
                "take v{take} of {key} was made from another story or from other takes; pick those first, or make "
                "a new take",
                field="take", take=take, key=str(record.key),
            )  # fmt: skip
    for record in chosen:
        facts.session.pick(record.key, take, by="person")
    # Here: the driver loads Dagster, which the other commands of this module never need.
    from ad_pipeline.cli.making import drive

    return drive(workplace, Order(session_id=options.session), as_json=options.json)


def route(options: argparse.Namespace) -> int:
    """Who makes each stage of each scene, why, who stands behind, and what it costs."""
    workplace = Workplace.at(settings_from_environment())
    facts = facts_of(workplace, options.session)
    decisions = _decisions(facts)
    missing = {decision.wanted.model_id: _why_not_ready(workplace, decision) for decision in decisions}
    missing |= why_not_asked([decision.wanted.model_id for decision in decisions])
    if options.json:
        _print_json([_as_json(decision, missing[decision.wanted.model_id]) for decision in decisions])
        return DONE
    table = new_table(
        say("scene"), say("stage"), say("engine"), say("here?"), say("cost"), say("why"), say("behind it")
    )
    for decision in decisions:
        passed = "; ".join(f"{say('not')} {p.model_id}: {_said(p.why)}" for p in decision.passed_over)
        table.add_row(
            decision.scene_id or "",
            decision.stage,
            decision.wanted.model_id,
            "-" if missing[decision.wanted.model_id] else say("ready"),
            _money(decision.cost_usd),
            _said(decision.reason) + (f" ({passed})" if passed else ""),
            " -> ".join(row.model_id for row in decision.chain[1:]),
        )
    print_table(table)
    for why_not in dict.fromkeys(filter(None, missing.values())):
        print(f"- {why_not}")
    total = sum(decision.cost_usd for decision in decisions)
    budget = facts.brief.budget_usd
    print(say("estimated cost: ${total:.2f}", total=total) + (f" / ${budget:.2f}" if budget is not None else ""))
    return DONE


def _decisions(facts: SessionFacts) -> list[Decision]:
    found = list(role_decisions(facts.brief).values()) or [decide("storyboard", brief=facts.brief)]
    if facts.session.picked(STORYBOARD):
        for scene in facts.storyboard.scenes:
            found += [
                decide(stage, brief=facts.brief, scene=scene, kit=facts.kit)  # type: ignore[arg-type]
                for stage in SCENE_KINDS
            ]
    found += [decide("music", brief=facts.brief), decide("final_mp4", brief=facts.brief)]
    return found


def _why_not_ready(workplace: Workplace, decision: Decision) -> str:
    """Why the wanted engine is not ready here; empty when it is, and where nobody works (no polish, no review)."""
    if decision.wanted.engine == "room" and not decision.wanted.crafts:
        return ""
    return _said(workplace.engines.why_not(decision.wanted.model_id))


def _said(why: Message | None) -> str:
    return why.said_in(user_language()) if why else ""


def _as_json(decision: Decision, why_not_ready: str) -> dict[str, Any]:
    return {
        "scene": decision.scene_id,
        "stage": decision.stage,
        "engine": decision.wanted.model_id,
        "licence": decision.wanted.licence.name,
        "paid_ads": decision.wanted.licence.paid_ads,
        "ready": not why_not_ready,
        "not_ready_because": why_not_ready,
        "why": str(decision.reason),
        "cost_usd": decision.cost_usd,
        "chain": [row.model_id for row in decision.chain],
        "passed_over": [{"model_id": p.model_id, "why": str(p.why)} for p in decision.passed_over],
    }


def _picked_keys(facts: SessionFacts, options: argparse.Namespace) -> list[ArtifactKey]:
    kinds = get_args(Kind)
    if options.artifact not in kinds:
        raise InputRejected(
            "no artifact {got!r}; did you mean {guess!r}? known: {known}",
            field="artifact", got=options.artifact, guess=nearest(options.artifact, kinds) or "key_image",
            known=", ".join(kinds),
        )  # fmt: skip
    if options.format and options.format not in FORMATS:
        raise InputRejected(
            "format: got {got!r}, allowed: {allowed}", field="format", got=options.format, allowed=", ".join(FORMATS)
        )
    scene_id = None if options.scene == "-" else options.scene
    if scene_id:
        _known_scene(facts.session, scene_id)
    found = {
        record.key
        for record in facts.session.records()
        if record.stage == options.artifact
        and record.scene_id == scene_id
        and (not options.format or record.format == options.format)
    }
    if not found:
        raise InputRejected(
            "session {session_id!r} has no {artifact} for {scene}",
            field="artifact", session_id=options.session, artifact=options.artifact, scene=options.scene,
        )  # fmt: skip
    return sorted(found, key=lambda key: key.slug)


def _known_scene(session: Session, scene_id: str) -> None:
    known = sorted({record.scene_id for record in session.records() if record.scene_id})
    if scene_id not in known:
        raise InputRejected(
            "no scene {scene_id!r}; this ad has {known}",
            field="scene",
            scene_id=scene_id,
            known=", ".join(known) or "-",
        )


def _listed(workplace: Workplace, *, as_json: bool) -> int:
    rows: list[dict[str, Any]] = []
    for session_id in workplace.store.session_ids():
        try:
            facts = facts_of(workplace, session_id)
        except InputRejected as error:
            rows.append({"session": session_id, "product": str(error), "finished": False})
            continue
        whole = finished(workplace, session_id).whole
        rows.append({"session": session_id, "product": facts.brief.product, "finished": whole})
    if as_json:
        _print_json(rows)
    elif not rows:
        print(
            say("no sessions under {root} yet; begin with: ad-pipeline make BRIEF.yaml", root=str(workplace.store.root))
        )
    for row in rows if not as_json else ():
        print(f"{row['session']:24} {say('finished') if row['finished'] else say('not finished'):14} {row['product']}")
    return DONE


def _print_scenes(facts: SessionFacts, picked: Sequence[TakeRecord]) -> None:
    table = new_table(say("scene"), "s", say("purpose"), *SCENE_KINDS, say("written"), say("said"))
    for scene in facts.storyboard.scenes:
        of_scene = [record for record in picked if record.scene_id == scene.id]
        table.add_row(
            scene.id,
            f"{scene.duration_seconds:.2f}",
            scene.purpose,
            *(_takes_of(of_scene, kind) for kind in SCENE_KINDS),
            " ".join(scene.onscreen_text.split()),
            " / ".join(line.text for line in scene.spoken),
        )
    print_table(table)


def _takes_of(records: Iterable[TakeRecord], kind: Kind) -> str:
    found = [record for record in records if record.stage == kind]
    marks = ["v{}{}".format(r.take, "!" if r.failed_checks else "*" if r.degraded else "") for r in found]
    return " ".join(dict.fromkeys(marks)) or "·"


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1))
