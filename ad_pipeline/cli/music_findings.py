"""What `doctor` says of the user's own music."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ad_pipeline.engines.library.catalogue import library_in
from ad_pipeline.engines.library.choosing import usable_in_paid_ads
from ad_pipeline.errors import InputRejected
from ad_pipeline.messages import say, user_language

_MOST_FAULTS = 8


def said_of_music(folder: Path) -> tuple[bool, str]:
    """Whether a paid ad finds music there, and one line: how many tracks, and every file or line that is wrong."""
    try:
        library = library_in(folder)
    except InputRejected as error:
        return False, error.message.said_in(user_language())
    usable = sum(usable_in_paid_ads(track, date.today()) for track in library.tracks)
    told = [say("{count} tracks, {usable} of them for paid ads", count=len(library.tracks), usable=usable)]
    told += [fault.said_in(user_language()) for fault in library.faults[:_MOST_FAULTS]]
    if len(library.faults) > _MOST_FAULTS:
        told.append(say("and {count} more", count=len(library.faults) - _MOST_FAULTS))
    return usable > 0, "; ".join(told)
