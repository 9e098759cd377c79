"""What Dagster shows of a product's page, with the storyboard that was written from it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from ad_pipeline.defs.code_location import code_location
from ad_pipeline_tests.product_page.shop import answer, open_shop
from ad_pipeline_tests.stages.sessions import brief_text

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("path", "said"),
    [("/product/1", "product page: 이슬 세럼"), ("/product/2?key=abc", "there is no such page (status 404)")],
)
def test_the_storyboards_metadata_say_what_came_of_the_page(
    path: str, said: str, own_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_shop({"/product/1": answer("<h1>이슬 세럼</h1><b>9,000원</b>")}) as shop:
        monkeypatch.setenv("AD_PIPELINE_PAGE_HOSTS", shop.host_port)
        brief = json.loads(brief_text(product_url=shop.url(path)))
        with dg.DagsterInstance.ephemeral() as instance:
            instance.add_dynamic_partitions("ad_sessions", ["ad"])
            result = code_location.resolve_job_def("make_storyboard").execute_in_process(
                instance=instance,
                partition_key="ad",
                run_config={"ops": {"storyboard": {"config": {"brief": brief}}}},
            )

    (made,) = result.asset_materializations_for_node("storyboard")
    told = str(made.metadata["product_page"].value)
    assert said in told
    assert "abc" not in told
    assert shop.asked.count(path) == 1


def test_who_has_no_page_loads_nothing_for_one() -> None:
    code = (
        "import sys, ad_pipeline.stages.opening, ad_pipeline.cli.making\n"
        "print([name for name in ('httpcore', 'extruct', 'trafilatura', 'protego', 'lxml') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == "[]"
