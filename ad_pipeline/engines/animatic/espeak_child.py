"""The process that speaks: espeak-ng behind a pipe.

The library is GPL, keeps global state and exits the process when its data is missing, so it lives
here alone. In: one JSON object on stdin. Out: one JSON line, then the samples (16-bit mono).
Imports nothing of ours and nothing but the standard library and espeakng_loader.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import espeakng_loader

_SYNCHRONOUS = 2
_DO_NOT_EXIT = 0x8000
_POSITION_CHARACTER = 1
_UTF8 = 1
_RATE, _PITCH, _RANGE, _WORD_GAP = 1, 3, 4, 7
_PARENT_DEATH_SIGNAL = 1
_SEED = 1

# A data path of 203 characters failed where 140 worked; the library keeps it in a fixed buffer.
LONGEST_DATA_PATH = 130

_ON_SOUND = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def main() -> int:
    """Answer one request; the exit status is 0 when speech follows the JSON line."""
    request = json.load(sys.stdin)
    _die_with(int(request["parent_pid"]))
    data_path = Path(espeakng_loader.get_data_path())
    with tempfile.TemporaryDirectory(prefix="espeak-") as short:
        if len(str(data_path)) > int(request.get("longest_data_path", LONGEST_DATA_PATH)):
            data_path = Path(shutil.copytree(data_path, Path(short) / "espeak-ng-data"))
        try:
            rate_hz, spoken = _speak(request, data_path)
        except OSError as error:
            return _answer({"error": str(error)})
    lengths = [len(samples) // 2 for samples in spoken]
    return _answer({"rate_hz": rate_hz, "lengths": lengths}, b"".join(spoken))


def _speak(request: dict[str, Any], data_path: Path) -> tuple[int, list[bytes]]:
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(data_path), _DO_NOT_EXIT)
    if rate_hz <= 0:
        raise OSError(f"espeak_Initialize gave {rate_hz}")
    # Aspiration and flutter are seeded from the clock: without this, every second speaks other bytes.
    library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
    heard = bytearray()

    def on_sound(samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            heard.extend(ctypes.string_at(samples, count * 2))
        return 0

    callback = _ON_SOUND(on_sound)
    library.espeak_SetSynthCallback(callback)
    spoken: list[bytes] = []
    for piece in request["texts"]:
        # A piece is a text, or an object with a text and settings of its own.
        asked = {**request, **(piece if isinstance(piece, dict) else {"text": piece})}
        _set(library, asked)
        raw = str(asked["text"]).encode() + b"\0"
        size = ctypes.c_size_t(len(raw))
        library.espeak_Synth(raw, size, 0, _POSITION_CHARACTER, 0, _UTF8, None, None)
        library.espeak_Synchronize()
        spoken.append(bytes(heard))
        heard.clear()
    library.espeak_Terminate()
    return rate_hz, spoken


def _set(library: Any, asked: dict[str, Any]) -> None:
    """Voice, pace and pitch of the next text; they stay in force until they are set again."""
    if library.espeak_SetVoiceByName(str(asked["voice"]).encode()) != 0:
        raise OSError(f"espeak-ng has no voice {asked['voice']!r}")
    for parameter, name in ((_RATE, "rate"), (_PITCH, "pitch"), (_RANGE, "range"), (_WORD_GAP, "word_gap")):
        library.espeak_SetParameter(parameter, int(asked[name]), 0)


def _answer(head: dict[str, Any], samples: bytes = b"") -> int:
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + samples)
    sys.stdout.buffer.flush()
    return 1 if "error" in head else 0


def _die_with(parent_pid: int) -> None:
    """Linux: be killed when the parent is, so that a killed worker leaves nothing behind."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent_pid:
        sys.exit(1)


if __name__ == "__main__":
    sys.exit(main())
