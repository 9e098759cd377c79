"""The animatic's key images, on small real files."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ad_pipeline.engines.animatic.drawing.canvas import from_srgb, to_srgb
from ad_pipeline.engines.animatic.drawing.layers import read_layers
from ad_pipeline.engines.animatic.drawing.layout import roomiest
from ad_pipeline.engines.animatic.drawing.packs.catalogue import BUILDERS
from ad_pipeline.engines.animatic.drawing.photo import product_photo, scaled
from ad_pipeline.engines.animatic.drawing.plates.catalogue import PLATES
from ad_pipeline.engines.animatic.drawing.plates.plate import Plate
from ad_pipeline.engines.animatic.image import AnimaticImage
from ad_pipeline.engines.animatic.plan import planned, product_kind
from ad_pipeline.engines.crafts.image import Look
from ad_pipeline.errors import EngineRefused, MediaError
from ad_pipeline.values import Box, Size
from ad_pipeline_tests.engines.pictures import JOB, image_request, rendered
from ad_pipeline_tests.story.samples import a_kit


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- the plan -----------------------------------------------------------------------------------


@pytest.mark.parametrize("plate", PLATES, ids=lambda plate: plate.name)
def test_every_plate_is_called_by_its_first_word_in_either_language(plate: Plate) -> None:
    english = plate.words[0]
    korean = next(word for word in plate.words if any("가" <= letter <= "힣" for letter in word))

    assert planned(image_request(prompt=f"product, {english}", purpose="solution")).plate is plate
    assert planned(image_request(prompt=f"제품 {korean}", purpose="solution")).plate is plate


@pytest.mark.parametrize(
    ("product", "kind"),
    [
        ("Glow Serum", "dropper bottle"), ("세럼 쿠션", "compact"), ("자음생 크림", "jar"), ("선크림", "tube"),
        ("컬러 립 틴트", "lip tint"), ("피치 블러 치크", "blusher"), ("Candy Sky Eye Palette", "palette"),
        ("아이섀도 팔레트", "palette"), ("미드나잇 앰플", "dropper bottle"), ("Lip Sleeping Mask", "jar"),
        ("립 슬리핑 마스크", "jar"), ("수분 마스크팩", "sachet"), ("Rouge City Lipstick", "lipstick"),
        ("톤업 선크림", "tube"),
        ("물빛 미스트", "spray bottle"), ("두피 샴푸", "pump bottle"), ("새벽 향수", "spray bottle"),
        ("블랙 쿠션", "compact"), ("크림 블러셔", "blusher"), ("Rose Perfume", "spray bottle"),
        ("바디 로션", "pump bottle"),
        ("그린티 토너", "bottle"), ("Trail shoes", "carton"), ("watermelon", "carton"),
    ],
)  # fmt: skip
def test_the_last_noun_of_a_products_name_chooses_its_pack(product: str, kind: str) -> None:
    assert product_kind(product) == kind


def test_one_korean_syllable_counts_only_as_a_word_of_its_own() -> None:
    assert planned(image_request(prompt="선물 상자와 제품")).plate.name != "water"
    assert planned(image_request(prompt="물 위의 제품")).plate.name == "water"


def test_words_that_were_honoured_and_not_are_told() -> None:
    plan = planned(image_request(prompt="Product on marble with a flamingo, backlit, wide"))

    assert {"product", "marble", "backlit", "wide"} <= set(plan.honoured)
    assert plan.unmet == ("flamingo",)
    assert (plan.plate.name, plan.light, plan.camera) == ("marble", "rim", "wide")


def test_a_hook_and_a_problem_show_no_bottle_unless_asked() -> None:
    for purpose in ("hook", "problem"):
        for seed in range(6):
            assert not planned(image_request(prompt="", purpose=purpose, seed=seed)).shows_product

    assert planned(image_request(prompt="", purpose="hook", brand_elements=("product_3d",))).shows_product


def test_five_scenes_of_one_ad_are_five_worlds() -> None:
    purposes = ("hook", "problem", "solution", "social_proof", "cta")
    for seed in (1, 20, 300):
        plans = [planned(image_request(prompt="", purpose=p, seed=seed + i)) for i, p in enumerate(purposes)]

        assert len({(plan.plate.name, plan.figure, plan.subject) for plan in plans}) == 5


def test_a_badge_needs_a_sourced_claim() -> None:
    assert not planned(image_request(purpose="social_proof", brand_elements=("certification_badge",))).badge
    assert planned(image_request(purpose="social_proof", claims=("96% of 50 users agreed",))).badge


# --- the picture --------------------------------------------------------------------------------


def test_the_same_request_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    rendered(image_request(), tmp_path, "one.png")
    rendered(image_request(), tmp_path, "two.png")
    rendered(image_request(seed=6), tmp_path, "three.png")

    assert _sha(tmp_path / "one.png") == _sha(tmp_path / "two.png") != _sha(tmp_path / "three.png")
    for file in (tmp_path / "one.png.layers").iterdir():
        assert _sha(file) == _sha(tmp_path / "two.png.layers" / file.name)


@pytest.mark.parametrize(("width", "height"), [(216, 384), (216, 216), (216, 270), (384, 216)])
def test_each_format_is_drawn_in_its_own_shape(tmp_path: Path, width: int, height: int) -> None:
    size = Size(width_px=width, height_px=height)

    picture = rendered(image_request(size), tmp_path)

    assert picture.shape == (height, width, 3)
    layers = read_layers(tmp_path / "key.png.layers")
    assert layers is not None and layers.size == size
    assert layers.canvas.width_px >= width * 1.10 and layers.canvas.height_px >= height * 1.10


@pytest.mark.parametrize("plate", PLATES, ids=lambda plate: plate.name)
@pytest.mark.parametrize("brand", ["laneige", "hera"])
def test_every_plate_is_a_picture_with_tones_and_a_product(tmp_path: Path, plate: Plate, brand: str) -> None:
    request = image_request(prompt=f"product, {plate.words[0]}", look=Look(kit=a_kit(brand), product="세럼"))

    picture = rendered(request, tmp_path)

    assert picture.std() > 4, "flat"
    assert (picture.max(axis=2) >= 254).mean() < 0.30, "burnt out"
    assert (picture.max(axis=2) <= 2).mean() < 0.30, "black"
    assert (tmp_path / "key.png.layers" / "product.png").is_file()


@pytest.mark.parametrize("kind", BUILDERS)
def test_every_pack_stands_inside_the_safe_box_and_clear_of_text(tmp_path: Path, kind: str) -> None:
    words = {"dropper bottle": "serum", "compact": "cushion", "carton": "shoes", "spray bottle": "perfume"}
    request = image_request(prompt="podium", look=Look(kit=a_kit("sulwhasoo"), product=words.get(kind, kind)))

    rendered(request, tmp_path)

    layers = read_layers(tmp_path / "key.png.layers")
    assert layers is not None
    layer = next(layer for layer in layers.layers if layer.file == "product.png")
    with Image.open(tmp_path / "key.png.layers" / "product.png") as picture:
        left, top, width, height = cv2.boundingRect((np.asarray(picture.getchannel("A")) > 127).astype(np.uint8))
    x, y = layer.left_px - layers.frame_left_px, layer.top_px - layers.frame_top_px
    seen = Box(left_px=x + left, top_px=y + top, right_px=x + left + width, bottom_px=y + top + height)
    assert request.safe_box.contains(seen)
    assert seen.top_px >= request.calm_boxes[0].bottom_px
    assert seen.height_px > 40


def test_the_place_for_text_is_quieter_than_the_rest(tmp_path: Path) -> None:
    size = Size(width_px=432, height_px=768)
    request = image_request(size, prompt="macro cream texture", purpose="hook")

    picture = cv2.cvtColor(rendered(request, tmp_path), cv2.COLOR_RGB2GRAY).astype(np.float32)

    busy = np.abs(cv2.Laplacian(cv2.GaussianBlur(picture, (0, 0), 2), cv2.CV_32F))
    box = request.calm_boxes[0]
    calm = busy[box.top_px : box.bottom_px, box.left_px : box.right_px].mean()
    assert calm < 0.6 * busy[box.bottom_px + 60 :].mean()


def test_a_room_for_the_subject_never_touches_text() -> None:
    safe = Box(left_px=0, top_px=100, right_px=1000, bottom_px=1100)
    text = Box(left_px=0, top_px=100, right_px=1000, bottom_px=400)

    room = roomiest(safe, (text,), aspect=0.4, size=Size(width_px=1000, height_px=1200))

    assert room == Box(left_px=0, top_px=400, right_px=1000, bottom_px=1100)


def test_linear_light_and_back_is_the_same_picture() -> None:
    grey = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)

    back = to_srgb(from_srgb(grey))

    assert np.abs(back - grey).max() < 1.5


def test_boxes_of_a_larger_picture_are_cut_to_this_one(tmp_path: Path) -> None:
    large = image_request(Size(width_px=1080, height_px=1920))

    picture = rendered(replace(large, size=Size(width_px=256, height_px=256)), tmp_path)

    assert picture.shape == (256, 256, 3)


@pytest.mark.parametrize("purpose", ["hook", "problem", "solution", "social_proof", "cta", "story", "anything"])
def test_every_purpose_is_drawn_from_an_empty_prompt(tmp_path: Path, purpose: str) -> None:
    for seed in range(3):
        picture = rendered(image_request(prompt="", purpose=purpose, seed=seed), tmp_path)

        assert picture.std() > 4


def test_a_size_that_is_not_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineRefused, match="64x64"):
        rendered(image_request(Size(width_px=64, height_px=64)), tmp_path)

    assert not list(tmp_path.iterdir())


def test_a_font_that_is_none_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "kit.ttf"
    broken.write_text("no font", encoding="utf-8")
    kit = a_kit()
    kit = kit.model_copy(update={"fonts": kit.fonts.model_copy(update={"headline": str(broken)})})

    with pytest.raises(MediaError, match="kit.ttf"):
        rendered(image_request(look=Look(kit=kit, product="세럼")), tmp_path)


# --- the person's product picture ---------------------------------------------------------------


def _disc(side: int = 200, background: tuple[int, ...] = (255, 255, 255)) -> Image.Image:
    picture = np.full((side * 3 // 2, side, len(background)), background, np.uint8)
    cv2.ellipse(
        picture,
        (side // 2, side * 3 // 4),
        (side // 4, side // 2),
        0,
        0,
        360,
        (200, 30, 40, 255)[: len(background)],
        -1,
    )
    return Image.fromarray(picture)


def test_a_photo_on_a_plain_background_is_cut_out(tmp_path: Path) -> None:
    _disc().save(tmp_path / "photo.jpg", quality=92)

    photo = product_photo(tmp_path / "photo.jpg", engine="animatic")

    assert photo.cut == "keyed"
    height, width = photo.rgba.shape[:2]
    assert height / width == pytest.approx(2.0, abs=0.1)
    assert photo.rgba[height // 2, width // 2, 3] >= 250 and photo.rgba[0, 0, 3] == 0


def test_a_photo_on_a_busy_background_becomes_a_card_and_says_so(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (300, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "busy.png")
    request = image_request(look=Look(kit=a_kit(), product="세럼", product_image=tmp_path / "busy.png"))

    done = AnimaticImage().render_image(request, tmp_path / "key.png", tmp_path / "layers", JOB)

    assert "not plain" in done.details["product"]


def test_a_cut_out_keeps_its_shape_and_grows_no_fringe(tmp_path: Path) -> None:
    _disc(400, background=(0, 255, 0, 0)).save(tmp_path / "cut.png")

    photo = product_photo(tmp_path / "cut.png", engine="animatic")
    small = scaled(photo.rgba, width_px=photo.rgba.shape[1] // 4, height_px=photo.rgba.shape[0] // 4)

    assert photo.cut == "alpha"
    edge = small[(small[..., 3] > 20) & (small[..., 3] < 235)]
    assert len(edge) > 20
    assert edge[:, 1].max() < 60, "the green behind the product bleeds in"


@pytest.mark.parametrize("mode", ["CMYK", "P", "L", "I;16", "1", "LA"])
def test_a_picture_of_any_mode_is_read(tmp_path: Path, mode: str) -> None:
    picture = _disc()
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    else:
        picture = picture.convert(mode)
    path = tmp_path / ("photo.tif" if mode == "CMYK" else "photo.png")
    picture.save(path)

    photo = product_photo(path, engine="animatic")

    assert photo.rgba.dtype == np.uint8 and photo.rgba.shape[2] == 4
    assert photo.cut == "keyed"


def test_the_first_frame_of_a_gif_is_the_picture(tmp_path: Path) -> None:
    frames = [_disc(), _disc(background=(0, 0, 0))]
    frames[0].save(tmp_path / "photo.gif", save_all=True, append_images=frames[1:])

    photo = product_photo(tmp_path / "photo.gif", engine="animatic")

    assert photo.rgba[photo.rgba.shape[0] // 2, photo.rgba.shape[1] // 2, 0] > 150


def test_a_photo_taken_sideways_stands_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    _disc().rotate(90, expand=True).save(tmp_path / "turned.jpg", exif=exif, quality=92)

    photo = product_photo(tmp_path / "turned.jpg", engine="animatic")

    assert photo.rgba.shape[0] > photo.rgba.shape[1]


def _png_that_claims(width: int, height: int) -> bytes:
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"0"), b"IEND")
    parts = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "cannot be read"),
        (b"not a picture at all", "cannot be read"),
        (b"\x89PNG\r\n\x1a\n broken", "cannot be read"),
        (_png_that_claims(9000, 9000), "megapixels"),
        (_png_that_claims(60000, 60000), "megapixels"),
        (_png_that_claims(40, 600), "64 pixels"),
    ],
)
def test_what_is_no_usable_picture_is_refused_in_plain_words(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(content)

    with pytest.raises(EngineRefused, match=says):
        product_photo(path, engine="animatic")


def test_a_missing_product_picture_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    request = image_request(look=Look(kit=a_kit(), product="세럼", product_image=tmp_path / "gone.png"))

    with pytest.raises(EngineRefused, match=r"gone\.png"):
        AnimaticImage().render_image(request, tmp_path / "key.png", tmp_path / "layers", JOB)

    assert not list(tmp_path.iterdir())
