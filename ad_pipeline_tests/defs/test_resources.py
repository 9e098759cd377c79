"""Where jobs wait for GPUs: beside Dagster's files, in its Postgres, or where a person says.

The tests on Postgres need `dagster-postgres` and a server: AD_PIPELINE_TEST_POSTGRES names an empty
database there, as SQLAlchemy writes it.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from ad_pipeline.defs.resources import settings_of, workplace_of
from ad_pipeline.engines.comfy.rack.waiting_list import Entry, NodeView, WaitingList
from ad_pipeline_tests.comfy.test_waiting_list import _pushes

_URL = os.environ.get("AD_PIPELINE_TEST_POSTGRES", "")
_on_postgres = pytest.mark.skipif(
    not _URL or not importlib.util.find_spec("dagster_postgres"), reason="needs dagster-postgres and a server"
)


@pytest.fixture
def postgres(tmp_path: Path, own_root: Path) -> Iterator[dg.DagsterInstance]:
    """An instance in a schema of its own."""
    schema = f"t{tmp_path.name[-40:]}".lower().replace("-", "_")
    with create_engine(_URL, isolation_level="AUTOCOMMIT").connect() as rows:
        rows.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
        rows.execute(text(f"CREATE SCHEMA {schema}"))
    url = make_url(_URL).update_query_dict({"options": f"-csearch_path={schema}"})
    shown = url.render_as_string(hide_password=False)
    overrides = {"storage": {"postgres": {"postgres_url": shown}}}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=overrides) as instance:
        yield instance


def test_jobs_wait_beside_dagsters_files_unless_a_person_says_otherwise(
    own_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert settings_of(instance).database_url == f"sqlite:///{own_root / '.dagster' / 'gpu_jobs.sqlite'}"
        monkeypatch.setenv("AD_PIPELINE_DATABASE_URL", "sqlite:////elsewhere/jobs.sqlite")
        assert settings_of(instance).database_url == "sqlite:////elsewhere/jobs.sqlite"


def test_the_databases_password_is_in_nothing_that_may_be_printed(
    own_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AD_PIPELINE_DATABASE_URL", "postgresql://me:secret@db/rack")

    with dg.DagsterInstance.ephemeral() as instance:
        settings, workplace = settings_of(instance), workplace_of(instance)

    assert "secret" in settings.database_url
    assert "secret" not in repr((settings, workplace, vars(workplace.engines)))


@_on_postgres
@pytest.mark.slow
def test_an_instance_in_postgres_has_the_waiting_list_there_too(
    postgres: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = settings_of(postgres).database_url
    entry = Entry(job_id="a", work="a", graph="g", models="m", stage="key_image", nodes=frozenset({"gpu0"}))

    opened = WaitingList(url)
    leases, _ = opened.exchange(come=[entry], views={"gpu0": NodeView(name="gpu0")})
    opened.close()

    assert url == getattr(postgres.event_log_storage, "postgres_url", "")
    assert [lease.node for lease in leases] == ["gpu0"]
    with create_engine(url).connect() as rows:
        listed = rows.execute(text("SELECT count(*) FROM rack_jobs")).scalar_one()
    assert listed == 1


@_on_postgres
@pytest.mark.slow
def test_processes_that_push_in_on_postgres_never_put_a_third_job_on_a_node(postgres: dg.DagsterInstance) -> None:
    url = settings_of(postgres).database_url
    WaitingList(url).close()

    with multiprocessing.get_context("spawn").Pool(3) as pool:
        seen = pool.map(_pushes, [(url, str(number)) for number in range(3)])

    assert [served for _, served in seen] == [15, 15, 15]
    assert max(most for most, _ in seen) <= 2
