"""Is a storyboard good: its length, its words, what it claims, and what the reviewer said of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.media.time import FILM
from ad_pipeline.stages.room_notes import NOT_RUN
from ad_pipeline.stages.session_facts import SessionFacts
from ad_pipeline.story.room.answers import SCORES
from ad_pipeline.story.room.facts import known_facts, may_be_told
from ad_pipeline.story.room.questions import own_names
from ad_pipeline.story.room.reviewing import GOOD_ENOUGH, measured
from ad_pipeline.story.storyboard import Storyboard


def storyboard_verdicts(board: Storyboard, facts: SessionFacts) -> list[Verdict]:
    """Length and formats as the brief wants them; words that the brand avoids."""
    brief, said = facts.brief, " ".join(f"{scene.narration} {scene.onscreen_text}" for scene in board.scenes).lower()
    avoided = [word for word in facts.kit.words_to_avoid if word.lower() in said]
    frames, wanted = sum(board.scene_frames), FILM.frames(brief.duration)
    return [
        Verdict(
            name="length",
            passed=frames == wanted,
            measured=f"{FILM.seconds(frames):.3f} s",
            limit=f"{FILM.seconds(wanted):.3f} s",
        ),
        Verdict(
            name="words_to_avoid",
            passed=not avoided,
            measured=", ".join(avoided) or "none",
            limit="none of the kit's words_to_avoid",
            severity="warning",
        ),
        *_word_verdicts(board, facts),
    ]


def _word_verdicts(board: Storyboard, facts: SessionFacts) -> list[Verdict]:
    """What is claimed against the law or without a source, and whether there is time to say it all."""
    supported = [fact.claim for fact in known_facts(facts.brief, facts.product_facts)]
    names = own_names(facts.brief, facts.kit)
    found = measured(board, supported=supported, names=names, speed=facts.kit.voice.speed)
    flags = [(scene_id, flag) for scene_id, flags in found.flags.items() for flag in flags]
    forbidden = [f"{scene_id} {', '.join(flag.words)}" for scene_id, flag in flags if flag.severity == "forbidden"]
    unproven = [
        f"{scene_id} {', '.join(flag.words)}"
        for scene_id, flag in flags
        if flag.severity != "forbidden" and flag.stands
    ]
    barred = [f"brief: {claim.text}" for claim in facts.brief.claims if not may_be_told(claim.text)]
    return [
        Verdict(
            name="claim_safety",
            passed=not forbidden and not unproven and not barred,
            measured="; ".join(forbidden + unproven + barred) or "none",
            limit="nothing forbidden, nothing without a source",
            severity="error" if forbidden and facts.brief.commercial else "warning",
            note="; ".join(dict.fromkeys(flag.fix(board.language) for _, flag in flags if flag.stands)),
        ),
        Verdict(
            name="narration_fits",
            passed=not found.late,
            measured=", ".join(found.late) or "all",
            limit="each narration within its scene, with air",
            severity="warning",
        ),
    ]


def review_verdicts(review: Mapping[str, Any]) -> list[Verdict]:
    """The reviewer's scores; none where no model reviewed: what was not run is no check that passed."""
    return [
        Verdict(
            name="claims_reviewed" if name == "claim_safety" else name,  # that one's name is the rules' own
            passed=name != SCORES[0] or note["score"] >= GOOD_ENOUGH,
            measured=f"{note['score']:.2f}: {note['reason']}",
            limit=f"at least {GOOD_ENOUGH}" if name == SCORES[0] else "told, not judged",
            severity="warning",
        )
        for name, note in review.items()
        if note["score"] != NOT_RUN
    ]
