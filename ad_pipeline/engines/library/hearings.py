"""Pieces that were heard before, kept by what the file holds, so that no file is heard twice."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from ad_pipeline.media.music_piece import PIECE_VERSION, Piece, piece_of
from ad_pipeline.sessions.files import write_whole


def heard_piece(path: Path, *, sha256: str, told_bpm: float | None, kept_in: Path) -> Piece:
    """The piece, from `kept_in` when it was heard before; a folder that cannot be written costs only time.

    Raises:
        MediaError: no readable sound.
    """
    kept = kept_in / f"{sha256}-{PIECE_VERSION}-{told_bpm or 0:g}.json"
    try:
        return Piece.of_dict(json.loads(kept.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        piece = piece_of(path, told_bpm=told_bpm)
    with contextlib.suppress(OSError):
        kept_in.mkdir(parents=True, exist_ok=True)
        write_whole(kept, json.dumps(piece.to_dict()), durable=False)
    return piece
