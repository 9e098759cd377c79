"""`make` and `rerun`: the driver in this process, with its progress on the screen."""

from __future__ import annotations

import argparse
import gc
import json
import re
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_pipeline.cli.exits import DEGRADED, DONE, FAILED
from ad_pipeline.cli.progress import ProgressDisplay
from ad_pipeline.errors import BriefRejected, Cancelled, InputRejected
from ad_pipeline.media.ffmpeg import ffmpeg_version
from ad_pipeline.messages import say
from ad_pipeline.sessions.keys import checked_session_id
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.stages.launcher import Order, Outcome
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.product_page import page_line
from ad_pipeline.stages.progress import finished
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline.stages.storyboard import adopt_hand_edit, edit_scene
from ad_pipeline.stages.warming import begin_warming
from ad_pipeline.stages.workplace import Wishes, Workplace
from ad_pipeline.story.border import TEXT_LIMIT_BYTES, mapping_from_yaml
from ad_pipeline.story.storyboard import Storyboard

if TYPE_CHECKING:
    from ad_pipeline.defs.here import HereLauncher

_LOOK_EVERY_S = 0.1


def make(options: argparse.Namespace) -> int:
    """Make the ad of a brief, or of a session that has one; what is finished already is kept."""
    if options.brief is None:
        return _made_again(options)
    path = Path(options.brief)
    text = brief_with_choices(path, quality=options.quality, engine=options.engine)
    session_id = session_named(options.session, path)
    workplace = Workplace.at(settings_from_environment())
    open_session(workplace, session_id, text, folder=path.absolute().parent)
    told = "" if options.json else page_line(facts_of(workplace, session_id))
    if told:
        print(told)
    return drive(workplace, Order(session_id=session_id, urgent=options.urgent), as_json=options.json)


def _made_again(options: argparse.Namespace) -> int:
    """A session goes on with the brief that it has; choices on the command line would change it."""
    if not options.session or options.quality or options.engine:
        raise InputRejected("give a brief's file, or only --session NAME of a session that has one", field="brief")
    workplace = Workplace.at(settings_from_environment())
    facts_of(workplace, checked_session_id(options.session))
    return drive(workplace, Order(session_id=options.session, urgent=options.urgent), as_json=options.json)


def rerun(options: argparse.Namespace) -> int:
    """A new take of what a person changed, and the final; nothing else."""
    workplace = Workplace.at(settings_from_environment())
    session_id = checked_session_id(options.session)
    facts = facts_of(workplace, session_id)
    if options.stage == ["music"] and not options.scene:
        music = Wishes(reuse=False, seed=checked_seed(options.seed))
        return drive(workplace, Order(session_id=session_id, music=music, urgent=options.urgent), as_json=options.json)
    if not options.scene:
        if not options.upgrade:
            raise InputRejected("say which scene: --scene scene_001 (or --upgrade for the whole ad)", field="scene")
        order = Order(session_id=session_id, upgrade=True, urgent=options.urgent)
        return drive(workplace, order, as_json=options.json)
    adopt_hand_edit(workplace, facts)
    facts.storyboard.scene(options.scene)
    changes = {"narration": options.narration, "onscreen_text": options.onscreen_text}
    changes = {name: value for name, value in changes.items() if value is not None}
    if changes:
        edit_scene(workplace, session_id, options.scene, changes)
    own = Wishes(
        reuse=False, seed=checked_seed(options.seed), prompt=options.prompt, negative_prompt=options.negative_prompt
    )
    stages = list(options.stage or [])
    if "music" in stages:
        raise InputRejected("the music is the whole ad's: say --stage music alone, without --scene", field="stage")
    if not stages and (own.own or not (changes or options.upgrade)):
        stages = ["key_image"]
    wishes = {options.scene: dict.fromkeys(stages, own)} if stages else {}
    order = Order(
        session_id=session_id, wishes=wishes, upgrade=options.upgrade, only_scene=options.scene, urgent=options.urgent
    )
    return drive(workplace, order, as_json=options.json)


def checked_seed(value: int | None) -> int | None:
    """`value`, when an engine takes it.

    Raises:
        InputRejected: it is none.
    """
    if value is not None and not 0 <= value < 2**31:
        raise InputRejected("--seed: got {got}, allowed 0 to 2147483647", field="seed", got=value)
    return value


def drive(workplace: Workplace, order: Order, *, as_json: bool) -> int:
    """Run the driver here, show its progress, tell its outcome; the exit code."""
    ffmpeg_version()  # without it no film can be cut: said now, not after every scene was made
    if order.wishes or order.music or order.upgrade or not finished(workplace, order.session_id).whole:
        begin_warming()
    from ad_pipeline.defs.books import Books
    from ad_pipeline.defs.here import HereLauncher

    began = time.monotonic()
    with Books.at(settings_from_environment()) as books, ProgressDisplay(quiet=as_json) as display:
        gc.enable()
        launcher = HereLauncher(books, workplace, report=display.hear)
        outcome = _waited(launcher, launcher.start(order), display)
    return _told(workplace, outcome, seconds=time.monotonic() - began, as_json=as_json)


def _waited(launcher: HereLauncher, work_id: str, display: ProgressDisplay) -> Outcome:
    """The outcome; Ctrl-C cancels the work and waits for its safe point."""
    while True:
        if display.stopped:
            launcher.cancel(work_id)
        try:
            return launcher.outcome(work_id, timeout_s=_LOOK_EVERY_S)
        except TimeoutError:
            continue
        except Cancelled as error:
            raise KeyboardInterrupt from error


def _told(workplace: Workplace, outcome: Outcome, *, seconds: float, as_json: bool) -> int:
    facts = facts_of(workplace, outcome.session_id)
    session = facts.session
    failed_checks = [v for record in facts.film_records for v in record.failed_checks]
    forbidden = bool(outcome.degraded) and not facts.brief.allow_degraded
    code = FAILED if outcome.failures or failed_checks else DEGRADED if forbidden else DONE
    verdict = {DONE: "done", FAILED: "failed", DEGRADED: "degraded"}[code]
    if verdict == "done" and outcome.degraded:
        verdict = "degraded"
    board = facts.storyboard if session.picked_records() and not _without_board(outcome) else None
    if as_json:
        print(json.dumps(_as_json(workplace, outcome, board, verdict, seconds), ensure_ascii=False, indent=1))
        return code
    for line in outcome.lines() if outcome.degraded or outcome.failures else []:
        print(line)
    for note in failed_checks:
        print(
            say(
                "check failed: {name}: {measured}, limit {limit}",
                name=note.name,
                measured=note.measured,
                limit=note.limit,
            )
        )
    if board:
        for scene in board.scenes:
            written = " ".join(scene.onscreen_text.split())
            print(f"  {scene.id}  {scene.duration_seconds:5.2f} s  {scene.purpose:13} {written}")
    for record in outcome.finals:
        print(say("final: {path}", path=str(session.path_of(record))))
    words = {
        "done": say("finished"),
        "failed": say("not finished"),
        "degraded": say("finished, but a weaker engine made part of it"),
    }
    idle = outcome.nothing_to_do and not failed_checks  # where a check fails there is something to do: for a person
    kept = f" ({say('nothing to do: everything was finished')})" if idle else ""
    print(say("verdict: {verdict} in {seconds:.1f} s", verdict=words[verdict] + kept, seconds=seconds))
    print(say("open the UI: {program} ui --root {root}", program=_program(), root=_near(workplace.store.root)))
    return code


def make_command(session_id: str, workplace: Workplace) -> str:
    """How the session's film is made from here."""
    return f"{_program()} make --session {session_id} --root {_near(workplace.store.root)}"


def _program() -> str:
    """How this program is called from here."""
    return "ad-pipeline" if shutil.which("ad-pipeline") else _near(Path(sys.argv[0]).absolute())


def _near(path: Path) -> str:
    """Relative to the working folder when it lies inside."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _without_board(outcome: Outcome) -> bool:
    return any(failure.place == "storyboard" for failure in outcome.failures)


def _as_json(
    workplace: Workplace, outcome: Outcome, board: Storyboard | None, verdict: str, seconds: float
) -> dict[str, Any]:
    session = workplace.session(outcome.session_id)
    scenes = board.scenes if board else ()
    return {
        "session": outcome.session_id,
        "folder": str(session.folder),
        "verdict": verdict,
        "seconds": round(seconds, 3),
        "nothing_to_do": outcome.nothing_to_do,
        "scenes": [{"id": s.id, "seconds": s.duration_seconds, "purpose": s.purpose} for s in scenes],
        "finals": [
            {
                "format": record.format,
                "path": str(session.path_of(record)),
                "take": record.take,
                "sha256": record.sha256,
                "checks": [v.model_dump() for v in record.verdicts],
            }
            for record in outcome.finals
        ],
        "degraded": [
            {"artifact": r.key.slug, **r.degraded.model_dump(exclude={"reasons"})}
            for r in outcome.degraded
            if r.degraded
        ],
        "failures": [vars(failure) for failure in outcome.failures],
    }  # fmt: skip


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            found = file.read(TEXT_LIMIT_BYTES + 1)  # a device has no size and no end
        if len(found) > TEXT_LIMIT_BYTES:
            raise BriefRejected(
                "the {what} is larger than {limit} bytes; expected a page of text", what="brief", limit=TEXT_LIMIT_BYTES
            )
        return found.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BriefRejected("{path} is no UTF-8 text", path=str(path)) from error
    except OSError as error:
        raise BriefRejected(
            "cannot read the brief {path}: {reason}", path=str(path), reason=error.strerror or "?"
        ) from error


def brief_with_choices(path: Path, *, quality: str | None, engine: str | None) -> str:
    """The brief with the command line's choices in it, so that a resume finds the same words.

    Raises:
        BriefRejected: it cannot be read.
    """
    text = _read(path)
    chosen = {name: value for name, value in (("quality", quality), ("engine_preference", engine)) if value}
    if chosen and text.lstrip().startswith("{"):  # JSON has no lines to replace
        values = mapping_from_yaml(text, rejected=BriefRejected, what="brief") | chosen
        return json.dumps(values, ensure_ascii=False, indent=1) + "\n"
    for name, value in chosen.items():
        text = re.sub(rf"(?m)^{name}:.*\n?", "", text).rstrip("\n") + f"\n{name}: {value}\n"
    return text


def session_named(wish: str | None, path: Path) -> str:
    """The session's id: the wished one, else the brief's file name.

    Raises:
        InputRejected: it is none.
    """
    return checked_session_id(_session_name(path) if wish is None else wish)


def _session_name(path: Path) -> str:
    name = re.sub(r"[^a-z0-9_-]+", "_", path.stem.lower()).strip("_-")[:64]
    if not name:
        raise InputRejected("the brief's file name {name!r} gives no session id; give one by --session", name=path.name)
    return name
