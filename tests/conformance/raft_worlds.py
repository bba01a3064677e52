"""The two worlds under one name (see worlds/)."""

from __future__ import annotations

from worlds.fake import FakeWorld, Invented, Seeded, Zeros
from worlds.protocol import NAME, Answer, Names, World
from worlds.real import RealWorld

__all__ = ["NAME", "Answer", "FakeWorld", "Invented", "Names", "RealWorld", "Seeded", "World", "Zeros"]
