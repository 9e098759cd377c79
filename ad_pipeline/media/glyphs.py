"""Which characters a font file can draw: its `cmap` table, read directly.

Pillow draws a box for a missing glyph and does not say so.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

_WHOLE_UNICODE = ((3, 10), (0, 6), (0, 4), (3, 1), (0, 3), (0, 2), (0, 1), (0, 0))
"""(platform, encoding) of the tables that map Unicode, the widest first."""


def characters_of(font: Path) -> frozenset[int]:
    """The code points that the (first) face of `font` has a glyph for; raises ValueError when unreadable."""
    try:
        return frozenset(_code_points(_cmap_of(font.read_bytes())))
    except (struct.error, IndexError) as error:
        raise ValueError(f"damaged tables: {error}") from error


def _cmap_of(body: bytes) -> bytes:
    start = struct.unpack_from(">L", body, 12)[0] if body[:4] == b"ttcf" else 0
    count = struct.unpack_from(">H", body, start + 4)[0]
    for i in range(min(count, 256)):
        tag, _, offset, length = struct.unpack_from(">4s3L", body, start + 12 + 16 * i)
        if tag == b"cmap":
            return body[offset : offset + length]
    raise ValueError("no cmap table")


def _code_points(cmap: bytes) -> Iterator[int]:
    count = struct.unpack_from(">H", cmap, 2)[0]
    tables = {
        (platform, encoding): offset
        for platform, encoding, offset in (struct.unpack_from(">HHL", cmap, 4 + 8 * i) for i in range(count))
    }
    for key in _WHOLE_UNICODE:
        if key in tables:
            table = cmap[tables[key] :]
            form = struct.unpack_from(">H", table, 0)[0]
            if form == 12:
                return _format_12(table)
            if form == 4:
                return _format_4(table)
    raise ValueError("no Unicode map of a known form")


def _format_12(table: bytes) -> Iterator[int]:
    for i in range(struct.unpack_from(">L", table, 12)[0]):
        first, last, glyph = struct.unpack_from(">3L", table, 16 + 12 * i)
        if last > 0x10FFFF or last < first:
            raise ValueError("a range that is none")
        yield from range(first + (glyph == 0), last + 1)


def _format_4(table: bytes) -> Iterator[int]:
    segments = struct.unpack_from(">H", table, 6)[0] // 2
    ends = struct.unpack_from(f">{segments}H", table, 14)
    starts_at = 16 + 2 * segments
    starts = struct.unpack_from(f">{segments}H", table, starts_at)
    deltas = struct.unpack_from(f">{segments}H", table, starts_at + 2 * segments)
    offsets_at = starts_at + 4 * segments
    offsets = struct.unpack_from(f">{segments}H", table, offsets_at)
    for i in range(segments):
        for code in range(starts[i], min(ends[i], 0xFFFE) + 1):
            glyph = code
            if offsets[i]:
                glyph = struct.unpack_from(">H", table, offsets_at + 2 * i + offsets[i] + 2 * (code - starts[i]))[0]
                if not glyph:
                    continue
            if (glyph + deltas[i]) & 0xFFFF:
                yield code
