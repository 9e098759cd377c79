"""A picture changed by words: what an edit is made from, how long it stands, and that nothing else may do it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ad_pipeline.engines.comfy.place import Place
from ad_pipeline.engines.comfy.workshop import workshop
from ad_pipeline.engines.registry import Registry
from ad_pipeline.errors import Cancelled, EngineUnavailable, InputRejected
from ad_pipeline.sessions.records import Degraded
from ad_pipeline.stages.key_image import (
    check_can_edit,
    key_image_edits,
    key_image_key,
    key_image_tasks,
    make_key_images,
)
from ad_pipeline.stages.making import current
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline.stages.storyboard import edit_scene
from ad_pipeline.stages.workplace import Wishes, Workplace
from ad_pipeline_tests.comfy.server import ComfyServer
from ad_pipeline_tests.comfy.stocked import nodes_file, stocked
from ad_pipeline_tests.stages.sessions import a_workplace, open_ad

SCENE = "scene_001"
BRIGHTER = Wishes(reuse=False, edit="brighter background")


@pytest.fixture
def server() -> Iterator[ComfyServer]:
    with stocked() as running:
        yield running


@pytest.fixture
def workplace(server: ComfyServer, tmp_path: Path) -> Iterator[Workplace]:
    """A draft's first pictures, beside a node that can edit them."""
    nodes = nodes_file(tmp_path / "nodes.toml", {"gpu0": server})
    place = Place(nodes=nodes, graphs=(), database_url=f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    found = a_workplace(tmp_path / "root", engines=Registry(comfy=place))
    open_ad(found, formats=["1:1"])
    make_key_images(found, "ad", SCENE)
    yield found
    workshop(place).close()


def _sent(server: ComfyServer) -> list[dict[str, Any]]:
    """The graphs that edit, in the order they came."""
    graphs = [job.graph for job in server.machine.history.values()]
    return [dict(graph) for graph in graphs if "TextEncodeQwenImageEditPlus" in str(graph)]


def _still_stands(workplace: Workplace, take: int) -> bool:
    facts = facts_of(workplace, "ad")
    (task,) = key_image_tasks(facts, SCENE)
    found = current(facts.session, task)
    return found is not None and found.take == take


def test_an_edit_is_made_from_the_picked_picture_and_the_words(workplace: Workplace, server: ComfyServer) -> None:
    (first,) = make_key_images(workplace, "ad", SCENE)

    (edited,) = make_key_images(workplace, "ad", SCENE, BRIGHTER)

    assert (edited.take, edited.engine, edited.graph, edited.node) == (2, "comfyui", "qwen_edit_2511", "gpu0")
    assert edited.degraded is None
    assert edited.parameters["edit"] == "brighter background"
    assert edited.inputs["key_image"] == first.sha256
    with Image.open(workplace.session("ad").path_of(edited)) as picture:
        assert picture.size == (1080, 1080)
    (graph,) = _sent(server)
    assert "brighter background" in str(graph)
    assert workplace.session("ad").path_of(first).read_bytes() in server.uploads.values()


def test_each_format_is_edited_from_its_own_picture(workplace: Workplace, server: ComfyServer) -> None:
    open_ad(workplace, "both", formats=["1:1", "16:9"])
    before = make_key_images(workplace, "both", SCENE)

    edited = make_key_images(workplace, "both", SCENE, BRIGHTER)

    assert [(record.format, record.take) for record in edited] == [("1:1", 2), ("16:9", 2)]
    assert [record.inputs["key_image"] for record in edited] == [record.sha256 for record in before]
    assert len(_sent(server)) == 2


def test_an_edit_that_ended_after_one_format_is_not_done_again_in_it(workplace: Workplace) -> None:
    open_ad(workplace, "both", formats=["1:1", "16:9"])
    before = make_key_images(workplace, "both", SCENE)
    session, first = workplace.session("both"), before[0].key
    stopped = replace(workplace, should_stop=lambda: len(session.takes(first)) == 2)
    with pytest.raises(Cancelled):
        make_key_images(stopped, "both", SCENE, BRIGHTER)

    edited = make_key_images(workplace, "both", SCENE, BRIGHTER)
    again = make_key_images(workplace, "both", SCENE, BRIGHTER)

    assert [record.take for record in edited] == [2, 2]
    assert [record.inputs["key_image"] for record in edited] == [record.sha256 for record in before]
    assert [record.take for record in again] == [3, 3], "asked for once more, it is done once more"


def test_an_edit_stands_until_the_story_beneath_it_changes(workplace: Workplace, server: ComfyServer) -> None:
    make_key_images(workplace, "ad", SCENE, BRIGHTER)

    (resumed,) = make_key_images(workplace, "ad", SCENE)
    stood = _still_stands(workplace, 2)
    edit_scene(workplace, "ad", SCENE, {"image_prompt": "a jar of cream on marble"})

    assert (resumed.take, stood) == (2, True)
    assert len(_sent(server)) == 1
    assert not _still_stands(workplace, 2)


def test_an_edit_may_be_edited_and_the_same_words_on_another_picture_are_other_work(workplace: Workplace) -> None:
    same = Wishes(reuse=False, edit="brighter background", seed=5)
    (once,) = make_key_images(workplace, "ad", SCENE, same)

    (twice,) = make_key_images(workplace, "ad", SCENE, same)

    assert twice.inputs["key_image"] == once.sha256
    assert (once.seed, twice.seed) == (5, 5)
    assert twice.job_id != once.job_id


def test_an_upgrade_does_not_undo_what_a_person_had_changed(workplace: Workplace, server: ComfyServer) -> None:
    session = workplace.session("ad")
    (edited,) = make_key_images(workplace, "ad", SCENE, BRIGHTER)
    record = session.folder / "records" / f"{edited.key.slug}.v2.json"
    weaker = edited.model_copy(update={"degraded": Degraded(wanted="comfyui/a", used="comfyui/b", why="away")})
    record.write_text(weaker.model_dump_json(), encoding="utf-8")

    before = server.submitted()

    (kept,) = make_key_images(workplace, "ad", SCENE, Wishes(upgrade=True))

    assert kept.take == 2
    assert server.submitted() == before


def test_only_a_picture_that_follows_from_the_story_is_edited(workplace: Workplace) -> None:
    facts = facts_of(workplace, "ad")

    with pytest.raises(InputRejected, match="scene_002 key_image 1:1 of session 'ad' was not made yet"):
        key_image_edits(facts, "scene_002", BRIGHTER)
    with pytest.raises(InputRejected, match="say what to change"):
        key_image_edits(facts, SCENE, Wishes(edit=" "))
    edit_scene(workplace, "ad", SCENE, {"image_prompt": "a jar of cream on marble"})
    with pytest.raises(InputRejected, match="no longer follows from the story; make it again"):
        key_image_edits(facts_of(workplace, "ad"), SCENE, BRIGHTER)


def test_nobody_else_edits_where_there_is_no_node(tmp_path: Path) -> None:
    place = Place(nodes=tmp_path / "none.toml", graphs=(), database_url=f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    workplace = a_workplace(tmp_path / "root", engines=Registry(comfy=place))
    open_ad(workplace, formats=["1:1"])
    (first,) = make_key_images(workplace, "ad", SCENE)

    with pytest.raises(EngineUnavailable, match=r"nobody here can edit pictures: .*there is no GPU node; list one in"):
        check_can_edit(workplace, key_image_edits(facts_of(workplace, "ad"), SCENE, BRIGHTER))
    with pytest.raises(EngineUnavailable, match="there is no GPU node"):
        make_key_images(workplace, "ad", SCENE, BRIGHTER)

    assert workplace.session("ad").takes(key_image_key(SCENE, "1:1")) == (first,)
