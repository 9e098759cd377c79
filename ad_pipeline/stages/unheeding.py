"""Loaded first by the process that workers are forked from: SIGTERM is the driver's to answer, by what it tells them.

A `kill` of the whole group would else end workers in the middle of their work, and nobody would call it a stop.
Handled, not ignored: programs that workers start would inherit that. (SIGINT is ignored by the fork server itself.)
"""

import signal


def _unheeded(*_: object) -> None:
    return None


signal.signal(signal.SIGTERM, _unheeded)
