"""The Celery application that Flower looks through, as `celery -A tagwerk.flower_app` finds it.

Reads the environment when it is imported, as Celery needs of an application module. It holds no tasks, so that
Flower loads neither models nor the ledger.
"""

from __future__ import annotations

from jobs.queue import make_app
from jobs.settings import JobsSettings

app = make_app(JobsSettings().broker_url or "redis://127.0.0.1:6379/0")
# Flower counts the messages of queues that are objects, and stumbles over their settings.
app.conf.task_queues = list(app.amqp.queues.values())
