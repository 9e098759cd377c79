"""Music from the user's own folder: a track that may be used, of the nearest mood, cut to the ad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from ad_pipeline.engines.contracts import Done, EngineFacts, Estimate, Job, Licence
from ad_pipeline.engines.crafts.sound import MusicRequest, SfxRequest, SoundEngine
from ad_pipeline.engines.library.catalogue import holds_sound, library_in
from ad_pipeline.engines.library.choosing import Candidate, Passed, chosen
from ad_pipeline.engines.library.hearings import heard_piece
from ad_pipeline.engines.library.moods import moods_in
from ad_pipeline.engines.library.sheet import sheet_in
from ad_pipeline.errors import EngineRefused, EngineUnavailable, InputRejected, MediaError
from ad_pipeline.media.music_cut import Cut, Wish, cut_for
from ad_pipeline.media.music_piece import Piece
from ad_pipeline.media.music_splice import spliced
from ad_pipeline.media.sound import write_wav
from ad_pipeline.messages import Message, worded
from ad_pipeline.sessions.fingerprint import sha256_of
from ad_pipeline.settings import settings_from_environment

ENGINE = "library/own-tracks"
_MOST_TOLD = 50


class LibraryMusic(SoundEngine):
    """Cuts the user's own music; makes no effects. The folder is the environment's where none is given."""

    facts = EngineFacts(
        name="library",
        model="own-tracks",
        version="1",
        crafts=frozenset({"sound"}),
        licence=Licence(name="the track's own", paid_ads="limited", note="music.csv names it for each track"),
        local=True,
        needs=("AD_PIPELINE_MUSIC",),
    )

    def __init__(self, folder: Path | None = None, *, kept_in: Path | None = None) -> None:
        self._given, self._kept_in = folder, kept_in

    @property
    def _folder(self) -> Path | None:
        return self._given or settings_from_environment().music

    def missing(self) -> Message | None:
        folder = self._folder
        if folder is None:
            return worded("set AD_PIPELINE_MUSIC to a folder with your music")
        if not folder.is_dir():
            return worded(
                "the music folder {folder} is not there; set AD_PIPELINE_MUSIC to a folder with audio files",
                folder=folder.name,
            )
        try:
            sheet_in(folder)
        except InputRejected as error:
            return error.message
        return None if holds_sound(folder) else worded("the music folder {folder} has no music yet", folder=folder.name)

    def estimate_sound(self, request: SfxRequest | MusicRequest) -> Estimate:
        return Estimate(seconds=1.0 + 0.02 * request.duration_s)

    def render_sfx(self, request: SfxRequest, target: Path, job: Job) -> Done:
        raise EngineRefused("the music library makes no effects; take animatic/procedural", engine=ENGINE)

    def render_music(self, request: MusicRequest, target: Path, job: Job) -> Done:
        job.checkpoint(0.0)
        folder = self._folder
        if folder is None:
            raise EngineUnavailable("set AD_PIPELINE_MUSIC to a folder with your music", engine=ENGINE)
        try:
            library = library_in(folder)
        except InputRejected as error:
            raise EngineRefused("the music library cannot be read: {why}", engine=ENGINE, why=error.message) from error
        choice = chosen(
            library.tracks, mood=request.mood, length_s=request.duration_s, for_paid_ads=request.for_paid_ads,
            today=date.today(), seed=request.seed,
        )  # fmt: skip
        passed = list(choice.passed)
        for number, candidate in enumerate(choice.order):
            job.checkpoint(min(0.8, 0.1 + 0.1 * number), candidate.track.title)
            try:
                told = self._made(candidate, request, target, variant=choice.variant if number == 0 else 0)
            except MediaError as error:
                passed.append(Passed(file=candidate.track.file, why=error.message))
                continue
            job.checkpoint(0.95)
            told["passed_over"] = _noted(passed, library.faults)
            return _done(candidate, request, told)
        raise _none_left(passed, library.faults)

    def _made(self, candidate: Candidate, request: MusicRequest, target: Path, *, variant: int) -> dict[str, Any]:
        """The bed in `target`, and what the record tells of it."""
        track = candidate.track
        sha256 = sha256_of(track.path)
        kept_in = self._kept_in or settings_from_environment().cache / "beats"
        piece = heard_piece(track.path, sha256=sha256, told_bpm=track.bpm, kept_in=kept_in)
        if piece.sounds_until_s < request.duration_s:
            raise MediaError(
                "it lasts {music_s:.1f} s, and the ad {length_s:.1f} s",
                music_s=piece.sounds_until_s,
                length_s=request.duration_s,
            )
        wish = Wish(
            length_s=request.duration_s,
            ending_at_s=request.ending_at_s,
            rise_at_s=request.rise_at_s,
            scene_starts_s=request.scene_starts_s,
        )
        cut = cut_for(piece, wish, variant=variant)
        made = spliced(track.path, cut)
        write_wav(target, made.samples)
        return {
            "file_sha256": sha256,
            **_of_beats(piece),
            **_of_cut(cut, piece),
            "moved_at_seams_s": list(made.moved_s),
            "turns": cut.missed(wish),
        }


def _done(candidate: Candidate, request: MusicRequest, told: Mapping[str, Any]) -> Done:
    track, row = candidate.track, candidate.track.row
    wanted = moods_in(request.mood)
    details = {
        "title": track.title,
        "artist": track.artist,
        "licence": row.licence,
        "paid_ads": row.paid_ads or "",
        "source": row.source,
        "credit": row.credit,
        "expires": row.expires.isoformat() if row.expires else "",
        "file": track.file,
        "mood": ", ".join(track.moods),
        "wanted_mood": request.mood,
        "mood_is_nearest": not set(wanted) & set(track.moods),
        **told,
    }
    # Where nobody says what is allowed, nothing is.
    licence = Licence(name=row.licence or "none told", paid_ads=row.paid_ads or "no", source=row.source)
    return Done(model=LibraryMusic.facts.model, seed=request.seed, licence=licence, details=details)


def _of_beats(piece: Piece) -> dict[str, Any]:
    sure = piece.beats.are_sure
    return {
        "beats_per_minute": piece.beats.beats_per_minute if sure else None,
        "beats_per_bar": piece.beats.beats_per_bar if sure else None,
        "beat_confidence": piece.beats.confidence,
    }


def _of_cut(cut: Cut, piece: Piece) -> dict[str, Any]:
    """Which seconds and bars of the track are heard when."""
    bars_s = [piece.beats.times_s[at] for at in piece.beats.downbeats]
    parts = [
        {
            **{name: round(value, 3) for name, value in vars(part).items()},
            "bars": sum(part.from_s <= at < part.to_s for at in bars_s),
        }
        for part in cut.parts
    ]
    return {"parts": parts, "own_ending": cut.has_own_ending, "fade_from_s": round(cut.fade_from_s, 3)}


def _noted(passed: Sequence[Passed], faults: Sequence[Message]) -> list[dict[str, Any]]:
    told = [{"file": one.file, "why": str(one.why), "note": one.why.noted()} for one in passed]
    told += [{"file": str(fault.facts.get("path", "")), "why": str(fault), "note": fault.noted()} for fault in faults]
    return told[:_MOST_TOLD]


def _none_left(passed: Sequence[Passed], faults: Sequence[Message]) -> EngineRefused:
    if passed:
        first = passed[0]
        return EngineRefused(
            "no track of the music library may be used for this ad ({count} looked at); {file}: {why}",
            engine=ENGINE, count=len(passed), file=first.file, why=first.why,
        )  # fmt: skip
    if faults:
        return EngineRefused("no file of the music library can be used: {why}", engine=ENGINE, why=faults[0])
    return EngineRefused("the music library is empty; put audio files into the folder", engine=ENGINE)
