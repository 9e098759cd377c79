"""The table of language models in docs/language_models.md, from the list itself: `python -m` writes it."""

from __future__ import annotations

from pathlib import Path

from ad_pipeline.engines.language.catalogue import LanguageModel, language_book
from ad_pipeline.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "language_models.md"
BEGIN, END = "<!-- made by: python -m ad_pipeline_tests.language.model_table -->\n", "<!-- end -->"


def table() -> str:
    """The list as Markdown, without any person's own file."""
    book = language_book(Settings(root=Path(), brands=(), media_url="", models=Path("nowhere/models.toml")))
    roles = {model_id: role for role, model_id in book.use.items()}
    rows = [_row(model, roles.get(model.model_id, "")) for model in book.models.values()]
    head = "| model | used for | licence | paid ads | USD per million tokens, in / out | taken away |"
    return "\n".join([head, "| --- | --- | --- | --- | --- | --- |", *rows, ""])


def page_with_table() -> str:
    """The page as it should be."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END, 1)[1]


def _row(model: LanguageModel, role: str) -> str:
    price = f"{model.usd_per_million_input:g} / {model.usd_per_million_output:g}" if not model.local else "-"
    paid_ads = f"{model.licence.paid_ads}: {model.licence.note}" if model.licence.note else model.licence.paid_ads
    return f"| `{model.model_id}` | {role} | {model.licence.name} | {paid_ads} | {price} | {model.ends or ''} |"


if __name__ == "__main__":
    PAGE.write_text(page_with_table(), encoding="utf-8")
