"""Small frozen values that every layer shares."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Size:
    """Width and height of a picture, in pixels."""

    width_px: int
    height_px: int

    def __str__(self) -> str:
        return f"{self.width_px}x{self.height_px}"


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle on a picture, in pixels; right and bottom are outside it."""

    left_px: int
    top_px: int
    right_px: int
    bottom_px: int

    @property
    def width_px(self) -> int:
        return self.right_px - self.left_px

    @property
    def height_px(self) -> int:
        return self.bottom_px - self.top_px

    def contains(self, other: Box) -> bool:
        """Whether `other` lies wholly inside this box."""
        return (
            self.left_px <= other.left_px
            and self.top_px <= other.top_px
            and other.right_px <= self.right_px
            and other.bottom_px <= self.bottom_px
        )

    def meet(self, other: Box) -> Box:
        """The part that both boxes cover."""
        return Box(
            left_px=max(self.left_px, other.left_px),
            top_px=max(self.top_px, other.top_px),
            right_px=min(self.right_px, other.right_px),
            bottom_px=min(self.bottom_px, other.bottom_px),
        )
