"""The README's table of the brief's fields, from the model itself.

python -m ad_pipeline_tests.brief_table      writes it into README.md and README.ko.md
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from annotated_types import Ge, Le, MaxLen
from pydantic.fields import FieldInfo

from ad_pipeline.story.brief import LONGEST_S, SHORTEST_S, Brief
from ad_pipeline.story.channels import CHANNELS
from ad_pipeline.story.formats import FORMATS

Language = Literal["en", "ko"]

TOP = Path(__file__).parents[1]
READMES: Mapping[Language, Path] = {"en": TOP / "README.md", "ko": TOP / "README.ko.md"}
BEGIN, END = "<!-- brief fields: begin -->", "<!-- brief fields: end -->"

_HEAD: Mapping[Language, tuple[str, ...]] = {
    "en": ("field", "allowed", "when not given", "what it is"),
    "ko": ("필드", "허용되는 값", "적지 않으면", "뜻"),
}
_MUST: Mapping[Language, str] = {"en": "**must be given**", "ko": "**꼭 적어야 함**"}
_WHAT: Mapping[str, tuple[str, str]] = {
    "brand_id": ("which brand kit", "어느 브랜드 키트인지"),
    "product": ("the product's name as the ad says it", "광고에서 부르는 제품 이름"),
    "duration": ("the ad's length in seconds", "광고 길이(초)"),
    "concept": ("the idea in one or two sentences", "한두 문장의 아이디어"),
    "target_audience": ("whom the ad speaks to", "누구에게 말하는 광고인지"),
    "goal": ("what the ad shall reach", "광고의 목표"),
    "tone": ("e.g. `professional_warm`; the kit's when empty", "예: `professional_warm`. 비우면 키트의 톤"),
    "channels": ("where it is shown; decides safe zones and loudness", "노출 채널. 안전 영역과 음량이 정해짐"),
    "language": (
        "`auto`: Korean when it holds Hangul; `both`: spoken Korean, written English",
        "`auto`: 한글이 있으면 한국어. `both`: 말은 한국어, 글은 영어",
    ),
    "formats": ("the first is the main one; `format` works too", "첫 번째가 기본 비율. `format`도 됨"),
    "persona": ("who seems to speak; see `story/personas.toml`", "말하는 사람의 성격. `story/personas.toml` 참고"),
    "product_image": ("a photo or PNG, path relative to the brief", "제품 사진 또는 PNG, 브리프 기준 경로"),
    "product_url": ("its page; facts and picture are used", "제품 페이지 주소. 사실과 사진을 가져다 씀"),
    "claims": ("each with `text` and `source`; no other proof", "`text`와 `source`를 함께. 다른 근거는 안 씀"),
    "scene_count": ("by the length when empty", "비우면 길이에 맞춰 정함"),
    "seed": ("same seed, same ad", "같은 시드면 같은 광고"),
    "quality": ("which routes the stages take", "단계별 엔진 경로를 정함"),
    "engine_preference": ("the same: own machines or cloud", "내 장비와 클라우드 중 어느 쪽을 쓸지"),
    "budget_usd": ("no limit when empty; 0 rules out paid engines", "비우면 제한 없음. 0이면 유료 엔진 제외"),
    "commercial": ("a paid ad: leaves out models whose licence forbids it", "유료 광고. 라이선스가 막는 모델은 제외"),
    "allow_degraded": ("false: exit 3 when a weaker engine made a part", "false면 대체 엔진을 썼을 때 종료 코드 3"),
    "local_only": ("nothing leaves the own machines", "아무것도 외부로 보내지 않음"),
    "accessibility": ("also a described film, see docs/accessibility.md", "화면 해설판도 만듦(docs/accessibility.md)"),
    "voice": ("`none`: music only; or a voice of the engine", "`none`: 음악만. 또는 엔진의 목소리 이름"),
}  # fmt: skip
_ALLOWED: Mapping[str, tuple[str, str]] = {
    "brand_id": ("small letters, digits, - and _", "영어 소문자, 숫자, -, _"),
    "duration": (f"{SHORTEST_S:g} to {LONGEST_S:g}", f"{SHORTEST_S:g}~{LONGEST_S:g}"),
    "channels": (", ".join(CHANNELS), ", ".join(CHANNELS)),
    "formats": (", ".join(FORMATS), ", ".join(FORMATS)),
    "claims": ("a list", "목록"),
}


def brief_table(language: Language) -> str:
    """The table in Markdown; raises KeyError when the model has a field that nobody described."""
    place = 0 if language == "en" else 1
    rows = [_HEAD[language], tuple("---" for _ in _HEAD[language])]
    for name, field in Brief.model_fields.items():
        allowed = _ALLOWED[name][place] if name in _ALLOWED else _allowed(field, language)
        rows.append((f"`{name}`", allowed, _default(field, language), _WHAT[name][place]))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def readme_with_table(language: Language) -> str:
    """The README with the table as the model has it now."""
    before, rest = READMES[language].read_text(encoding="utf-8").split(BEGIN)
    return f"{before}{BEGIN}\n{brief_table(language)}\n{END}{rest.split(END)[1]}"


def _allowed(field: FieldInfo, language: Language) -> str:
    kind, limits = field.annotation, list(field.metadata)
    choices = get_args(kind)
    if choices and all(isinstance(choice, str) for choice in choices):
        return ", ".join(choices)
    if kind is bool:
        return "true, false"
    least = next((limit.ge for limit in limits if isinstance(limit, Ge)), None)
    most = next((limit.le for limit in limits if isinstance(limit, Le)), None)
    longest = next((limit.max_length for limit in limits if isinstance(limit, MaxLen)), None)
    if longest is not None:
        return f"up to {longest} characters" if language == "en" else f"{longest}자까지"
    if least is not None:
        spread = {"en": f"{least} to {most}" if most else f"{least} or more", "ko": f"{least}~{most or ''}"}
        return spread[language]
    return "text" if language == "en" else "글"


def _default(field: FieldInfo, language: Language) -> str:
    if field.is_required():
        return _MUST[language]
    default: Any = field.default
    if isinstance(default, tuple):
        return ", ".join(str(part) for part in default) or "-"
    if isinstance(default, bool):
        return str(default).lower()
    return "-" if default in ("", None) else str(default)


def main() -> None:
    """Write both tables."""
    for language, path in READMES.items():
        path.write_text(readme_with_table(language), encoding="utf-8")


if __name__ == "__main__":
    main()
