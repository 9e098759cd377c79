"""Lists and fetches the model files of graphs, for a node's `models/` folder.

    python deploy/fetch_models.py list
    python deploy/fetch_models.py list z_image_turbo wan21_i2v_480p
    python deploy/fetch_models.py fetch z_image_turbo --to /models

A token for files behind an account is read from HF_TOKEN. Needs the package `ad_pipeline`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from ad_pipeline.engines.comfy.graph_folders import graph_folders
from ad_pipeline.engines.comfy.graphs import Graph, load_graphs
from ad_pipeline.engines.comfy.model_files import Seen, Shelf, Wanted, wanted_files
from ad_pipeline.errors import AdPipelineError

_SAY_EVERY_S = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 well, 1 where a file is missing or the question was wrong, 2 where a graph is broken."""
    asked = _parser().parse_args(arguments)
    try:
        wanted = wanted_files(_chosen(asked.graphs, asked.graphs_from), choices=asked.choices)
    except AdPipelineError as error:
        print(error, file=sys.stderr)
        return 2
    if asked.command == "list":
        _show(wanted)
        return 0
    return _fetch(wanted, Shelf(asked.to, custom_nodes=asked.custom_nodes), asked.to)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="List and fetch the model files of graphs.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, told in (("list", "show files, sizes, licences and pages"), ("fetch", "bring files to a node")):
        command = commands.add_parser(name, help=told)
        command.add_argument("graphs", nargs="*" if name == "list" else "+", metavar="GRAPH")
        command.add_argument("--choices", action="store_true", help="also files that only a choice needs")
        command.add_argument(
            "--graphs-from", type=Path, action="append", default=[], help="a folder of your own graphs"
        )
        if name == "fetch":
            command.add_argument("--to", type=Path, required=True, help="the node's models/ folder")
            command.add_argument("--custom-nodes", type=Path, help="its custom_nodes/ folder, for packs' own files")
    return parser


def _chosen(names: Sequence[str], own: Sequence[Path]) -> list[Graph]:
    graphs = load_graphs(graph_folders(own))
    unknown = [name for name in names if name not in graphs]
    if unknown:
        raise SystemExit(f"there is no graph {', '.join(unknown)}; there are {', '.join(graphs)}")
    return [graphs[name] for name in names or graphs]


def _show(wanted: Sequence[Wanted]) -> None:
    for one in wanted:
        model = one.model
        place = one.name if one.is_in_nodes else f"models/{one.name}"
        print(f"{place}\n  {_size(model.size_bytes)}, {model.licence}, paid ads: {model.paid_ads}\n  {model.page}")
        print(f"  for {', '.join(one.graphs)}" + (f"\n  {model.note}" if model.note else ""))
    total = sum(one.model.size_bytes for one in wanted)
    unknown = sum(not one.model.size_bytes for one in wanted)
    print(f"{len(wanted)} files, {_size(total)}" + (f" and {unknown} of unknown size" if unknown else ""))


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB" if count else "size not known"


def _fetch(wanted: Sequence[Wanted], shelf: Shelf, to: Path) -> int:
    to.mkdir(parents=True, exist_ok=True)
    missing = [one for one in wanted if (place := shelf.place(one)) is not None and not place.is_file()]
    needed = sum(one.model.size_bytes for one in missing)
    if needed > shutil.disk_usage(to).free:
        print(f"{to} has {_size(shutil.disk_usage(to).free)} free; {_size(needed)} are needed", file=sys.stderr)
        return 1
    failed = 0
    with httpx.Client(timeout=httpx.Timeout(60, connect=20)) as http:
        for one in wanted:
            if one.model.unlisted and not one.model.url:
                print(f"{one.name}: left to its node; {one.model.note}")
                continue
            http.headers.pop("authorization", None)
            if urlsplit(one.model.url).hostname == "huggingface.co" and (token := os.environ.get("HF_TOKEN")):
                http.headers["authorization"] = f"Bearer {token}"
            try:
                got = shelf.fetch(one, http, seen=_saying(one.model.file))
            except AdPipelineError as error:
                print(error, file=sys.stderr)
                failed += 1
                continue
            first = "  first seen: nobody checked it before; it holds from now on" if got.is_first else ""
            print(f"{one.name}: {got.was}, sha256 {got.sha256}{first}")
    return 1 if failed else 0


def _saying(name: str) -> Seen:
    said_at = [time.monotonic()]

    def say(count: int, total: int) -> None:
        if time.monotonic() - said_at[0] >= _SAY_EVERY_S:
            said_at[0] = time.monotonic()
            print(f"{name}: {_size(count)}" + (f" of {_size(total)}" if total else ""), flush=True)

    return say


if __name__ == "__main__":
    sys.exit(main())
