"""What a picture will show: a scene's words, purpose and seed choose plate, light, camera and subject."""

from __future__ import annotations

import re
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

_FIGURE_PLATES = ("gradient",)

_EMPTY_WORDS = frozenset(
    "a an the of on in at with and or for to from by is are be its it this that into over under as while very more "
    "scene shot image picture photo commercial advertising ad 4k 8k hd high quality style "
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
    rng = np.random.default_rng((request.seed, 11))
    text = f"{request.prompt} {request.camera}".lower()
    heard = _Heard(text)
    purpose = request.purpose if request.purpose in _DEFAULTS else "story"
    light = heard.first(_LIGHTS)
    camera = heard.first(_CAMERAS)
    figure = heard.first(figures.WORDS) or ""
    asks_product = heard.any(_PRODUCT_WORDS) or "product_3d" in request.brand_elements
    asks_texture = heard.any(_TEXTURE_WORDS) or camera == "macro"
    plate_name = heard.best({plate.name: plate.words for plate in PLATES})
    extras = frozenset(name for name, words in _EXTRAS.items() if heard.any(words))
    subject = _subject(
        purpose, figure=figure, asks_product=asks_product, asks_texture=asks_texture, plate=plate_name, rng=rng
    )
    if subject == "figure" and not figure:
        figure = _chosen(_FIGURE_DEFAULTS.get(purpose, ("profile",)), rng)
    plate = _plate(plate_name, subject=subject, purpose=purpose, rng=rng)
    return Plan(
        plate=plate,
        light=light or ("soft" if purpose == "problem" else _chosen(_USUAL_LIGHTS, rng)),
        camera=camera or "close",
        subject=subject,
        figure=figure if subject == "figure" else "",
        product=product_kind(request.look.product, request.prompt) if subject in ("product", "end card") else "",
        extras=extras,
        badge=bool(request.claims) and (purpose == "social_proof" or "certification_badge" in request.brand_elements),
        subdued=purpose == "problem",
        light_x=float(rng.choice([-1.0, 1.0])),
        honoured=heard.honoured(),
        unmet=heard.unmet(),
    )


def _subject(
    purpose: str, *, figure: str, asks_product: bool, asks_texture: bool, plate: str, rng: np.random.Generator
) -> Subject:
    if purpose == "cta":
        return "end card"
    if purpose in ("hook", "problem"):
        if figure:
            return "figure"
        if asks_product and purpose == "hook":
            return "product"
        if plate:
            return "texture" if BY_NAME[plate].macro or plate in _SCENES_ALONE else "figure"
        return "figure" if rng.uniform() < 0.5 else "texture"
    if asks_texture and not asks_product:
        return "texture"
    if figure and purpose == "story" and not asks_product:
        return "figure"
    return "product"


def _plate(name: str, *, subject: Subject, purpose: str, rng: np.random.Generator) -> Plate:
    if subject == "figure":
        return BY_NAME[
            name
            if name in ("paper", "sky", "desk", "bokeh", "gradient", "petals", "window")
            else _chosen(_FIGURE_PLATES, rng)
        ]
    if name:
        return BY_NAME[name]
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

    def best(self, table: Mapping[str, Sequence[str]]) -> str:
        """The entry with the most words in the text; the earliest of equals; empty for none."""
        scores = [(len(found), -min(found)[0], name) for name, words in table.items() if (found := self._found(words))]
        return max(scores)[2] if scores else ""

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
