"""Other words for one scene, as a person asks: only that scene's text changes, and what depends on it is redone."""

from __future__ import annotations

import contextlib
import functools
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ad_pipeline.engines.animatic.other_lines import other_lines
from ad_pipeline.engines.animatic.story import TemplateWriter
from ad_pipeline.engines.contracts import Job, Progress
from ad_pipeline.engines.crafts.story import StoryRequest
from ad_pipeline.errors import InputRejected
from ad_pipeline.messages import Message, user_language, worded
from ad_pipeline.routing.catalogue import models
from ad_pipeline.sessions.fingerprint import fingerprint, job_id
from ad_pipeline.sessions.records import Degraded, LicenceNote, TakeRecord
from ad_pipeline.stages.assignments import assignment_of, known_brands, own_prompts
from ad_pipeline.stages.room_notes import TEMPLATE
from ad_pipeline.stages.scene_news import SceneNews
from ad_pipeline.stages.scene_titles import why_not_fitting
from ad_pipeline.stages.session_facts import STORYBOARD, SessionFacts, facts_of
from ad_pipeline.stages.storyboard import adopt_hand_edit, keep_edit
from ad_pipeline.stages.team import Team
from ad_pipeline.stages.workplace import StepReport, Workplace
from ad_pipeline.story.room.answers import Copy, SceneCopy
from ad_pipeline.story.room.assembling import line_of, with_its_facts, words_of
from ad_pipeline.story.room.complaints import Complaint, line_complaints, overrun_s
from ad_pipeline.story.room.questions import Assignment, rewrite_text
from ad_pipeline.story.storyboard import Purpose, Scene, storyboard_from_text
from ad_pipeline.story.tones import tones_of

_MOST_WISH = 600
_MOST_PICTURES = 12
"""So often another picture is sought before one is taken anew."""


@dataclass(frozen=True, kw_only=True)
class Wording:
    """New words for one scene, and who wrote them; `picture` holds fields of its picture where that is new too."""

    line: SceneCopy
    model_id: str
    licence: LicenceNote
    degraded: Degraded | None = None
    cost_usd: float = 0.0
    picture: Mapping[str, Any] = field(default_factory=dict[str, Any])


def rewrite_scene(workplace: Workplace, session_id: str, scene_id: str, wish: str) -> TakeRecord:
    """The storyboard with the scene's words written anew, as a take that stands until the brief changes.

    Raises:
        InputRejected: there is no such scene, nothing is asked for, or no words could be found that may stand.
        Cancelled: the work was stopped; nothing changed.
    """
    wish = " ".join(wish.split())
    if not wish:
        raise InputRejected('say what to change, e.g. "warmer, mention ceramide"', field="words")
    if len(wish) > _MOST_WISH:
        raise InputRejected(
            "the wish has {got} letters, allowed are {most}; say it shorter",
            field="words",
            got=len(wish),
            most=_MOST_WISH,
        )
    facts = facts_of(workplace, session_id)
    if adopt_hand_edit(workplace, facts):
        facts = facts_of(workplace, session_id)
    scene = facts.storyboard.scene(scene_id)
    wording = Rewriter(workplace, facts).wording(scene, wish)
    record = _kept(workplace, session_id, scene_id, wording, wish)
    forget_answers(facts)
    _tell(workplace, session_id, record)
    return record


def _kept(workplace: Workplace, session_id: str, scene_id: str, wording: Wording, wish: str) -> TakeRecord:
    """The wording in the storyboard as it is now.

    A model thinks for a while: what was saved meanwhile, by hand or by another rewrite, stays.
    """
    while True:
        if adopt_hand_edit(workplace, facts_of(workplace, session_id)):
            continue
        facts = facts_of(workplace, session_id)
        newest = max(take.take for take in facts.session.takes(STORYBOARD))
        record = keep_wordings(workplace, facts, {scene_id: wording}, what={"edited": scene_id, "wish": wish})
        if record.take == newest + 1:
            return record
        # Somebody else's take came between reading and writing; ours, which lacks it, hides it. Ours once more, on it.
        facts.session.pick(STORYBOARD, record.take - 1, by="pipeline")


def keep_wordings(
    workplace: Workplace, facts: SessionFacts, wordings: Mapping[str, Wording], *, what: Mapping[str, object],
    tone: str = "",
) -> TakeRecord:  # fmt: skip
    """The storyboard with these scenes' words, and in that tone if one is given, as the picked take."""
    given, _ = assignment_of(facts)
    board = facts.storyboard.model_copy(update={"tone": tone}) if tone else facts.storyboard
    for scene_id, wording in wordings.items():
        board = board.with_scene(_with_words(board.scene(scene_id), wording, given))
    authors = list(wordings.values())
    return keep_edit(
        workplace, facts, board, what={**what, "by": list(dict.fromkeys(one.model_id for one in authors))},
        author={
            "engine": authors[0].model_id.split("/", 1)[0],
            "model": authors[0].model_id.split("/", 1)[1],
            "licence": authors[0].licence,
            "degraded": next((one.degraded for one in authors if one.degraded), None),
            "cost_settled_usd": round(sum(one.cost_usd for one in authors), 6),
        },
    )  # fmt: skip


class Rewriter:
    """Finds other words for scenes of one session: by a model where one answers, else among our own writer's lines."""

    def __init__(self, workplace: Workplace, facts: SessionFacts, *, taken: Iterable[str] | None = None) -> None:
        """`taken`: words that other versions of the ad have; without it, an earlier take's may come again at last."""
        self._workplace, self._facts = workplace, facts
        self._given, _ = assignment_of(facts)
        self._brands = known_brands(workplace)
        self._seen: set[str] = set(taken or ())
        """What was given already: nobody wants the same twice."""
        self._earlier = _earlier_words(facts)
        self._comes_again = taken is None
        self._beside: set[str] = set()
        self._pictures: set[str] = set()
        self._asked = 0
        self._team = self._new_team()

    def wording(
        self, scene: Scene, wish: str, *, tone: str = "", with_picture: bool = False, beside: Iterable[str] = ()
    ) -> Wording:
        """Words for `scene` as `wish` asks, that fit it and may stand; another call gives others.

        `tone`: the ad's own when empty. `with_picture`: our own writer's lines bring a picture of their own. `beside`:
        new words of other scenes, which this one shall not repeat.

        Raises:
            InputRejected: there are none.
        """
        self._seen |= {said_in(scene), *self._earlier.get(scene.id, ())}
        self._beside = set(beside)
        self._asked += 1
        given = replace(self._given, brief=self._given.brief.model_copy(update={"tone": tone})) if tone else self._given
        line, wrong = self._by_model(given, scene, wish)
        step = self._team.steps[-1]
        if line:
            self._seen.add(line.narration)
            licence = models()[step.used].licence
            return Wording(
                line=line, model_id=step.used, licence=LicenceNote(name=licence.name, paid_ads=licence.paid_ads),
                degraded=_degraded(step.wanted, step.used, step.why) if step.degraded else None, cost_usd=step.cost_usd,
            )  # fmt: skip
        why = wrong or step.why
        found = next(self._ours(given, scene, wish), None) or self._again(given, scene, wish)
        if not found:
            raise InputRejected(
                "{scene_id}: no other words were found that fit and may stand ({why}); ask for something else, or edit "
                "storyboard.json by hand",
                field="words", scene_id=scene.id, why=why[0] if why else worded("it did not answer"),
            )  # fmt: skip
        self._seen.add(found.narration)
        return Wording(
            line=found, model_id=TEMPLATE, licence=LicenceNote(name="ours", paid_ads="yes"), cost_usd=step.cost_usd,
            degraded=_degraded(step.wanted, TEMPLATE, why), picture=self._drawn(scene) if with_picture else {},
        )  # fmt: skip

    def _by_model(self, given: Assignment, scene: Scene, wish: str) -> tuple[SceneCopy | None, tuple[Message, ...]]:
        """The model's line, where one answered and what it wrote may stand; else what was wrong with it."""
        wrong = functools.partial(self._wrong, given=given, scene=scene)
        asked = f"{wish} ({self._asked})" if self._asked > 1 else wish
        heard = SceneNews("rewrite", self._team.job, 0.5).hear
        copy = self._team.ask(
            "rewrite", instructions=own_prompts().instructions(
                "rewrite", given.language, **given.slots, scene=str(scene.number)
            ),
            text=rewrite_text(given, self._facts.storyboard, scene, asked, scene.duration_seconds), answer=Copy,
            complaints=wrong, heard=heard, fraction=0.5, seed=(self._facts.storyboard.seed + self._asked) % 2**31,
        )  # fmt: skip
        if copy is None:
            return None, ()
        complaints = wrong(copy)
        if complaints:
            return None, (
                worded(
                    "what {model} wrote may not stand: {said}",
                    model=self._team.steps[-1].used,
                    said=complaints[0].said,
                ),  # fmt: skip
            )
        return with_its_facts(copy.scenes[0].model_copy(update={"scene": scene.number}), given), ()

    def _wrong(self, copy: Copy, given: Assignment, scene: Scene) -> list[Complaint]:
        if len(copy.scenes) != 1:
            said = worded(
                "there are {got} entries; answer for scene {wanted} alone", got=len(copy.scenes), wanted=scene.number
            )
            return [Complaint(kind="scenes", said=said)]
        line = copy.scenes[0]
        found = line_complaints(line, given, brands=self._brands)
        late_s = overrun_s(line, given, scene.duration_seconds)
        if line.narration and late_s > 0:
            said = worded(
                "the narration is {late:.1f} s too long for its {room:.1f} s; shorten it",
                late=late_s, room=scene.duration_seconds,
            )  # fmt: skip
            found.append(Complaint(kind="length", said=said))
        if " ".join(line.narration.split()) in self._seen and line.narration:
            found.append(Complaint(kind="words", said=worded("these words were there before; write others")))
        return [*found, *self._fault(line, scene)]

    def _fault(self, line: SceneCopy, scene: Scene) -> list[Complaint]:
        """Why the written words find no place in the picture; empty when they do."""
        board = self._facts.storyboard.with_scene(_with_line(scene, line, self._given))
        late = why_not_fitting(self._facts, board).get(scene.id)
        return [Complaint(kind="room", said=late.message)] if late else []

    def _ours(self, given: Assignment, scene: Scene, wish: str) -> Iterator[SceneCopy]:
        """Lines of our own writer for this scene that were not seen yet, in the tone that the wish names.

        What a scene claims it goes on claiming, with its source: only what is said beside it changes.
        """
        now = line_of(scene, {fact.text: fact.fact_id for fact in given.facts})
        claims = bool((scene.model_extra or {}).get("claim"))
        if claims and not now.narration:
            return  # a claim to be read in peace
        asked = (given.brief.tone,) if given is not self._given else (wish, given.brief.tone or given.kit.tone)
        brief = given.brief.model_copy(update={"tone": "_".join(tones_of(*asked))})
        request = StoryRequest(brief=brief, kit=given.kit, seed=self._facts.storyboard.seed + self._asked)
        others = [one for one in self._facts.storyboard.scenes if one.id != scene.id]
        used = self._beside | {text for one in others for text in (one.narration, one.onscreen_text)}
        for narration, written in other_lines(request, scene.purpose, longest_s=scene.duration_seconds, used=used):
            if any(_alike(narration, text) for text in self._seen):
                continue
            shown = now.onscreen_text if claims else written or now.onscreen_text
            line = SceneCopy(scene=scene.number, narration=narration, onscreen_text=shown)
            line = line.model_copy(update={"facts": now.facts}) if claims else with_its_facts(line, given)
            if not self._wrong(Copy(scenes=(line,)), given, scene):
                yield line

    def _again(self, given: Assignment, scene: Scene, wish: str) -> SceneCopy | None:
        """Where every line of ours was there once: the ones of earlier takes again, but for the last one's."""
        earlier = [text for text in self._earlier.get(scene.id, ()) if text != said_in(scene)]
        if not earlier or not self._comes_again:
            return None
        self._seen -= set(earlier)
        return next(self._ours(given, scene, wish), None)

    def _drawn(self, scene: Scene) -> dict[str, Any]:
        """A picture that the scene did not have yet: as our own writer would open another ad of the same arc."""
        board = self._facts.storyboard
        arc: list[tuple[Purpose, float]] = [(one.purpose, one.duration_seconds) for one in board.scenes]
        self._pictures.add(scene.image_prompt)
        fields = ("image_prompt", "negative_prompt", "motion_prompt", "camera", "motion_style")
        drawn = scene
        for turn in range(_MOST_PICTURES):
            seed = (board.seed + 7919 * (self._asked + 100 * turn)) % 2**31
            request = StoryRequest(brief=self._given.brief, kit=self._given.kit, seed=seed, scenes=tuple(arc))
            other, _ = TemplateWriter().write_storyboard(request, Job(job_id="-"))
            drawn = other.scenes[board.scene_ids.index(scene.id)]
            if drawn.image_prompt not in self._pictures:
                break
        told = {name: getattr(drawn, name) for name in fields}
        if drawn.image_prompt in self._pictures:  # an idea that has one picture: another take on it
            told["seed"] = (self._facts.seed_of(scene) + self._asked) % 2**31
        self._pictures.add(drawn.image_prompt)
        return told

    def _new_team(self) -> Team:
        workplace, session = self._workplace, self._facts.session
        work = fingerprint(session=session.session_id, storyboard=self._facts.storyboard, work="rewriting")

        def report(progress: Progress) -> None:
            workplace.report(
                StepReport(
                    session_id=session.session_id, kind="storyboard", state="waiting" if progress.waits else "working",
                    fraction=progress.fraction, note=progress.note, written=progress.written,
                )
            )  # fmt: skip

        job = Job(job_id=job_id(work, 1), work=work, report=report, should_stop=workplace.should_stop)
        return Team(
            workplace=workplace, session_id=session.session_id, brief=self._facts.brief,
            shelf=session.shelf("rewriting"), job=job, seed=self._facts.storyboard.seed,
        )  # fmt: skip


def _alike(one: str, other: str) -> bool:
    """Whether one line is the other with a little more: "Wait!" and "Wait a moment!" make no two versions."""
    short, long = sorted(("".join(filter(str.isalnum, text.lower())) for text in (one, other)), key=len)
    return bool(short) and short in long


def said_in(scene: Scene) -> str:
    """All that is said in a scene, whoever says it."""
    return " ".join(" ".join(line.text.split()) for line in scene.spoken)


def _earlier_words(facts: SessionFacts) -> Mapping[str, tuple[str, ...]]:
    """Scene -> what it said in takes of the storyboard, the oldest first."""
    found: dict[str, list[str]] = {}
    for record in facts.session.takes(STORYBOARD):
        with contextlib.suppress(InputRejected):  # a take that is gone tells nothing
            for scene in storyboard_from_text(facts.session.text_of(record)).scenes:
                found.setdefault(scene.id, []).append(said_in(scene))
    return {scene_id: tuple(dict.fromkeys(filter(None, words))) for scene_id, words in found.items()}


def forget_answers(facts: SessionFacts) -> None:
    """Drop what models answered on the way: it is in a take now."""
    shutil.rmtree(facts.session.shelf("rewriting"), ignore_errors=True)


def _with_words(scene: Scene, wording: Wording, given: Assignment) -> Scene:
    return _with_line(scene, wording.line, given).model_copy(update=dict(wording.picture))


def _with_line(scene: Scene, line: SceneCopy, given: Assignment) -> Scene:
    words = {"facts": [], "claim": "", "claim_source": "", **words_of(line, given)}
    kept = {name: value for name, value in scene.model_dump(mode="json").items() if name not in words}
    told = {name: value for name, value in words.items() if value or name in ("narration", "onscreen_text")}
    return Scene.model_validate({**kept, **told, "lines": []})


def _degraded(wanted: str, used: str, whys: Sequence[Message]) -> Degraded:
    return Degraded(
        wanted=wanted, used=used, why="; ".join(str(why) for why in whys) or "no language model is allowed",
        reasons=tuple(why.noted() for why in whys),
    )  # fmt: skip


def _tell(workplace: Workplace, session_id: str, record: TakeRecord) -> None:
    why = record.degraded.why_not_wanted() if record.degraded else ""
    note = why.said_in(user_language()) if isinstance(why, Message) else why
    state = "degraded" if record.degraded else "made"
    workplace.report(
        StepReport(session_id=session_id, kind="storyboard", state=state, fraction=1.0, note=note or f"v{record.take}")
    )
