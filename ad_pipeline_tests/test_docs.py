"""The documents say what is there: commands, fields, files."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ad_pipeline.cli.main import _parser  # pyright: ignore[reportPrivateUsage]  # the parser is the fact to hold the text to
from ad_pipeline_tests.brief_table import READMES, TOP, Language, readme_with_table

BOTH: list[Language] = ["en", "ko"]
DOCUMENTS = [
    *READMES.values(),
    TOP / "CHANGELOG.md",
    TOP / "docs" / "coverage.md",
    *sorted((TOP / "docs" / "decisions").glob("*.md")),
]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", BOTH)
def test_every_command_of_the_readme_is_one_that_the_parser_takes(language: Language) -> None:
    lines = [line for line in _read(READMES[language]).splitlines() if line.startswith("ad-pipeline ")]

    for line in lines:
        _parser().parse_args(shlex.split(line, comments=True)[1:])

    named = {line.split()[1] for line in lines}
    assert named == {
        "make", "rerun", "edit", "clip", "takes", "pick", "show", "route", "gpu", "doctor", "ui", "storyboard",
        "rewrite", "variants",
    }  # fmt: skip


@pytest.mark.parametrize("language", BOTH)
def test_make_words_of_the_readme_are_targets(language: Language) -> None:
    targets = set(re.findall(r"^([a-z-]+):", _read(TOP / "Makefile"), re.M))

    named = set(re.findall(r"`make ([a-z-]+)`", _read(READMES[language])))
    named |= set(re.findall(r"^make ([a-z-]+)", _read(READMES[language]), re.M))

    assert {"ad", "test"} <= named <= targets


@pytest.mark.parametrize("language", BOTH)
def test_the_table_of_the_briefs_fields_is_the_model(language: Language) -> None:
    assert _read(READMES[language]) == readme_with_table(language), "run: python -m ad_pipeline_tests.brief_table"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(TOP)))
def test_links_point_at_files_that_exist(document: Path) -> None:
    targets = [t for t in re.findall(r"\]\(([^)#]+)\)", _read(document)) if not t.startswith("http")]

    missing = [target for target in targets if not (document.parent / target).exists()]

    assert not missing


def test_both_readmes_have_the_same_build() -> None:
    english, korean = (_read(READMES[language]) for language in BOTH)

    assert _levels(english) == _levels(korean)
    assert _commands(english) == _commands(korean)
    for pattern in (r"\]\(docs[^)]*\)", r"AD_PIPELINE_[A-Z_]+"):
        assert sorted(set(re.findall(pattern, english))) == sorted(set(re.findall(pattern, korean)))


def _levels(text: str) -> list[str]:
    return re.findall(r"^(#+) ", re.sub(r"(?s)```.*?```", "", text), re.M)


def _commands(text: str) -> list[str]:
    return [line.split("#")[0].strip() for line in text.splitlines() if line.startswith("ad-pipeline ")]


def test_coverage_has_every_row_once_and_names_places_that_exist() -> None:
    rows = re.findall(r"^\| (T?\d+) \| .* \| (\w+) \| (.*?) \| (.*) \|$", _read(TOP / "docs" / "coverage.md"), re.M)

    wanted = [*map(str, range(1, 295)), *(f"T{number}" for number in range(1, 19))]
    places = {place for row in rows for place in re.findall(r"`([^`]+)`", row[3])}
    assert [row[0] for row in rows] == wanted
    assert {row[1] for row in rows} == {"done", "partly", "later"}
    assert not [p for p in places if not (TOP / "ad_pipeline" / p).exists() and not (TOP / p).exists()]
    assert not [row[0] for row in rows if row[1] == "done" and not row[3]], "done says where"


def test_coverage_counts_its_rows_right() -> None:
    text = _read(TOP / "docs" / "coverage.md")
    states = re.findall(r"^\| T?\d+ \| .* \| (done|partly|later) \| .*? \| .* \|$", text, re.M)

    said = re.search(r"Of (\d+) rows: (\d+) done, (\d+) partly, (\d+) later", text)

    assert said
    assert [int(n) for n in said.groups()] == [len(states), *(states.count(s) for s in ("done", "partly", "later"))]


def test_the_decisions_page_lists_every_decision() -> None:
    folder = TOP / "docs" / "decisions"

    listed = re.findall(r"\]\((\d{4}-[^)]+\.md)\)", _read(folder / "README.md"))

    assert listed == sorted(path.name for path in folder.glob("[0-9]*.md"))


def test_no_document_picture_is_large() -> None:
    assert not [p.name for p in (TOP / "docs" / "images").glob("*.png") if p.stat().st_size > 400_000]
