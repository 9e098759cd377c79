"""Sound effects by ElevenLabs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ad_pipeline.engines.contracts import Done
from ad_pipeline.engines.crafts.sound import SfxRequest, SoundEngine
from ad_pipeline.engines.registry import Registry
from ad_pipeline.errors import EngineBusy, EngineError, EngineRefused, EngineUnavailable, StrangeAnswer
from ad_pipeline.media.sound import read_sound
from ad_pipeline_tests.speech.asking import Purse, a_job
from ad_pipeline_tests.speech.elevenlabs_server import ElevenLabsServer, too_many
from ad_pipeline_tests.speech.fake_server import BREAKS_OFF, HTML_PAGE, Behaviour

PRICE_USD = 0.08


def _made(folder: Path, *, seconds: float = 2.0, purse: Purse | None = None, prompt: str = "drops on glass") -> Done:
    engine = Registry().engine("elevenlabs/sound-effects")
    assert isinstance(engine, SoundEngine)
    request = SfxRequest(clip=folder / "none.mp4", prompt=prompt, duration_s=seconds, seed=1)
    return engine.render_sfx(request, folder / "sfx.wav", a_job(folder, purse))


def test_an_effect_is_as_long_as_its_scene_and_paid_once(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    purse = Purse()
    first, again = _made(tmp_path, purse=purse), _made(tmp_path, purse=purse)

    (request,) = eleven.spoken
    assert request.path == "/v1/sound-generation"
    assert request.body["duration_seconds"] == 2.0
    assert request.body["text"] == "Sound effects only, no music, no voices. drops on glass"
    assert len(read_sound(tmp_path / "sfx.wav", channels=2)) == 2 * 48000
    assert (purse.paid, first.cost_usd, again.cost_usd) == ([PRICE_USD], PRICE_USD, 0.0)


def test_a_scene_too_short_for_the_service_is_asked_longer_and_cut(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    _made(tmp_path, seconds=0.4)
    assert eleven.spoken[0].body["duration_seconds"] == 0.5
    assert len(read_sound(tmp_path / "sfx.wav", channels=2)) == round(0.4 * 48000)


def test_a_wish_longer_than_the_service_takes_is_cut(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    _made(tmp_path, prompt="rain " * 200)
    assert len(eleven.spoken[0].body["text"]) <= 450


FAULTS: dict[str, tuple[Behaviour, type[EngineError], bool]] = {
    "too many": (too_many("2"), EngineBusy, False),
    "a page": (HTML_PAGE, StrangeAnswer, False),
    "breaks off": (BREAKS_OFF, EngineUnavailable, False),
    "nothing": (Behaviour(sound="none"), EngineUnavailable, True),
    "half of it": (Behaviour(sound="half"), EngineUnavailable, True),
    "no rights": (
        Behaviour(status=401, page='{"detail": {"status": "missing_permissions", "message": "sound_generation"}}'),
        EngineRefused,
        False,
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_told_and_nothing_is_left(eleven: ElevenLabsServer, tmp_path: Path, case: str) -> None:
    behaviour, kind, is_paid = FAULTS[case]
    eleven.behave([behaviour])
    purse = Purse()

    with pytest.raises(EngineError) as caught:
        _made(tmp_path, purse=purse)

    assert type(caught.value) is kind
    assert "sk-eleven" not in str(caught.value)
    assert caught.value.message.said_in("ko") != str(caught.value)
    assert purse.paid == ([PRICE_USD] if is_paid else [])
    assert sorted(path.name for path in tmp_path.iterdir()) == [".bought", "voices.toml"]
    assert _made(tmp_path, purse=purse).cost_usd == PRICE_USD
