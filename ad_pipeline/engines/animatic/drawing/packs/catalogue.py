"""All packs that can be drawn, and the words that call for each."""

from __future__ import annotations

from collections.abc import Callable

from ad_pipeline.engines.animatic.drawing.packs import bottles, boxes, colour, pots
from ad_pipeline.engines.animatic.drawing.products import Product
from ad_pipeline.engines.animatic.drawing.stage import Tones

BUILDERS: dict[str, Callable[[Tones], Product]] = {
    "dropper bottle": bottles.dropper,
    "pump bottle": bottles.pump,
    "jar": pots.jar,
    "tube": pots.tube,
    "sachet": pots.sachet,
    "lipstick": colour.lipstick,
    "lip tint": colour.tint,
    "compact": colour.compact,
    "blusher": colour.blusher,
    "palette": colour.palette,
    "spray bottle": bottles.spray,
    "bottle": bottles.bottle,
    "carton": boxes.carton,
}

WORDS: dict[str, tuple[str, ...]] = {
    "lipstick": ("lipstick", "rouge", "lip", "lip balm stick", "립스틱", "루즈", "립", "립밤스틱"),
    "lip tint": ("lip tint", "tint", "lip gloss", "gloss", "lip oil", "틴트", "립 틴트", "립틴트", "글로스", "립글로스",
        "립 오일", "립오일", "mascara", "마스카라"),
    "compact": ("cushion", "compact", "powder", "foundation", "pact", "쿠션", "팩트", "파우더", "파운데이션", "컨실러",
        "비비"),
    "blusher": ("blush", "blusher", "cheek", "highlighter", "치크", "블러셔", "블러쉬", "하이라이터"),
    "palette": ("palette", "eyeshadow", "eye shadow", "shadow", "팔레트", "섀도", "섀도우", "아이섀도"),
    "tube": ("tube", "cleanser", "cleansing foam", "foam cleanser", "sunscreen", "sun cream", "sunblock", "spf",
        "hand cream", "bb cream", "toothpaste", "mascara primer", "튜브", "클렌저", "클렌징", "클렌징 폼", "폼",
        "선크림", "선 크림", "선블록", "선세럼", "핸드크림", "핸드 크림", "비비크림", "치약"),
    "spray bottle": ("perfume", "fragrance", "eau de", "spray", "mist", "cologne", "향수", "스프레이", "미스트", "퍼퓸",
        "코롱"),
    "dropper bottle": ("dropper", "ampoule", "serum", "essence", "oil", "앰플", "세럼", "에센스", "오일", "스포이드",
        "스포이트"),
    "jar": ("jar", "sleeping mask", "lip mask", "lip balm", "cream", "balm", "butter", "크림", "밤", "립밤", "수면팩",
        "슬리핑 마스크", "슬리핑마스크", "립 마스크", "립마스크", "자음생"),
    "sachet": ("mask", "sheet mask", "mask pack", "pack", "sachet", "마스크", "마스크팩", "시트팩", "시트 마스크",
        "팩"),
    "pump bottle": ("pump", "lotion", "emulsion", "shampoo", "body wash", "conditioner", "treatment", "로션", "에멀전",
        "샴푸", "바디워시", "린스", "트리트먼트", "컨디셔너", "펌프"),
    "bottle": ("bottle", "toner", "skin", "water", "drink", "juice", "coffee", "beer", "토너", "스킨", "병", "음료",
        "주스", "커피", "워터"),
}  # fmt: skip
