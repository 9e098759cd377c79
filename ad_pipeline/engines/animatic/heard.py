"""The words of an image prompt: which light, camera, plate and figure they call for, and which are not understood."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeVar

from ad_pipeline.engines.animatic.drawing import figures
from ad_pipeline.engines.animatic.drawing.packs import catalogue as packs
from ad_pipeline.engines.animatic.drawing.plates.catalogue import PLATES
from ad_pipeline.engines.animatic.drawing.plates.plate import Plate
from ad_pipeline.engines.animatic.drawing.stage import Camera, Light

Name = TypeVar("Name", bound=str)
Subject = Literal["product", "texture", "figure", "end card"]

LIGHTS: dict[Light, tuple[str, ...]] = {
    "rays": ("ray", "beam", "god ray", "sunbeam", "빛줄기", "빛살", "광선"),
    "rim": ("rim", "backlit", "backlight", "silhouette", "역광", "림 라이트", "실루엣"),
    "hard": ("hard light", "harsh", "direct sun", "dramatic", "contrast", "강한 빛", "강렬", "극적"),
    "soft": ("soft", "diffused", "gentle", "natural light", "부드러", "은은", "자연광", "포근"),
}
CAMERAS: dict[Camera, tuple[str, ...]] = {
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
EXTRAS: dict[str, tuple[str, ...]] = {
    "leaf shadow": ("leaf", "leaves", "plant", "palm", "botanical", "나뭇잎", "잎 그림자", "식물"),
    "petals": ("petal", "flower", "blossom", "꽃잎", "꽃", "벚꽃"),
    "drops": ("drop", "dew", "물방울", "이슬", "방울"),
    "bokeh": ("bokeh", "sparkle", "glitter", "glow", "light particles", "보케", "반짝", "빛망울", "빛나"),
    "snow": ("snow", "snowflake", "눈송이", "눈이 내리"),
}
PRODUCT_WORDS = ("product", "bottle", "package", "packshot", "hero shot", "제품", "상품", "용기", "패키지")
TEXTURE_WORDS = ("texture", "macro", "swatch", "제형", "텍스처", "질감")
NOBODY = ("nobody", "no one", "without people", "아무도", "인물 없")

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


class Heard:
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

    def figure(self) -> str:
        """The figure named first, empty for none; of "a woman's lips" the lips: what is nearer counts."""
        named = self.all(figures.WORDS)
        nearer = [name for name in named if name != "profile"]
        return (nearer or named or [""])[0]

    def plates(self) -> list[tuple[Plate, bool]]:
        """The plates named, in the text's order; true where its clause speaks of a texture or a macro shot."""
        found = [(min(spans)[0], plate) for plate in PLATES if (spans := self._found(plate.words))]
        answer: list[tuple[Plate, bool]] = []
        for place, plate in sorted(found, key=lambda pair: pair[0]):
            start = self._text.rfind(",", 0, place) + 1
            end = self._text.find(",", place)
            clause = self._text[start : end if end >= 0 else None]
            is_texture = any(any(_places(word, clause)) for word in TEXTURE_WORDS)
            answer.append((plate, is_texture and plate.macro))
        return answer

    def keep(self, *, plate: Plate, figure: str, subject: Subject, badge: bool) -> None:
        """Of all that was understood, hold as honoured what this plan does show."""
        shown: list[str] = [*plate.words, *_OUR_OWN]
        shown += figures.WORDS.get(figure, ())
        for words in (*LIGHTS.values(), *CAMERAS.values(), *EXTRAS.values()):
            shown += words
        if subject == "texture":
            shown += NOBODY
        if subject in ("product", "end card"):
            shown += PRODUCT_WORDS
            for words in packs.WORDS.values():
                shown += words
            shown += ("dropper", "glass", "jar", "tube", "cosmetic", "open", "round", "slim", "squeeze", "bullet")
        if badge:
            shown += ("certification", "badge", "인증", "배지")
        self._spans = []
        self._found(shown)

    def _found(self, words: Sequence[str]) -> list[tuple[int, int]]:
        spans = [span for word in words for span in _places(word, self._text)]
        self._spans += spans
        return spans

    def honoured(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._text[a:b] for a, b in sorted(self._spans)))

    def unmet(self) -> tuple[str, ...]:
        words = (match for match in re.finditer(r"[^\W\d_][\w'-]+", self._text))
        missed = [m[0] for m in words if not any(a < m.end() and m.start() < b for a, b in self._spans)]
        return tuple(dict.fromkeys(word for word in missed if word not in _EMPTY_WORDS))[:40]


_WORD_START, _WORD_END = re.compile(r"\b"), re.compile(r"(?:s|es|y|ing|ed)?\b")
_HANGUL = re.compile(r"[가-힣]")
_ANYWHERE = re.compile("")
_NO_HANGUL_BEFORE, _ONE_PARTICLE = re.compile(r"(?<![가-힣])"), re.compile(r"(?![가-힣]{2})")


def _places(word: str, text: str) -> Iterator[tuple[int, int]]:
    """Where `word` stands in `text`: English at a word's start, one Korean syllable with one particle at most.

    Not a pattern for each word: hundreds are known, and compiling them took 90 ms in every process.
    """
    starts, ends = _WORD_START, _WORD_END
    if _HANGUL.search(word):
        starts, ends = (_NO_HANGUL_BEFORE, _ONE_PARTICLE) if len(word) == 1 else (_ANYWHERE, _ANYWHERE)
    at = text.find(word)
    while at >= 0:
        end = ends.match(text, at + len(word)) if starts.match(text, at) else None
        if end:
            yield at, end.end()
        at = text.find(word, end.end() if end else at + 1)
