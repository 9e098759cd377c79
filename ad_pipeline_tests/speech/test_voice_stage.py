"""A scene's voice as a session makes it: by which engine, at what cost, in how many requests, and fitted how."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
import pytest

from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.voice import VoiceDone, VoiceRequest
from ad_pipeline.engines.elevenlabs.voice import ElevenLabsVoice
from ad_pipeline.engines.registry import Registry
from ad_pipeline.engines.speech.catalogue import speech_book
from ad_pipeline.errors import DoesNotFit
from ad_pipeline.media.sound import read_sound
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.stages.voice import make_voice, voice_key
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline_tests.speech.asking import BRIAN, SARAH, V3, texts, write_voices
from ad_pipeline_tests.speech.elevenlabs_server import ElevenLabsServer, broken, too_many
from ad_pipeline_tests.speech.fake_server import HTML_PAGE, SILENT, Behaviour
from ad_pipeline_tests.speech.films import a_studio, an_ad, put_board, voiced
from ad_pipeline_tests.speech.openai_server import LOADING, SpeechServer

HELLO, BYE = "Soft lips, all day.", "Pick yours today."
LONG = "Your lips stay soft and bright and full of colour, morning until night, wherever you are going to go."
USD = 0.0001
V2_USED = '[use]\ncloud_voice = "elevenlabs/eleven_multilingual_v2"\n'


# --- retries and falling down the chain ------------------------------------------------------------------------------


def test_a_busy_service_is_asked_again_when_it_says(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, HELLO, BYE)
    eleven.behave([too_many("0.4"), broken(503)])
    started = time.monotonic()

    record = voiced(workplace)

    assert time.monotonic() - started > 0.4
    assert (record.attempts, record.engine, record.model, record.degraded) == (3, "elevenlabs", "eleven_v3", None)
    assert record.cost_settled_usd == pytest.approx(len(HELLO) * USD, abs=1e-4)
    assert workplace.ledger.spent("ad").settled_usd == record.cost_settled_usd


def test_a_speech_server_that_still_loads_is_asked_again(kokoro: SpeechServer, tmp_path: Path) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, HELLO, BYE, quality="standard")
    kokoro.behave([LOADING, LOADING])

    record = voiced(workplace)

    assert (record.engine, record.attempts, record.degraded) == ("openai_speech", 3, None)


def test_what_will_never_work_is_asked_once_and_the_guide_voice_stands_in(
    eleven: ElevenLabsServer, tmp_path: Path
) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, HELLO, BYE)
    eleven.behave([HTML_PAGE])

    record = voiced(workplace)

    assert len(eleven.spoken) == 1
    assert record.engine == "animatic" and record.degraded is not None
    assert "does not answer like ElevenLabs" in record.degraded.why
    assert "no speech server answers" in record.degraded.why
    assert workplace.ledger.spent("ad").settled_usd == 0


def test_an_unknown_voice_names_scene_and_fix(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    workplace = a_studio(tmp_path, kit="voice: {ids: {elevenlabs: nobody}}")
    an_ad(workplace, HELLO, BYE)

    record = voiced(workplace)

    assert record.degraded is not None
    assert "scene_001: ElevenLabs has no voice 'nobody'" in record.degraded.why
    assert "brand kit under voice.ids" in record.degraded.why


def test_neither_record_nor_ledger_nor_any_file_holds_the_key(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, HELLO, BYE)
    eleven.behave([Behaviour(status=401, page='{"detail": {"status": "x", "message": "bad key sk-eleven"}}')])
    voiced(workplace, 1)
    voiced(workplace, 2)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not any(b"sk-eleven" in path.read_bytes() for path in files)


# --- paid once -------------------------------------------------------------------------------------------------------


def test_the_same_line_is_paid_once_whatever_scene_or_session_says_it(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, HELLO, HELLO)
    an_ad(workplace, HELLO, BYE, session_id="other")

    records = [voiced(workplace, 1), voiced(workplace, 2), voiced(workplace, 1), voiced(workplace, session_id="other")]

    assert texts(eleven) == [HELLO]
    assert [record.take for record in records] == [1, 1, 1, 1]
    assert workplace.ledger.spent("ad").settled_usd == pytest.approx(len(HELLO) * USD, abs=1e-4)
    assert workplace.ledger.spent("other").settled_usd == 0


def test_a_scene_of_another_length_and_other_neighbours_cost_nothing(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    write_voices(eleven=eleven, more=V2_USED)
    workplace = a_studio(tmp_path)
    an_ad(workplace, HELLO, BYE)
    first = voiced(workplace)

    for lengths in ((4.0, 2.0), (2.5, 3.5)):
        more = {n: {"duration_seconds": length} for n, length in enumerate(lengths, 1)}
        put_board(workplace, HELLO, "Other words.", more=more)
        record = voiced(workplace)

    assert texts(eleven) == [HELLO]
    assert eleven.spoken[0].body["next_text"] == BYE
    assert record.take == 3 and record.sha256 == first.sha256


def test_another_reading_on_wish_is_paid_once_more(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, HELLO, BYE)
    records = [voiced(workplace), voiced(workplace, reuse=False), voiced(workplace)]
    assert [request.body["seed"] for request in eleven.spoken] == [3, 4]
    assert [record.take for record in records] == [1, 2, 2]


class DiesWhenItHasSpoken(ElevenLabsVoice):
    """Everything is paid, and no take came of it."""

    def speak(self, request: VoiceRequest, target: Path, job: Job) -> VoiceDone:
        super().speak(request, target, job)
        raise KeyboardInterrupt


def _dying_studio(tmp_path: Path, eleven: ElevenLabsServer, moment: str) -> Workplace:
    def dies(_: object) -> None:
        if len(eleven.spoken) == 1:
            raise KeyboardInterrupt

    if moment == "between the lines":
        return a_studio(tmp_path, report=dies)
    model = speech_book(settings_from_environment()).voices[V3]
    return a_studio(tmp_path, engines=Registry(more={V3: DiesWhenItHasSpoken(model)}))


@pytest.mark.parametrize(("moment", "asked"), (("between the lines", 1), ("behind the last line", 2)))
def test_after_a_crash_nothing_is_paid_again_and_booked_once(
    eleven: ElevenLabsServer, tmp_path: Path, moment: str, asked: int
) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, [{"text": HELLO}, {"text": BYE}], BYE, seconds=5)
    with pytest.raises(KeyboardInterrupt):
        voiced(_dying_studio(tmp_path, eleven, moment))
    assert len(eleven.spoken) == asked

    record = voiced(workplace)

    assert texts(eleven) == [HELLO, BYE], "nothing is asked again"
    cost_usd = len(HELLO + BYE) * USD
    assert workplace.ledger.spent("ad").settled_usd == pytest.approx(cost_usd, abs=2e-4)
    assert workplace.ledger.spent("ad").reserved_usd == 0
    assert record.cost_settled_usd == pytest.approx(cost_usd, abs=2e-4)


def test_silence_is_booked_and_not_kept(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, HELLO, BYE)
    eleven.behave([SILENT])

    record = voiced(workplace)

    assert record.degraded is None and record.attempts == 2
    assert workplace.ledger.spent("ad").settled_usd == pytest.approx(2 * len(HELLO) * USD, abs=2e-4)


def test_a_budget_is_kept_before_anything_is_sent(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, HELLO, BYE, budget_usd=0.001)
    record = voiced(workplace)
    assert eleven.spoken == []
    assert record.degraded is not None and "budget" in record.degraded.why


# --- the account's quota ---------------------------------------------------------------------------------------------


def test_a_quota_that_does_not_cover_the_ad_is_told_before_the_first_request(tmp_path: Path) -> None:
    with ElevenLabsServer(left=len(HELLO) + 5) as server:
        write_voices(eleven=server)
        workplace = a_studio(tmp_path)
        an_ad(workplace, HELLO, BYE)

        records = [voiced(workplace, number) for number in (1, 2)]

    assert server.spoken == [], "a film has one voice, so none of it is paid"
    assert all(record.engine == "animatic" and record.degraded for record in records)
    assert records[0].degraded is not None
    told = f"eleven_v3 has {len(HELLO) + 5} characters left, what this ad still has to say takes {len(HELLO + BYE)}"
    assert told in records[0].degraded.why
    assert sum(request.path == "/v1/user/subscription" for request in server.requests) == 1, "asked once a minute"


def test_lines_that_are_kept_take_nothing_of_the_quota(tmp_path: Path) -> None:
    with ElevenLabsServer(left=len(HELLO + BYE)) as server:
        write_voices(eleven=server)
        workplace = a_studio(tmp_path)
        an_ad(workplace, HELLO, BYE)
        records = [voiced(workplace, number) for number in (1, 2)]
        put_board(workplace, HELLO, BYE, more={1: {"duration_seconds": 4}, 2: {"duration_seconds": 2}})
        again = [voiced(workplace, number) for number in (1, 2)]
    assert not any(record.degraded for record in [*records, *again])
    assert texts(server) == [HELLO, BYE]


def test_a_key_that_may_not_see_the_account_speaks_all_the_same(tmp_path: Path) -> None:
    with ElevenLabsServer(may=("text_to_speech",)) as server:
        write_voices(eleven=server)
        workplace = a_studio(tmp_path)
        an_ad(workplace, HELLO, BYE)
        assert voiced(workplace).degraded is None


# --- what the brand and the storyboard say ---------------------------------------------------------------------------


def test_the_brands_own_voices_are_asked_for_by_engine(tmp_path: Path) -> None:
    kit = f"""
voice: {{ids: {{elevenlabs: {SARAH}, openai_speech/kokoro: bf_emma}}}}
voices: {{Jun: {{gender: male, ids: {{elevenlabs: {BRIAN}}}}}}}
"""
    said = [{"text": HELLO}, {"speaker": "Jun", "text": "Really?"}]
    with ElevenLabsServer() as eleven, SpeechServer() as kokoro:
        write_voices(eleven=eleven, kokoro=kokoro)
        workplace = a_studio(tmp_path, kit=kit)
        an_ad(workplace, said, BYE)
        an_ad(workplace, said, BYE, session_id="standard", quality="standard")
        record, standard = voiced(workplace), voiced(workplace, session_id="standard")

    assert record.details["voices"] == {"narrator": SARAH, "Jun": BRIAN}
    assert standard.details["voices"] == {"narrator": "bf_emma", "Jun": "am_michael"}


def test_a_voice_that_the_brief_names_speaks(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, HELLO, BYE, voice=BRIAN)
    assert voiced(workplace).details["voices"] == {"narrator": BRIAN}


def test_the_characters_settings_reach_the_request(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    write_voices(eleven=eleven, more=V2_USED)
    workplace = a_studio(tmp_path, kit="voice: {speed: 1.1}")
    an_ad(workplace, HELLO, BYE, persona="best_friend")
    voiced(workplace)
    settings = eleven.spoken[0].body["voice_settings"]
    assert settings["speed"] == pytest.approx(1.1 * 1.08, abs=0.001)
    assert settings["similarity_boost"] == 0.72
    assert settings["style"] > 0.4


def test_everybody_keeps_their_voice_through_the_ad(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    mina = {"speaker": "Mina the girl", "text": "Is it soft?"}
    workplace = a_studio(tmp_path)
    an_ad(workplace, [{"text": HELLO}, mina], [mina | {"text": "It is."}], seconds=5)
    first, second = voiced(workplace, 1), voiced(workplace, 2)
    assert len(set(first.details["voices"].values())) == 2
    assert second.details["voices"] == {"Mina the girl": first.details["voices"]["Mina the girl"]}


def test_somebody_new_in_a_later_scene_leaves_the_others_alone(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, HELLO, BYE)
    voiced(workplace)
    put_board(workplace, HELLO, [{"speaker": "Jun", "text": "Really?"}])
    assert voiced(workplace).take == 1


def test_somebody_new_in_an_earlier_scene_does_not_have_the_narrator_speak_anew(
    eleven: ElevenLabsServer, tmp_path: Path
) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, HELLO, BYE)
    before = voiced(workplace, 2)
    put_board(workplace, [{"speaker": "Jun", "text": "Is it heavy?"}, {"speaker": "narrator", "text": "No."}], BYE)

    assert voiced(workplace, 2).take == before.take


def test_a_feeling_that_nobody_knows_is_warned_of_with_those_that_are_known(
    eleven: ElevenLabsServer, tmp_path: Path
) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, [{"text": HELLO, "emotion": "grumpy"}], [{"text": BYE, "emotion": "속삭이듯"}], HELLO)
    found = [[v for v in voiced(workplace, n).verdicts if v.name == "emotions_known"] for n in (1, 2, 3)]
    assert [[(v.passed, v.measured) for v in verdicts] for verdicts in found] == [
        [(False, "grumpy")], [(True, "all known")], []
    ]  # fmt: skip
    assert "whispering" in found[0][0].limit


def test_a_name_is_sent_as_it_is_said_and_captions_have_it_as_written(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    workplace = a_studio(tmp_path, kit="pronunciation: {Xyloo: Zai loo}")
    an_ad(workplace, "Try Xyloo now.", BYE)
    record = voiced(workplace)
    assert texts(eleven) == ["Try Zai loo now."]
    assert [mark["text"] for mark in record.details["marks"]] == ["Try", "Xyloo", "now."]


def test_a_new_word_in_the_lexicon_is_asked_anew_only_where_it_is_said(
    eleven: ElevenLabsServer, tmp_path: Path
) -> None:
    an_ad(a_studio(tmp_path), HELLO, "Try Xyloo now.")
    for kit in ("", "pronunciation: {Xyloo: Zai loo}"):
        workplace = a_studio(tmp_path, kit=kit)
        takes = [voiced(workplace, number).take for number in (1, 2)]
    assert takes == [1, 2]
    assert len(eleven.spoken) == 3


# --- languages -------------------------------------------------------------------------------------------------------


def test_a_korean_ad_passes_kokoro_over_and_says_why(tmp_path: Path) -> None:
    with ElevenLabsServer() as eleven, SpeechServer() as kokoro:
        write_voices(eleven=eleven, kokoro=kokoro)
        workplace = a_studio(tmp_path)
        an_ad(workplace, "하루 종일 촉촉해요.", "지금 만나요.", language="ko", quality="standard")
        record = voiced(workplace)
        assert kokoro.requests == []
    assert record.engine == "elevenlabs" and record.degraded is None
    assert eleven.spoken[0].body["language_code"] == "ko"


def test_without_any_korean_voice_the_guide_voice_stands_in_and_says_why(tmp_path: Path) -> None:
    with SpeechServer() as kokoro:
        write_voices(kokoro=kokoro)
        workplace = a_studio(tmp_path)
        an_ad(workplace, "하루 종일 촉촉해요.", "지금 만나요.", language="ko", quality="standard", local_only=True)
        record = voiced(workplace)
        assert kokoro.spoken == []
    assert record.engine == "animatic" and record.degraded is not None
    assert "speaks en, the ad ko" in record.degraded.why


# --- into the scene --------------------------------------------------------------------------------------------------


def _pitch_hz(path: Path) -> float:
    """The strongest period of the loudest half second."""
    samples = read_sound(path, channels=1)
    size = 24000
    at = max(range(0, len(samples) - size, size // 4), key=lambda n: float(np.square(samples[n : n + size]).sum()))
    piece = samples[at : at + size].astype(np.float64)
    like = np.correlate(piece, piece, "full")[size - 1 :]
    lag = 120 + int(np.argmax(like[120:700]))
    return 48000 / lag


def test_speech_is_hurried_a_little_its_pitch_kept_and_its_words_with_it(
    eleven: ElevenLabsServer, tmp_path: Path
) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, LONG, BYE, seconds=12)
    free = voiced(workplace)
    speech_s = free.details["duration_s"]
    room_s = round((speech_s / 1.1 + 0.4) * 24) / 24
    put_board(workplace, LONG, BYE, seconds=12, more=_lengths(room_s))
    hurried = voiced(workplace)

    session = workplace.session("ad")
    speed = hurried.details["speed"]
    assert free.details["speed"] == 1.0 and 1.05 < speed <= 1.15
    assert hurried.details["duration_s"] == pytest.approx(speech_s / speed, abs=0.01)
    assert len(read_sound(session.path_of(hurried), channels=1)) / 48000 == pytest.approx(speech_s / speed, abs=0.01)
    for before, after in zip(free.details["marks"], hurried.details["marks"], strict=True):
        assert after["start_s"] == pytest.approx(before["start_s"] / speed, abs=0.005)
    assert _pitch_hz(session.path_of(hurried)) == pytest.approx(_pitch_hz(session.path_of(free)), rel=0.06)
    assert len(eleven.spoken) == 1


def test_then_the_air_goes_and_then_the_scene_is_named_with_what_it_lacks(
    eleven: ElevenLabsServer, tmp_path: Path
) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, LONG, BYE, seconds=12)
    speech_s = voiced(workplace).details["duration_s"]

    def with_room(room_s: float) -> None:
        room_s = round(room_s * 24) / 24
        put_board(workplace, LONG, BYE, seconds=12, more=_lengths(room_s))

    with_room(speech_s / 1.15 + 0.2)
    tight = voiced(workplace)
    assert tight.details["speed"] == 1.15 and 0.05 <= tight.details["start_s"] < 0.2

    with_room(speech_s / 1.15 - 0.9)
    with pytest.raises(DoesNotFit, match=r"scene_001: the voice is 1\.\d s too long for its scene of") as caught:
        make_voice(workplace, "ad", "scene_001")
    assert "scene_001" in caught.value.message.said_in("ko")
    with_room(speech_s + 0.5)
    assert voiced(workplace).degraded is None
    assert len(eleven.spoken) == 1, "none of it is paid again"
    assert workplace.ledger.spent("ad").settled_usd == pytest.approx(len(LONG) * USD, abs=1e-4)


def _lengths(first_s: float) -> dict[int, dict[str, float]]:
    return {1: {"duration_seconds": first_s}, 2: {"duration_seconds": 24 - first_s}}


def test_too_long_for_its_scene_falls_to_no_worse_engine(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, LONG, BYE)
    with pytest.raises(DoesNotFit):
        voiced(workplace)
    put_board(workplace, LONG, BYE, seconds=3, more={1: {"duration_seconds": 4.5}, 2: {"duration_seconds": 1.5}})
    with pytest.raises(DoesNotFit):
        voiced(workplace)
    assert workplace.session("ad").takes(voice_key("scene_001")) == ()
    assert len(eleven.spoken) == 1


def test_people_who_talk_take_turns(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    names = ("Mother", "Jun's father", "narrator")
    workplace = a_studio(tmp_path)
    an_ad(workplace, [{"speaker": name, "text": "It is so soft."} for name in names], BYE, seconds=7)
    record = voiced(workplace)
    marks = record.details["marks"]
    assert len(set(record.details["voices"].values())) == 3
    assert record.details["voices"]["Jun's father"] in (BRIAN,)
    assert all(a["end_s"] <= b["start_s"] + 1e-6 for a, b in itertools.pairwise(marks))
    assert list(dict.fromkeys(mark["speaker"] for mark in marks)) == list(names)
