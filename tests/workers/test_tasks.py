"""The Celery side of a worker: which tasks it answers, and that its main process stays light.

What the tasks do is tested on real workers, in tests/acceptance.
"""

from __future__ import annotations

import json
import subprocess
import sys

REPORT = """
import json, sys
import workers.tasks
from workers.app import app
print(json.dumps({
    "heavy": sorted({"torch", "transformers", "peft"} & set(sys.modules)),
    "tasks": sorted(name for name in app.tasks if not name.startswith("celery.")),
    "include": app.conf.include,
    "broker": app.conf.broker_url,
}))
"""


def report(environment: dict[str, str]) -> dict[str, object]:
    """What a process that has just loaded the tasks says of itself."""
    done = subprocess.run([sys.executable, "-c", REPORT], capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    told: dict[str, object] = json.loads(done.stdout)
    return told


def test_loading_the_tasks_loads_no_model_library_and_connects_to_nothing() -> None:
    # The address is one where nobody listens.
    told = report({"TAGWERK_BROKER_URL": "redis://127.0.0.1:1/3"})

    assert told == {
        "heavy": [],
        "tasks": ["adapt.run", "llm.chunk", "tag.chunk"],
        "include": ["workers.tasks"],
        "broker": "redis://127.0.0.1:1/3",
    }
