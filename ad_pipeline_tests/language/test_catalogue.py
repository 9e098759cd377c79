"""The list of language models: ours, a person's own laid over it, and what its rows say to the rest."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest

from ad_pipeline.engines.language.catalogue import ROLES, LanguageBook, language_book
from ad_pipeline.engines.registry import Registry
from ad_pipeline.errors import EngineUnavailable, InputRejected
from ad_pipeline.routing.catalogue import models
from ad_pipeline.settings import settings_from_environment
from ad_pipeline_tests.language.model_table import PAGE, page_with_table

_OWN_SERVER = '[servers.box]\nkind = "openai"\nurl = "{url}"\nlocal = true\n'
_OWN_MODEL = (
    '[models."box/qwen"]\nname = "qwen"\ncontext_tokens = 8192\nlicence = {{ name = "Apache-2.0", paid_ads = "yes" }}\n'
)


def _book() -> LanguageBook:
    return language_book(settings_from_environment())


def _own(url: str = "http://192.168.0.7:8000/v1") -> str:
    return (_OWN_SERVER + _OWN_MODEL).format(url=url)


def test_every_role_has_a_model_that_sells_and_can_be_used_in_paid_ads(models_file: Path) -> None:
    book = _book()

    assert set(ROLES) <= set(book.use)
    for role, model_id in book.use.items():
        assert book.models[model_id].licence.paid_ads == "yes", role
        assert not book.models[model_id].ends, f"{role}: {model_id} is about to go"
    assert book.models[book.use["local"]].local


def test_every_row_is_dated_and_says_where_it_was_read() -> None:
    import tomllib
    from importlib import resources

    told = tomllib.loads((resources.files("ad_pipeline.engines.language") / "models.toml").read_text(encoding="utf-8"))

    for model_id, row in told["models"].items():
        assert isinstance(row["checked_on"], datetime.date), model_id
        assert row["source"], model_id
        assert row["licence"]["source"], model_id
        paid = not told["servers"][model_id.split("/")[0]]["local"]
        assert ("usd_per_million" in row) is paid, model_id


def test_one_line_switches_the_local_model(models_file: Path) -> None:
    models_file.write_text('[use]\nlocal = "ollama/exaone3.5-7.8b"\n', encoding="utf-8")

    book = _book()

    assert book.use["local"] == "ollama/exaone3.5-7.8b"
    assert book.use["copy"] == "anthropic/claude"
    assert models()["ollama/exaone3.5-7.8b"].licence.paid_ads == "no"


def test_a_person_changes_only_the_field_that_they_write(models_file: Path) -> None:
    models_file.write_text('[servers.ollama]\nurl = "http://gpu-box:11434/v1/"\n', encoding="utf-8")

    server = _book().models["ollama/qwen2.5-7b"].server

    assert (server.url, server.kind, server.local) == ("http://gpu-box:11434", "ollama", True)


def test_a_person_adds_servers_and_models(models_file: Path) -> None:
    models_file.write_text(_own() + '[use]\nlocal = "box/qwen"\n', encoding="utf-8")

    row = models()["box/qwen"]

    assert (row.local, row.crafts, row.gpu, row.cost_usd) == (True, frozenset({"language"}), False, 0.0)
    assert Registry().engine("box/qwen").facts.model == "qwen"


def test_an_edit_is_seen_at_once_also_by_a_registry_that_is_in_use(models_file: Path) -> None:
    registry = Registry()
    before = registry.engine("ollama/qwen2.5-7b")
    same = registry.engine("ollama/qwen2.5-7b")

    models_file.write_text('[models."ollama/qwen2.5-7b"]\nname = "qwen2.5:14b"\n', encoding="utf-8")

    assert same is before
    assert registry.engine("ollama/qwen2.5-7b").facts.model == "qwen2.5:14b"


def test_the_example_server_is_off_until_it_has_an_address(models_file: Path) -> None:
    assert "vllm/qwen2.5-7b" not in models()

    models_file.write_text('[servers.vllm]\nurl = "http://127.0.0.1:8000"\n', encoding="utf-8")

    assert models()["vllm/qwen2.5-7b"].local
    assert _book().models["vllm/qwen2.5-7b"].server.url == "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("oh dear", "models.toml is no TOML"),
        ("\xff", "models.toml"),
        ("use = 3", "field 'use'"),
        ('[use]\nlocal = "ollama/qwen2.5-7"', "did you mean 'ollama/qwen2.5-7b'"),
        ('[use]\nlocal = "vllm/qwen2.5-7b"', r"has no url; give it one under \[servers.vllm\]"),
        ('[servers.box]\nkind = "opnai"\nurl = "http://127.0.0.1"', "did you mean 'openai'"),
        ('[servers.ollama]\nurl = "127.0.0.1:11434"', "is no address of a server"),
        ('[servers.ollama]\nurl = "http://me:secret@127.0.0.1"', "holds a password"),
        ('[servers.ollama]\nurl = "ftp://127.0.0.1"', "is no address of a server"),
        ('[servers.ollama]\nurl = "http://127.0.0.1:99999"', "is no address of a server"),
        ('[servers.openai]\nurl = "http://api.openai.com/v1"', "unencrypted; write https"),
        ('[servers.openai]\nkey_env = "sk-1234"', "servers.openai.key_env"),
        ('[models."openai/gpt-4o"]\nname = ""', "models.openai/gpt-4o.name"),
        ('[models."openai/gpt-4o"]\nprice = 3', "unknown field 'models.openai/gpt-4o.price'"),
        ('[models."openai/gpt-4o"]\nusd_per_million = { input = -1.0, output = 1.0 }', "usd_per_million.input"),
        ('[models."box/qwen"]\nname = "x"\ncontext_tokens = 8192', "misses the field 'models.box/qwen.licence'"),
        (
            '[models."box/qwen"]\nname = "x"\ncontext_tokens = 8192\nlicence = { name = "x", paid_ads = "yes" }',
            "one of the servers ollama, vllm",
        ),
        ('[models."openai/gpt-4o"]\nlicence = { name = "x", paid_ads = "maybe" }', "allowed: yes, no, limited"),
    ],
)
def test_a_broken_list_is_said_in_one_sentence(models_file: Path, text: str, said: str) -> None:
    models_file.write_text(text, encoding="latin-1")

    with pytest.raises(InputRejected, match=said) as caught:
        models()

    assert "secret" not in str(caught.value)
    assert "sk-1234" not in str(caught.value) or "key_env" in str(caught.value)


def test_a_list_of_a_gigabyte_is_not_read(models_file: Path) -> None:
    with models_file.open("wb") as file:
        file.truncate(2_000_000)

    with pytest.raises(InputRejected, match="larger than"):
        models()


# --- local, to its word --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "is_local"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost:8000", True),
        ("http://[::1]:8000", True),
        ("http://10.1.2.3:8000", True),
        ("http://192.168.0.7", True),
        ("http://100.101.2.3:8000", True),
        ("http://gpu-box:8000", True),
        ("http://gpu-box.local:8000", True),
        ("http://llm.internal", True),
        ("https://api.openai.com/v1", False),
        ("https://llm.example.com", False),
        ("http://8.8.8.8", False),
        ("http://[2606:4700::1111]:80", False),
        ("http://[::ffff:8.8.8.8]", False),
        ("http://134744072", False),
        ("http://0x08080808", False),
        ("http://127.0.0.1.nip.io", False),
        ("http://localhost.example.com", False),
    ],
)
def test_a_server_outside_the_own_network_is_not_local_whatever_is_written(
    models_file: Path, url: str, is_local: bool
) -> None:
    models_file.write_text(_own(url), encoding="utf-8")

    assert models()["box/qwen"].local is is_local
    assert (_book().models["box/qwen"].why_not_local() is None) is is_local


@pytest.mark.parametrize("name", ["gpt-oss:120b-cloud", "kimi-k2:cloud", "GPT-OSS:120B-Cloud"])
def test_a_model_that_ollama_has_in_its_cloud_is_not_local(models_file: Path, name: str) -> None:
    models_file.write_text(f'[models."ollama/qwen2.5-7b"]\nname = "{name}"\n', encoding="utf-8")

    assert not models()["ollama/qwen2.5-7b"].local
    assert "cloud" in str(_book().models["ollama/qwen2.5-7b"].why_not_local())


# --- ready, without asking -----------------------------------------------------------------------------


def test_a_model_without_its_key_is_not_ready_and_says_which(
    models_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EngineUnavailable, match="needs a key in the environment variable ANTHROPIC_API_KEY"):
        Registry().engine("anthropic/claude")

    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-1")
    assert Registry().engine("anthropic/claude").facts.needs == ("ANTHROPIC_API_KEY",)


def test_a_model_that_its_vendor_took_away_is_not_ready(models_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-1")

    with pytest.raises(EngineUnavailable, match=r"took claude-3-5-sonnet-20241022 away on 2025-10-28.*\[use\]"):
        Registry().engine("anthropic/claude-3.5-sonnet")


def test_the_last_day_of_a_model_is_the_one_before_it_is_taken_away(models_file: Path) -> None:
    model = _book().models["openai/gpt-4o"]

    assert not model.has_ended(datetime.date(2027, 1, 13))
    assert model.has_ended(datetime.date(2027, 1, 14))


def test_a_price_is_that_of_a_million_tokens(models_file: Path) -> None:
    row = models()["openai/gpt-4o"]

    assert (row.usd_per_million_input, row.usd_per_million_output) == (2.5, 10.0)
    assert _book().models["openai/gpt-4o"].cost_usd(input_tokens=2000, output_tokens=1000) == pytest.approx(0.015)


# --- the page ------------------------------------------------------------------------------------------


def test_the_page_lists_the_models_that_there_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == page_with_table(), (
        "run: python -m ad_pipeline_tests.language.model_table"
    )


def test_the_examples_of_the_page_are_lists_that_can_be_read(models_file: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)

    for example in examples:
        models_file.write_text(example, encoding="utf-8")
        assert _book().models
    assert len(examples) == 2
    assert models()["box/qwen-32b"].local
