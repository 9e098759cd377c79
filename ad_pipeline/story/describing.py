"""What somebody who does not see the ad is told of each scene: what is there, and what is written and not said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ad_pipeline.story.storyboard import Scene, Storyboard

Language = Literal["ko", "en"]

_READ_OUT = {"ko": "글자: {text}", "en": "Text: {text}"}
_BUTTON = {"ko": "버튼: {text}", "en": "Button: {text}"}
_LOGO = {"ko": "{brand} 로고", "en": "{brand} logo"}


@dataclass(frozen=True, kw_only=True)
class Telling:
    """One scene in words to be heard. `seen`: the picture; `written`: what stands on it and nobody says."""

    scene_id: str
    language: Language
    seen: str = ""
    written: tuple[str, ...] = ()
    button: str = ""

    @property
    def whole(self) -> str:
        """All of it; empty where there is nothing to tell."""
        return _sentences([self.seen, self._read_out, self._button])

    @property
    def versions(self) -> tuple[str, ...]:
        """The whole, then shorter ones: what is written before what is pictured, as nothing else tells it."""
        bare = _sentences(self.written)
        first = self.seen.split(",")[0]
        texts = (
            self.whole, _sentences([self._read_out, self._button]), _sentences([self._read_out]), bare,
            _sentences([self.seen]), _sentences([self._button]), _sentences([first]),
        )  # fmt: skip
        return tuple(text for text in dict.fromkeys(texts) if text)

    @property
    def _read_out(self) -> str:
        text = " ".join(_sentences([part]) for part in self.written)
        return _READ_OUT[self.language].format(text=text) if self.written else ""

    @property
    def _button(self) -> str:
        return _BUTTON[self.language].format(text=self.button) if self.button else ""


def telling_of(scene: Scene, board: Storyboard, *, brand: str, product: str, button: str) -> Telling:
    """What is told of one scene. `button` is what the call's button says, wherever the scene has one.

    Never the image prompt: it is English, and made of lenses and moods.
    """
    said = _letters(" ".join(line.text for line in scene.spoken))
    seen = scene.description.strip() or _from_facts(scene, board.language, brand=brand, product=product)
    unsaid = [text for text in _blocks(scene) if _letters(text) and _letters(text) not in said]
    call = button.strip() if "cta_button" in scene.brand_elements and _letters(button) not in said else ""
    return Telling(
        scene_id=scene.id, language=board.language, seen=seen.rstrip(" ."), written=tuple(unsaid), button=call
    )


def _blocks(scene: Scene) -> list[str]:
    """What is written, the source of a claim apart; the lines of each as one."""
    source = " ".join(str((scene.model_extra or {}).get("claim_source", "")).split())
    whole = " ".join(scene.onscreen_text.split())
    if source and whole.endswith(source):
        return [whole.removesuffix(source).strip(), source]
    return [whole]


def _from_facts(scene: Scene, language: Language, *, brand: str, product: str) -> str:
    """What the storyboard's fields tell of a picture that nobody described."""
    elements = set(scene.brand_elements)
    shown = [product] if "product_3d" in elements and _letters(product) not in _letters(scene.onscreen_text) else []
    if "logo" in elements:
        shown.append(_LOGO[language].format(brand=brand))
    return ", ".join(shown)


def _sentences(parts: Sequence[str]) -> str:
    said = [part.strip().rstrip(".,") for part in parts]
    return " ".join(part if part[-1] in "!?…" else f"{part}." for part in said if _letters(part))


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())
