"""More lines for one scene than an ad needs: for whoever wants other words, or several to compare."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources

from ad_pipeline.engines.animatic.writing.pen import Pen, pen_for
from ad_pipeline.engines.animatic.writing.wording import is_clean
from ad_pipeline.engines.crafts.story import StoryRequest
from ad_pipeline.story.brief import StoryLanguage
from ad_pipeline.story.speaking import needed_seconds
from ad_pipeline.story.storyboard import Purpose
from ad_pipeline.story.tones import tones_of

_TONES = ("warm", "professional", "casual", "enthusiastic", "funny")


def other_lines(
    request: StoryRequest, purpose: Purpose, *, longest_s: float, used: Iterable[str] = ()
) -> Iterator[tuple[str, str]]:
    """(narration, written) pairs that fit `longest_s`, none twice and none of `used`.

    In the brief's tone first, then in the others. `written` is empty where every phrase is used.
    """
    given = set(used)
    wished = tones_of(request.brief.tone) if request.brief.tone else tones_of(request.kit.tone)
    for tone in dict.fromkeys(["_".join(wished), *wished, *_TONES]):
        pen = pen_for(request.brief.model_copy(update={"tone": tone}), request.kit, request.seed)
        pen.used |= given
        for text in _texts(pen, purpose, tones_of(tone)):
            if text in given or needed_seconds(text, pen.language, request.kit.voice.speed) > longest_s:
                continue
            given.add(text)
            written = pen.screen(purpose, text)
            given.add(written)
            pen.used |= {text, written}
            yield text, written


def _texts(pen: Pen, purpose: Purpose, tones: Sequence[str]) -> Iterator[str]:
    if purpose == "cta":
        calls = _calls()[pen.language]
        yield from (text for tone in tones for text in calls.get(tone, ()) if is_clean(text, pen.avoided))
    for draft in pen.offers(purpose):
        pen.take(draft)
        yield draft.text


@functools.cache
def _calls() -> Mapping[StoryLanguage, Mapping[str, Sequence[str]]]:
    text = (resources.files("ad_pipeline.engines.animatic.writing") / "calls.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)  # type: ignore[return-value]  # the file's own keys
