"""`doctor`: can this machine make ads, and what would it take to make better ones?"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from ad_pipeline.cli.exits import DONE, FAILED
from ad_pipeline.cli.language_findings import notes_on, why_none_answers
from ad_pipeline.cli.music_findings import said_of_music
from ad_pipeline.cli.node_findings import NodesSeen, nodes_seen
from ad_pipeline.cli.voice_findings import said_of_voices
from ad_pipeline.engines.contracts import PaidAds
from ad_pipeline.engines.language.catalogue import language_book
from ad_pipeline.engines.registry import Registry, graphs_of
from ad_pipeline.engines.speech.catalogue import speech_book
from ad_pipeline.errors import AdPipelineError
from ad_pipeline.messages import Message, say, user_language
from ad_pipeline.routing.catalogue import ModelRow, models
from ad_pipeline.settings import Settings, settings_from_environment

LEAST_FREE_BYTES = 500_000_000


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    good: bool
    needed: bool
    said: str


def doctor(options: argparse.Namespace) -> int:
    """Look at everything; exit 1 when a draft cannot be made here, or `--gpu` asked for a film that no node made."""
    settings = settings_from_environment()
    seen = nodes_seen(settings, smoke=options.gpu)
    findings = [look() for look in _NEEDED] + _engines(settings, seen) + _music(settings)
    broken = [f for f in findings if f.needed and not f.good]
    nodes = [Finding(name=name, good=good, needed=options.gpu, said=said) for name, good, said in seen.nodes]
    findings += nodes + [Finding(name=name, good=good, needed=False, said=said) for name, good, said in seen.graphs]
    fault = seen.fault if options.gpu and not all(node.good for node in nodes) else ""
    if options.json:
        print(
            json.dumps({"ready": not broken, "findings": [asdict(f) for f in findings]}, ensure_ascii=False, indent=1)
        )
    else:
        for found in findings:
            mark = "✓" if found.good else "✗" if found.needed else "·"
            print(f"{mark} {found.name:26} {found.said}")
        print(say("this machine can make drafts") if not broken else say("this machine cannot make ads yet"))
        if fault:
            print(fault)
    return FAILED if broken or fault else DONE


def _python() -> Finding:
    version = sys.version_info
    good = (3, 11) <= version[:2] < (3, 14)
    return Finding(
        name="python", good=good, needed=True, said=f"{version.major}.{version.minor}.{version.micro} (3.11-3.13)"
    )


def _ffmpeg() -> Finding:
    from ad_pipeline.media.ffmpeg import ffmpeg_version

    return _tried("ffmpeg", ffmpeg_version)


def _fonts() -> Finding:
    from ad_pipeline.media.fonts import load_font

    names = ("Pretendard-Regular", "Pretendard-SemiBold", "Pretendard-Bold", "NanumMyeongjo-Bold")

    def look() -> str:
        for name in names:
            load_font(name, 24)
        return ", ".join(names)

    return _tried("fonts", look)


def _text_shaping() -> Finding:
    from PIL import features

    good = bool(features.check("raqm"))
    return Finding(
        name="text shaping (raqm)", good=good, needed=True, said="" if good else say("reinstall Pillow from its wheel")
    )


def _dagster() -> Finding:
    return _tried("dagster", lambda: metadata.version("dagster"))


def _root() -> Finding:
    root = settings_from_environment().root
    above = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(above).free
    try:
        with tempfile.NamedTemporaryFile(dir=above):
            pass
    except OSError as error:
        return Finding(name="sessions", good=False, needed=True, said=f"{above}: {error.strerror}")
    said = say("{root}, {free:.1f} GB free", root=str(root), free=free / 1e9)
    return Finding(name="sessions", good=free > LEAST_FREE_BYTES, needed=True, said=said)


def _home() -> Finding:
    home = os.environ.get("DAGSTER_HOME", "")
    said = home or str(settings_from_environment().root / ".dagster")
    good = not home or Path(home).is_dir()
    return Finding(
        name="DAGSTER_HOME", good=good, needed=True, said=said if good else say("{path} is no folder", path=home)
    )


_NEEDED: tuple[Callable[[], Finding], ...] = (_python, _ffmpeg, _fonts, _text_shaping, _dagster, _root, _home)


def _engines(settings: Settings, seen: NodesSeen) -> list[Finding]:
    registry = Registry()
    book = language_book(settings)
    unasked = why_none_answers(book)
    voices = said_of_voices(speech_book(settings), registry)
    found: list[Finding] = []
    for model_id, row in models().items():
        if not row.crafts and row.engine == "room":
            continue  # the end of a chain, where nobody works
        graphs = graphs_of(model_id) or ((row.model,) if row.engine == "comfyui" else ())
        if model_id in book.models:
            why_not, notes = unasked[model_id], notes_on(book.models[model_id], book)
        elif model_id in voices:
            why_not, notes = voices[model_id]
        else:
            why_not = _why_not_there(graphs, row, settings, seen) if graphs else _said(registry.why_not(model_id))
            notes = ", ".join(dict.fromkeys(node for graph in graphs for node in seen.runs.get(graph, ())))
        licence = f"{_licence_said(row.licence.name)}; {_paid_ads_said(row.licence.paid_ads)}"
        said = " ".join(filter(None, [why_not or notes, f"({licence})"])) if why_not or notes else licence
        needed = row.engine in ("animatic", "cut")
        found.append(Finding(name=model_id, good=not why_not, needed=needed, said=said))
    return found


def _music(settings: Settings) -> list[Finding]:
    """The user's own music, where a folder is named."""
    if settings.music is None:
        return []
    good, said = said_of_music(settings.music)
    return [Finding(name="music library", good=good, needed=False, said=said)]


def _why_not_there(graphs: Sequence[str], row: ModelRow, settings: Settings, seen: NodesSeen) -> str:
    """Why no node makes it; the nodes' own lines say more."""
    if not any(seen.runs.get(graph) for graph in graphs):
        return say("no GPU node can run its graph {graph} now", graph=graphs[0])
    if not row.local and not settings.comfy_key:
        return say("it needs the key of a Comfy account in AD_PIPELINE_COMFY_KEY")
    return ""


def _licence_said(name: str) -> str:
    """A licence keeps its own name; what our table of models says in words is said in the person's language."""
    words = {
        "ours": say("ours"),
        "the track's own": say("the track's own"),
        "ours; x264 and AAC patents are the distributor's matter": say(
            "ours; x264 and AAC patents are the distributor's matter"
        ),
        "espeak-ng: GPL-3.0-or-later (program, not its sound)": say(
            "espeak-ng: GPL-3.0-or-later (program, not its sound)"
        ),
        "Open RAIL++ (LatentSync); InsightFace: non-commercial research only (its face detector)": say(
            "Open RAIL++ (LatentSync); InsightFace: non-commercial research only (its face detector)"
        ),
    }
    return words.get(name, name)


def _paid_ads_said(allowed: PaidAds) -> str:
    return {
        "yes": say("paid ads: yes"),
        "no": say("paid ads: no"),
        "limited": say("paid ads: limited"),
    }[allowed]


def _said(why: Message | None) -> str:
    return why.said_in(user_language()) if why else ""


def _tried(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name=name, good=True, needed=True, said=look())
    except AdPipelineError as error:
        return Finding(name=name, good=False, needed=True, said=str(error))
