"""`gpu`: the state of every ComfyUI node; `gpu up`: start one on each CUDA device of this machine."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import signal
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from ad_pipeline.cli.exits import DONE, FAILED
from ad_pipeline.cli.tables import new_table, print_table
from ad_pipeline.engines.comfy.cuda import cuda_devices
from ad_pipeline.engines.comfy.local_nodes import LocalPlan, run_local_nodes
from ad_pipeline.engines.comfy.rack.cards import Card, Reading, read_cards
from ad_pipeline.engines.comfy.rack.config import NodeConfig, NodesFile, read_nodes
from ad_pipeline.engines.comfy.rack.health import HealthWatch, NodeHealth, State
from ad_pipeline.engines.comfy.rack.own_block import block, own_block, write_block
from ad_pipeline.errors import InputRejected
from ad_pipeline.messages import say, user_language
from ad_pipeline.settings import Settings, settings_from_environment

LOOK_S = 6.0
_GIB = 2**30
_MARKS: Mapping[State, str] = {
    "available": "[green]●[/]", "busy": "[green]●[/]", "draining": "[yellow]●[/]", "unavailable": "[red]●[/]",
    "error": "[red]●[/]",
}  # fmt: skip


def gpu(options: argparse.Namespace) -> int:
    """The table of nodes, or `gpu up`; exit 1 when a node is in error, which a person has to mend."""
    settings = settings_from_environment()
    if options.action == "up":
        return _up(options, settings)
    nodes = NodesFile(settings.nodes)()
    # Only looked at: a trial job would push the loaded models out.
    watch = HealthWatch(lambda: nodes, may_probe=False)
    seen = watch.look(wait_s=LOOK_S)
    watch.close()
    readings = read_cards(nodes, {name: health.stats for name, health in seen.items() if health.stats})
    if options.json:
        told = [_as_json(node, seen[node.name], readings[node.name]) for node in nodes]
        print(json.dumps(told, ensure_ascii=False, indent=1))
    elif not nodes:
        print(_how_to_begin(settings))
    else:
        print_table(_table(nodes, seen, readings))
        for line in _remarks(nodes, seen, readings):
            print(f"- {line}")
    return FAILED if any(health.state == "error" for health in seen.values()) else DONE


def _how_to_begin(settings: Settings) -> str:
    return say(
        "no GPU nodes are listed; start ComfyUI on this machine's GPUs with: ad-pipeline gpu up; or write the servers "
        "that you have into {file}:", file=str(settings.nodes),
    ) + '\n\n[[node]]\nname = "gpu0"\nurl = "http://127.0.0.1:8188"\n'  # fmt: skip


# --- the table ----------------------------------------------------------------------------------


def _table(nodes: Sequence[NodeConfig], seen: Mapping[str, NodeHealth], readings: Mapping[str, Reading]) -> Table:
    table = new_table(
        "", say("node"), say("state"), "GPU", "VRAM", say("queue (ours/others)"), say("last graph"),
        say("utilization"), say("temperature"), say("power"),
    )  # fmt: skip
    for node in nodes:
        health, card = seen[node.name], readings[node.name].card or Card()
        used_bytes, total_bytes = _memory(health, card)
        table.add_row(
            _MARKS[health.state],
            node.name,
            _state_said(health.state),
            _card_name(health, card) or "?",
            f"{used_bytes / _GIB:.1f}/{total_bytes / _GIB:.0f} GB" if total_bytes else "?",
            f"{health.ours}/{health.backlog - health.ours}" if health.is_up else "?",
            health.last_graph or "-",
            _measured(card.utilization_percent, "{:.0f} %"),
            _measured(card.temperature_c, "{:.0f} °C"),
            _measured(card.power_w, "{:.0f} W"),
        )
    return table


def _state_said(state: State) -> str:
    return {
        "available": say("available"),
        "busy": say("busy"),
        "draining": say("draining"),
        "unavailable": say("unavailable"),
        "error": say("error"),
    }[state]


def _measured(value: float | None, form: str) -> str:
    return "?" if value is None else form.format(value)


def _card_name(health: NodeHealth, card: Card) -> str:
    if card.name:
        return card.name
    told = health.stats.devices[0].name if health.stats and health.stats.devices else ""
    return told.partition(" : ")[0].removeprefix("cuda:0 ")


def _memory(health: NodeHealth, card: Card) -> tuple[int, int]:
    """Used and whole, in bytes: of the card where it is known, which counts what others use as well."""
    if card.memory_total_bytes and card.memory_used_bytes is not None:
        return card.memory_used_bytes, card.memory_total_bytes
    devices = health.stats.devices if health.stats else ()
    if not devices:
        return 0, 0
    return devices[0].vram_total_bytes - devices[0].vram_free_bytes, devices[0].vram_total_bytes


def _remarks(nodes: Sequence[NodeConfig], seen: Mapping[str, NodeHealth], readings: Mapping[str, Reading]) -> list[str]:
    """What is wrong, and why a number is unknown; each once."""
    language = user_language()
    faults = [fault.said_in(language) for node in nodes if (fault := seen[node.name].fault)]
    up = [node.name for node in nodes if seen[node.name].is_up]
    unknown = [why.said_in(language) for name in up if (why := readings[name].why_not)]
    return list(dict.fromkeys([*faults, *unknown]))


def _as_json(node: NodeConfig, health: NodeHealth, reading: Reading) -> dict[str, Any]:
    language, card = user_language(), reading.card or Card()
    used_bytes, total_bytes = _memory(health, card)
    return {
        "name": node.name,
        "url": node.url,
        "state": health.state,
        "fault": health.fault.said_in(language) if health.fault else "",
        "version": health.stats.version if health.stats else "",
        "gpu": _card_name(health, card),
        "vram_used_bytes": used_bytes,
        "vram_total_bytes": total_bytes,
        "queue_ours": health.ours,
        "queue_others": health.backlog - health.ours,
        "last_graph": health.last_graph,
        "utilization_percent": card.utilization_percent,
        "temperature_c": card.temperature_c,
        "power_w": card.power_w,
        "processes": [vars(process) for process in card.processes],
        "card_unknown_because": reading.why_not.said_in(language) if reading.why_not else "",
        "stages": list(node.stages),
        "graphs": list(node.graphs),
    }


# --- gpu up -------------------------------------------------------------------------------------


def _up(options: argparse.Namespace, settings: Settings) -> int:
    """Until Ctrl-C, SIGTERM, or the terminal closes."""
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    python = options.python or sys.executable
    taken = _names_taken(settings.nodes)
    devices = cuda_devices(python)
    plan = LocalPlan(
        comfy=_comfy_folder(options.comfy),
        python=python,
        folder=settings.root / ".comfy",
        first_port=options.port,
        arguments=tuple(_split(options.comfy_args)),
    )

    def changed(running: Sequence[NodeConfig]) -> None:
        file = str(settings.nodes)
        try:
            write_block(settings.nodes, running)
            print(say("{count} of {all} are listed in {file}", count=len(running), all=len(devices), file=file))
        except OSError as error:
            why = error.strerror or str(error)
            print(say("{file} cannot be written ({reason}); put this in your list of nodes:", file=file, reason=why))
            print(block(running), flush=True)

    begun = say("starting {count} ComfyUI; files and logs are in {folder}", count=len(devices), folder=str(plan.folder))
    print(begun, flush=True)

    try:
        run_local_nodes(
            plan, devices, names=_free_names(taken, len(devices)),
            tell=lambda text: print(text, flush=True), changed=changed,
        )  # fmt: skip
    except KeyboardInterrupt:
        print(say("all ComfyUIs are ended"))
    finally:
        with contextlib.suppress(OSError):
            write_block(settings.nodes, ())
    return DONE


def _split(arguments: str) -> list[str]:
    try:
        return shlex.split(arguments)
    except ValueError as error:
        raise InputRejected(
            "--comfy-args: {reason} in {got!r}", field="--comfy-args", reason=str(error), got=arguments
        ) from error  # fmt: skip


def _comfy_folder(given: str | None) -> Path:
    if given:
        return Path(given).expanduser().absolute()
    usual = (Path.cwd() / "ComfyUI", Path.home() / "ComfyUI")
    return next((folder for folder in usual if (folder / "main.py").is_file()), usual[0])


def _names_taken(file: Path) -> set[str]:
    """The names that a person gave to nodes; a broken file is said before anything is started."""
    if not file.exists():
        return set()
    everyone = {node.name for node in read_nodes(file)}
    ours = {entry["name"] for entry in tomllib.loads(own_block(file.read_text(encoding="utf-8"))).get("node", [])}
    return everyone - ours


def _free_names(taken: set[str], count: int) -> list[str]:
    names = (f"gpu{number}" for number in range(count + len(taken)))
    return [name for name in names if name not in taken][:count]
