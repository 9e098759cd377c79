"""All plates, with the words that call for each, in English and Korean."""

from __future__ import annotations

from ad_pipeline.engines.animatic.drawing.plates import fabric, liquid, nature, rooms, studio
from ad_pipeline.engines.animatic.drawing.plates.plate import Plate

PLATES: tuple[Plate, ...] = (
    Plate(name="gradient", words=("gradient", "plain", "minimal", "clean background", "그라데이션", "단색", "미니멀"),
          draw=studio.gradient, ground="floor", particles="dust"),
    Plate(name="podium", words=("podium", "studio", "pedestal", "stage", "display", "포디움", "단상", "스튜디오", "무대", "받침대"),
          draw=studio.podium, ground="floor"),
    Plate(name="paper", words=("paper", "collage", "cut-out", "origami", "layered", "종이", "콜라주", "페이퍼"),
          draw=studio.paper, ground="float"),
    Plate(name="mirror", words=("mirror", "vanity", "dressing", "거울", "화장대"), draw=studio.mirror, ground="floor"),
    Plate(name="silk", words=("silk", "satin", "fabric", "drape", "velvet", "실크", "비단", "새틴", "천", "패브릭", "벨벳"),
          draw=fabric.silk, ground="flat", macro=True),
    Plate(name="petals", words=("petal", "flower", "blossom", "rose", "floral", "camellia", "꽃", "장미", "벚꽃", "동백", "매화"),
          draw=fabric.petals, ground="flat", particles="petals"),
    Plate(name="water", words=("water", "sea", "ocean", "lake", "ripple", "wave", "pool", "aqua", "물결", "바다", "호수", "수면", "파도", "물 위", "수분", "물"),
          draw=liquid.water, ground="mirror", particles="dust"),
    Plate(name="dew", words=("drop", "dew", "droplet", "splash", "serum drop", "moist", "물방울", "이슬", "방울", "촉촉"),
          draw=liquid.dew, ground="flat", macro=True),
    Plate(name="foam", words=("foam", "bubble", "lather", "cleanser", "cleansing", "거품", "폼", "버블", "클렌징"),
          draw=liquid.foam, ground="flat", macro=True, particles="bubbles"),
    Plate(name="cream", words=("cream", "texture", "swirl", "swatch", "lotion", "smear", "크림", "제형", "텍스처", "질감", "로션"),
          draw=liquid.cream, ground="flat", macro=True),
    Plate(name="stone", words=("stone", "rock", "slate", "pebble", "concrete", "cave", "돌", "바위", "석재", "자갈"),
          draw=nature.stone, ground="floor"),
    Plate(name="marble", words=("marble", "bathroom", "sink", "counter", "tile", "대리석", "욕실", "세면대", "화장실"),
          draw=nature.marble, ground="floor"),
    Plate(name="sky", words=("sky", "cloud", "heaven", "airy", "air", "sunrise", "하늘", "구름", "일출", "공기"),
          draw=nature.sky, ground="float", particles="dust"),
    Plate(name="snow", words=("snow", "winter", "ice", "frost", "glacier", "눈 내리", "눈밭", "설원", "겨울", "얼음", "빙하", "서리"),
          draw=nature.snow, ground="floor", particles="snow"),
    Plate(name="window", words=("window", "sunlight", "morning", "leaf", "leaves", "plant", "garden", "botanical", "shadow", "창가", "창문", "햇살", "햇빛", "아침", "나뭇잎", "잎", "식물", "정원"),
          draw=rooms.window, ground="floor", particles="dust"),
    Plate(name="bokeh", words=("night", "city", "bokeh", "neon", "evening", "lights", "party", "glamour", "밤", "도시", "야경", "네온", "저녁", "파티", "보케"),
          draw=rooms.bokeh, ground="mirror", night=True, particles="bokeh"),
    Plate(name="laboratory", words=("laboratory", "lab", "science", "scientific", "clinical", "research", "test tube", "formula", "실험실", "연구", "과학", "임상", "성분"),
          draw=rooms.laboratory, ground="floor"),
    Plate(name="desk", words=("desk", "office", "work", "computer", "monitor", "tired", "overtime", "stress", "책상", "사무실", "직장", "야근", "컴퓨터", "피곤", "지친", "스트레스"),
          draw=rooms.desk, ground="floor", night=True),
    Plate(name="dry skin", words=("dry skin", "dry", "dull", "rough", "flak", "crack", "건조", "푸석", "거친", "각질", "갈라", "당김"),
          draw=nature.dry_skin, ground="flat", macro=True),
    Plate(name="skin", words=("skin", "pore", "complexion", "피부", "모공", "살결"),
          draw=nature.skin, ground="flat", macro=True),
)  # fmt: skip

BY_NAME = {plate.name: plate for plate in PLATES}
