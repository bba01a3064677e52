"""The node's ``/etc/origin/ovn``, which outlives pods: names, contents, birth times, and unlinked files in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class HostFile(Generic[T]):
    """An inode. ``born`` (seconds) is what ``stat %W`` shows; a copy is a new inode and so is young.

    Whoever has opened the file goes on with ``content`` after the name is gone.
    """

    content: T
    born: float


class HostDirectory(Generic[T]):
    """One node's directory. Names are kept in order of creation; :meth:`names` sorts."""

    def __init__(self) -> None:
        self._files: dict[str, HostFile[T]] = {}

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._files))

    def create(self, name: str, content: T, now: float) -> HostFile[T]:
        """A new inode of that name; one that was there is unlinked."""
        file = self._files[name] = HostFile(content, now)
        return file

    def open(self, name: str) -> HostFile[T] | None:
        """The inode, to keep using whatever happens to the name; None if there is none."""
        return self._files.get(name)

    def is_linked(self, file: HostFile[T]) -> bool:
        """Whether a name still leads to this inode: what an unlinked one holds is lost when its user ends."""
        return any(other is file for other in self._files.values())

    def age(self, name: str, now: float) -> float:
        """Seconds since birth. Raises KeyError if there is no such file."""
        return now - self._files[name].born

    def remove(self, name: str) -> bool:
        return self._files.pop(name, None) is not None

    def rename(self, old: str, new: str) -> None:
        """``mv``: the same inode under a new name. Raises KeyError if there is no such file."""
        self._files[new] = self._files.pop(old)

    def clear(self) -> tuple[str, ...]:
        """``rm -rf`` of what lies inside; running servers keep their inodes. Returns the names."""
        names = self.names()
        self._files.clear()
        return names
