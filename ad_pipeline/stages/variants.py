"""The same ad with another hook, call to action or tone: new sessions that share whatever stays the same."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, get_args

import psutil

from ad_pipeline.errors import InputRejected
from ad_pipeline.sessions.files import saying_disk_errors
from ad_pipeline.sessions.keys import ArtifactKey, checked_session_id
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Session, SessionStore
from ad_pipeline.stages.progress import SCENE_KINDS, stands
from ad_pipeline.stages.rewriting import Rewriter, Wording, forget_answers, keep_wordings, said_in
from ad_pipeline.stages.session_facts import BRIEF, INPUT_IMAGE, PRODUCT_FACTS, STORYBOARD, SessionFacts, facts_of
from ad_pipeline.stages.storyboard import adopt_hand_edit
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.story.storyboard import Scene, Storyboard
from ad_pipeline.story.tones import tone_of

Varied = Literal["hook", "cta", "tone"]
MOST_VARIANTS = 12
_ASIDE = ".variant-"

_TONES = (
    "casual", "enthusiastic", "professional", "warm", "funny", "casual_warm", "professional_warm",
    "enthusiastic_casual", "funny_casual", "warm_enthusiastic", "professional_enthusiastic", "funny_warm",
)  # fmt: skip
_WISHES: Mapping[Varied, str] = MappingProxyType(
    {
        "hook": "another opening that would stop somebody else: a new thought, not the same again",
        "cta": "another call to action: a new reason to act now, the same offer",
        "tone": "the same thought and facts in the tone {tone}",
    }
)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One new session: which scenes differ from the original, and in what tone it speaks."""

    session_id: str
    scene_ids: tuple[str, ...]
    record: TakeRecord
    shared: int
    """Artifacts that it takes over from the original as they are."""
    tone: str = ""


def make_variants(
    workplace: Workplace, session_id: str, *, count: int, varied: str, told: Callable[[Variant], None] = lambda _: None
) -> list[Variant]:
    """So many new sessions, each with its storyboard and all that it shares with the original; no film is made.

    Raises:
        InputRejected: no such session, nothing to vary, or no more words are left to vary it with.
        Cancelled: the work was stopped; variants that are whole stay.
    """
    what = _checked(count, varied)
    facts = facts_of(workplace, session_id)
    if adopt_hand_edit(workplace, facts):
        facts = facts_of(workplace, session_id)
    _sweep(workplace)
    scenes = _scenes(facts.storyboard, what)
    rewriter, made = Rewriter(workplace, facts, taken=_taken(workplace, facts, what)), list[Variant]()
    tones = _other_tones(facts)
    for turn in range(count):
        tone = tones[turn % len(tones)] if what == "tone" else ""
        wish = _WISHES[what].format(tone=tone)
        try:
            wordings = _wordings(rewriter, scenes, wish, tone=tone, with_picture=what == "hook")
        except InputRejected as error:
            if not made:
                raise
            raise InputRejected(
                "{made} of {count} variants are there, and no words are left for another: {why}",
                field="n", made=len(made), count=count, why=error.message,
            ) from error  # fmt: skip
        made.append(_variant(workplace, facts, wordings, what=what, tone=tone))
        told(made[-1])
    forget_answers(facts)
    return made


def _wordings(
    rewriter: Rewriter, scenes: Iterable[Scene], wish: str, *, tone: str, with_picture: bool
) -> Mapping[str, Wording]:
    found: dict[str, Wording] = {}
    for scene in scenes:
        beside = [text for one in found.values() for text in (one.line.narration, one.line.onscreen_text)]
        found[scene.id] = rewriter.wording(scene, wish, tone=tone, with_picture=with_picture, beside=beside)
    return found


def _variant(
    workplace: Workplace, facts: SessionFacts, wordings: Mapping[str, Wording], *, what: Varied, tone: str
) -> Variant:
    """Built aside and then put in its place at once: whoever is killed before leaves no session that is half one."""
    aside = workplace.store.root / f"{_ASIDE}{os.getpid()}-{uuid.uuid4().hex[:8]}"
    try:
        with saying_disk_errors(workplace.store.root):
            while True:
                name = _free_name(workplace, facts.session.session_id, what)
                hidden = replace(workplace, store=SessionStore(aside))
                variant = _built(hidden, facts, name, wordings, what=what, tone=tone)
                try:
                    (aside / name).rename(workplace.store.root / name)
                except OSError as error:  # somebody else took the name meanwhile
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        raise
                    shutil.rmtree(aside / name)
                    continue
                return variant
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _built(
    workplace: Workplace, facts: SessionFacts, name: str, wordings: Mapping[str, Wording], *, what: Varied, tone: str
) -> Variant:
    source, session = facts.session, workplace.session(name)
    for key in (BRIEF, INPUT_IMAGE, PRODUCT_FACTS, STORYBOARD):
        picked = source.picked(key)
        if picked and (key != INPUT_IMAGE or facts.product_image):
            session.take_over(picked, source)
    told = {"variant_of": source.session_id, "varied": what, "tone": tone, "edited": ", ".join(wordings)}
    new = facts_of(workplace, name)
    what_changed = {name: value for name, value in told.items() if value}
    record = keep_wordings(workplace, new, wordings, what=what_changed, tone=tone)
    shared = _take_over_shared(workplace, name, source)
    return Variant(session_id=name, scene_ids=tuple(wordings), record=record, shared=shared, tone=tone)


def _take_over_shared(workplace: Workplace, name: str, source: Session) -> int:
    """Every picked artifact of the original that follows from the variant's story too, in film order."""
    facts, count = facts_of(workplace, name), 0
    for record in _in_film_order(facts, source):
        if source.is_intact(record) and _stands(facts, record):
            facts.session.take_over(record, source)
            count += 1
    return count


def _in_film_order(facts: SessionFacts, source: Session) -> Iterable[TakeRecord]:
    for scene_id in facts.storyboard.scene_ids:
        for kind in SCENE_KINDS:
            for format_ in (None, *facts.storyboard.all_formats):
                picked = source.picked(ArtifactKey(kind=kind, scene_id=scene_id, format=format_))
                if picked:
                    yield picked
    music = source.picked(ArtifactKey(kind="music"))
    if music:
        yield music


def _stands(facts: SessionFacts, record: TakeRecord) -> bool:
    try:
        return stands(facts, record)
    except InputRejected:  # what it is made from is another here, and not made yet
        return False


def _scenes(board: Storyboard, what: Varied) -> list[Scene]:
    """The scenes whose words change."""
    if what == "tone":
        # A claim is quoted word for word, in any tone.
        found = [scene for scene in board.scenes if scene.spoken and not (scene.model_extra or {}).get("claim")]
    else:
        found = [scene for scene in board.scenes if scene.purpose == what]
        if not found:  # a board of a person's own hand may name no purposes
            found = [board.scenes[0 if what == "hook" else -1]]
    return found


def _other_tones(facts: SessionFacts) -> list[str]:
    now = tone_of(facts.storyboard.tone or facts.kit.tone).parts
    others = [tone for tone in _TONES if tone_of(tone).parts != now]
    return sorted(others, key=lambda tone: now[0] in tone_of(tone).parts)  # the least alike first


def _checked(count: int, varied: str) -> Varied:
    if varied not in get_args(Varied):
        raise InputRejected(
            "--vary: got {got!r}, allowed: {allowed}",
            field="vary",
            got=varied[:40],
            allowed=", ".join(get_args(Varied)),
        )
    if not 1 <= count <= MOST_VARIANTS:
        raise InputRejected("--n: got {got}, allowed 1 to {most}", field="n", got=count, most=MOST_VARIANTS)
    return varied  # type: ignore[return-value]  # just checked


def _taken(workplace: Workplace, facts: SessionFacts, what: Varied) -> set[str]:
    """What earlier variants of this ad say in the scenes that vary."""
    found: set[str] = set()
    for name in workplace.store.session_ids():
        if not name.startswith(f"{_stem(facts.session.session_id, what)}_{what}_"):
            continue
        with contextlib.suppress(InputRejected):  # one that somebody broke takes no words
            found |= {said_in(scene) for scene in _scenes(facts_of(workplace, name).storyboard, what)}
    return found


def _sweep(workplace: Workplace) -> None:
    """Drop what killed processes were building."""
    for folder in workplace.store.root.glob(f"{_ASIDE}*-*"):
        pid = folder.name.removeprefix(_ASIDE).split("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _stem(session_id: str, what: Varied) -> str:
    return session_id[: 64 - len(what) - 5]


def _free_name(workplace: Workplace, session_id: str, what: Varied) -> str:
    """The next name that no session has: laneige_15s_hook_1, laneige_15s_hook_2..."""
    number = 1
    while (workplace.store.root / f"{_stem(session_id, what)}_{what}_{number}").exists():
        number += 1
    return checked_session_id(f"{_stem(session_id, what)}_{what}_{number}")
