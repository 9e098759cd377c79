"""How loud sound is to the ear: the K weighting of ITU-R BS.1770."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ad_pipeline.media.time import AUDIO_RATE_HZ

OFFSET_LUFS = -0.691
"""What BS.1770 adds to 10 log10 of the weighted power, summed over the channels."""

_TAIL = AUDIO_RATE_HZ // 10
"""The filters' answer to a click is 200 dB down by then."""


def k_weighted(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """48 kHz samples (n, channels) as the ear weighs them."""
    return np.concatenate(list(k_weighted_blocks([samples])))


def k_weighted_blocks(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Each block of one sound, weighted; what a block leaves ringing goes on in the next.

    The weighting is applied to the spectrum, since numpy has no recursive filter; loudness made
    from it agrees with ffmpeg's meter to 0.1 LU.
    """
    ringing: NDArray[np.float32] | None = None
    for block in blocks:
        size = _quick_size(len(block) + _TAIL)
        spectrum = np.fft.rfft(block, size, axis=0)
        spectrum *= _response(size)[:, None]
        heard = np.asarray(np.fft.irfft(spectrum, size, axis=0)[: len(block) + _TAIL], np.float32)
        if ringing is not None:
            heard[:_TAIL] += ringing
        ringing = heard[len(block) :].copy()
        yield heard[: len(block)]


@functools.lru_cache(maxsize=4)
def _response(size: int) -> NDArray[np.complex64]:
    """The two filters of BS.1770 at 48 kHz as one frequency response."""
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(size))
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high_pass = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    return np.asarray(shelf * high_pass, np.complex64)


def _quick_size(length: int) -> int:
    """The next length whose only factors are 2, 3 and 5: the transform is slow on others."""
    best = 1 << (length - 1).bit_length()
    for fives in (1, 5, 25, 125):
        for threes in (1, 3, 9, 27):
            odd = fives * threes
            best = min(best, odd << max(0, (-(-length // odd) - 1).bit_length()))
    return best
