"""Loaded first where much is loaded: the garbage collector rests meanwhile.

Modules leave no garbage, and walking them again and again took 0.2 s of 2.1. Whoever loads this calls
`gc.enable()` when done.
"""

import gc

gc.disable()
