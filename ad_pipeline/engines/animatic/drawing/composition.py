"""A planned picture, composed: the plate, and the layers that move over it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing import atmosphere
from ad_pipeline.engines.animatic.drawing.canvas import Bytes, Linear, developed, from_srgb, write_png
from ad_pipeline.engines.animatic.drawing.figures import draw_badge, draw_figure
from ad_pipeline.engines.animatic.drawing.layers import LAYERS_FILE, Layer, Layers, flattened
from ad_pipeline.engines.animatic.drawing.layout import height_in, roomiest
from ad_pipeline.engines.animatic.drawing.packs.catalogue import BUILDERS
from ad_pipeline.engines.animatic.drawing.photo import Photo, scaled
from ad_pipeline.engines.animatic.drawing.plates.liquid import sprinkle
from ad_pipeline.engines.animatic.drawing.products import Cutout, draw_product
from ad_pipeline.engines.animatic.drawing.stage import Stage, Tones
from ad_pipeline.engines.animatic.plan import Plan, seed_of
from ad_pipeline.engines.crafts.image import ImageRequest
from ad_pipeline.values import Box, Size

OVERSCAN = 0.12
"""How much larger than the film the plate is, both sides together: the room motion has."""

DRAWN_SHARE = 0.6
"""Plates are drawn smaller and enlarged, as a lens would leave them: the subject alone is sharp."""

_AIR = 0.018
"""Share of the height that a product keeps from text: nearly touching looks like a mistake."""

_SHARES = {"wide": 0.64, "close": 0.90, "top": 0.82, "macro": 1.0}


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """A subject's width over its height, and the share of its height that bulges below its foot."""

    aspect: float
    below: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Composition:
    """All that one picture is made of; pictures are 8-bit sRGB."""

    plate: Bytes
    layers: Layers
    pictures: dict[str, Bytes]

    def flat(self) -> Bytes:
        """What the film's first frame shows, exactly the film's size."""
        return flattened(self.plate, self.layers, self.pictures)

    def write(self, folder: Path) -> None:
        """Leave the layers in `folder`, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        # A working file that is read once, by the clip: 75 ms less for each scene.
        write_png(self.plate, folder / "plate.png", packed=False)
        for name, picture in self.pictures.items():
            write_png(picture, folder / name)
        (folder / LAYERS_FILE).write_text(json.dumps(self.layers.to_dict(), indent=2) + "\n", encoding="utf-8")


def composed(request: ImageRequest, plan: Plan, photo: Photo | None) -> Composition:
    """Draw the picture that `plan` describes."""
    request = _within(request)
    canvas = _canvas(request.size)
    margin_x = (canvas.width_px - request.size.width_px) // 2
    margin_y = (canvas.height_px - request.size.height_px) // 2
    room, shape = _room(request, plan, photo)
    height = height_in(room, aspect=shape.aspect, share=_share(plan, shape.aspect, room))
    if plan.subject == "figure":
        # A neck or a shoulder may run out of the safe box below: it is no message.
        slack = (room.height_px - height) / 2
        if plan.plate.name != "mirror":
            height = min(int(height * 1.2), int(request.size.height_px - room.top_px - slack))
        foot_y = room.top_px + slack + height
    elif plan.shows_product and plan.plate.ground in ("floor", "mirror", "float"):
        foot_y = room.bottom_px - (room.height_px - height) * 0.35 - shape.below * height
    else:
        foot_y = (room.top_px + room.bottom_px) / 2 + height * (0.5 - shape.below)
    height = max(48, int(height * (1 - shape.below)))
    beside = max(0.0, (room.right_px - room.left_px - height * shape.aspect) / 2)
    foot_x = (room.left_px + room.right_px) / 2 + plan.aside * beside
    stage = _stage(
        request, plan, canvas, foot=(foot_x + margin_x, foot_y + margin_y), height=height, width=height * shape.aspect
    )
    picture = plan.plate.draw(stage)
    if plan.light == "rays":
        atmosphere.rays(picture, stage)
    if "drops" in plan.extras and plan.plate.name not in ("dew", "foam", "water"):
        sprinkle(stage, picture, count=90, largest=34)
    boxes = [_on_stage(box, margin_x, margin_y) for box in request.calm_boxes]
    atmosphere.quieted(picture, stage, boxes)
    subject = _subject(request, plan, photo, stage=stage, picture=picture, height=height)
    if subject is not None and plan.shows_product and plan.plate.ground == "flat" and shape.aspect < 0.7:
        # Laid down, not stood up: nobody lays a bottle straight.
        subject = _turned(subject, degrees=float(stage.rng(80).uniform(5, 12)) * -plan.light_x)
    pictures: dict[str, Bytes] = {}
    layers: list[Layer] = []
    if subject is not None:
        left, top = int(foot_x + margin_x - subject.foot_x), int(foot_y + margin_y - subject.foot_y)
        if plan.shows_product:
            _ground(picture, stage, subject, plan, left=left, top=top)
        pictures["product.png"] = _subdued(subject.rgba) if plan.subdued else subject.rgba
        anchor_y = foot_y if plan.plate.ground in ("floor", "mirror") else foot_y - height / 2
        layers.append(
            Layer(
                file="product.png",
                left_px=left,
                top_px=top,
                depth=0.35,
                anchor_x=foot_x + margin_x,
                anchor_y=anchor_y + margin_y,
                stands=plan.plate.ground in ("floor", "mirror", "flat"),
            )
        )
        _add_badge(request, plan, stage, subject, pictures, layers, left=left, top=top)
    picture = atmosphere.graded(picture, stage, subdued=plan.subdued)
    front_kind = _front(plan)
    front = atmosphere.in_front(stage, front_kind) if front_kind else None
    if front is not None:
        half = cv2.resize(front, (canvas.width_px // 2, canvas.height_px // 2), interpolation=cv2.INTER_AREA)
        pictures["mid.png"] = np.asarray(half, np.uint8)
        layers.append(
            Layer(file="mid.png", left_px=0, top_px=0, depth=1.0, anchor_x=canvas.width_px / 2,
                  anchor_y=canvas.height_px / 2, stands=False, scale=2.0)
        )  # fmt: skip
    plate = developed(picture, width_px=canvas.width_px, height_px=canvas.height_px, seed=request.seed)
    return Composition(
        plate=plate,
        pictures=pictures,
        layers=Layers(
            canvas=canvas, frame_left_px=margin_x, frame_top_px=margin_y, size=request.size, layers=tuple(layers),
            light_x=plan.light_x, sweep=plan.light in ("rays", "hard", "rim") or plan.plate.night,
            particles=plan.plate.particles, seed=request.seed,
        ),
    )  # fmt: skip


def _within(request: ImageRequest) -> ImageRequest:
    """The request with its boxes cut to the picture: a size of a person's own may be smaller than the format's."""
    whole = Box(left_px=0, top_px=0, right_px=request.size.width_px, bottom_px=request.size.height_px)
    safe = request.safe_box.meet(whole)
    if safe.width_px < 0.2 * whole.width_px or safe.height_px < 0.2 * whole.height_px:
        safe = whole
    calm, marks = (
        tuple(box for box in (b.meet(whole) for b in boxes) if box.width_px > 0 and box.height_px > 0)
        for boxes in (request.calm_boxes, request.mark_boxes)
    )
    return replace(request, safe_box=safe, calm_boxes=calm, mark_boxes=marks)


def _canvas(size: Size) -> Size:
    """The plate's size: even, so that half-size chroma planes stay aligned; margins even too."""
    return Size(
        width_px=size.width_px + 4 * round(size.width_px * OVERSCAN / 4),
        height_px=size.height_px + 4 * round(size.height_px * OVERSCAN / 4),
    )


def _share(plan: Plan, aspect: float, room: Box) -> float:
    """How much of its room the subject takes: squat things as wide as the room less, or they would fill it."""
    if not plan.shows_product:
        return 0.82 if plan.subject == "figure" and plan.camera == "wide" else 1.0
    fills = aspect > 0.75 and room.width_px < 1.25 * aspect * room.height_px
    if plan.subject == "end card":
        # Headline and button leave little room as it is: the product takes all of that.
        return 0.96
    return _SHARES[plan.camera] * (0.78 if fills else 1.0)


def _room(request: ImageRequest, plan: Plan, photo: Photo | None) -> tuple[Box, _Shape]:
    """(where the subject goes, its shape), in the film's pixels."""
    if plan.subject == "texture":
        box = request.safe_box
        return box, _Shape(aspect=box.width_px / box.height_px)
    if plan.subject == "figure":
        shape = _Shape(aspect=1.0)
    elif photo is not None:
        shape = _Shape(aspect=photo.rgba.shape[1] / photo.rgba.shape[0] * (1.1 if photo.cut == "framed" else 1.0))
    else:
        product = BUILDERS[plan.product](Tones.of(request.look.kit.palette))
        bulge = product.half_width * product.tilt
        shape = _Shape(aspect=2 * product.half_width / (1 + bulge), below=bulge / (1 + bulge))
    taken = request.calm_boxes + (request.mark_boxes if plan.shows_product else ())
    room = roomiest(request.safe_box, taken, aspect=shape.aspect, size=request.size)
    return _aired(room, request) if plan.shows_product else room, shape


def _aired(room: Box, request: ImageRequest) -> Box:
    """The room less a little towards text above and below it."""
    air, safe = round(_AIR * request.size.height_px), request.safe_box
    return replace(
        room,
        top_px=room.top_px + (air if room.top_px > safe.top_px else 0),
        bottom_px=room.bottom_px - (air if room.bottom_px < safe.bottom_px else 0),
    )


def _stage(
    request: ImageRequest, plan: Plan, canvas: Size, *, foot: tuple[float, float], height: float, width: float
) -> Stage:
    s = DRAWN_SHARE
    columns, rows = round(canvas.width_px * s), round(canvas.height_px * s)
    frame_left = (canvas.width_px - request.size.width_px) / 2 * s
    frame_top = (canvas.height_px - request.size.height_px) / 2 * s
    return Stage(
        width=columns, height=rows, frame_left=frame_left, frame_top=frame_top,
        frame_width=request.size.width_px * s, frame_height=request.size.height_px * s,
        foot_x=foot[0] * s, foot_y=foot[1] * s, subject_height=height * s, subject_width=width * s,
        tones=Tones.of(request.look.kit.palette, night=plan.plate.night or plan.light == "rim"),
        light=plan.light, camera=plan.camera, light_x=plan.light_x, seed=seed_of(request), bare=not plan.shows_product,
    )  # fmt: skip


def _on_stage(box: Box, margin_x: int, margin_y: int) -> tuple[float, float, float, float]:
    s = DRAWN_SHARE
    return (
        (box.left_px + margin_x) * s,
        (box.top_px + margin_y) * s,
        (box.right_px + margin_x) * s,
        (box.bottom_px + margin_y) * s,
    )


def _subject(
    request: ImageRequest, plan: Plan, photo: Photo | None, *, stage: Stage, picture: Linear, height: int
) -> Cutout | None:
    tones = Tones.of(request.look.kit.palette)
    if plan.subject == "texture":
        return None
    if plan.subject == "figure":
        rgba = draw_figure(plan.figure, size_px=height, tones=stage.tones, seed=stage.seed, flip=plan.light_x)
        return Cutout(rgba=rgba, foot_x=height / 2, foot_y=height, half_width=height / 2)
    if photo is not None:
        return _photographed(photo, height)
    s = DRAWN_SHARE
    half = int(stage.subject_width / 2)
    top, bottom = int(max(0, stage.foot_y - height * s)), int(min(stage.height, stage.foot_y))
    left, right = int(max(0, stage.foot_x - half)), int(min(stage.width, stage.foot_x + half))
    kit = request.look.kit
    return draw_product(
        BUILDERS[plan.product](tones), height_px=height, tones=tones, mark=kit.mark, name=request.look.product,
        fonts=(kit.fonts.headline, kit.fonts.body), light_x=plan.light_x,
        backdrop=picture[top:bottom, left:right] if bottom - top > 8 and right - left > 8 else None,
    )  # fmt: skip


def _photographed(photo: Photo, height: int) -> Cutout:
    """The person's picture at `height`, undistorted; a photo that could not be cut out becomes a framed card."""
    if photo.cut != "framed":
        width = max(1, round(photo.rgba.shape[1] * height / photo.rgba.shape[0]))
        rgba = scaled(photo.rgba, width_px=width, height_px=height)
        foot = np.flatnonzero(rgba[int(height * 0.93) :, :, 3].max(axis=0) > 64)
        half = (foot.max() - foot.min()) / 2 if foot.size else width / 2
        middle = (foot.max() + foot.min()) / 2 if foot.size else width / 2
        return Cutout(rgba=rgba, foot_x=float(middle), foot_y=float(height), half_width=float(half))
    border = max(6, height // 40)
    inner_height = height - 2 * border
    width = max(1, round(photo.rgba.shape[1] * inner_height / photo.rgba.shape[0]))
    card = np.full((height, width + 2 * border, 4), 255, np.uint8)
    card[border:-border, border:-border] = scaled(photo.rgba, width_px=width, height_px=inner_height)
    return Cutout(rgba=card, foot_x=card.shape[1] / 2, foot_y=float(height), half_width=card.shape[1] / 2)


def _turned(cutout: Cutout, *, degrees: float) -> Cutout:
    """The cut-out turned about its middle. Colours reach past the rim, so it stays clean."""
    rows, columns = cutout.rgba.shape[:2]
    angle = np.radians(abs(degrees))
    wide = int(columns * np.cos(angle) + rows * np.sin(angle)) + 2
    high = int(columns * np.sin(angle) + rows * np.cos(angle)) + 2
    spin = cv2.getRotationMatrix2D((columns / 2, rows / 2), degrees, 1.0)
    spin[:, 2] += ((wide - columns) / 2, (high - rows) / 2)
    colours = cv2.warpAffine(
        cutout.rgba[..., :3], spin, (wide, high), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpAffine(cutout.rgba[..., 3], spin, (wide, high), flags=cv2.INTER_LINEAR)
    # Turned about the middle of its room, so the foot is told as if it still stood there.
    return Cutout(
        rgba=np.dstack([colours, alpha]).astype(np.uint8),
        foot_x=cutout.foot_x + (wide - columns) / 2,
        foot_y=cutout.foot_y + (high - rows) / 2,
        half_width=cutout.half_width,
    )


def _ground(picture: Linear, stage: Stage, subject: Cutout, plan: Plan, *, left: int, top: int) -> None:
    """Shadow and reflection of the subject, into the plate."""
    s = DRAWN_SHARE
    outline = atmosphere.placed(
        subject.rgba[..., 3].astype(np.float32) / 255, stage, left=left * s, top=top * s, scale=s
    )
    atmosphere.shadow(picture, stage, outline, ground=plan.plate.ground, half_width=subject.half_width * s)
    if plan.plate.ground == "mirror" or plan.plate.name in ("marble", "laboratory", "mirror"):
        matrix = np.array([[s, 0, left * s], [0, s, top * s]], np.float32)
        seen = cv2.warpAffine(from_srgb(subject.rgba[..., :3]), matrix, (stage.width, stage.height))
        atmosphere.reflection(picture, stage, np.asarray(seen, np.float32), outline, rippled=plan.plate.name == "water")


def _add_badge(
    request: ImageRequest, plan: Plan, stage: Stage, subject: Cutout, pictures: dict[str, Bytes], layers: list[Layer],
    *, left: int, top: int,
) -> None:  # fmt: skip
    """A seal beside the product's shoulder, where a sourced claim allows one."""
    if not plan.badge:
        return
    size = 2 * int(min(request.size.width_px, request.size.height_px) * 0.095)
    margin_x = (_canvas(request.size).width_px - request.size.width_px) // 2
    right_edge = request.safe_box.right_px + margin_x - size
    x = min(int(left + subject.rgba.shape[1] * 0.5 + subject.half_width + size * 0.10), right_edge)
    y = int(top + subject.rgba.shape[0] * 0.18)
    pictures["badge.png"] = draw_badge(size_px=size, tones=stage.tones)
    layers.append(
        Layer(
            file="badge.png", left_px=x, top_px=y, depth=0.6, anchor_x=x + size / 2, anchor_y=y + size / 2, stands=False
        )
    )


def _front(plan: Plan) -> str:
    if "petals" in plan.extras or plan.plate.name == "petals":
        return "petals"
    for extra in ("snow", "bokeh"):
        if extra in plan.extras:
            return extra
    return plan.plate.particles


def _subdued(rgba: Bytes) -> Bytes:
    """A subject in a problem scene: quieter colours, as its surroundings."""
    grey = cv2.cvtColor(cv2.cvtColor(rgba[..., :3], cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    calm = cv2.addWeighted(rgba[..., :3], 0.62, grey, 0.34, 0)
    return np.dstack([calm, rgba[..., 3]]).astype(np.uint8)
