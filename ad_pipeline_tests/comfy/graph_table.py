"""The tables of docs/graphs.md, from the graphs themselves.

python -m ad_pipeline_tests.comfy.graph_table      writes them into docs/graphs.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ad_pipeline.engines.comfy.graph_folders import built_in_graphs
from ad_pipeline.engines.comfy.graphs import Graph, load_graphs
from ad_pipeline.engines.comfy.model_files import wanted_files
from ad_pipeline.engines.comfy.recipe import Recipe, Slot

DOCUMENT = Path(__file__).parents[2] / "docs" / "graphs.md"
BEGIN, END = "<!-- graphs: begin -->", "<!-- graphs: end -->"


def document_with_tables() -> str:
    """docs/graphs.md as it should be."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{_tables()}\n{END}{after}"


def _tables() -> str:
    graphs = load_graphs([built_in_graphs()])
    parts = ["## All graphs", _table(("graph", "makes", "size", "frames", "GPU", "paid ads", "smaller"), _rows(graphs))]
    parts += ["## Inputs", "**Bold** must be given; *italic* may be left out with the nodes that it brings."]
    parts += [_table(("graph", "inputs", "outputs"), (_inputs(graph) for graph in graphs.values()))]
    parts += ["## Node packs", _table(("pack", "graphs"), _packs(graphs.values()))]
    parts += ["## Model files", _table(("file", "size", "licence", "paid ads", "graphs"), _models(graphs.values()))]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rows(graphs: dict[str, Graph]) -> Iterator[Sequence[str]]:
    for graph in graphs.values():
        recipe = graph.recipe
        size = f"{recipe.native_width_px} x {recipe.native_height_px}" if recipe.native_width_px else ""
        gpu = f"{recipe.vram_gb:g} GB" if recipe.vram_gb else "none"
        yield f"`{graph.name}`", recipe.summary, size, _frames(recipe), gpu, recipe.paid_ads, recipe.smaller


def _frames(recipe: Recipe) -> str:
    if not recipe.rate_fps:
        return ""
    if not (recipe.film_rate_fps and recipe.longest_frames):
        return f"{recipe.rate_fps:g} fps"
    longest = recipe.longest_frames
    return f"{longest} at {recipe.rate_fps:g} fps, as {recipe.film_frames(longest)} at {recipe.film_rate_fps:g}"


def _inputs(graph: Graph) -> Sequence[str]:
    told = ", ".join(_input(name, slot) for name, slot in graph.recipe.inputs.items())
    outputs = ", ".join(f"{name} ({slot.media})" for name, slot in graph.recipe.outputs.items())
    return f"`{graph.name}`", told, outputs


def _input(name: str, slot: Slot) -> str:
    if slot.optional:
        return f"*{name}*"
    if slot.default is None:
        return f"**{name}**"
    if slot.kind in ("text", "model"):
        return name
    shown = f"{slot.default:g}" if isinstance(slot.default, float) else str(slot.default)
    if slot.kind == "choice":
        return f"{name} {shown} ({', '.join(slot.choices)})" if len(slot.choices) > 1 else f"{name} {shown}"
    grid = f" ({slot.step}n + {slot.offset})" if slot.offset else f" (steps of {slot.step})" if slot.step > 1 else ""
    return f"{name} {shown}{grid}"


def _packs(graphs: Iterable[Graph]) -> Iterator[Sequence[str]]:
    users: dict[tuple[str, str], list[str]] = {}
    for graph in graphs:
        for pack in graph.recipe.packs:
            users.setdefault((pack.name, pack.url), []).append(graph.name)
    for (name, url), names in sorted(users.items()):
        yield f"[{name}]({url})", ", ".join(names)


def _models(graphs: Iterable[Graph]) -> Iterator[Sequence[str]]:
    for wanted in sorted(wanted_files(graphs, choices=True), key=lambda one: one.name):
        model = wanted.model
        size = f"{model.size_bytes / 1e9:.2f} GB" if model.size_bytes else "?"
        licence = model.licence + (f"; {model.note}" if model.note else "")
        name = f"[{wanted.name}]({model.page})" + (" (by choice)" if model.optional else "")
        yield name, size, licence, model.paid_ads, ", ".join(wanted.graphs)


if __name__ == "__main__":
    DOCUMENT.write_text(document_with_tables(), encoding="utf-8")
