"""One small contract per craft, so that a session may mix vendors.

An engine gets values and target paths; it never sees a session, a partition key or Dagster.
What a vendor can do, costs and forbids is data (`EngineFacts`), never an `if` on its name.
"""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from ad_pipeline.errors import Cancelled
from ad_pipeline.messages import Message
from ad_pipeline.story.brand_kit import BrandKit
from ad_pipeline.story.brief import Brief
from ad_pipeline.story.storyboard import Line, Purpose, Storyboard
from ad_pipeline.values import Box, Size

Craft = Literal["story", "language", "image", "motion", "voice", "lipsync", "sound"]
PaidAds = Literal["yes", "no", "limited"]


@dataclass(frozen=True, kw_only=True)
class Licence:
    """Under what terms an engine's output may be used."""

    name: str
    paid_ads: PaidAds
    source: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """What an engine is and can do, as data; routing and stages read this."""

    name: str
    model: str
    version: str
    crafts: frozenset[Craft]
    licence: Licence
    local: bool
    """True when nothing leaves this machine or the user's own network."""
    languages: frozenset[str] = frozenset()
    """Languages a voice or story engine handles; empty for any."""
    supports_seed: bool = True
    supports_layers: bool = False
    supports_timestamps: bool = False
    max_duration_s: float | None = None
    needs: tuple[str, ...] = ()
    """What must be configured first, for `doctor`: e.g. environment names."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a request will likely cost, before it is made."""

    cost_usd: float = 0.0
    seconds: float = 0.0
    gpu_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Glimpse:
    """What unfinished work looks like so far: a small picture that decodes."""

    suffix: Literal[".jpg", ".png"]
    picture: bytes


@dataclass(frozen=True, kw_only=True)
class Written:
    """One scene of a storyboard that is being written, as far as a role has decided it."""

    role: str
    scene: int
    """1 for scene_001."""
    decided: Mapping[str, str]
    """Field -> value: `purpose`, `seconds` and `idea` of a plan, `narration` and `onscreen_text`, `shot`."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far one job is; `fraction` is 0..1. `waits`: nothing is done now, and `note` says what for."""

    fraction: float
    note: str = ""
    waits: bool = False
    glimpse: Glimpse | None = None
    """Only when it is another than before."""
    written: Written | None = None
    """A scene's words, the moment they are decided."""


def _silent(_: Progress) -> None:
    return None


def _never() -> bool:
    return False


def _unpaid(_: float) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Job:
    """One piece of work in an engine's hands.

    `job_id` is a UUID derived from the artifact's fingerprint and attempt: the same work asks
    under the same id after a crash, so that an engine with a server takes up the job it finds.
    """

    job_id: str
    work: str = ""
    """The same for every attempt at one artifact: another attempt may go elsewhere."""
    group: str = ""
    """What is waited for together: the session."""
    urgent: bool = False
    is_last: bool = True
    """No other attempt follows where this one fails."""
    shelf: Path | None = None
    """A folder for what is finished of the work, kept from attempt to attempt until all of it is.

    For each thing there a JSON file says what it cost (`cost_usd`), and under which job's id (`account`).
    """
    report: Callable[[Progress], None] = _silent
    should_stop: Callable[[], bool] = _never
    paid: Callable[[float], None] = _unpaid
    """Told what a service took, in USD, when it has taken it: also where the attempt then fails."""
    hold: Callable[[str], AbstractContextManager[object]] = contextlib.nullcontext
    """Entered with a node's name for as long as the job has it: whoever watches the cards sees it in use."""

    def pause(self, seconds: float) -> None:
        """Wait; leave by `Cancelled` as soon as the work is stopped."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            if self.should_stop():
                raise Cancelled("the work was stopped")
            time.sleep(0.05)

    def checkpoint(self, fraction: float, note: str = "") -> None:
        """Report progress; leave by `Cancelled` when the work was stopped."""
        if self.should_stop():
            raise Cancelled("the work was stopped")
        self.report(Progress(fraction=fraction, note=note))


@dataclass(frozen=True, kw_only=True)
class Lesser:
    """What made it in place of the engine's own model, and why: weaker, so what it made is degraded."""

    model_id: str
    licence: Licence
    why: Message


@dataclass(frozen=True, kw_only=True)
class Done:
    """What every engine says of its finished work."""

    model: str
    seed: int | None = None
    seconds_waited: float = 0.0
    gpu_seconds: float = 0.0
    cost_usd: float = 0.0
    node: str = ""
    attempts: int = 1
    lesser: Lesser | None = None
    licence: Licence | None = None
    """Where it is not the engine's own: the narrowest of those who took part."""
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """JSON values for the record: e.g. which words of the prompt were honoured."""


class Engine(ABC):
    """A part that does one or more crafts."""

    facts: EngineFacts

    def missing(self) -> Message | None:
        """What keeps this engine from working here, as a sentence with its fix; None when ready."""
        return None

    def announce_later(self, job: Job, *, seconds: float) -> AbstractContextManager[object]:
        """While this lasts, whoever gives out turns knows that work of this kind will come, about `seconds` of film.

        For work that has no name yet, as what it is made from is not there: `job` is no job that is asked for.
        """
        return contextlib.nullcontext()


# --- story --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class StoryRequest:
    """A brief and its brand; the storyboard must last the brief's length, frame exact."""

    brief: Brief
    kit: BrandKit
    seed: int
    scenes: tuple[tuple[Purpose, float], ...] = ()
    """Scenes that are decided already, with about how long each is in seconds; empty: the writer's choice."""


class StoryEngine(Engine):
    """Turns a brief into a storyboard."""

    @abstractmethod
    def write_storyboard(self, request: StoryRequest, job: Job) -> tuple[Storyboard, Done]:
        """Write the scenes.

        Raises:
            EngineUnavailable: a passing fault.
            EngineRefused: this brief will never work on this engine.
        """

    def estimate_story(self, request: StoryRequest) -> Estimate:
        return Estimate()


# --- language -----------------------------------------------------------------------------------

Answer = TypeVar("Answer", bound=BaseModel)


def _no_complaints(_: Any) -> Sequence[str]:
    return ()


def _unheard(_: Mapping[str, Any]) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Question(Generic[Answer]):
    """What one role of the writers' room is asked; the answer is a value of the type `answer`."""

    role: str
    instructions: str
    """Who the model is and what it shall do."""
    text: str
    """What it is given to work on. What comes from outside stands in it as quoted data."""
    answer: type[Answer]
    complaints: Callable[[Answer], Sequence[str]] = _no_complaints
    """What is wrong with an answer, one English sentence each, for the model to mend; empty when it will do."""
    heard: Callable[[Mapping[str, Any]], None] = _unheard
    """Told the answer so far while it is written, as far as its JSON can be read; called from one thread only."""
    most_tokens: int = 2000
    temperature: float = 0.7
    seed: int = 7
    timeout_s: float = 180.0
    """For the whole question, its repairs included."""


@dataclass(frozen=True, kw_only=True)
class Answered(Done, Generic[Answer]):
    """The answer, and what it took; `complaints` are those that stood after the last repair."""

    answer: Answer
    input_tokens: int = 0
    output_tokens: int = 0
    repairs: int = 0
    complaints: tuple[str, ...] = ()


class LanguageEngine(Engine):
    """Answers a question with a typed value."""

    def estimate_question(self, question: Question[Any]) -> Estimate:
        """What one answer costs at most; a repair costs as much again."""
        return Estimate()

    def prepare(self) -> None:
        """Load what the first question needs; may run in another thread while somebody else is asked."""
        return

    @abstractmethod
    def ask(self, question: Question[Answer], job: Job) -> Answered[Answer]:
        """The model's answer, mended by it at most twice where it is no such value or has complaints.

        An answer of the right type that still has complaints is returned with them; `cost_usd` is what its tokens cost.

        Raises:
            EngineUnavailable: no server, no answer in time, too many requests: a passing fault.
            EngineRefused: the model is not there, the key is wrong, it refuses, or what it says is no such value.
            Cancelled: the work was stopped.
        """


# --- image --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Look:
    """The brand and product as every picture of one ad shares them."""

    kit: BrandKit
    product: str
    product_image: Path | None = None
    language: Literal["ko", "en"] = "ko"


@dataclass(frozen=True, kw_only=True)
class ImageRequest:
    """One picture. `calm_boxes` are where text will lie: keep the picture quiet there."""

    prompt: str
    negative_prompt: str = ""
    size: Size
    seed: int
    purpose: str = "story"
    camera: str = ""
    look: Look
    brand_elements: tuple[str, ...] = ()
    safe_box: Box
    calm_boxes: tuple[Box, ...] = ()
    edits: Path | None = None
    """A picture to change as `prompt` says, instead of making one."""
    mark_boxes: tuple[Box, ...] = ()
    """Corners where a small mark lies: a product keeps clear of them, a surface or a figure need not."""
    motion_style: str = "gentle drift"
    controlnet_mode: str | None = None
    claims: tuple[str, ...] = ()
    """Sourced claims that the picture may show; a badge or number needs one."""
    steps: int | None = None
    cfg: float | None = None


@dataclass(frozen=True, kw_only=True)
class ImageDone(Done):
    """`layers_dir` holds what the picture was composed of, for engines that keep layers."""

    layers_dir: Path | None = None


class ImageEngine(Engine):
    """Turns a prompt into one still picture."""

    @abstractmethod
    def render_image(self, request: ImageRequest, target: Path, layers_dir: Path, job: Job) -> ImageDone:
        """Write one PNG of exactly `request.size` (8-bit RGB, no text) to `target`.

        An engine that composes layers may write them into `layers_dir` (made by it).

        Raises:
            EngineUnavailable: a passing fault; nothing was written.
            EngineRefused: this request will never work; nothing was written.
        """

    def announce_image(self, request: ImageRequest, job: Job) -> AbstractContextManager[object]:
        """While this lasts, whoever gives out turns knows that this work will be asked for as `job`. Never raises."""
        return contextlib.nullcontext()

    def estimate_image(self, request: ImageRequest) -> Estimate:
        return Estimate()


# --- motion -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class MotionRequest:
    """A clip of exactly `frames` at 24 fps: the scene's frames plus its transitions' handles."""

    image: Path
    layers_dir: Path | None = None
    size: Size
    frames: int
    motion_style: str
    motion_prompt: str = ""
    prompt: str = ""
    negative_prompt: str = ""
    camera: str = ""
    seed: int
    motion_bucket: int | None = None
    model_frames: int | None = None
    """How many frames a model generates before interpolation; its own choice when None."""
    steps: int | None = None
    cfg: float | None = None


class MotionEngine(Engine):
    """Moves a still picture."""

    @abstractmethod
    def render_motion(self, request: MotionRequest, target: Path, job: Job) -> Done:
        """Write one mp4 (H.264, yuv420p BT.709, 24 fps constant, no sound) to `target`.

        Raises:
            EngineUnavailable: a passing fault; nothing was written.
            EngineRefused: this request will never work; nothing was written.
        """

    def announce_motion(self, request: MotionRequest, job: Job) -> AbstractContextManager[object]:
        """While this lasts, whoever gives out turns knows that this work will be asked for as `job`. Never raises."""
        return contextlib.nullcontext()

    def estimate_motion(self, request: MotionRequest) -> Estimate:
        return Estimate()


# --- voice --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class VoiceRequest:
    """What one scene says; `longest_s` is the room it has."""

    lines: tuple[Line, ...]
    language: Literal["ko", "en"]
    longest_s: float
    speed: float = 1.0
    gender: str = "female"
    voice_id: str = ""
    tone: str = ""
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Mark:
    """When a piece of text is heard: seconds from the start of the file."""

    text: str
    start_s: float
    end_s: float
    speaker: str = "narrator"


@dataclass(frozen=True, kw_only=True)
class VoiceDone(Done):
    """`marks` in order of time, one per clause or word; `duration_s` of the whole file."""

    marks: tuple[Mark, ...]
    duration_s: float


class VoiceEngine(Engine):
    """Speaks a scene's lines."""

    @abstractmethod
    def speak(self, request: VoiceRequest, target: Path, job: Job) -> VoiceDone:
        """Write one WAV (48 kHz, mono, 16-bit or float) to `target`.

        Raises:
            EngineUnavailable: a passing fault; nothing was written.
            EngineRefused: this request will never work, or does not fit `longest_s`; nothing was written.
        """

    def estimate_voice(self, request: VoiceRequest) -> Estimate:
        return Estimate()


# --- lipsync ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class LipsyncRequest:
    """A clip whose speaker's mouth shall follow the voice; `voice_start_s` is where it begins in the clip."""

    clip: Path
    voice: Path
    voice_start_s: float
    frames: int
    seed: int


class LipsyncEngine(Engine):
    """Makes a mouth follow a voice."""

    @abstractmethod
    def sync_lips(self, request: LipsyncRequest, target: Path, job: Job) -> Done:
        """Write the clip with the same frames, rate and size to `target`.

        Raises:
            EngineUnavailable: a passing fault; nothing was written.
            EngineRefused: no face, or this request will never work; nothing was written.
        """

    def announce_lipsync(self, request: LipsyncRequest, job: Job) -> AbstractContextManager[object]:
        """While this lasts, whoever gives out turns knows that this work will be asked for as `job`. Never raises."""
        return contextlib.nullcontext()

    def estimate_lipsync(self, request: LipsyncRequest) -> Estimate:
        return Estimate()


# --- sound --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class SfxRequest:
    """Effects for one clip; times are seconds from the start of the scene on the timeline."""

    clip: Path
    duration_s: float
    prompt: str = ""
    purpose: str = "story"
    motion_style: str = "gentle drift"
    transition_in: str = "cut"
    opens: bool = False
    closes: bool = False
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class MusicRequest:
    """A bed for the whole ad: where scenes start, where the story turns, how long it lasts."""

    mood: str
    duration_s: float
    scene_starts_s: tuple[float, ...]
    rise_at_s: float
    """When the solution comes."""
    ending_at_s: float
    """When the call to action comes."""
    seed: int = 0


class SoundEngine(Engine):
    """Makes effects and music."""

    @abstractmethod
    def render_sfx(self, request: SfxRequest, target: Path, job: Job) -> Done:
        """Write one WAV (48 kHz stereo, float) of `duration_s` to `target`.

        Raises:
            EngineUnavailable: a passing fault; nothing was written.
            EngineRefused: this request will never work; nothing was written.
        """

    @abstractmethod
    def render_music(self, request: MusicRequest, target: Path, job: Job) -> Done:
        """Write one WAV (48 kHz stereo, float) of `duration_s` to `target`; same errors."""

    def announce_sfx(self, request: SfxRequest, job: Job) -> AbstractContextManager[object]:
        """While this lasts, whoever gives out turns knows that this work will be asked for as `job`. Never raises."""
        return contextlib.nullcontext()

    def estimate_sound(self, request: SfxRequest | MusicRequest) -> Estimate:
        return Estimate()
