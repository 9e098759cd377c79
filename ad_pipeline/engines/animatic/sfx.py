"""Small sounds of one scene: a whoosh in, water or air beneath, a shimmer on the solution, a sting at the end."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from ad_pipeline.engines.animatic.synth import count_of, faded, noise, place, struck
from ad_pipeline.engines.animatic.wav import Samples
from ad_pipeline.engines.crafts.sound import SfxRequest
from ad_pipeline.media.time import AUDIO_RATE_HZ

_GLASS = ((1, 1.0, 3.5), (2.76, 0.4, 5.0), (5.4, 0.2, 8.0))
_WATER = ("water", "underwater", "drop", "serum", "toner", "dew", "ocean", "sea", "물", "바다", "수분")
_FOAM = ("foam", "bubble", "lather", "거품")
_AIR = ("sky", "wind", "mist", "snow", "silk", "petal", "city", "night", "하늘", "바람")
_WHOOSH = ("whoosh", "swish", "swoosh", "sweep", "휙", "슉", "스윽")
_SPARKLE = ("sparkl", "shimmer", "twinkl", "chime", "glitter", "반짝", "영롱")
_CLICK = ("click", "tap", "snap", "pop", "딸깍", "톡", "찰칵")
_STING = ("sting", "bell", "ding", "logo sound", "띵", "종소리")
_PEAK = 10 ** (-6 / 20)


def rendered(request: SfxRequest) -> tuple[Samples, list[str], list[str]]:
    """The effects (frames x 2), the names of what sounds, and which of them the words asked for."""
    chance = np.random.default_rng([request.seed, 5])
    bed = np.zeros((count_of(request.duration_s), 2), np.float32)
    heard: list[str] = []
    asked = _asked(request)

    def add(name: str, play: Callable[[Samples, float, np.random.Generator], None]) -> None:
        play(bed, request.duration_s, chance)
        heard.append(name)

    if request.transition_in not in ("cut", "") and not request.opens:
        add("whoosh", _whoosh_fast if request.transition_in in ("slide", "wipe") else _whoosh_soft)
    elif "whoosh" in asked:
        add("whoosh", _whoosh_fast)
    for name, play in (("water", _drops), ("foam", _foam), ("air", _air)):
        if name in asked:
            add(name, play)
    if "shimmer" in asked or request.purpose == "solution" or "glow" in request.motion_style:
        add("shimmer", _shimmer)
    if "sting" in asked or request.purpose == "cta" or request.closes:
        add("sting", _sting)
    if "click" in asked or request.motion_style == "pulse effect":
        add("click", _click)
    loudest = float(np.abs(bed).max()) if len(bed) else 0.0
    if loudest > _PEAK:
        bed *= np.float32(_PEAK / loudest)
    return faded(bed, attack_s=0.01, release_s=min(0.12, request.duration_s / 4)), heard, asked


def _asked(request: SfxRequest) -> list[str]:
    """What the words ask for: all of it where they say what is heard, one texture where they describe a picture."""
    prompt = request.prompt.lower()
    beds = [name for name, words in (("water", _WATER), ("foam", _FOAM), ("air", _AIR)) if _says(prompt, words)]
    if not request.says_sound:
        return beds[:1]
    more = (("whoosh", _WHOOSH), ("shimmer", _SPARKLE), ("sting", _STING), ("click", _CLICK))
    return beds + [name for name, words in more if _says(prompt, words)]


def _says(prompt: str, words: tuple[str, ...]) -> bool:
    """Whether a word of the list begins one of the prompt's; Korean ones count anywhere, endings follow them."""
    spoken = re.findall(r"[a-z]+", prompt)
    return any(
        (any(one.startswith(word) for one in spoken) if word.isascii() and " " not in word else word in prompt)
        for word in words
    )


def _whoosh_soft(bed: Samples, duration_s: float, chance: np.random.Generator) -> None:
    _whoosh(bed, min(0.9, duration_s), chance, gain=0.35)


def _whoosh_fast(bed: Samples, duration_s: float, chance: np.random.Generator) -> None:
    _whoosh(bed, min(0.5, duration_s), chance, gain=0.6)


def _whoosh(bed: Samples, seconds: float, chance: np.random.Generator, *, gain: float) -> None:
    """Air that passes: its colour climbs and falls, its place goes from left to right."""
    along = np.linspace(0, 1, count_of(seconds), dtype=np.float32)
    bands = ((250, 600, 0.25), (600, 1400, 0.4), (1400, 3200, 0.5), (3200, 7000, 0.45))
    for low_hz, high_hz, when in bands:
        band = noise(seconds, chance, low_hz=low_hz, high_hz=high_hz)
        passing = np.exp(-(((along - when) / 0.2) ** 2)) * np.sin(np.pi * along)
        moving = band * passing * gain
        place(bed, np.stack([moving * np.sqrt(1 - along * 0.8), moving * np.sqrt(0.2 + along * 0.8)], 1), 0.0, gain=0.5)


def _drops(bed: Samples, duration_s: float, chance: np.random.Generator) -> None:
    """Single drops: short tones whose pitch jumps up, and a soft ripple beneath."""
    for _ in range(max(1, round(duration_s * 0.9))):
        time = np.arange(count_of(0.22), dtype=np.float32) / AUDIO_RATE_HZ
        low_hz = float(chance.uniform(520, 1100))
        turns = low_hz * time + 700 * time**2 * 2.2
        drop = np.sin(2 * np.pi * turns) * np.exp(-time * 26)
        at_s = float(chance.uniform(0.05, max(0.06, duration_s - 0.3)))
        place(
            bed,
            faded(drop.astype(np.float32), attack_s=0.004, release_s=0.05),
            at_s,
            gain=0.12,
            pan=float(chance.uniform(-0.6, 0.6)),
        )
    _texture(bed, duration_s, chance, low_hz=300, high_hz=1200, gain=0.03)


def _foam(bed: Samples, duration_s: float, chance: np.random.Generator) -> None:
    _texture(bed, duration_s, chance, low_hz=2500, high_hz=9000, gain=0.035)


def _air(bed: Samples, duration_s: float, chance: np.random.Generator) -> None:
    _texture(bed, duration_s, chance, low_hz=200, high_hz=900, gain=0.05)


def _texture(
    bed: Samples, duration_s: float, chance: np.random.Generator, *, low_hz: float, high_hz: float, gain: float
) -> None:
    """A quiet breath under the scene, each ear its own, swelling slowly."""
    along = np.arange(len(bed), dtype=np.float32) / AUDIO_RATE_HZ
    swell = 0.7 + 0.3 * np.sin(2 * np.pi * along / 2.7 + float(chance.uniform(0, 6)))
    ears = [noise(duration_s, chance, low_hz=low_hz, high_hz=high_hz) * swell for _ in range(2)]
    both: Samples = np.stack(ears, 1).astype(np.float32)
    place(bed, faded(both, attack_s=0.4, release_s=0.4), 0.0, gain=gain)


def _shimmer(bed: Samples, duration_s: float, chance: np.random.Generator) -> None:
    """Glass that is touched, upwards."""
    for at, midi in enumerate((84, 88, 91, 96, 98, 103)):
        note = struck(midi, 1.2, partials=_GLASS, attack_s=0.005)
        place(bed, note, 0.08 + 0.055 * at, gain=0.045, pan=float(chance.uniform(-0.7, 0.7)))


def _sting(bed: Samples, duration_s: float, chance: np.random.Generator) -> None:
    """A soft low touch with a bell on top, where the logo stands."""
    time = np.arange(count_of(0.5), dtype=np.float32) / AUDIO_RATE_HZ
    low = np.sin(2 * np.pi * (70 * time + 30 / 9 * (1 - np.exp(-9 * time)))) * np.exp(-time * 7)
    place(bed, faded(low.astype(np.float32), attack_s=0.008, release_s=0.1), 0.12, gain=0.22)
    for midi in (79, 86):
        place(bed, struck(midi, 1.4, partials=_GLASS, attack_s=0.006), 0.12, gain=0.05)


def _click(bed: Samples, duration_s: float, chance: np.random.Generator) -> None:
    """The button, pressed once, when the eye has found it."""
    press = struck(93, 0.09, partials=((1, 1.0, 60), (2.3, 0.5, 90)), attack_s=0.003)
    place(bed, press, min(0.9, 0.6 * duration_s), gain=0.12)
