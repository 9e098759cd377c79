"""What a picture will show: a scene's words, purpose and seed choose plate, light, camera and subject."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ad_pipeline.engines.animatic.drawing.packs import catalogue as packs
from ad_pipeline.engines.animatic.drawing.plates.catalogue import BY_NAME
from ad_pipeline.engines.animatic.drawing.plates.plate import Plate
from ad_pipeline.engines.animatic.drawing.stage import Camera, Light
from ad_pipeline.engines.animatic.heard import (
    CAMERAS,
    EXTRAS,
    LIGHTS,
    NOBODY,
    PRODUCT_WORDS,
    TEXTURE_WORDS,
    Heard,
    Name,
    Subject,
)
from ad_pipeline.engines.crafts.image import ImageRequest

_USUAL_LIGHTS: tuple[Light, ...] = ("soft", "soft", "hard", "rays")
_DEFAULTS: dict[str, tuple[str, ...]] = {
    "hook": ("cream", "dew", "silk", "skin"),
    "solution": ("water", "dew", "cream", "petals", "silk", "stone"),
    "social_proof": ("laboratory", "marble", "window"),
    "cta": ("gradient", "podium", "mirror", "sky", "paper"),
    "story": ("window", "marble", "bokeh", "petals", "silk"),
}
"""Where nothing is asked for. An end card is never in the solution's world."""

_PROBLEMS: dict[str, tuple[tuple[str, str], ...]] = {
    "lipstick": (("dry lips", "gradient"), ("dry lips", "paper")),
    "lip tint": (("dry lips", "gradient"), ("dry lips", "paper")),
    "compact": (("profile", "desk"), ("profile", "mirror")),
    "blusher": (("profile", "paper"), ("profile", "mirror")),
    "palette": (("closed eye", "desk"), ("closed eye", "paper")),
    "sachet": (("closed eye", "desk"), ("profile", "mirror")),
    "tube": (("closed eye", "glare"),),
    "dropper bottle": (("", "dry skin"), ("profile", "mirror")),
    "jar": (("profile", "mirror"), ("closed eye", "paper"), ("", "dry skin")),
    "pump bottle": (("", "tangled hair"), ("profile", "marble")),
    "spray bottle": (("profile", "paper"), ("closed eye", "desk")),
    "bottle": (("profile", "marble"), ("", "dry skin")),
    "carton": (("", "paper"), ("", "desk")),
}
"""Product -> (figure, plate): what its problem looks like where nobody says it."""

_HOOK_FIGURES: dict[str, tuple[str, ...]] = {
    "lipstick": ("lips",),
    "lip tint": ("lips",),
    "compact": ("closed eye", "profile"),
    "blusher": ("cheek",),
    "palette": ("painted eye",),
    "dropper bottle": ("drop", "hand", "closed eye"),
    "pump bottle": ("flowing hair", "hand"),
    "spray bottle": ("profile", "flowing hair"),
    "jar": ("profile", "hand"),
}
_FIGURE_GROUNDS = ("gradient", "paper", "window")

_SCENES_ALONE = ("sky", "water", "snow", "bokeh", "petals", "stone", "window", "glare")
"""Plates that tell enough without anybody in them."""

_SIDES = {"hook": 1.0, "problem": -1.0, "solution": 1.0, "story": -1.0, "social_proof": 1.0, "cta": -1.0}
"""The light's side by purpose: an end card is lit from the other side than the solution."""

_STYLING = re.compile(r"palette of|brand look|\bmood\b|색감|분위기|브랜드 톤")


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
    aside: float = 0.0
    """How far the subject stands off the middle, as a share of the room beside it; -1 is far left."""
    honoured: tuple[str, ...] = ()
    unmet: tuple[str, ...] = ()

    @property
    def shows_product(self) -> bool:
        return self.subject in ("product", "end card")


def planned(request: ImageRequest) -> Plan:
    """The plan for `request`; the same request and seed give the same plan."""
    rng = np.random.default_rng((seed_of(request), 11))
    heard = Heard(_without_styling(request.prompt, product=request.look.product))
    purpose = request.purpose if request.purpose in _SIDES else "story"
    camera = Heard(request.camera.lower()).first(CAMERAS) or heard.first(CAMERAS)
    light = heard.first(LIGHTS)
    extras = frozenset(name for name, words in EXTRAS.items() if heard.any(words))
    kind = product_kind(request.look.product, request.prompt)
    subject, figure, plate = _world(request, heard, purpose=purpose, camera=camera, kind=kind, rng=rng)
    shows_product = subject in ("product", "end card")
    used: Camera = camera or "close"
    if shows_product and (used == "macro" or (used == "top" and plate.ground != "flat")):
        used = "close"
    badge = bool(request.claims) and (purpose == "social_proof" or "certification_badge" in request.brand_elements)
    heard.keep(plate=plate, figure=figure, subject=subject, badge=badge)
    light_x = _SIDES[purpose] * (1.0 if zlib.crc32(request.look.product.encode()) % 2 else -1.0)
    return Plan(
        plate=plate,
        light=light or ("soft" if purpose == "problem" else _chosen(_USUAL_LIGHTS, rng)),
        camera=used,
        subject=subject,
        figure=figure,
        product=kind if shows_product else "",
        # A falling drop is the figure's own; drops on the wall behind it would be rain.
        extras=extras - {"drops"} if figure else extras,
        badge=badge,
        subdued=purpose == "problem",
        light_x=light_x,
        aside=-0.30 * light_x if subject == "product" and not badge else 0.0,
        honoured=heard.honoured(),
        unmet=heard.unmet() + ((camera,) if camera and camera != used else ()),
    )


def _world(
    request: ImageRequest, heard: Heard, *, purpose: str, camera: Camera | None, kind: str, rng: np.random.Generator
) -> tuple[Subject, str, Plate]:
    """(subject, figure, plate); the figure is empty where none is drawn."""
    figure = heard.figure()
    asked = heard.plates()
    if purpose == "problem" and not figure and not asked:
        figure, name = _PROBLEMS[kind][int(rng.integers(len(_PROBLEMS[kind])))]
        return ("figure" if figure else "texture"), figure, BY_NAME[name]
    subject = _subject(
        purpose,
        figure=figure,
        asks_product=heard.any(PRODUCT_WORDS) or "product_3d" in request.brand_elements,
        asks_texture=heard.any(TEXTURE_WORDS) or camera == "macro",
        asked=asked,
        alone=heard.any(NOBODY),
        rng=rng,
    )
    if subject != "figure":
        figure = ""
    elif not figure:
        figure = _chosen(_HOOK_FIGURES.get(kind, ("closed eye", "profile")), rng)
    return subject, figure, _plate(asked, subject=subject, purpose=purpose, rng=rng)


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
    alone: bool,
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
            return "texture" if alone or plate.macro or plate.name in _SCENES_ALONE else "figure"
        return "figure" if rng.uniform() < 0.5 else "texture"
    if asks_product:
        return "product"
    if asks_texture:
        return "texture"
    return "figure" if figure and purpose in ("story", "social_proof") else "product"


def _plate(asked: Sequence[tuple[Plate, bool]], *, subject: Subject, purpose: str, rng: np.random.Generator) -> Plate:
    """The first plate named that suits the subject, else one of the purpose's own."""
    if subject == "figure":
        # A line drawing is lost in a texture; silk alone is calm enough.
        suiting = [plate for plate, _ in asked if not plate.macro or plate.name == "silk"]
        return suiting[0] if suiting else BY_NAME[_chosen(_FIGURE_GROUNDS, rng)]
    if subject == "texture":
        plates = [plate for plate, _ in asked]
        if plates:
            return next((plate for plate in plates if plate.macro), plates[0])
    elif asked:
        # A texture named beside a setting is the product's, not the place it stands in.
        settings = [plate for plate, is_texture in asked if not is_texture and plate.name != "desk"]
        return (settings or [plate for plate, _ in asked])[0]
    names = _DEFAULTS.get(purpose, _DEFAULTS["hook"])
    if subject == "texture":
        names = tuple(n for n in names if BY_NAME[n].macro) or ("cream", "silk", "dew")
    return BY_NAME[_chosen(names, rng)]


def product_kind(product: str, prompt: str = "") -> str:
    """Which drawn product stands in for `product`; a carton where its words name no shape."""
    for text in (product.lower(), prompt.lower()):
        heard = Heard(text)
        # The last noun names the thing: a "serum cushion" is a cushion, a "크림 미스트" a mist.
        found = heard.last(packs.WORDS)
        if found:
            return found
    return "carton"


def _chosen(names: Sequence[Name], rng: np.random.Generator) -> Name:
    return names[int(rng.integers(len(names)))]
