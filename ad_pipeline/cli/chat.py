"""`storyboard --from chat`: the brief as a conversation on the terminal, or through a pipe."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from ad_pipeline.errors import BriefRejected
from ad_pipeline.messages import say, user_language
from ad_pipeline.sessions.files import write_whole
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.stages.briefing import Briefing
from ad_pipeline.stages.workplace import Workplace

_MOST_LINES = 60


def brief_from_chat(options: argparse.Namespace) -> Path:
    """Ask until the brief is whole, write it beside the person's other files, and say where.

    Raises:
        BriefRejected: the conversation ended before; nothing is written.
    """
    briefing = Briefing(workplace=Workplace.at(settings_from_environment()), language=user_language())
    _tell(say("Tell me about the ad: brand, product, how long, where it runs, what it shall feel like."))
    warned = False
    for _ in range(_MOST_LINES):
        line = _line()
        if line is None:
            break
        wrong = briefing.hear(line)
        if briefing.why_no_model and not warned:
            warned = True
            _tell(say("(no language model listens, so I ask field by field: {why})", why=briefing.why_no_model[0]))
        if wrong:
            _tell(wrong.message.said_in(user_language()))
        field, question = briefing.question()
        if not field:
            break
        _tell(question.said_in(user_language()))
    if briefing.missing:
        raise BriefRejected(
            "the conversation ended before the brief was whole; still missing: {missing}",
            field=briefing.missing[0], missing=", ".join(briefing.missing),
        )  # fmt: skip
    path = _free_path(options.session or f"{briefing.notes['brand_id']}_{briefing.notes['duration']:g}s")
    write_whole(path, briefing.text())
    _tell(say("the brief: {path}", path=str(path)))
    return path


def _line() -> str | None:
    """The next line; None at the end of the input."""
    if sys.stdin.isatty():
        print("> ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    return line if line else None


def _tell(text: str) -> None:
    """On the error stream: what is printed is the storyboard's."""
    print(text, file=sys.stderr, flush=True)


def _free_path(name: str) -> Path:
    stem = re.sub(r"[^a-z0-9_-]+", "_", name.lower()).strip("_-")[:60] or "brief"
    path, number = Path(f"{stem}.yaml"), 2
    while path.exists():
        path, number = Path(f"{stem}_{number}.yaml"), number + 1
    return path
