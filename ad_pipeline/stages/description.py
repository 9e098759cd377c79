"""The ad for those who do not see it: each scene told where nobody speaks.

`description.vtt` holds all of it for screen readers. `described.m4a` lasts as long as the ad: what does not fit
between the ad's own words is shortened or left out there. In `described.mp4` the film stands still where it
must, until all is told.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.registry import Registry
from ad_pipeline.media.captions import Cue
from ad_pipeline.media.description_fit import Span, active_hops, spoken_spans
from ad_pipeline.media.holding import Hold, held_s
from ad_pipeline.media.loudness import Loudness, master
from ad_pipeline.media.loudness_target import LoudnessTarget
from ad_pipeline.media.sound import Placed
from ad_pipeline.media.stretch import stretched
from ad_pipeline.media.subtitle_files import to_vtt
from ad_pipeline.media.time import FILM
from ad_pipeline.messages import Message
from ad_pipeline.sessions.files import write_whole
from ad_pipeline.sessions.fingerprint import fingerprint, sha256_of
from ad_pipeline.stages.describer import Describer
from ad_pipeline.stages.description_plan import Laid, planned, told_whole
from ad_pipeline.stages.session_facts import SessionFacts
from ad_pipeline.stages.soundtrack import Soundtrack
from ad_pipeline.story.channels import film_loudness
from ad_pipeline.story.describing import Telling, telling_of

VTT, SOUND, FILM_FILE = "description.vtt", "described.m4a", "described.mp4"

VERSION = 3
"""Raise it when the same story is told, laid or mixed otherwise; kept sounds are then left unused."""

_ROUNDS = 3
_KEPT = 2


@dataclass(frozen=True, kw_only=True)
class Track:
    """The ad's sound with its description, mixed accessibly and mastered like the ad's own."""

    path: Path
    told: tuple[dict[str, Any], ...]
    """Each scene: what is said when and how fast, or why nothing is."""
    holds: tuple[Hold, ...]
    measurements: tuple[Loudness, ...]
    kept: int
    overlap_s: float
    """How long others are heard while the description is."""
    speech_over_rest_lu: float
    """How far music and effects stay under whoever speaks; of the nearer one."""

    @property
    def loudness(self) -> Loudness:
        return self.measurements[self.kept]


@dataclass(frozen=True, kw_only=True)
class Described:
    """`in_time` goes with the ad's picture as it is, `whole` with one that stands still at its holds."""

    in_time: Track
    whole: Track
    spoken_by: Mapping[str, Any]


class Description:
    """One session's description, made when first asked for; kept for cuts that change neither story nor sound."""

    def __init__(self, facts: SessionFacts, engines: Registry) -> None:
        self._facts = facts
        self._engines = engines
        self._track = Soundtrack(facts, accessible=True)
        self._folder = facts.session.folder / ".segments" / "described"
        self._aim = film_loudness(facts.brief.channels).target

    def described(self, job: Job) -> Described:
        """The sounds with the description; the kept ones where nothing that decides them changed."""
        facts, describer = self._facts, Describer(self._facts, self._engines)
        key = fingerprint(
            version=VERSION,
            parts=self._track.decided_by,
            told=[(telling.scene_id, telling.versions) for telling in tellings_of(facts)],
            shots=[vars(shot) for shot in facts.timeline.shots],
            language=facts.storyboard.language,
            lexicon=facts.kit.lexicon.own,
            voices=describer.decided_by,
            aim=vars(self._aim),
        )
        kept = self._folder / f"{key}.json"
        found = _kept(kept)
        if found is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            found = self._made(key, describer, job)
            _keep(found, kept)
            self._prune()
        return found

    def _made(self, key: str, describer: Describer, job: Job) -> Described:
        facts = self._facts
        tellings, shots = tellings_of(facts), facts.timeline.shots
        taken = [
            span for voice in self._track.voices() for span in spoken_spans(active_hops(voice.samples), voice.start_s)
        ]
        film_s = FILM.seconds(facts.timeline.total_frames)
        for _ in range(_ROUNDS):
            laid = planned(tellings, shots, taken, describer.known, film_s=film_s)
            unknown = [place.text for place in laid.values() if place.text not in describer.known]
            wholes = [telling.whole for telling in tellings if telling.whole]
            if not unknown and all(whole in describer.known for whole in wholes):
                break
            describer.speak([*unknown, *wholes], self._folder, job)
        else:
            laid = planned(tellings, shots, taken, describer.known, film_s=film_s, only_known=True)
        in_time = self._mastered(self._folder / f"{key}.m4a", tellings, laid, (), taken, describer)
        whole = in_time
        if any(telling.whole and not _is_whole(telling, laid) for telling in tellings):
            job.checkpoint(0.9)
            full, holds = told_whole(tellings, shots, taken, describer.known, film_s=film_s)
            whole = self._mastered(self._folder / f"{key}.whole.m4a", tellings, full, holds, taken, describer)
        return Described(in_time=in_time, whole=whole, spoken_by=describer.named)

    def _mastered(
        self, target: Path, tellings: Sequence[Telling], laid: Mapping[str, Laid], holds: tuple[Hold, ...],
        taken: Sequence[Span], describer: Describer,
    ) -> Track:  # fmt: skip
        # The guide voice is polished where it is made.
        placed = [
            Placed(
                samples=stretched(describer.known[place.text], place.speed),
                start_s=place.start_s,
                raw=not describer.is_guide,
            )
            for place in laid.values()
        ]
        own = [span for voice in placed for span in spoken_spans(active_hops(voice.samples), voice.start_s)]
        others = [(held_s(a, holds), held_s(b, holds)) for a, b in taken]
        mixed = self._track.mixed(also=placed, holds=holds)
        draft = target.with_name(f"{target.stem}.{uuid.uuid4().hex[:8]}.draft.m4a")
        try:
            made = master(*mixed.parts, aim=self._aim, target=draft)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        return Track(
            path=target,
            told=tuple(_told(telling, laid.get(telling.scene_id)) for telling in tellings),
            holds=holds,
            measurements=made.measurements,
            kept=made.kept,
            overlap_s=round(_overlap_s(own, others), 3),
            speech_over_rest_lu=min(mixed.speech_over_music_lu, mixed.speech_over_sfx_lu),
        )

    def _prune(self) -> None:
        kept = sorted(self._folder.glob("*.json"), key=lambda told: told.stat().st_mtime, reverse=True)[:_KEPT]
        names = {told.stem for told in kept}
        for file in self._folder.glob("*"):
            # Drafts and speech are another process's, or gone with its next cut.
            if file.name.partition(".")[0] not in names and file.suffix != ".wav" and ".draft." not in file.name:
                file.unlink(missing_ok=True)


def tellings_of(facts: SessionFacts) -> tuple[Telling, ...]:
    """What is told of the ad, scene by scene."""
    board, kit = facts.storyboard, facts.kit
    button = (kit.cta_ko or kit.cta) if board.written_in == "ko" else kit.cta
    brand, product = kit.named_in(board.language), facts.brief.product
    return tuple(telling_of(scene, board, brand=brand, product=product, button=button) for scene in board.scenes)


def description_vtt(facts: SessionFacts) -> str:
    """All that is told, each scene's when it begins: a screen reader says it at its own pace."""
    cues = [
        Cue(start_s=FILM.seconds(shot.start_frame), end_s=FILM.seconds(shot.end_frame), lines=(telling.whole,))
        for telling, shot in zip(tellings_of(facts), facts.timeline.shots, strict=True)
        if telling.whole
    ]
    head = f"WEBVTT\nKind: descriptions\nLanguage: {facts.storyboard.language}\n"
    return to_vtt(cues).replace("WEBVTT\n", head, 1)


def check_description(
    described: Described | None, aim: LoudnessTarget, *, why_not: Message | None = None
) -> tuple[Verdict, ...]:
    """Is it as loud as the ad, and does it leave everybody else's words alone? Nothing where nobody wished for it."""
    limit = f"{aim.integrated_lufs:g} LUFS ±{aim.tolerance_lu:g}, at most {aim.true_peak_dbtp:g} dBTP"
    if described is None:
        if why_not is None:
            return ()
        return (Verdict(name="described_loudness", passed=False, measured="not made", limit=limit, note=str(why_not)),)
    tracks = (described.in_time, described.whole)
    found = [track.loudness for track in tracks]
    overlap_s = max(track.overlap_s for track in tracks)
    measured = " and ".join(
        dict.fromkeys(f"{now.integrated_lufs:.1f} LUFS, {now.true_peak_dbtp:.1f} dBTP" for now in found)
    )
    return (
        Verdict(
            name="described_loudness",
            passed=all(now.keeps(aim) for now in found),
            measured=measured,
            limit=limit,
        ),
        Verdict(
            name="description_apart",
            passed=overlap_s == 0,
            measured=f"{overlap_s:.2f} s spoken over others",
            limit="0 s",
        ),
    )


def told_of(facts: SessionFacts, described: Described | None) -> dict[str, Any]:
    """All of it for the record of the film; without what is spoken where that was not wished."""
    tellings = tellings_of(facts)
    found: dict[str, Any] = {
        "language": facts.storyboard.language,
        "nothing_to_tell": [telling.scene_id for telling in tellings if not telling.whole],
    }
    if described is None:
        return found
    stands = [{"at_s": round(hold.at_s, 3), "for_s": round(hold.length_s, 3)} for hold in described.whole.holds]
    return {
        **found,
        "spoken_by": dict(described.spoken_by),
        SOUND: _told_of(described.in_time),
        FILM_FILE: {**_told_of(described.whole), "stands_still": stands},
    }


def _told_of(track: Track) -> dict[str, Any]:
    return {
        "scenes": list(track.told),
        "loudness": _finite(vars(track.loudness)),
        **_finite({"speech_over_rest_lu": track.speech_over_rest_lu, "overlap_s": track.overlap_s}),
    }


def _is_whole(telling: Telling, laid: Mapping[str, Laid]) -> bool:
    place = laid.get(telling.scene_id)
    return place is not None and place.text == telling.whole


def _told(telling: Telling, place: Laid | None) -> dict[str, Any]:
    if place is None:
        why = "no room between the words" if telling.whole else "nothing to tell beyond what is said"
        return {"scene": telling.scene_id, "said": "", "why": why}
    found: dict[str, Any] = {
        "scene": telling.scene_id,
        "said": place.text,
        "start_s": round(place.start_s, 3),
        "end_s": round(place.end_s, 3),
        "speed": round(place.speed, 3),
    }
    if place.text != telling.whole:
        found["why"] = "shortened: no room for all of it between the words"
    return found


def _overlap_s(own: Sequence[Span], others: Sequence[Span]) -> float:
    return sum(max(0.0, min(a[1], b[1]) - max(a[0], b[0])) for a in own for b in others)


def _kept(told: Path) -> Described | None:
    """The sounds as they were told, when their files still have the bytes that were measured."""
    try:
        facts = json.loads(told.read_text(encoding="utf-8"))
        tracks = {name: _track_from(told.parent, facts[name]) for name in ("in_time", "whole")}
        if facts["sha256"] != [sha256_of(track.path) for track in tracks.values()]:
            return None
        told.touch()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Described(**tracks, spoken_by=facts["spoken_by"])


def _track_from(folder: Path, facts: Mapping[str, Any]) -> Track:
    values = dict(facts)
    return Track(
        path=folder / values.pop("path"),
        told=tuple(values.pop("told")),
        holds=tuple(Hold(**hold) for hold in values.pop("holds")),
        measurements=tuple(Loudness(**found) for found in values.pop("measurements")),
        **values,
    )


def _keep(described: Described, told: Path) -> None:
    tracks = {"in_time": described.in_time, "whole": described.whole}
    facts: dict[str, Any] = {
        name: {
            **vars(track),
            "path": track.path.name,
            "holds": [vars(hold) for hold in track.holds],
            "measurements": [vars(found) for found in track.measurements],
        }
        for name, track in tracks.items()
    }
    facts |= {"spoken_by": dict(described.spoken_by), "sha256": [sha256_of(track.path) for track in tracks.values()]}
    write_whole(told, json.dumps(facts))


def _finite(levels: Mapping[str, float]) -> dict[str, float | None]:
    return {name: round(level, 2) if math.isfinite(level) else None for name, level in levels.items()}
