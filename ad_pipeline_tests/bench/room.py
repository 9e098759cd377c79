"""The writers' room beside its models: what we add to their time, and how soon a decided scene is told."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from ad_pipeline.engines.comfy.place import Place
from ad_pipeline.engines.registry import Registry
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.storyboard import make_storyboard
from ad_pipeline.stages.workplace import StepReport, Workplace
from ad_pipeline_tests.bench.rows import Row
from ad_pipeline_tests.language.behaviour import GOOD, slow
from ad_pipeline_tests.language.server import LanguageServer
from ad_pipeline_tests.room.writers import listed, role_of, writing
from ad_pipeline_tests.stages.sessions import a_workplace

MOST_OWN_MS, MOST_NEWS_MS = 200.0, 100.0

_PIECES_PER_S = 40.0
"""Of eight letters: about what a 7B model writes on a good card."""
_ROUNDS = 7


def room_rows(folder: Path, brief: Path, *, quick: bool) -> list[Row]:
    """A standard storyboard by a local model that answers at once, against the same requests sent by plain httpx."""
    text = brief.read_text(encoding="utf-8") + "quality: standard\n"
    rounds = 2 if quick else _ROUNDS
    with writing() as server, _models(folder, server):
        _written(folder / "warm", text, server)
        times = [_own_and_model_s(folder / f"own_{turn}", text, server) for turn in range(rounds)]
        news_ms = [_news_ms(folder / f"news_{turn}", text, server) for turn in range(min(rounds, 3))]
    own_s = statistics.median(whole - model for whole, model in times)
    model_s = statistics.median(model for _, model in times)
    return [
        Row(name="a storyboard by the writers' room, our own time over the model's", value=own_s * 1000, unit="ms",
            limit=MOST_OWN_MS),
        Row(name="the same requests by a plain httpx script", value=model_s * 1000, unit="ms",
            ratio=(own_s + model_s) / model_s, ratio_to="the script, for the whole storyboard"),
        Row(name="a scene's last token to its news, slowest of the first scenes", value=max(news_ms), unit="ms",
            limit=MOST_NEWS_MS),
    ]  # fmt: skip


def _own_and_model_s(folder: Path, text: str, server: LanguageServer) -> tuple[float, float]:
    """(the whole storyboard, the same requests once more without us), in seconds."""
    before = len(server.requests)
    whole_s = _written(folder, text, server)
    again = server.requests[before:]
    began_s = time.perf_counter()
    with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
        for request in again:
            client.request(request.method, request.path, content=request.body).read()
    return whole_s, time.perf_counter() - began_s


def _written(folder: Path, text: str, server: LanguageServer, reports: list[StepReport] | None = None) -> float:
    workplace = _workplace(folder, reports)
    open_session(workplace, "ad", text, folder=folder)
    began_s = time.perf_counter()
    record = make_storyboard(workplace, "ad")
    took_s = time.perf_counter() - began_s
    assert record.degraded is None, record.degraded
    return took_s


def _news_ms(folder: Path, text: str, server: LanguageServer) -> float:
    """How long after the server sent the last token of the plan's first scene somebody heard of it."""
    heard: list[float] = []

    class Ear(list[StepReport]):
        def append(self, report: StepReport) -> None:
            if report.written and report.written.role == "scene_plan" and report.written.scene == 1:
                heard.append(time.monotonic())

    server.sent.clear()
    server.behave([GOOD, slow(_PIECES_PER_S), GOOD, GOOD, GOOD])
    _written(folder, text, server, Ear())
    return (heard[0] - _first_scene_sent_s(server)) * 1000


def _first_scene_sent_s(server: LanguageServer) -> float:
    """When the piece went out with which the plan's first scene was whole, on time.monotonic."""
    plan = next(asked for asked in server.asked[::-1] if role_of(asked) == "scene_plan")
    whole = server.text_for(plan)
    first: dict[str, Any] = json.loads(whole)["scenes"][0]
    end = whole.index(str(first["idea"])) + len(str(first["idea"]))
    told = ""
    for at_s, piece in _answer_pieces(server, whole):
        told += piece
        if len(told) > end:
            return at_s
    raise AssertionError("the plan was not sent")


def _answer_pieces(server: LanguageServer, whole: str) -> list[tuple[float, str]]:
    """The pieces of the one answer `whole` among all that were sent."""
    for start in range(len(server.sent)):
        told = ""
        for at in range(start, len(server.sent)):
            told += server.sent[at][1]
            if told == whole:
                return server.sent[start : at + 1]
            if not whole.startswith(told):
                break
    return []


@contextmanager
def _models(folder: Path, server: LanguageServer) -> Generator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    listed(folder / "models.toml", local=server.url)
    before = os.environ.get("AD_PIPELINE_MODELS")
    os.environ["AD_PIPELINE_MODELS"] = str(folder / "models.toml")
    try:
        yield
    finally:
        os.environ.pop("AD_PIPELINE_MODELS")
        if before is not None:
            os.environ["AD_PIPELINE_MODELS"] = before


def _workplace(folder: Path, reports: list[StepReport] | None) -> Workplace:
    place = Place(nodes=folder / "nodes.toml", graphs=(), database_url="", service_key="")
    hear = reports.append if reports is not None else lambda _: None
    return a_workplace(folder, engines=Registry(comfy=place), report=hear)
