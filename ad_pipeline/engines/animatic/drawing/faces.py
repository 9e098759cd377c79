"""Faces in line and cut paper: an eye, a profile, lips; in brand colours."""

from __future__ import annotations

import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import Linear, mix, toward_luminance
from ad_pipeline.engines.animatic.drawing.shapes import Points, spline
from ad_pipeline.engines.animatic.drawing.sheet import WHITE, Sheet, blob, ellipse, inks
from ad_pipeline.engines.animatic.drawing.stage import Tones


def eye(sheet: Sheet, tones: Tones, rng: np.random.Generator) -> None:
    """A closed eye with lashes and brow over a soft disc."""
    line, large, small = inks(tones)
    sheet.fill(blob(rng, -0.02, 0.06, 0.80), large, strength=0.85)
    sheet.fill(blob(rng, 0.42, 0.46, 0.26), small, strength=0.45, soft=0.09)
    _eye_lines(sheet, line)


def painted_eye(sheet: Sheet, tones: Tones, rng: np.random.Generator) -> None:
    """The same eye in colour: two shades swept over its lid and out past its corner."""
    line, large, small = inks(tones)
    sheet.fill(blob(rng, -0.02, 0.06, 0.84), large, strength=0.55)
    strong = toward_luminance(tones.primary, 0.16) if not tones.dark else toward_luminance(tones.primary, 0.10)
    outer = np.array(
        [(-0.70, -0.02), (-0.42, -0.30), (0.0, -0.40), (0.44, -0.34), (0.86, -0.40), (0.80, -0.10), (0.62, 0.02),
         (0.36, 0.14), (0.0, 0.22), (-0.38, 0.16)], np.float32)  # fmt: skip
    inner = np.array(
        [(-0.60, 0.0), (-0.34, -0.17), (0.0, -0.23), (0.36, -0.16), (0.66, -0.16), (0.62, 0.0), (0.36, 0.14),
         (0.0, 0.22), (-0.38, 0.16)], np.float32)  # fmt: skip
    sheet.fill(spline(outer, closed=True), mix(small, WHITE, 0.15), strength=0.80, soft=0.055)
    sheet.fill(spline(inner, closed=True), strong, strength=0.85, soft=0.035)
    for x, y, size in ((-0.20, -0.06, 0.022), (0.02, -0.02, 0.030), (0.18, -0.08, 0.018), (0.34, -0.01, 0.024)):
        sheet.fill(ellipse(x, y, size, size), WHITE, strength=0.85, soft=0.006)
    _eye_lines(sheet, line, crease=False)


def _eye_lines(sheet: Sheet, line: Linear, *, crease: bool = True) -> None:
    sheet.stroke(
        np.array([(-0.66, -0.36), (-0.34, -0.56), (0.06, -0.56), (0.44, -0.42), (0.64, -0.26)]),
        line,
        width=0.085,
        taper=0.8,
    )
    if crease:
        sheet.stroke(
            np.array([(-0.60, -0.06), (-0.34, -0.19), (0.0, -0.22), (0.34, -0.12), (0.54, 0.02)]), line, width=0.022
        )
    lid = np.array([(-0.66, 0.02), (-0.38, 0.17), (0.0, 0.23), (0.38, 0.15), (0.62, -0.02)], np.float32)
    sheet.stroke(lid, line, width=0.042, taper=0.4)
    curve = spline(lid, steps=18)
    for i in range(15):
        at = curve[int((i + 0.6) / 15.4 * (len(curve) - 1))]
        lean = (i / 14 - 0.42) * 0.95
        length = 0.15 + 0.07 * float(np.sin(np.pi * i / 14)) + 0.03 * i / 14
        tip = at + np.array([np.sin(lean) * length * 1.15, np.cos(lean) * length])
        middle = (at + tip) / 2 + np.array([lean * -0.02, 0.025])
        sheet.stroke(np.stack([at + np.array([0, -0.012]), middle, tip]), line, width=0.026, taper=0.75)


def profile(sheet: Sheet, tones: Tones, rng: np.random.Generator) -> None:
    """A woman's profile in one line, eye closed, over two paper shapes."""
    line, large, small = inks(tones)
    sheet.fill(blob(rng, 0.10, -0.06, 0.78), large, strength=0.9)
    sheet.fill(blob(rng, 0.36, -0.52, 0.36), small, strength=0.55)
    _face(sheet, line)
    _pinned_hair(sheet, line)


def cheek(sheet: Sheet, tones: Tones, rng: np.random.Generator) -> None:
    """The profile with a flush on its cheek and petals about to touch it."""
    line, large, _ = inks(tones)
    rose = mix(np.array([0.92, 0.24, 0.24], np.float32), tones.primary, 0.30)
    sheet.fill(blob(rng, 0.10, -0.06, 0.80), large, strength=0.75)
    sheet.fill(ellipse(-0.17, 0.06, 0.19, 0.15), rose, strength=0.85, soft=0.075)
    sheet.fill(ellipse(-0.15, 0.05, 0.09, 0.07), rose, strength=0.60, soft=0.04)
    _face(sheet, line)
    _pinned_hair(sheet, line)
    for x, y, turn, size in ((-0.62, 0.34, 0.5, 0.20), (-0.78, -0.30, 1.2, 0.15), (-0.58, -0.66, -0.4, 0.12)):
        _petal(sheet, x, y, turn, size, mix(rose, WHITE, 0.45), rose)


def flowing_hair(sheet: Sheet, tones: Tones, rng: np.random.Generator) -> None:
    """The profile with long hair that the wind takes."""
    line, large, small = inks(tones)
    sheet.fill(blob(rng, 0.04, -0.10, 0.76), large, strength=0.85)
    crown = np.array([(0.02, -0.92), (0.34, -0.86), (0.60, -0.64), (0.74, -0.34), (0.98, -0.16), (0.86, 0.10),
                      (0.97, 0.34), (0.74, 0.42), (0.66, 0.66), (0.44, 0.56), (0.30, 0.34), (0.20, 0.08), (0.16, -0.30),
                      (-0.06, -0.66)], np.float32)  # fmt: skip
    sheet.fill(spline(crown, closed=True), mix(small, line, 0.25), strength=0.92)
    _face(sheet, line)
    for i in range(13):
        t = i / 12
        start = np.array([-0.10 + 0.30 * t, -0.84 + 0.02 * i * t])
        middle = np.array([0.14 + 0.34 * t, -0.44 - 0.18 * t])
        bend = np.array([0.24 + 0.42 * t, 0.02 - 0.20 * t])
        end = np.array([0.42 + 0.50 * t + 0.03 * (i % 3), 0.60 - 0.66 * t + 0.05 * (i % 2)])
        sheet.stroke(np.stack([start, middle, bend, end]), line, width=0.026 - 0.010 * (i % 2), taper=0.6)
    for i in range(5):
        y = -0.30 + 0.17 * i
        loose = np.array([(0.62, y - 0.16), (0.80, y + 0.02), (0.88, y + 0.02), (0.99, y - 0.05)])
        sheet.stroke(loose, line, width=0.014, taper=0.8)


def _petal(sheet: Sheet, x: float, y: float, turn: float, size: float, light: Linear, deep: Linear) -> None:
    shape = np.array([(0.0, -0.5), (0.34, -0.28), (0.40, 0.10), (0.0, 0.5), (-0.40, 0.10), (-0.34, -0.28)], np.float32)
    spin = np.array([(np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))], np.float32)
    place = np.array([x, y], np.float32)
    sheet.fill(spline(shape @ spin * size + place, closed=True), light)
    sheet.fill(spline((shape * 0.45 + np.array([0, 0.16], np.float32)) @ spin * size + place, closed=True), deep,
               strength=0.5, soft=0.02)  # fmt: skip


def _face(sheet: Sheet, line: Linear) -> None:
    """Brow to shoulder in one line, with the closed eye and the ear's place left to the hair."""
    face = np.array([
        (0.02, -0.92), (-0.20, -0.84), (-0.335, -0.66), (-0.365, -0.47), (-0.355, -0.33), (-0.40, -0.23), (-0.505,
        -0.065),
        (-0.515, -0.02), (-0.46, 0.012), (-0.405, 0.025), (-0.412, 0.075), (-0.465, 0.125), (-0.462, 0.162), (-0.418,
        0.185),
        (-0.455, 0.222), (-0.448, 0.268), (-0.395, 0.300), (-0.398, 0.345), (-0.418, 0.405), (-0.385, 0.475), (-0.29,
        0.505),
        (-0.14, 0.470), (0.02, 0.40), (0.06, 0.50), (0.07, 0.68), (0.00, 0.86), (-0.12, 0.97),
    ], np.float32)  # fmt: skip
    sheet.stroke(face, line, width=0.026, taper=0.22)
    sheet.stroke(np.array([(-0.465, 0.162), (-0.40, 0.178), (-0.335, 0.168)]), line, width=0.018)
    sheet.stroke(np.array([(-0.325, -0.245), (-0.255, -0.195), (-0.165, -0.195), (-0.095, -0.235)]), line, width=0.028)
    for x, y, dx in (
        (-0.305, -0.228, -0.075),
        (-0.262, -0.200, -0.062),
        (-0.212, -0.188, -0.040),
        (-0.160, -0.192, -0.012),
    ):
        sheet.stroke(np.array([(x, y), (x + dx * 0.5, y + 0.032), (x + dx, y + 0.072)]), line, width=0.016, taper=0.8)
    sheet.stroke(
        np.array([(-0.335, -0.385), (-0.24, -0.445), (-0.12, -0.435), (-0.03, -0.375)]), line, width=0.034, taper=0.8
    )
    sheet.stroke(np.array([(0.28, 0.20), (0.31, 0.46), (0.44, 0.66), (0.72, 0.80), (0.94, 0.86)]), line, width=0.024)


def _pinned_hair(sheet: Sheet, line: Linear) -> None:
    sheet.stroke(
        np.array([(0.02, -0.92), (0.30, -0.86), (0.52, -0.62), (0.58, -0.30), (0.46, 0.02), (0.30, 0.22)]),
        line,
        width=0.026,
    )
    sheet.stroke(
        np.array([(-0.16, -0.80), (0.08, -0.62), (0.20, -0.36), (0.22, -0.10), (0.16, 0.10)]), line, width=0.020
    )
    sheet.stroke(
        np.array([(0.00, -0.86), (0.26, -0.64), (0.36, -0.34), (0.34, -0.02), (0.24, 0.16)]), line, width=0.014
    )
    sheet.stroke(
        np.array([(0.52, -0.58), (0.72, -0.62), (0.80, -0.44), (0.72, -0.26), (0.57, -0.28)]), line, width=0.022
    )
    sheet.stroke(
        np.array([(0.14, -0.10), (0.215, -0.14), (0.245, -0.06), (0.20, 0.05), (0.145, 0.085)]), line, width=0.018
    )


def lips(sheet: Sheet, tones: Tones, rng: np.random.Generator) -> None:
    """Lips, full and slightly open, in the brand's reddest tone."""
    _, large, _ = inks(tones)
    sheet.fill(blob(rng, 0.0, 0.0, 0.82), large, strength=0.8)
    red = np.array([0.62, 0.07, 0.10], np.float32)
    tint = mix(toward_luminance(tones.primary, 0.14), red, 0.55)
    upper, lower = _lip_shapes()
    sheet.fill(np.concatenate([upper * 0.97, lower * 0.97]), tint * 0.18)
    sheet.fill(upper, mix(tint, np.zeros(3, np.float32), 0.30))
    sheet.fill(lower, tint)
    sheet.fill(ellipse(0.0, 0.325, 0.40, 0.06), tint * 0.45, strength=0.7, soft=0.045)
    sheet.fill(ellipse(-0.16, 0.165, 0.20, 0.042), mix(tint, WHITE, 0.75), strength=0.9, soft=0.022)
    sheet.fill(ellipse(-0.20, 0.160, 0.10, 0.020), WHITE, strength=0.95, soft=0.010)
    sheet.fill(ellipse(0.20, 0.175, 0.07, 0.018), WHITE, strength=0.6, soft=0.012)
    sheet.fill(ellipse(-0.13, -0.195, 0.09, 0.016), mix(tint, WHITE, 0.8), strength=0.7, soft=0.012)
    sheet.fill(ellipse(0.13, -0.195, 0.07, 0.014), mix(tint, WHITE, 0.7), strength=0.5, soft=0.012)


def dry_lips(sheet: Sheet, tones: Tones, rng: np.random.Generator) -> None:
    """The same lips, pale and matte, with the fine lines of a cold day."""
    _, large, _ = inks(tones)
    sheet.fill(blob(rng, 0.0, 0.0, 0.82), large, strength=0.7)
    red = np.array([0.44, 0.17, 0.15], np.float32)
    tint = mix(toward_luminance(tones.primary, 0.20), red, 0.72)
    upper, lower = _lip_shapes()
    sheet.fill(np.concatenate([upper * 0.97, lower * 0.97]), tint * 0.25)
    sheet.fill(upper, tint * np.float32(0.72))
    sheet.fill(lower, tint)
    pale = mix(tint, np.array([0.80, 0.70, 0.64], np.float32), 0.65)
    sheet.fill(ellipse(-0.05, 0.18, 0.38, 0.08), pale, strength=0.55, soft=0.05)
    # A few slanting cracks and flakes at uneven places: an even row of lines would read as teeth.
    for _ in range(7):
        x, y = float(rng.uniform(-0.42, 0.42)), float(rng.uniform(0.14, 0.22))
        length, lean = float(rng.uniform(0.05, 0.12)) * (1 - (x / 0.7) ** 2), float(rng.uniform(-0.05, 0.05))
        crack = np.array([(x, y), (x + lean * 0.3, y + length * 0.5), (x + lean, y + length)])
        sheet.stroke(crack, tint * np.float32(0.55), width=0.012, taper=0.9)
    for _ in range(5):
        x, y = float(rng.uniform(-0.40, 0.40)), float(rng.uniform(0.12, 0.24))
        sheet.fill(ellipse(x, y, 0.045, 0.016), pale, strength=0.7, soft=0.008)


def _lip_shapes() -> tuple[Points, Points]:
    """The outlines of (upper, lower) lip."""
    upper = spline(np.array([(-0.70, 0.02), (-0.42, -0.17), (-0.15, -0.285), (0.0, -0.225), (0.15, -0.285), (0.42,
        -0.17),
                             (0.70, 0.02), (0.36, 0.035), (0.12, 0.03), (0.0, 0.05), (-0.12, 0.03), (-0.36, 0.035)],
        np.float32), closed=True)  # fmt: skip
    lower = spline(np.array([(-0.68, 0.03), (-0.36, 0.065), (0.0, 0.095), (0.36, 0.065), (0.68, 0.03), (0.44, 0.24),
                             (0.0, 0.385), (-0.44, 0.24)], np.float32), closed=True)  # fmt: skip
    return upper, lower
