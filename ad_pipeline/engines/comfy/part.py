"""What every engine of ComfyUI is made of: a model's graphs, and what is said of the runs of a job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.recipe import Value
from ad_pipeline.engines.comfy.workshop import Ran, Want, Workshop
from ad_pipeline.engines.contracts import Craft, EngineFacts, Estimate, Job, Lesser, Licence
from ad_pipeline.errors import EngineError, EngineRefused, EngineUnavailable, InputRejected, MediaError

RESAMPLED = "Lanczos, here"
"""What enlarged a picture where no model did."""


@dataclass(frozen=True, kw_only=True)
class ModelGraphs:
    """A model's id (`engine/model`) and the graphs that run it; "" names the usual one, others are by mode."""

    model_id: str
    craft: Craft
    graphs: Mapping[str, str]
    local: bool = True

    @property
    def engine(self) -> str:
        return self.model_id.split("/", 1)[0]

    def graph_for(self, mode: str | None) -> str:
        """The graph of a mode, or the usual one."""
        return self.graphs.get(mode or "", self.graphs.get("", next(iter(self.graphs.values()))))


def facts_of(model: ModelGraphs, shop: Workshop, *, max_duration_s: float | None = None) -> EngineFacts:
    """What the graphs say of themselves; the version changes with any of them, so that fingerprints do."""
    loaded = [graph for name in model.graphs.values() if (graph := _found(shop, name)) is not None]
    return EngineFacts(
        name=model.engine,
        model=model.model_id.split("/", 1)[1],
        version="+".join(graph.version for graph in loaded) or "none",
        crafts=frozenset({model.craft}),
        licence=Licence(
            name=", ".join(dict.fromkeys(terms for graph in loaded for terms in _terms(graph))) or "none told",
            paid_ads=loaded[0].recipe.paid_ads if loaded else "limited",
        ),
        local=model.local,
        max_duration_s=max_duration_s,
        needs=() if model.local else ("AD_PIPELINE_COMFY_KEY",),
    )


def _found(shop: Workshop, name: str) -> Graph | None:
    try:
        return shop.graph(name)
    except (EngineUnavailable, InputRejected):
        return None


def _terms(graph: Graph) -> Iterable[str]:
    yield from (file.licence for file in graph.recipe.models if not file.optional)
    yield from (service.licence for service in graph.recipe.services)


def told(runs: Sequence[Ran]) -> dict[str, Any]:
    """The runs of one job, for its record: the first is the one that made the thing."""
    return {
        "graph": runs[0].graph.name,
        "graph_version": runs[0].graph.version,
        "gpu": ", ".join(dict.fromkeys(run.gpu for run in runs if run.gpu)),
        "model_swaps": sum(run.swapped for run in runs),
        "taken_up": [run.graph.name for run in runs if run.taken_up],
        "lessened": [note for run in runs for note in run.lessened],
        "runs": [_told_run(run) for run in runs],
    }


def _told_run(run: Ran) -> dict[str, Any]:
    times = {"waited_s": round(run.waited_s, 3), "run_s": round(run.run_s, 3)}
    return {"graph": run.graph.name, "node": run.node, "gpu": run.gpu, **times}


def told_times(runs: Sequence[Ran], model: ModelGraphs) -> dict[str, Any]:
    """Node, waiting, GPU time, cost and what stepped in for the model, as `Done` takes them."""
    return {
        "cost_usd": round(sum(run.cost_usd for run in runs), 4),
        "lesser": _lesser(runs, model),
        "node": ", ".join(dict.fromkeys(run.node for run in runs)),
        "seconds_waited": sum(run.waited_s for run in runs),
        "gpu_seconds": round(sum(run.run_s for run in runs), 3),
    }


def _lesser(runs: Sequence[Ran], model: ModelGraphs) -> Lesser | None:
    for run in runs:
        if run.too_large is not None:
            recipe = run.graph.recipe
            licence = Licence(name=recipe.licences, paid_ads=recipe.paid_ads)
            return Lesser(model_id=f"{model.engine}/{run.graph.name}", licence=licence, why=run.too_large)
    return None


def priced(shop: Workshop, model: ModelGraphs, wants: Iterable[Want]) -> Estimate:
    """What the runs will cost by the price lists of the services that they call."""
    if not any(shop.graph(name).recipe.services for name in model.graphs.values()):
        return Estimate()
    graphs = [(shop.graph(want.graph), want) for want in wants]
    return Estimate(cost_usd=round(sum(graph.recipe.price_usd(want.fill(graph)) for graph, want in graphs), 4))


def announced_later(
    shop: Workshop, model: ModelGraphs, job: Job, *, stage: str, seconds: float
) -> AbstractContextManager[object]:
    """The model's usual graph, announced before it is known with what it will be filled."""

    def fill(graph: Graph) -> dict[str, Value | Path]:
        return {name: "" for name, slot in graph.recipe.inputs.items() if not slot.optional}

    want = Want(stage=stage, part="later", graph=model.graph_for(None), fill=fill, estimate_s=seconds)
    return shop.announced(job, [want])


def photo_for(path: Path | None, model: ModelGraphs) -> Path:
    """The product photo, for a graph that cannot do without one.

    Raises:
        EngineRefused: there is none.
    """
    if path is None:
        raise EngineRefused(
            "{model} works from a picture: give the brief a `product_image`", engine=model.engine, model=model.model_id
        )
    return path


def spared(run: Callable[[], Ran], job: Job) -> Ran | EngineError:
    """What only makes a thing better: where it can never be, or the last attempt fails, the thing stays as it is.

    A passing fault is raised while attempts are left; what was made before lies on the job's shelf.
    """
    try:
        return run()
    except EngineUnavailable as error:
        if not job.is_last:
            raise
        return error
    except EngineRefused as error:
        return error


def broken(error: MediaError, model: ModelGraphs, job_id: str) -> EngineUnavailable:
    """What a model made cannot be used; another try may give something better."""
    return EngineUnavailable("{reason}", engine=model.engine, job_id=job_id, reason=error.message)
