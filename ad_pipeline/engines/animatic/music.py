"""A bed composed for one ad: bars that meet its scenes, a rise to the solution, an end that rings out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ad_pipeline.engines.animatic.moods import Chord, Drums, Instrument, Mood, mood_of
from ad_pipeline.engines.animatic.synth import count_of, faded, held, in_a_room, noise, place, struck
from ad_pipeline.engines.animatic.wav import Samples
from ad_pipeline.engines.crafts.sound import MusicRequest
from ad_pipeline.media.time import AUDIO_RATE_HZ

PEAK = 10 ** (-4 / 20)
_LAST_CHORD_S = 2.4
_FADE_OUT_S = 0.9

# (multiple of the pitch, loudness, decay per second); slightly stretched overtones sound struck, not computed.
_PARTIALS: dict[Instrument, tuple[tuple[float, float, float], ...]] = {
    "piano": (
        (1, 1.0, 2.4),
        (2.002, 0.5, 3.2),
        (3.006, 0.26, 4.4),
        (4.015, 0.14, 6),
        (5.03, 0.08, 8),
        (7.06, 0.04, 11),
    ),
    "marimba": ((1, 1.0, 6.5), (3.93, 0.34, 13), (9.2, 0.09, 28)),
    "harp": ((1, 1.0, 2.0), (2, 0.46, 3.0), (3.001, 0.28, 4.2), (4.004, 0.12, 6.0), (6.01, 0.05, 9.0)),
    "guitar": ((1, 1.0, 3.0), (2, 0.62, 3.8), (3, 0.42, 5.0), (4.003, 0.22, 6.5), (5.006, 0.15, 8.0), (6.01, 0.08, 10)),
    "bells": ((1, 1.0, 1.6), (2.76, 0.32, 2.8), (5.4, 0.16, 5.0), (8.93, 0.05, 9.0)),
    "synth": ((1, 1.0, 4.5), (2, 0.55, 6.0), (3, 0.4, 8.0), (4, 0.3, 10.0), (5, 0.2, 13.0), (6, 0.14, 16.0)),
}
_ATTACKS_S: dict[Instrument, float] = {
    "piano": 0.004, "marimba": 0.003, "harp": 0.003, "guitar": 0.003, "bells": 0.005, "synth": 0.004
}  # fmt: skip
_LIFT = {"piano": 12, "marimba": 12, "harp": 12, "guitar": 0, "bells": 24, "synth": 12}

# Per drum: eighth notes of a bar on which it plays, and how loud.
_PATTERNS: dict[Drums, dict[str, tuple[tuple[int, float], ...]]] = {
    "none": {},
    "shaker": {"hat": tuple((i, 0.5 if i % 2 == 0 else 0.9) for i in range(8))},
    "light": {"kick": ((0, 0.7), (4, 0.6)), "clap": ((2, 0.5), (6, 0.5)), "hat": tuple((i, 0.6) for i in (1, 3, 5, 7))},
    "full": {
        "kick": ((0, 1.0), (2, 0.9), (4, 1.0), (6, 0.9)), "clap": ((2, 0.7), (6, 0.7)),
        "hat": tuple((i, 0.5 + 0.4 * (i % 2)) for i in range(8)),
    },
    "toms": {"kick": ((0, 1.0), (3, 0.5), (4, 0.8)), "hat": ((2, 0.3), (6, 0.3))},
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Plan:
    """When things happen, in seconds; a bar is four beats."""

    mood: Mood
    duration_s: float
    beat_s: float
    rise_s: float
    last_chord_s: float

    @property
    def bar_s(self) -> float:
        return 4 * self.beat_s

    def bars(self) -> list[tuple[float, float]]:
        """(start, length) of every bar before the last chord; bars are counted anew from the rise."""
        found: list[tuple[float, float]] = []
        for first_s, end_s in ((0.0, self.rise_s), (self.rise_s, self.last_chord_s)):
            starts = np.arange(first_s, end_s - 0.05, self.bar_s)
            found += [(float(s), min(self.bar_s, end_s - float(s))) for s in starts]
        return found


@dataclass(kw_only=True)
class _Desk:
    """The mix while it grows: a dry bed, a send to the room, and notes that were played before."""

    dry: Samples
    send: Samples
    chance: np.random.Generator
    notes: dict[tuple[object, ...], Samples] = field(default_factory=dict[tuple[object, ...], Samples])

    def play(self, samples: Samples, at_s: float, *, gain: float, pan: float = 0.0, wet: float = 0.3) -> None:
        place(self.dry, samples, at_s, gain=gain, pan=pan)
        if wet:
            mono = samples if samples.ndim == 1 else samples.mean(axis=1)
            place(self.send, np.stack([mono, mono], 1), at_s, gain=gain * wet)


def planned(request: MusicRequest, mood: Mood) -> Plan:
    """The tempo of the mood at which bars and half bars best meet the scenes."""
    tempi = np.arange(mood.slowest, mood.fastest + 0.25, 0.25)
    costs = [_missed_s(60 / tempo, request) for tempo in tempi]
    beat_s = 60 / float(tempi[int(np.argmin(costs))])
    last_s = min(_LAST_CHORD_S, 0.3 * request.duration_s)
    latest_s = request.duration_s - last_s
    if latest_s - 1.0 <= request.ending_at_s <= latest_s + 0.5 * last_s:
        # The logo and the last chord come together, but the chord keeps its second to ring.
        latest_s = min(request.ending_at_s + 0.5 * beat_s, request.duration_s - 1.0)
    rise_s = min(_nearest(request.rise_at_s, beat_s), np.floor(latest_s / beat_s) * beat_s)
    return Plan(
        mood=mood,
        duration_s=request.duration_s,
        beat_s=beat_s,
        rise_s=float(rise_s),
        last_chord_s=float(rise_s + max(0.0, np.floor((latest_s - rise_s) / beat_s) * beat_s)),
    )


def _missed_s(beat_s: float, request: MusicRequest) -> float:
    """How far the scenes miss the beat, the turns of the story counted more."""
    rise_s = _nearest(request.rise_at_s, beat_s)
    missed = 3 * abs(request.rise_at_s - rise_s)
    for at in (*request.scene_starts_s, request.ending_at_s):
        since_s = at if at < rise_s else at - rise_s
        missed += abs(since_s - _nearest(since_s, 2 * beat_s))
    return missed


def _nearest(at_s: float, step_s: float) -> float:
    return round(at_s / step_s) * step_s


def composed(request: MusicRequest) -> tuple[Samples, Plan, bool]:
    """The bed (frames x 2), its plan, and whether the mood was known by name."""
    mood, exact = mood_of(request.mood)
    plan = planned(request, mood)
    count = count_of(request.duration_s)
    desk = _Desk(
        dry=np.zeros((count, 2), np.float32),
        send=np.zeros((count, 2), np.float32),
        chance=np.random.default_rng([request.seed, mood.key]),
    )
    first = int(desk.chance.integers(0, 2)) * 2 if request.duration_s > 20 else 0
    for number, (start_s, length_s) in enumerate(plan.bars()):
        chord = mood.chords[(number + first) % len(mood.chords)] if number else mood.chords[0]
        _play_bar(desk, plan, chord, start_s, length_s, number)
    _play_rise(desk, plan)
    _play_ending(desk, plan)
    return _mixed(desk, plan), plan, exact


def _voicing(mood: Mood, chord: Chord) -> list[int]:
    """The chord's notes around the middle of the keyboard, close together, low to high."""
    root, notes = chord
    return sorted(
        55 + (mood.key + root + note - 55) % 17 if note > 11 else 55 + (mood.key + root + note - 55) % 12
        for note in notes
    )


def _bass(mood: Mood, chord: Chord) -> int:
    return 36 + (mood.key + chord[0] - 36) % 12


def _play_bar(desk: _Desk, plan: Plan, chord: Chord, start_s: float, length_s: float, number: int) -> None:
    risen = start_s >= plan.rise_s - 0.05
    mood = plan.mood
    _play_pad(desk, mood, chord, start_s, length_s, risen=risen)
    if risen or number >= 1:
        bass = _noted(desk, ("bass", chord, length_s, risen), lambda: _bass_note(_bass(mood, chord), length_s, mood))
        desk.play(bass, start_s, gain=0.2 if risen else 0.13, wet=0.04)
    _play_steps(desk, plan, chord, start_s, length_s, risen=risen)
    if risen:
        _play_drums(desk, plan, start_s, length_s)


def _play_pad(desk: _Desk, mood: Mood, chord: Chord, start_s: float, length_s: float, *, risen: bool) -> None:
    """Long notes that overlap into the next bar; brighter once the story has turned."""
    brightness = mood.brightness + (0.4 if risen else 0.0)
    pad = _noted(desk, ("pad", chord, round(length_s, 4), risen), lambda: _pad(mood, chord, length_s + 0.7, brightness))
    desk.play(pad, start_s - 0.1, gain=0.11 if risen else 0.1, wet=0.5)


def _pad(mood: Mood, chord: Chord, seconds: float, brightness: float) -> Samples:
    made = np.zeros((count_of(seconds), 2), np.float32)
    for at, note in enumerate(_voicing(mood, chord)):
        for ear, cents in ((0, -5.0), (1, 5.0)):
            made[:, ear] += held(
                note, seconds, brightness=brightness, cents=cents + at, start_turn=0.37 * at + 0.2 * ear
            )
    return faded(made, attack_s=0.5, release_s=0.8)


def _bass_note(midi: int, seconds: float, mood: Mood) -> Samples:
    tone = held(midi, seconds + 0.1, brightness=min(0.6, mood.brightness), cents=0, start_turn=0)
    sway = np.exp(-np.arange(len(tone), dtype=np.float32) / AUDIO_RATE_HZ * 0.5)
    return faded(tone * sway, attack_s=0.02, release_s=0.15)


def _play_steps(desk: _Desk, plan: Plan, chord: Chord, start_s: float, length_s: float, *, risen: bool) -> None:
    """The plucked figure: sparse before the rise, whole after it, never twice quite alike."""
    mood, eighth_s = plan.mood, plan.beat_s / 2
    tones = _voicing(mood, chord)
    tones = [*tones, *(tone + 12 for tone in tones)]
    for at, step in enumerate(mood.steps):
        when_s = at * eighth_s
        loud = 0.75 + 0.25 * float(desk.chance.random())
        skipped = float(desk.chance.random()) < 0.12
        if step < 0 or when_s >= length_s - 0.02 or (not risen and at % 2) or (skipped and at):
            continue
        midi = tones[step] + _LIFT[mood.pluck]
        note = _noted(desk, ("pluck", midi), lambda midi=midi: _pluck(mood.pluck, midi))
        late_s = float(desk.chance.uniform(0, 0.008))
        accent = 1.0 if at % 4 == 0 else 0.8
        desk.play(
            note,
            start_s + when_s + late_s,
            gain=(0.36 if risen else 0.3) * loud * accent,
            pan=0.35 * np.sin(1.7 * at),
            wet=0.45,
        )


def _pluck(instrument: Instrument, midi: int) -> Samples:
    seconds = 1.9 if instrument in ("piano", "harp", "bells") else 0.9
    return struck(midi, seconds, partials=_PARTIALS[instrument], attack_s=_ATTACKS_S[instrument])


def _play_drums(desk: _Desk, plan: Plan, start_s: float, length_s: float) -> None:
    for drum, hits in _PATTERNS[plan.mood.drums].items():
        sound = _noted(desk, (drum,), lambda drum=drum: _drum(drum, desk.chance))
        gain, wet, pan = {"kick": (0.34, 0.02, 0.0), "clap": (0.22, 0.35, 0.1), "hat": (0.11, 0.1, -0.25)}[drum]
        for eighth, loud in hits:
            if eighth * plan.beat_s / 2 < length_s - 0.05:
                desk.play(sound, start_s + eighth * plan.beat_s / 2, gain=gain * loud, pan=pan, wet=wet)


def _drum(drum: str, chance: np.random.Generator) -> Samples:
    seconds = {"kick": 0.32, "clap": 0.18, "hat": 0.07}[drum]
    time = np.arange(count_of(seconds), dtype=np.float32) / AUDIO_RATE_HZ
    if drum == "kick":
        turns = 48 * time + 62 / 28 * (1 - np.exp(-28 * time))
        return faded(
            (np.sin(2 * np.pi * turns) * np.exp(-time * 11)).astype(np.float32), attack_s=0.003, release_s=0.05
        )
    low_hz, high_hz, decay = (900, 4200, 24) if drum == "clap" else (6000, 12000, 60)
    return faded(
        noise(seconds, chance, low_hz=low_hz, high_hz=high_hz) * np.exp(-time * decay), attack_s=0.004, release_s=0.02
    )


def _play_rise(desk: _Desk, plan: Plan) -> None:
    """A breath that swells into the solution, and a bell that opens it."""
    length_s = min(2.0, plan.rise_s)
    if length_s < 0.4:
        return
    swell = noise(length_s, desk.chance, low_hz=1200, high_hz=7000)
    growing: Samples = swell * np.linspace(0, 1, len(swell), dtype=np.float32) ** 3
    desk.play(faded(growing, attack_s=0.05, release_s=0.05), plan.rise_s - length_s, gain=0.10, wet=0.5)
    top = max(_voicing(plan.mood, plan.mood.home)) + 24
    for at, midi in enumerate((top - 12, top)):
        bell = struck(midi, 2.2, partials=_PARTIALS["bells"], attack_s=0.006)
        desk.play(bell, plan.rise_s + 0.03 * at, gain=0.09, pan=0.3 - 0.6 * at, wet=0.8)


def _play_ending(desk: _Desk, plan: Plan) -> None:
    """The home chord, rolled upwards, left to ring."""
    mood, at_s = plan.mood, plan.last_chord_s
    left_s = plan.duration_s - at_s
    desk.play(_pad(mood, mood.home, left_s + 0.5, mood.brightness + 0.2), at_s - 0.1, gain=0.11, wet=0.5)
    desk.play(_bass_note(_bass(mood, mood.home), left_s, mood), at_s, gain=0.2, wet=0.05)
    tones = _voicing(mood, mood.home)
    for number, tone in enumerate([*tones, tones[0] + 12]):
        note = struck(
            tone + _LIFT[mood.pluck], max(0.6, left_s), partials=_PARTIALS[mood.pluck], attack_s=_ATTACKS_S[mood.pluck]
        )
        desk.play(note, at_s + 0.07 * number, gain=0.21, pan=0.5 * np.sin(number), wet=0.6)


def _mixed(desk: _Desk, plan: Plan) -> Samples:
    wet = in_a_room(desk.send[:, 0], seconds=plan.mood.room_s, damping_hz=5200)
    mix = desk.dry + 0.5 * wet
    time = np.arange(len(mix), dtype=np.float32) / AUDIO_RATE_HZ
    # The beginning stays under the rest, so that the rise is one.
    level: Samples = np.interp(time, [0, max(0.1, plan.rise_s - 0.3), plan.rise_s + 0.2], [0.72, 0.8, 1.0]).astype(
        np.float32
    )
    mix = mix * level[:, None]
    loudest = max(1e-6, float(np.abs(mix).max()))
    rounded: Samples = np.tanh(mix * np.float32(1.4 / loudest)).astype(np.float32)
    mix = faded(rounded, attack_s=0.03, release_s=min(_FADE_OUT_S, plan.duration_s / 4))
    return (mix * np.float32(PEAK / max(1e-6, float(np.abs(mix).max())))).astype(np.float32)


def _noted(desk: _Desk, key: tuple[object, ...], make: Callable[[], Samples]) -> Samples:
    """A note that was made before, or a new one; the same bytes either way."""
    if key not in desk.notes:
        desk.notes[key] = make()
    return desk.notes[key]
