"""`edit` and `clip`: a scene's picture changed by words, and one clip without an ad."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from ad_pipeline.cli.exits import DONE, FAILED
from ad_pipeline.cli.making import checked_seed, drive
from ad_pipeline.cli.progress import ProgressDisplay
from ad_pipeline.errors import Cancelled, InputRejected
from ad_pipeline.messages import say
from ad_pipeline.sessions.files import saying_disk_errors
from ad_pipeline.sessions.keys import checked_session_id
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.stages.clip_wish import ClipWish, checked_wish
from ad_pipeline.stages.key_image import check_can_edit, key_image_edits
from ad_pipeline.stages.launcher import Order
from ad_pipeline.stages.loose_clip import Clip, make_clip
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline.stages.storyboard import adopt_hand_edit
from ad_pipeline.stages.workplace import Wishes, Workplace


def edit(options: argparse.Namespace) -> int:
    """Change a scene's picture by words; what depends on it is made again with the final."""
    workplace = Workplace.at(settings_from_environment())
    session_id = checked_session_id(options.session)
    wishes = Wishes(reuse=False, edit=options.words, seed=checked_seed(options.seed))
    facts = facts_of(workplace, session_id)
    if adopt_hand_edit(workplace, facts):
        facts = facts_of(workplace, session_id)
    # Asked here, before anything is begun: what cannot be edited stays as it is.
    check_can_edit(workplace, key_image_edits(facts, options.scene, wishes))
    order = Order(session_id=session_id, wishes={options.scene: {"key_image": wishes}}, urgent=options.urgent)
    return drive(workplace, order, as_json=options.json)


def clip(options: argparse.Namespace) -> int:
    """Make one clip and copy it to where it was asked for."""
    out = Path(options.out).expanduser().absolute()
    _check_target(out, force=options.force)
    wish = ClipWish(
        prompt=options.prompt,
        image=Path(options.image).expanduser() if options.image else None,
        duration_s=options.seconds,
        format=options.format,
        motion=options.motion,
        engine=options.engine or "",
        seed=checked_seed(options.seed) or 0,
    )
    asked = checked_wish(wish)
    workplace = Workplace.at(settings_from_environment())
    with ProgressDisplay(quiet=options.json) as display:
        heard = replace(
            workplace,
            report=display.hear,
            should_stop=lambda: display.stopped,
            made_by="person",
            urgent=options.urgent,
        )
        try:
            made = make_clip(heard, asked)
        except Cancelled as error:
            raise KeyboardInterrupt from error
    _copy_whole(made.path, out, force=options.force)
    return _told(made, out, as_json=options.json)


def _told(made: Clip, out: Path, *, as_json: bool) -> int:
    failed = [note for record in (made.picture, made.film) for note in record.failed_checks]
    if as_json:
        print(json.dumps(_as_json(made, out), ensure_ascii=False, indent=1))
        return FAILED if failed else DONE
    for name, record in ((say("picture"), made.picture), (say("motion"), made.film)):
        by = say("your own") if record.engine == "person" else f"{record.engine}/{record.model}"
        print(f"{name}: {by}" + (f", {record.node}" if record.node else ""))
        if record.degraded:
            print(
                say(
                    "degraded: {used} made this, {wanted} was wanted: {why}",
                    used=record.degraded.used, wanted=record.degraded.wanted, why=record.degraded.why_not_wanted(),
                )
            )  # fmt: skip
    for note in failed:
        print(
            say(
                "check failed: {name}: {measured}, limit {limit}",
                name=note.name, measured=note.measured, limit=note.limit,
            )
        )  # fmt: skip
    print(say("clip: {path} ({format}, {seconds:g} s)", path=str(out), format=made.film.format, seconds=made.seconds))
    return FAILED if failed else DONE


def _as_json(made: Clip, out: Path) -> dict[str, Any]:
    return {
        "clip": str(out),
        "format": made.film.format,
        "seconds": made.seconds,
        "degraded": any(record.degraded for record in (made.picture, made.film)),
        "picture": _of(made.picture),
        "motion": _of(made.film),
    }


def _of(record: TakeRecord) -> dict[str, Any]:
    return {
        "engine": f"{record.engine}/{record.model}",
        "node": record.node,
        "seed": record.seed,
        "licence": record.licence.model_dump(),
        "cost_usd": record.cost_settled_usd,
        "degraded": record.degraded.model_dump(exclude={"reasons"}) if record.degraded else None,
        "failed_checks": [note.model_dump() for note in record.failed_checks],
    }


def _check_target(out: Path, *, force: bool) -> None:
    """Refuse before anything is made what could not be written in the end."""
    try:
        has_folder, is_taken = out.parent.is_dir(), out.is_dir() or (out.exists() and not force)
    except OSError as error:  # a name that no file can have
        raise InputRejected("--out: {reason}", field="out", reason=error.strerror or "?") from error
    if out.suffix.lower() != ".mp4":
        raise InputRejected("--out: got {got!r}, expected a name that ends in .mp4", field="out", got=out.name[:80])
    if not has_folder:
        raise InputRejected("--out: there is no folder {folder}", field="out", folder=str(out.parent))
    if is_taken:
        raise _taken(out)


def _taken(out: Path) -> InputRejected:
    return InputRejected("--out: {path} is there already; --force overwrites it", field="out", path=str(out))


def _copy_whole(source: Path, target: Path, *, force: bool) -> None:
    """`source` under another name, whole or not at all; what came there meanwhile is not overwritten."""
    draft = target.with_name(f".{uuid.uuid4().hex[:12]}.part")
    with saying_disk_errors(target.parent):
        try:
            with source.open("rb") as film, draft.open("xb") as copy:
                shutil.copyfileobj(film, copy)
                copy.flush()
                os.fsync(copy.fileno())
            if force:
                draft.replace(target)
            else:
                _rename_to_new(draft, target)
        except FileExistsError as error:
            raise _taken(target) from error
        finally:
            draft.unlink(missing_ok=True)


def _rename_to_new(draft: Path, target: Path) -> None:
    """A second name by a link: unlike a rename it fails where somebody else was quicker."""
    try:
        target.hardlink_to(draft)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, e.g. a stick
        if target.exists():
            raise FileExistsError(target) from None
        draft.replace(target)
