"""The list of nodes: what a good file gives, what a bad one is told, and that edits count at once."""

from __future__ import annotations

import itertools
import re
import shlex
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
import yaml

from ad_pipeline.cli.main import _parser  # pyright: ignore[reportPrivateUsage]  # the parser is the fact to hold the text to
from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.graph_folders import built_in_graphs
from ad_pipeline.engines.comfy.graphs import load_graphs
from ad_pipeline.engines.comfy.rack.config import NodeConfig, NodesFile, read_nodes
from ad_pipeline.errors import InputRejected
from ad_pipeline_tests.comfy.jobs import until
from ad_pipeline_tests.comfy.server import ComfyServer

_TOP = Path(__file__).parents[2]
_ONE = '[[node]]\nname = "gpu0"\nurl = "http://127.0.0.1:8188"\n'


def _file(folder: Path, text: str) -> Path:
    path = folder / "nodes.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_full_entry_becomes_a_node(tmp_path: Path) -> None:
    text = _ONE + (
        'stages = ["key_image"]\ngraphs = ["svd"]\nvram_gb = 24\nweight = 2\nauthorization_env = "GPU0_AUTH"\n'
        'exporter_url = "http://10.0.0.5:9400/metrics"\ncard = "GPU-1"\ndraining = true\n'
    )

    (node,) = read_nodes(_file(tmp_path, text), environment={"GPU0_AUTH": "Bearer s3cret"})

    assert node == NodeConfig(
        name="gpu0", url="http://127.0.0.1:8188", stages=("key_image",), graphs=("svd",), vram_gb=24.0, weight=2.0,
        authorization="Bearer s3cret", authorization_env="GPU0_AUTH", exporter_url="http://10.0.0.5:9400/metrics",
        card="GPU-1", draining=True,
    )  # fmt: skip
    assert node.address().headers == {"Authorization": "Bearer s3cret"}
    assert "s3cret" not in repr(node) + repr(node.address())


def test_a_node_is_for_everything_unless_it_is_pinned() -> None:
    free = NodeConfig(name="a", url="http://a")
    pinned = NodeConfig(name="a", url="http://a", stages=("sfx",), graphs=("svd",))

    assert free.is_pinned_for(stage="key_image", graph="z_image_turbo")
    assert pinned.is_pinned_for(stage="sfx", graph="mmaudio_video")
    assert pinned.is_pinned_for(stage="motion_clip", graph="svd")
    assert not pinned.is_pinned_for(stage="motion_clip", graph="wan21_i2v_480p")


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("x =", "nodes.toml", "nodes.toml is no TOML"),
        ('[[nodes]]\nname = "a"', "nodes", "did you mean 'node'?"),
        ('[[node]]\nurl = "http://a"', "node[0].name", "misses the field 'node[0].name'"),
        (_ONE + "vram = 3", "node[0].vram", "unknown field 'node[0].vram'"),
        (_ONE + 'stages = ["keyimage"]', "node[0].stages[0]", "did you mean 'key_image'?"),
        (_ONE + "weight = 0", "node[0].weight", "greater than 0; got 0"),
        (_ONE + "card = -2", "node[0].card", "got -2"),
        (_ONE.replace("http:", "ftp:"), "node[0].url", "nodes.toml: node gpu0: the url 'ftp://127.0.0.1:8188' is not"),
        (_ONE.replace("127", "me:pass@127"), "node[0].url", "holds a password"),
        (_ONE.replace("gpu0", "gpu 0/.."), "node[0].name", "node[0].name"),
        (_ONE + 'exporter_url = "9400"', "node[0].exporter_url", "the url '9400'"),
        (_ONE + 'authorization_env = "NOT_SET"', "node[0].authorization_env", "variable NOT_SET is not set"),
        (_ONE + 'authorization_env = "BROKEN"', "node[0].authorization_env", "BROKEN holds is no Authorization"),
        (_ONE.replace("http:", "https:") + 'certificate = "no.pem"', "node[0].certificate", "no.pem cannot be used"),
        (_ONE + _ONE, "node[1].name", "two nodes have the name 'gpu0'"),
        (_ONE + _ONE.replace("gpu0", "b"), "node[1].url", "'gpu0' and 'b' have the same url"),
    ],
)
def test_a_bad_file_is_told_with_its_field(tmp_path: Path, text: str, field: str, words: str) -> None:
    with pytest.raises(InputRejected) as refused:
        read_nodes(_file(tmp_path, text), environment={"BROKEN": "Bearer s3cret\nHost: x"})

    assert words in str(refused.value)
    assert refused.value.field == field
    assert "nodes.toml" in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_without_a_file_there_are_no_nodes(tmp_path: Path) -> None:
    assert NodesFile(tmp_path / "nodes.toml")() == ()


def test_an_edit_counts_at_once_and_a_broken_one_leaves_the_last_good_list(tmp_path: Path) -> None:
    told: list[InputRejected] = []
    nodes = NodesFile(tmp_path / "nodes.toml", tell=told.append)
    nodes()

    _file(tmp_path, _ONE)
    first = nodes()
    _file(tmp_path, _ONE + "oh dear")
    kept = [nodes(), nodes(), nodes()]
    fault = nodes.fault
    _file(tmp_path, _ONE + _ONE.replace("gpu0", "gpu1").replace("8188", "8189"))
    mended = nodes()

    assert [node.name for node in first] == ["gpu0"]
    assert kept == [first, first, first]
    assert [str(error) for error in told] == [str(fault)]
    assert "no TOML" in str(fault)
    assert [node.name for node in mended] == ["gpu0", "gpu1"]
    assert nodes.fault is None


def test_a_list_that_is_just_being_written_takes_no_node_away(tmp_path: Path) -> None:
    path = _file(tmp_path, _ONE)
    nodes, hasty = NodesFile(path, settle_s=0.2), NodesFile(path, settle_s=0.0)
    first = nodes()
    hasty()

    _file(tmp_path, "")  # as an editor that empties the file and then writes it
    while_empty = nodes()
    path.unlink()  # ... or deletes it first
    while_away = nodes()
    path = _file(tmp_path, _ONE)
    after = nodes()
    path.unlink()

    assert while_empty == while_away == after == first
    assert hasty() == ()
    assert nodes() == first
    until(lambda: nodes() == ())


def test_a_file_that_was_never_good_is_an_error_each_time(tmp_path: Path) -> None:
    nodes = NodesFile(_file(tmp_path, "oh dear"))

    for _ in range(2):
        with pytest.raises(InputRejected, match="no TOML"):
            nodes()


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


def test_the_example_of_the_documents_is_a_list_of_nodes(tmp_path: Path) -> None:
    certificate = tmp_path / "rack.pem"
    authority = ssl.create_default_context().get_ca_certs(binary_form=True)
    if not authority:
        pytest.skip("this machine has no certificates to show")
    certificate.write_text(ssl.DER_cert_to_PEM_cert(authority[0]))
    (example,) = _blocks((_TOP / "docs" / "gpu.md").read_text(encoding="utf-8"), "toml")

    studio, rack = read_nodes(_file(tmp_path, example), environment={"AD_PIPELINE_RACK_0": "Bearer x"})

    assert (studio.name, studio.vram_gb) == ("studio-4090", 0.0)
    assert (rack.stages, rack.graphs, rack.weight, rack.draining) == (("motion_clip", "lipsync"), ("svd",), 2.0, True)


@pytest.mark.parametrize("document", ["docs/gpu.md", "deploy/README.md"])
def test_the_commands_of_the_documents_are_ours(document: str) -> None:
    lines = [
        line
        for block in _blocks((_TOP / document).read_text(encoding="utf-8"), "sh")
        for line in block.splitlines()
        if line.startswith("ad-pipeline ")
    ]

    for line in lines:
        _parser().parse_args(shlex.split(line, comments=True)[1:])

    assert bool(lines) == (document == "docs/gpu.md")


def test_the_pods_of_the_kubernetes_file_are_the_nodes_that_it_lists(tmp_path: Path) -> None:
    text = (_TOP / "deploy" / "kubernetes" / "gpu-nodes.yaml").read_text(encoding="utf-8")
    parts = {part["kind"]: part for part in yaml.safe_load_all(text)}

    nodes = read_nodes(_file(tmp_path, parts["ConfigMap"]["data"]["nodes.toml"]))

    name, pods = parts["StatefulSet"]["metadata"]["name"], parts["StatefulSet"]["spec"]
    service = f"{parts['Service']['metadata']['name']}.{parts['Namespace']['metadata']['name']}.svc.cluster.local:8188"
    assert [node.url for node in nodes] == [f"http://{name}-{n}.{service}" for n in range(pods["replicas"])]
    assert pods["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_the_pod_that_fetches_models_fills_the_claim_that_the_nodes_read() -> None:
    folder = _TOP / "deploy" / "kubernetes"
    nodes = {part["kind"]: part for part in yaml.safe_load_all((folder / "gpu-nodes.yaml").read_text(encoding="utf-8"))}
    loader = yaml.safe_load((folder / "models-loader.yaml").read_text(encoding="utf-8"))

    pod = nodes["StatefulSet"]["spec"]["template"]["spec"]
    (read,) = [volume["persistentVolumeClaim"] for volume in pod["volumes"] if volume["name"] == "models"]
    (written,) = [volume["persistentVolumeClaim"] for volume in loader["spec"]["volumes"]]
    claim = nodes["PersistentVolumeClaim"]["metadata"]
    assert read == {"claimName": claim["name"], "readOnly": True}
    assert written == {"claimName": claim["name"]}
    assert loader["metadata"]["namespace"] == claim["namespace"]
    assert loader["spec"]["securityContext"] == pod["securityContext"]


@pytest.mark.parametrize("document", ["docs/gpu.md", "deploy/README.md"])
def test_the_model_files_of_the_documents_can_be_asked_for(document: str) -> None:
    lines = re.findall(r"^ *\S*python deploy/fetch_models.py fetch (.+)$", (_TOP / document).read_text("utf-8"), re.M)

    assert lines
    for line in lines:
        names = list(itertools.takewhile(lambda word: not word.startswith("--"), shlex.split(line)))
        assert [name for name in names if not (_TOP / "comfy_graphs" / f"{name}.toml").is_file()] == []


def test_the_documents_name_every_pack_that_our_graphs_want() -> None:
    packs = [pack for graph in load_graphs([built_in_graphs()]).values() for pack in graph.recipe.packs]
    guide = (_TOP / "docs" / "gpu.md").read_text(encoding="utf-8")
    image = (_TOP / "deploy" / "gpu-node" / "Dockerfile").read_text(encoding="utf-8")

    assert {pack.name for pack in packs if pack.name not in guide or pack.url not in image} == set()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="a certificate is made with openssl")
def test_a_node_may_have_a_certificate_authority_of_its_own(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "authority.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
         "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out",
         str(certificate)],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    with ComfyServer(tls=context) as server:
        entry = f'[[node]]\nname = "gpu0"\nurl = "{server.url}"\ncertificate = "authority.pem"\n'
        (node,) = read_nodes(_file(tmp_path, entry))
        with ComfyNode(node.address()) as client:
            version = client.system_stats().version

    assert version == "0.33.0"
