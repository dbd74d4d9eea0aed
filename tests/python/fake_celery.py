"""As much of Celery as the example needs to be imported and run: a task runs where it is sent, retries included."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass
from typing import Any, Callable

import pytest


class Retry(Exception):
    """The task is to come again."""


@dataclass
class Request:
    id: str
    retries: int = 0


class Task:
    def __init__(self, function: Callable[..., Any], max_retries: int) -> None:
        self._function = function
        self._max_retries = max_retries
        self.request = Request("")

    def retry(self, *, exc: Exception, countdown: float) -> Exception:
        if self.request.retries >= self._max_retries:
            raise exc
        raise Retry()

    def apply_async(self, args: list[Any], task_id: str) -> None:
        self.request = Request(task_id)
        while True:
            try:
                self._function(self, *args)
                return
            except Retry:
                self.request.retries += 1


class Celery:
    def __init__(self, name: str, broker: str) -> None:
        pass

    def task(self, *, bind: bool, acks_late: bool, max_retries: int) -> Callable[[Callable[..., Any]], Task]:
        return lambda function: Task(function, max_retries)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    celery: Any = types.ModuleType("celery")
    celery.exceptions = types.ModuleType("celery.exceptions")
    celery.Celery, celery.exceptions.Retry = Celery, Retry
    monkeypatch.setitem(sys.modules, "celery", celery)
    monkeypatch.setitem(sys.modules, "celery.exceptions", celery.exceptions)
