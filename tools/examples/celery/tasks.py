"""A Celery task whose progress everybody can follow: celery -A tasks worker

Send it with `start_import(rows)`, and follow the id that it answers: GET /v1/jobs/{id}/events.
"""

from __future__ import annotations

import os
import time
import uuid
from typing import Any

from celery import Celery
from celery.exceptions import Retry
from job_reporter import WORKER_SETTINGS, JobReporter, announce
from progressd_client import Client

KIND = "import"
IMPORTS_PER_SECOND = 20.0

app = Celery("tasks", broker=os.environ.get("CELERY_BROKER_URL", "redis://127.0.0.1:6379/0"))
# Connects when it is first used, so that each of the worker's processes has connections of its own.
client = Client(
    os.environ.get("PROGRESSD_URL", "http://127.0.0.1:8080"),
    token=os.environ.get("PROGRESSD_TOKEN"),  # with scope jobs:report, where the server asks for one
    settings=WORKER_SETTINGS,
)


def start_import(rows: list[str]) -> str:
    """Sends the task. Its job is there before anybody can ask for it, and even before a worker is free."""
    task_id = str(uuid.uuid4())
    announce(client, task_id, total=len(rows), kind=KIND)
    import_rows.apply_async(args=[rows], task_id=task_id)
    return task_id


@app.task(bind=True, acks_late=True, max_retries=3)
def import_rows(self: Any, rows: list[str]) -> dict[str, int]:
    with JobReporter(client, self.request.id, total=len(rows), kind=KIND, not_the_end=(Retry,)) as job:
        for number, row in enumerate(rows, start=1):
            try:
                import_row(row)
            except ConnectionError as error:
                raise self.retry(exc=error, countdown=5)
            job.report(number, f"row {number} of {len(rows)}")
        job.result = {"rows": len(rows)}
    return {"rows": len(rows)}


def import_row(row: str) -> None:
    """The work itself: here a pause, so that there is something to watch."""
    if not row:
        raise ValueError("an empty row")
    time.sleep(1 / IMPORTS_PER_SECOND)
