"""What a picture will show: a scene's words, purpose and seed choose plate, light, camera and subject."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from ad_pipeline.engines.animatic.drawing import figures, packs
from ad_pipeline.engines.animatic.drawing.plates.catalogue import BY_NAME, PLATES
from ad_pipeline.engines.animatic.drawing.plates.plate import Plate
from ad_pipeline.engines.animatic.drawing.stage import Camera, Light
from ad_pipeline.engines.contracts import ImageRequest

Name = TypeVar("Name", bound=str)
Subject = Literal["product", "texture", "figure", "end card"]

_LIGHTS: dict[Light, tuple[str, ...]] = {
    "rays": ("ray", "beam", "god ray", "sunbeam", "빛줄기", "빛살", "광선"),
    "rim": ("rim", "backlit", "backlight", "silhouette", "역광", "림 라이트", "실루엣"),
    "hard": ("hard light", "harsh", "direct sun", "dramatic", "contrast", "강한 빛", "강렬", "극적"),
    "soft": ("soft", "diffused", "gentle", "natural light", "부드러", "은은", "자연광", "포근"),
}
_CAMERAS: dict[Camera, tuple[str, ...]] = {
    "macro": ("macro", "extreme close", "매크로", "초근접", "접사"),
    "top": (
        "top view",
        "top-down",
        "overhead",
        "flat lay",
        "flatlay",
        "from above",
        "위에서",
        "탑뷰",
        "플랫레이",
        "부감",
    ),
    "wide": ("wide", "long shot", "full shot", "establishing", "와이드", "전경", "넓은", "멀리"),
    "close": ("close", "close-up", "detail", "클로즈업", "근접", "가까이"),
}
_USUAL_LIGHTS: tuple[Light, ...] = ("soft", "soft", "hard", "rays")
_EXTRAS: dict[str, tuple[str, ...]] = {
    "leaf shadow": ("leaf", "leaves", "plant", "palm", "botanical", "나뭇잎", "잎 그림자", "식물"),
    "petals": ("petal", "flower", "blossom", "꽃잎", "꽃", "벚꽃"),
    "drops": ("drop", "dew", "물방울", "이슬", "방울"),
    "bokeh": ("bokeh", "sparkle", "glitter", "glow", "light particles", "보케", "반짝", "빛망울", "빛나"),
    "snow": ("snow", "snowflake", "눈송이", "눈이 내리"),
}
_PRODUCT_WORDS = ("product", "bottle", "package", "packshot", "hero shot", "제품", "상품", "용기", "패키지")
_TEXTURE_WORDS = ("texture", "macro", "swatch", "제형", "텍스처", "질감")

_DEFAULTS: dict[str, tuple[str, ...]] = {
    "hook": ("cream", "dew", "silk", "skin"),
    "problem": ("dry skin",),
    "solution": ("podium", "water", "window", "silk", "petals", "sky", "stone"),
    "social_proof": ("paper", "laboratory", "marble"),
    "cta": ("gradient", "podium", "mirror"),
    "story": ("window", "marble", "podium", "water", "paper"),
}
_FIGURE_DEFAULTS = {"hook": ("closed eye", "profile", "drop"), "problem": ("closed eye", "profile")}
_SCENES_ALONE = ("sky", "water", "snow", "bokeh", "petals", "stone", "window")
"""Plates that tell enough without anybody in them."""

_FIGURE_PLATES = ("gradient", "paper", "sky", "desk", "bokeh", "petals", "window", "snow", "stone", "silk")

_STYLING = re.compile(r"palette of|brand look|\bmood\b|색감|분위기|브랜드 톤")
_OUR_OWN = (
    "hero", "light", "lighting", "end card", "엔드카드", "centred", "centered", "graphic form", "tasteful",
    "eye-level", "straight-on", "surface", "조명", "빛",
)  # fmt: skip

_EMPTY_WORDS = frozenset(
    "a an the of on in at with and or for to from by is are be its it this that into over under as while very more "
    "professional casual warm mood scene shot image picture photo commercial advertising ad 4k 8k hd high quality "
    "style "
    "장면 이미지 사진 광고 고급 화면".split()
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One picture, decided; `honoured` and `unmet` are the prompt's words as the person wrote them."""

    plate: Plate
    light: Light
    camera: Camera
    subject: Subject
    figure: str = ""
    product: str = ""
    extras: frozenset[str] = frozenset()
    badge: bool = False
    subdued: bool = False
    light_x: float = -1.0
    honoured: tuple[str, ...] = ()
    unmet: tuple[str, ...] = ()

    @property
    def shows_product(self) -> bool:
        return self.subject in ("product", "end card")


def planned(request: ImageRequest) -> Plan:
    """The plan for `request`; the same request and seed give the same plan."""
    rng = np.random.default_rng((seed_of(request), 11))
    heard = _Heard(_without_styling(request.prompt, product=request.look.product))
    shot = _Heard(request.camera.lower())
    purpose = request.purpose if request.purpose in _DEFAULTS else "story"
    light = heard.first(_LIGHTS)
    camera = shot.first(_CAMERAS) or heard.first(_CAMERAS)
    shown_figures = heard.all(figures.WORDS)
    figure = "lips" if "lips" in shown_figures else _chosen(shown_figures, rng) if shown_figures else ""
    asks_product = heard.any(_PRODUCT_WORDS) or "product_3d" in request.brand_elements
    asks_texture = heard.any(_TEXTURE_WORDS) or camera == "macro"
    extras = frozenset(name for name, words in _EXTRAS.items() if heard.any(words))
    asked = heard.plates()
    subject = _subject(
        purpose, figure=figure, asks_product=asks_product, asks_texture=asks_texture, asked=asked, rng=rng
    )
    if subject == "figure" and not figure:
        figure = _chosen(_FIGURE_DEFAULTS.get(purpose, ("profile",)), rng)
    plate = _plate(asked, subject=subject, purpose=purpose, rng=rng)
    shows_product = subject in ("product", "end card")
    used: Camera = camera or "close"
    if shows_product and (used == "macro" or (used == "top" and plate.ground != "flat")):
        used = "close"
    badge = bool(request.claims) and (purpose == "social_proof" or "certification_badge" in request.brand_elements)
    heard.keep(plate=plate, figure=figure if subject == "figure" else "", subject=subject, badge=badge)
    return Plan(
        plate=plate,
        light=light or ("soft" if purpose == "problem" else _chosen(_USUAL_LIGHTS, rng)),
        camera=used,
        subject=subject,
        figure=figure if subject == "figure" else "",
        product=product_kind(request.look.product, request.prompt) if shows_product else "",
        extras=extras,
        badge=badge,
        subdued=purpose == "problem",
        light_x=float(rng.choice([-1.0, 1.0])),
        honoured=heard.honoured(),
        unmet=heard.unmet() + ((camera,) if camera and camera != used else ()),
    )


def seed_of(request: ImageRequest) -> int:
    """The picture's own seed: two products of one seed shall not share every chance."""
    return request.seed ^ zlib.crc32(request.look.product.encode())


def _without_styling(prompt: str, *, product: str) -> str:
    """The prompt less what every picture of the ad gets anyway: palette, mood, the product's own name.

    "palette of pale rose" asks for no roses, and a product called Black Cushion for no black.
    """
    text = prompt.lower().replace(product.lower(), " ")
    clauses = [clause for clause in text.split(",") if not _STYLING.search(clause)]
    return ",".join(clauses)


def _subject(
    purpose: str,
    *,
    figure: str,
    asks_product: bool,
    asks_texture: bool,
    asked: Sequence[tuple[Plate, bool]],
    rng: np.random.Generator,
) -> Subject:
    if purpose == "cta":
        return "end card"
    if purpose in ("hook", "problem"):
        if asks_product and purpose == "hook":
            return "product"
        # "dry texture macro, cheek and eye": the first thing named is what the camera is on.
        if asked and asked[0][1]:
            return "texture"
        if figure:
            return "figure"
        if asked:
            plate = asked[0][0]
            return "texture" if plate.macro or plate.name in _SCENES_ALONE else "figure"
        return "figure" if rng.uniform() < 0.5 else "texture"
    if asks_texture and not asks_product:
        return "texture"
    if figure and purpose == "story" and not asks_product:
        return "figure"
    return "product"


def _plate(asked: Sequence[tuple[Plate, bool]], *, subject: Subject, purpose: str, rng: np.random.Generator) -> Plate:
    """The first plate named that suits the subject, else one of the purpose's own."""
    if subject == "figure":
        suiting = [plate for plate, _ in asked if plate.name in _FIGURE_PLATES]
        return suiting[0] if suiting else BY_NAME["gradient"]
    if subject == "texture":
        plates = [plate for plate, _ in asked]
        if plates:
            return next((plate for plate in plates if plate.macro), plates[0])
    elif asked:
        # A texture named beside a setting is the product's, not the place it stands in.
        settings = [plate for plate, is_texture in asked if not is_texture and plate.name != "desk"]
        return (settings or [plate for plate, _ in asked])[0]
    names = _DEFAULTS[purpose]
    if subject == "texture":
        names = tuple(n for n in names if BY_NAME[n].macro) or ("cream", "silk", "dew")
    return BY_NAME[_chosen(names, rng)]


def product_kind(product: str, prompt: str = "") -> str:
    """Which drawn product stands in for `product`; a carton where its words name no shape."""
    for text in (product.lower(), prompt.lower()):
        heard = _Heard(text)
        # The last noun names the thing: a "serum cushion" is a cushion, a "크림 미스트" a mist.
        found = heard.last(packs.WORDS)
        if found:
            return found
    return "carton"


def _chosen(names: Sequence[Name], rng: np.random.Generator) -> Name:
    return names[int(rng.integers(len(names)))]


class _Heard:
    """A text, and which of its words were understood."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._spans: list[tuple[int, int]] = []

    def any(self, words: Sequence[str]) -> bool:
        return bool(self._found(words))

    def first(self, table: Mapping[Name, Sequence[str]]) -> Name | None:
        """The entry whose word comes first in the text."""
        places = {name: min(found)[0] for name, words in table.items() if (found := self._found(words))}
        return min(places, key=lambda name: places[name]) if places else None

    def last(self, table: Mapping[str, Sequence[str]]) -> str | None:
        """The entry whose word ends last, the longest of those."""
        places = [
            (max((end, end - start) for start, end in found), name)
            for name, words in table.items()
            if (found := self._found(words))
        ]
        return max(places)[1] if places else None

    def all(self, table: Mapping[Name, Sequence[str]]) -> list[Name]:
        """The entries whose words are in the text, as the text names them."""
        places = {name: min(found)[0] for name, words in table.items() if (found := self._found(words))}
        return sorted(places, key=lambda name: places[name])

    def plates(self) -> list[tuple[Plate, bool]]:
        """The plates named, in the text's order; true where its clause speaks of a texture or a macro shot."""
        found = [(min(spans)[0], plate) for plate in PLATES if (spans := self._found(plate.words))]
        answer: list[tuple[Plate, bool]] = []
        for place, plate in sorted(found, key=lambda pair: pair[0]):
            start = self._text.rfind(",", 0, place) + 1
            end = self._text.find(",", place)
            clause = self._text[start : end if end >= 0 else None]
            is_texture = any(_pattern(word).search(clause) for word in _TEXTURE_WORDS)
            answer.append((plate, is_texture and plate.macro))
        return answer

    def keep(self, *, plate: Plate, figure: str, subject: Subject, badge: bool) -> None:
        """Of all that was understood, hold as honoured what this plan does show."""
        shown: list[str] = [*plate.words, *_OUR_OWN]
        shown += figures.WORDS.get(figure, ())
        for words in (*_LIGHTS.values(), *_CAMERAS.values(), *_EXTRAS.values()):
            shown += words
        if subject in ("product", "end card"):
            shown += _PRODUCT_WORDS
            for words in packs.WORDS.values():
                shown += words
            shown += ("dropper", "glass", "jar", "tube", "cosmetic", "open", "round", "slim", "squeeze", "bullet")
        if badge:
            shown += ("certification", "badge", "인증", "배지")
        self._spans = []
        self._found(shown)

    def _found(self, words: Sequence[str]) -> list[tuple[int, int]]:
        spans = [match.span() for word in words for match in _pattern(word).finditer(self._text)]
        self._spans += spans
        return spans

    def honoured(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._text[a:b] for a, b in sorted(self._spans)))

    def unmet(self) -> tuple[str, ...]:
        words = (match for match in re.finditer(r"[^\W\d_][\w'-]+", self._text))
        missed = [m[0] for m in words if not any(a < m.end() and m.start() < b for a, b in self._spans)]
        return tuple(dict.fromkeys(word for word in missed if word not in _EMPTY_WORDS))[:40]


def _pattern(word: str) -> re.Pattern[str]:
    """English words match at a word's start; one Korean syllable only as a word with at most one particle."""
    if not re.search(r"[가-힣]", word):
        return re.compile(rf"\b{re.escape(word)}(?:s|es|y|ing|ed)?\b")
    if len(word) == 1:
        return re.compile(rf"(?<![가-힣]){word}(?![가-힣]{{2}})")
    return re.compile(re.escape(word))
