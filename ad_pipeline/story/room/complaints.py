"""What is wrong with an answer, in sentences that the model can mend and a person can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ad_pipeline.messages import Message, worded
from ad_pipeline.story.brief import StoryLanguage
from ad_pipeline.story.claims import flags_of_all
from ad_pipeline.story.hangul import is_hangul
from ad_pipeline.story.room.answers import Copy, Direction, SceneCopy, ScenePlan, Strategy
from ad_pipeline.story.room.facts import named_facts
from ad_pipeline.story.room.guards import names_product, strangers, unknown_names
from ad_pipeline.story.room.hollow import echoes, marks_in, repeats
from ad_pipeline.story.room.languages import wrong_languages
from ad_pipeline.story.room.questions import Assignment, syllables_in
from ad_pipeline.story.speaking import needed_seconds, syllables
from ad_pipeline.story.spoken_form import spoken_form
from ad_pipeline.story.words import says

_LONGEST_LINE = {"ko": 16, "en": 24}
_LONGEST_WRITTEN = {"ko": 34, "en": 52}
_SLACK_S = 0.02
_SHOWN_LETTERS = 40
_TIME_TO_SPEAK_S = 1.5
"""An ad of shorter scenes may be silent."""


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """Something that may not stay; `scene` 0 is the whole ad. `kind` is for counting.

    As a text it is English, for the model that mends it; `message` is for a person.
    """

    kind: str
    said: Message
    scene: int = 0
    advice: str = ""
    """How to mend it, for the model."""

    @property
    def message(self) -> Message:
        return worded("scene {scene}: {said}", scene=self.scene, said=self.said) if self.scene else self.said

    def __str__(self) -> str:
        return f"{self.message}: {self.advice}" if self.advice else str(self.message)


def strategy_complaints(answer: Strategy, given: Assignment, *, brands: Sequence[str]) -> list[Complaint]:
    text = f"{answer.audience}\n{answer.insight}\n{answer.usp}\n{answer.message}"
    return [Complaint(kind="stranger", said=said) for said in strangers(text, given, brands=brands)]


def plan_complaints(answer: ScenePlan, given: Assignment, *, brands: Sequence[str]) -> list[Complaint]:
    texts = [answer.title, *(scene.idea for scene in answer.scenes)]
    found = [
        Complaint(kind="stranger", scene=at, said=said)
        for at, text in enumerate(texts)
        for said in (*strangers(text, given, brands=brands), *_forbidden(text, given))
    ]
    if len(answer.scenes) != given.scene_count:
        said = worded("there are {got} scenes; make exactly {wanted}", got=len(answer.scenes), wanted=given.scene_count)
        found.append(Complaint(kind="scenes", said=said))
    if answer.scenes[-1].purpose != "cta":
        found.append(Complaint(kind="arc", said=worded("the last scene is no call to action; give it the purpose cta")))
    if answer.scenes[0].purpose not in ("hook", "problem", "story"):
        found.append(Complaint(kind="arc", said=worded("the first scene is no hook; give it the purpose hook")))
    if any(scene.purpose == "social_proof" for scene in answer.scenes) and not given.facts:
        found.append(
            Complaint(kind="arc", said=worded("there are no FACTS, so there can be no social_proof; tell a story beat"))
        )
    return found


def copy_complaints(
    answer: Copy, given: Assignment, *, seconds: Sequence[float], brands: Sequence[str]
) -> list[Complaint]:
    """`seconds` are the scenes' lengths; they may shift as long as all words fit together."""
    found = _numbering([line.scene for line in answer.scenes], len(seconds))
    lines = [line for line in answer.scenes if 1 <= line.scene <= len(seconds)]
    for line in lines:
        found += line_complaints(line, given, brands=brands)
    found += [*_overruns(lines, given, seconds), *hollow_complaints(lines, given, seconds=seconds)]
    texts = [f"{line.narration} {line.onscreen_text}" for line in lines]
    if lines and not names_product(texts, given):
        found.append(
            Complaint(
                kind="product", said=worded("nobody names the product; say {name!r} once", name=given.brief.product)
            )
        )
    return found


def hollow_complaints(lines: Sequence[SceneCopy], given: Assignment, *, seconds: Sequence[float]) -> list[Complaint]:
    """What only shows when all lines are there: nobody speaks though there is time, or the same is said again."""
    found = [
        Complaint(kind="words", scene=at, said=worded("scene {first} says the same; say something else", first=first))
        for at, first in repeats([(line.scene, line.narration) for line in lines])
    ]
    echoing = [line.scene for line in lines if echoes(line.narration, line.onscreen_text) and not line.facts]
    said = worded("what is written is the narration again, in more than one scene; write something else")
    found += [Complaint(kind="words", scene=at, said=said) for at in echoing if len(echoing) > 1]
    speaks = given.brief.voice != "none" and max(seconds) >= _TIME_TO_SPEAK_S
    if lines and speaks and not any(line.narration for line in lines):
        found.append(Complaint(kind="silent", said=worded("nobody speaks in any scene; write narration")))
    words = " ".join(f"{line.narration} {line.onscreen_text}" for line in lines).strip()
    if words and given.written == "ko" and not any(is_hangul(letter) for letter in words):
        shown = words[:_SHOWN_LETTERS]
        found.append(Complaint(kind="silent", said=worded("{text!r} is not in Korean; write it in Korean", text=shown)))
    return found


def line_complaints(line: SceneCopy, given: Assignment, *, brands: Sequence[str]) -> list[Complaint]:
    """One scene's words, but for their length."""
    both = f"{line.narration}\n\n{line.onscreen_text}".strip()
    said = [*wrong_languages(line, given), *strangers(both, given, brands=brands), *marks_in(line, given)]
    korean = both if given.written == "ko" else line.narration
    said += [worded("it names {name!r}, which the brief does not know", name=n) for n in unknown_names(korean, given)]
    avoided = [word for word in given.kit.words_to_avoid if says(both, word)]
    said += [worded("the brand avoids the word {word!r}", word=word) for word in avoided]
    found = [
        Complaint(kind="words", scene=line.scene, said=sentence) for sentence in [*said, *_unreadable(line, given)]
    ]
    return [*found, *_unproven(line, given)]


def _unproven(line: SceneCopy, given: Assignment) -> list[Complaint]:
    supported = [fact.claim for fact in given.facts]
    statements: list[tuple[str, StoryLanguage]] = [
        (line.narration, given.language),
        (line.onscreen_text, given.written),
    ]
    found: list[Complaint] = []
    for flag in flags_of_all(statements, supported=supported, names=given.names):
        words = ", ".join(flag.words)
        if flag.severity == "forbidden":
            said = worded("{words!r} may not be claimed", words=words)
            found.append(Complaint(kind="words", scene=line.scene, said=said, advice=flag.fix("en")))
        elif flag.stands:
            said = worded("{words!r} is claimed and no fact says so", words=words)
            advice = "it is no FACT; say it as a feeling, or state a fact word for word"
            found.append(Complaint(kind="words", scene=line.scene, said=said, advice=advice))
    return found


def _unreadable(line: SceneCopy, given: Assignment) -> list[Message]:
    said: list[Message] = []
    strange = [fact_id for fact_id in line.facts if not named_facts([fact_id], given.facts)]
    if strange:
        said.append(worded("there is no fact {ids}", ids=", ".join(strange)))
    letters, most = len(line.onscreen_text), _LONGEST_WRITTEN[given.written]
    if letters > most:
        said.append(worded("what is written has {letters} letters; at most {most}", letters=letters, most=most))
    longest = max((len(word) for word in line.onscreen_text.split()), default=0)
    if longest > _LONGEST_LINE[given.written]:
        said.append(worded("what is written has a word of {letters} letters, which fits no line", letters=longest))
    return said


def direction_complaints(answer: Direction, given: Assignment, count: int, *, brands: Sequence[str]) -> list[Complaint]:
    """Foreign words are strangers here too: the models that draw it would write them into the picture."""
    found = _numbering([shot.scene for shot in answer.scenes], count)
    shared = [answer.look, answer.person]
    texts = [(0, shared, answer.music_mood)]
    texts += [
        (shot.scene, [shot.shot, shot.motion_prompt, shot.camera], shot.negative_prompt) for shot in answer.scenes
    ]
    for scene, seen, apart in texts:
        words = "\n".join(seen)
        said = [*strangers(f"{words}\n{apart}", given, brands=brands), *_forbidden(words, given)]
        if any(is_hangul(letter) for letter in words + apart):
            said.append(worded("it holds Korean; everything that is seen or heard is described in English"))
        found += [Complaint(kind="stranger", scene=scene, said=sentence) for sentence in said]
    return found


def _forbidden(text: str, given: Assignment) -> list[Message]:
    """What may not be claimed in either language; proof is the copy's matter."""
    statements: list[tuple[str, StoryLanguage]] = [(text, "ko"), (text, "en")]
    flags = flags_of_all(statements, supported=[], names=given.names)
    found = dict.fromkeys(", ".join(flag.words) for flag in flags if flag.severity == "forbidden")
    return [worded("{words!r} may not be claimed", words=words) for words in found]


def overrun_s(line: SceneCopy, given: Assignment, length_s: float) -> float:
    """How much longer the narration needs than its scene lasts."""
    return needed_seconds(line.narration, given.language, given.speed) - length_s


def _overruns(lines: Sequence[SceneCopy], given: Assignment, seconds: Sequence[float]) -> list[Complaint]:
    """Nothing while all words fit the ad: a scene may take the time of another."""
    needs = [needed_seconds(line.narration, given.language, given.speed) for line in lines]
    whole, least = sum(seconds), sum(max(need, 1.0) for need in needs) + max(0, len(seconds) - len(lines))
    if least <= whole - _SLACK_S:
        return []
    found: list[Complaint] = []
    for line, need in zip(lines, needs, strict=True):
        room = seconds[line.scene - 1]
        if need > room:
            has = syllables(spoken_form(line.narration, given.language), given.language)
            most = syllables_in(room, given.language, given.speed)
            said = worded(
                "the narration takes {need:.1f} s of {room:.1f} s; at most {most} syllables, it has {has}",
                need=need, room=room, most=most, has=has,
            )  # fmt: skip
            found.append(Complaint(kind="length", scene=line.scene, said=said))
    return found


def _numbering(numbers: Sequence[int], count: int) -> list[Complaint]:
    missing = [at for at in range(1, count + 1) if at not in numbers]
    found = [Complaint(kind="scenes", scene=at, said=worded("it is missing")) for at in missing]
    if any(at > count for at in numbers):
        found.append(Complaint(kind="scenes", said=worded("there are only {count} scenes", count=count)))
    if len(set(numbers)) != len(numbers):
        found.append(Complaint(kind="scenes", said=worded("a scene stands there twice; answer for each once")))
    return found
