"""A few daemon threads for what blocks: they never keep the interpreter from ending."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
Job = Callable[[], None]


class Workers:
    """``failed`` gets whatever a job raises."""

    def __init__(self, count: int, failed: Callable[[BaseException], None]) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._failed = failed
        self._threads = [threading.Thread(target=self._work, name=f"worker {i}", daemon=True) for i in range(count)]
        for thread in self._threads:
            thread.start()

    def run(self, job: Job) -> None:
        self._jobs.put(job)

    def ask_all(self, questions: Sequence[Callable[[], T]]) -> list[T]:
        """Ask all at the same time; answers in the order of the questions. Raises what the first failing one raised."""
        if not questions:
            return []
        answers: list[T | BaseException | None] = [None] * len(questions)
        left = threading.Semaphore(0)

        def ask(index: int, question: Callable[[], T]) -> None:
            try:
                answers[index] = question()
            except BaseException as error:
                answers[index] = error
            finally:
                left.release()

        for index, question in enumerate(questions[1:], 1):
            self.run(lambda index=index, question=question: ask(index, question))  # type: ignore[misc]
        ask(0, questions[0])
        for _ in questions:
            left.acquire()
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return answers  # type: ignore[return-value]

    def stop(self) -> None:
        """Threads end after their present job; nobody waits for them."""
        for _ in self._threads:
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except BaseException as error:
                self._failed(error)
