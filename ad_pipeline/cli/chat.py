"""`storyboard --from chat`: the brief as a conversation on the terminal, or through a pipe."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from ad_pipeline.errors import BriefRejected, InputRejected, MachineLacks
from ad_pipeline.messages import say, user_language
from ad_pipeline.sessions.files import saying_disk_errors, write_whole
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.stages.briefing import Briefing
from ad_pipeline.stages.workplace import Workplace

_MOST_LINES = 60
_LONGEST_LINE = 8000


def brief_from_chat(options: argparse.Namespace) -> Path:
    """Ask until the brief is whole, write it beside the person's other files, and say where.

    Raises:
        BriefRejected: the conversation ended before; nothing is written.
        InputRejected: the wished session is no name, or there is one of that name.
        MachineLacks: nothing can be written here; said before anybody is asked.
    """
    workplace = Workplace.at(settings_from_environment())
    if options.session is not None and workplace.session(options.session).exists:
        raise InputRejected(
            "there is a session {session_id!r}; a conversation begins a new ad: give another --session",
            field="session", session_id=options.session,
        )  # fmt: skip
    _check_writable()
    briefing = Briefing(workplace=workplace, language=user_language())
    _converse(briefing)
    if briefing.missing:
        raise BriefRejected(
            "the conversation ended before the brief was whole; still missing: {missing}",
            field=briefing.missing[0], missing=", ".join(briefing.missing),
        )  # fmt: skip
    name = options.session or f"{briefing.notes['brand_id']}_{briefing.notes['duration']:g}s"
    path = _free_path(name, taken=workplace.store.session_ids() if options.session is None else ())
    with saying_disk_errors(Path.cwd()):
        write_whole(path, briefing.text())
    _tell(say("the brief: {path}", path=str(path)))
    return path


def _converse(briefing: Briefing) -> None:
    """Until the brief is whole, or the person has no more to say."""
    _tell(say("Tell me about the ad: brand, product, how long, where it runs, what it shall feel like."))
    warned = False
    for _ in range(_MOST_LINES):
        line = _line()
        if line is None:
            break
        wrong = briefing.hear(line)
        if briefing.why_no_model and not warned:
            warned = True
            why = briefing.why_no_model[0].said_in(user_language())
            _tell(say("(no language model listens, so I ask field by field: {why})", why=why))
        if wrong:
            _tell(wrong.message.said_in(user_language()))
        field, question = briefing.question()
        _tell(question.said_in(user_language()))
        if not field:
            break


def _line() -> str | None:
    """The next line; None at the end of the input. Bytes that are no text are lost, the conversation is not."""
    if sys.stdin.isatty():
        print("> ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.buffer.readline(_LONGEST_LINE)
    return line.decode("utf-8", errors="ignore") if line else None


def _tell(text: str) -> None:
    """On the error stream: what is printed is the storyboard's."""
    print(text, file=sys.stderr, flush=True)


def _check_writable() -> None:
    try:
        with tempfile.TemporaryFile(dir=Path.cwd()):
            pass
    except OSError as error:
        raise MachineLacks(
            "cannot write to {folder}: {reason}", folder=str(Path.cwd()), reason=error.strerror
        ) from error


def _free_path(name: str, *, taken: Collection[str]) -> Path:
    """A file of that name that is not there, and that gives its session a name that is not `taken`."""
    stem = re.sub(r"[^a-z0-9_-]+", "_", name.lower()).strip("_-")[:60] or "brief"
    path, number = Path(f"{stem}.yaml"), 2
    while path.exists() or path.stem in taken:
        path, number = Path(f"{stem}_{number}.yaml"), number + 1
    return path
