"""The team's answers become a storyboard: frames that add up, words that fit, one look for all scenes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ad_pipeline.media.time import FILM
from ad_pipeline.story.arc import SHORTEST_S, paced
from ad_pipeline.story.brief import StoryLanguage
from ad_pipeline.story.claims import flags_of, flags_of_all
from ad_pipeline.story.hangul import is_hangul
from ad_pipeline.story.room.answers import Copy, Direction, PlannedScene, SceneCopy, SceneDirection, ScenePlan
from ad_pipeline.story.room.facts import Fact, named_facts
from ad_pipeline.story.room.guards import other_brands, strangers
from ad_pipeline.story.room.questions import Assignment
from ad_pipeline.story.speaking import needed_seconds
from ad_pipeline.story.storyboard import Scene, Storyboard, StoryMetadata
from ad_pipeline.story.words import says

NEGATIVE = "text, letters, watermark, logo, extra fingers, deformed face, blurry, low quality"
_SHORTEST_CTA_S = 1.6
_LONGEST_DESCRIPTION = 200
_PERSON = re.compile(
    r"(?i)\b(?:s?he|hers?|his|wom[ae]n|m[ae]n|persons?|people|faces?|hands?|skin|eyes?|lips?|cheeks?|fingers?|models?|"
    r"girls?|boys?|shoulders?|hair|smil\w+)\b"
)


def scene_seconds(plan: ScenePlan, duration_s: float) -> tuple[float, ...]:
    """The planned lengths, stretched so that they sum to the ad, none too short to be seen."""
    planned = [max(scene.seconds, SHORTEST_S) for scene in plan.scenes]
    whole = sum(planned)
    stretched = [max(SHORTEST_S, seconds * duration_s / whole) for seconds in planned]
    stretched[-1] = max(stretched[-1], min(_SHORTEST_CTA_S, duration_s / len(stretched)))
    frames = paced([s.purpose for s in plan.scenes], [0.0] * len(planned), duration_s, wished_s=stretched)
    return tuple(FILM.seconds(count) for count in frames)


def storyboard_of(
    plan: ScenePlan, copy: Copy, direction: Direction | None, given: Assignment, *, seed: int, persona: str
) -> Storyboard:
    """The storyboard; the copy's words must fit the ad together. Without a direction, pictures as they were planned."""
    directed = direction or Direction(look=f"{given.kit.name} brand look", scenes=(SceneDirection(scene=1, shot="-"),))
    seconds = scene_seconds(plan, given.brief.duration)
    words = {line.scene: line for line in copy.scenes}
    lines = [words.get(at, SceneCopy(scene=at)) for at in range(1, len(plan.scenes) + 1)]
    shots = {shot.scene: shot for shot in direction.scenes} if direction else {}
    needs = [needed_seconds(line.narration, given.language, given.speed) for line in lines]
    frames = paced([s.purpose for s in plan.scenes], needs, given.brief.duration, wished_s=seconds)
    scenes = [
        _scene(at, planned, line, shots.get(at), directed, given, frames=count, is_last=at == len(lines))
        for at, (planned, line, count) in enumerate(zip(plan.scenes, lines, frames, strict=True), 1)
    ]
    kit = given.kit
    return Storyboard.model_validate(
        {
            "title": plan.title[:80],
            "duration_seconds": FILM.seconds(FILM.frames(given.brief.duration)),
            "format": given.brief.main_format,
            "formats": given.brief.formats,
            "language": given.language,
            "written_language": given.written if given.written != given.language else None,
            "seed": seed,
            "tone": given.brief.tone or kit.tone,
            "persona": persona,
            "scenes": scenes,
            "metadata": StoryMetadata(
                bgm_mood=_mood(directed.music_mood) or kit.bgm_mood,
                transition_style="smooth_fade",
                brand_colors=kit.palette.colours,
            ),
            "look": {"style": directed.look, "person": directed.person},
        }
    )


def with_its_facts(line: SceneCopy, given: Assignment) -> SceneCopy:
    """The line with every fact that it states, also one that its writer forgot to name: its source goes with it."""
    statements: list[tuple[str, StoryLanguage]] = [
        (line.narration, given.language),
        (line.onscreen_text, given.written),
    ]
    flags = flags_of_all(statements, supported=[fact.claim for fact in given.facts], names=given.names)
    stated = {flag.supported_by.text for flag in flags if flag.supported_by}
    said = [text for text, _ in statements if text]
    named = [fact.fact_id for fact in named_facts(line.facts, given.facts) if any(_states(text, fact) for text in said)]
    ids = (*named, *(fact.fact_id for fact in given.facts if fact.text in stated))
    return line.model_copy(update={"facts": tuple(dict.fromkeys(ids))[:3]})


def words_of(line: SceneCopy, given: Assignment) -> dict[str, Any]:
    """What a scene says and writes, as the storyboard's fields; facts with their sources.

    A fact that is written, or said while something is written, has its source in small letters below.
    """
    line = with_its_facts(line, given)
    told = named_facts(line.facts, given.facts)
    written = line.onscreen_text
    stating = [text for text in (written, line.narration) if text] if written else []
    shown = next((fact for text in stating for fact in told if _states(text, fact)), None)
    values: dict[str, Any] = {"narration": line.narration, "onscreen_text": written}
    if told:
        values["facts"] = [{"text": fact.text, "source": fact.source} for fact in told]
    if shown:
        values |= {
            "onscreen_text": f"{written}\n{shown.source}"[:200],
            "claim": shown.text,
            "claim_source": shown.source,
        }
    return values


def _scene(
    at: int, planned: PlannedScene, line: SceneCopy, shot: SceneDirection | None, direction: Direction,
    given: Assignment, *, frames: int, is_last: bool,
) -> Scene:  # fmt: skip
    words = words_of(line, given)
    shot = shot or SceneDirection(scene=at, shot=planned.idea)
    return Scene.model_validate(
        {
            "id": f"scene_{at:03d}",
            "purpose": planned.purpose,
            "duration_seconds": FILM.seconds(frames),
            **words,
            "image_prompt": _prompt(shot, direction, given, shows_product=_shows_product(planned)),
            "description": _described(shot.description, given),
            "negative_prompt": ", ".join(filter(None, (shot.negative_prompt, NEGATIVE))),
            "motion_style": planned.motion_style,
            "motion_prompt": shot.motion_prompt,
            "camera": shot.camera[:200],
            "brand_elements": _elements(planned, has_claim="claim" in words),
            "controlnet_mode": "depth" if _shows_product(planned) and planned.purpose != "cta" else None,
            "speaker_on_camera": planned.speaker_on_camera and bool(line.narration),
            "transition": None if is_last else shot.transition or "dissolve",
        }
    )


def _prompt(shot: SceneDirection, direction: Direction, given: Assignment, *, shows_product: bool) -> str:
    """One scene's picture in the words that all scenes share: the same person, product, look."""
    person = direction.person if _has_person(shot.shot) else ""
    product = f"{given.vessel} of {given.brief.product}" if shows_product else ""
    parts = (shot.shot, f"the person: {person}" if person else "", product, shot.camera, direction.look)
    return ", ".join(part.rstrip(".") for part in parts if part)[:4000]


def _described(text: str, given: Assignment) -> str:
    """What the picture shows, to be spoken: in the ad's language, nothing claimed, nothing strange; or nothing."""
    is_korean = any(is_hangul(letter) for letter in text)
    claims = flags_of(text, given.language, names=given.names)
    avoided = any(says(text, word) for word in given.kit.words_to_avoid)
    if is_korean != (given.language == "ko") or claims or avoided or strangers(text, given, brands=other_brands()):
        return ""
    return text[:_LONGEST_DESCRIPTION]


def _has_person(shot: str) -> bool:
    return bool(_PERSON.search(shot))


def _shows_product(planned: PlannedScene) -> bool:
    return planned.shows_product or planned.purpose in ("solution", "cta")


def _elements(planned: PlannedScene, *, has_claim: bool) -> tuple[str, ...]:
    if planned.purpose == "cta":
        return ("logo", "product_3d", "cta_button")
    if planned.purpose == "hook" and not planned.shows_product:
        return ()
    badge = ("certification_badge",) if has_claim else ()
    return (*badge, *(("product_3d",) if _shows_product(planned) else ()), "logo_bottom_right")


def _states(written: str, fact: Fact) -> bool:
    """Whether a text holds a number of the fact beside one of its words, or half its words where it has none."""
    numbers = re.findall(r"\d+(?:\.\d+)?", fact.text)
    words = [word[:2] for word in re.findall(r"[^\W\d_]{2,}", fact.text)]
    has_number = not numbers or any(re.search(rf"(?<![\d.]){re.escape(n)}(?![\d.])", written) for n in numbers)
    shared = sum(word in written for word in words)
    return has_number and shared >= (1 if numbers else max(1, len(words) / 2))


def _mood(text: str) -> str:
    return "_".join("".join(c if c.isalpha() and c.isascii() else " " for c in text.lower()).split())[:40]


def plan_of(board: Storyboard) -> ScenePlan:
    """A storyboard's arc, as if it had been planned: for writers who come after."""
    return ScenePlan.model_validate(
        {
            "title": board.title[:80],
            "scenes": [
                {
                    "purpose": scene.purpose,
                    "seconds": scene.duration_seconds,
                    "idea": scene.image_prompt[:400] or scene.purpose,
                    "motion_style": scene.motion_style,
                    "shows_product": "product_3d" in scene.brand_elements,
                }
                for scene in board.scenes
            ],
        }
    )


def planned_scenes(plan: ScenePlan) -> list[Scene]:
    """The planned scenes as far as a route asks: what they are for and what they show."""
    return [
        Scene(
            id=f"scene_{at:03d}", purpose=planned.purpose, duration_seconds=max(SHORTEST_S, planned.seconds),
            brand_elements=_elements(planned, has_claim=False), speaker_on_camera=planned.speaker_on_camera,
        )
        for at, planned in enumerate(plan.scenes, 1)
    ]  # fmt: skip


def copy_of(board: Storyboard, facts: Sequence[Fact]) -> Copy:
    """A storyboard's words, as a copywriter gives them."""
    ids = {fact.text: fact.fact_id for fact in facts}
    return Copy(scenes=tuple(line_of(scene, ids) for scene in board.scenes))


def line_of(scene: Scene, ids: Mapping[str, str]) -> SceneCopy:
    """One scene's words; `ids` are the facts' by their text. A claim's source is no word of the copy."""
    extra = scene.model_extra or {}
    source = str(extra.get("claim_source", ""))
    written = scene.onscreen_text.removesuffix(f"\n{source}") if source else scene.onscreen_text
    told = [str(extra.get("claim", "")), *(str(fact.get("text", "")) for fact in extra.get("facts", ()))]
    return SceneCopy(
        scene=scene.number,
        narration=" ".join(line.text for line in scene.spoken)[:400],
        onscreen_text=written[:80],
        facts=tuple(dict.fromkeys(ids[text] for text in told if text in ids)),
    )


def with_pictures_of(board: Storyboard, other: Storyboard) -> Storyboard:
    """`board` with the pictures and movements of a storyboard of the same arc."""
    pictured = ("image_prompt", "description", "negative_prompt", "motion_style", "motion_prompt", "camera",
                "controlnet_mode", "transition")  # fmt: skip
    scenes = [
        scene.model_copy(update={name: getattr(drawn, name) for name in pictured})
        for scene, drawn in zip(board.scenes, other.scenes, strict=True)
    ]
    return board.model_copy(update={"scenes": tuple(scenes)})
