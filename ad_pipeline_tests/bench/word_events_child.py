"""A process that speaks whole clauses and tells when each word of them begins, by espeak-ng's own word events.

In: one JSON object on stdin. Out: one JSON line, then the samples (16-bit mono). The library is GPL and keeps
global state, so it runs in a child of its own.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import Any

import espeakng_loader

_SYNCHRONOUS, _DO_NOT_EXIT, _UTF8, _POSITION_CHARACTER = 2, 0x8000, 1, 1
_RATE, _PITCH = 1, 3
_END, _WORD = 0, 1


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    ]


_ON_SOUND = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def main() -> int:
    request = json.load(sys.stdin)
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = os.fsencode(espeakng_loader.get_data_path())
    rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, data, _DO_NOT_EXIT)
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    heard = bytearray()
    events: list[tuple[int, int]] = []

    def on_sound(samples: Any, count: int, found: Any) -> int:
        if samples and count > 0:
            heard.extend(ctypes.string_at(samples, count * 2))
        at = 0
        while found[at].type != _END:
            if found[at].type == _WORD:
                events.append((found[at].text_position - 1, found[at].sample))
            at += 1
        return 0

    callback = _ON_SOUND(on_sound)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(request["voice"].encode()) != 0:
        return 1
    library.espeak_SetParameter(_RATE, request["rate"], 0)
    library.espeak_SetParameter(_PITCH, request["pitch"], 0)
    answers: list[dict[str, object]] = []
    whole = bytearray()
    for text in request["texts"]:
        raw = text.encode() + b"\0"
        library.espeak_Synth(raw, ctypes.c_size_t(len(raw)), 0, _POSITION_CHARACTER, 0, _UTF8, None, None)
        library.espeak_Synchronize()
        answers.append({"length": len(heard) // 2, "words": list(events)})
        whole += heard
        heard.clear()
        events.clear()
    library.espeak_Terminate()
    sys.stdout.buffer.write(json.dumps({"rate_hz": rate_hz, "texts": answers}).encode() + b"\n" + bytes(whole))
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
