"""The hands: Celery tasks, the path of a chunk from claim to commit, escalation, the model runtime."""
