"""The service's figures: what is counted of requests, uploads and submissions, in Prometheus's words.

Owns one registry an application, so that two of them in a process do not mix.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

#: Upper bounds in seconds: most answers take milliseconds, uploads and long results minutes.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Figures:
    """Counters of one application. Threads share them."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        labels = ("method", "route")
        self._requests = Counter("tagwerk_http_requests", "Answers", (*labels, "status"), registry=registry)
        self._seconds = Histogram(
            "tagwerk_http_request_seconds", "Time to the end of the answer", labels, registry=registry, buckets=BUCKETS
        )
        self.uploads_in_flight = Gauge("tagwerk_uploads_in_flight", "Uploads that are being read", registry=registry)
        self._uploaded_bytes = Counter("tagwerk_uploaded_bytes", "Bytes of stored files", registry=registry)
        self._uploaded_documents = Counter("tagwerk_uploaded_documents", "Documents of them", registry=registry)
        self._submitted = Counter("tagwerk_submitted_jobs", "Jobs that were queued", registry=registry)
        self._replayed = Counter(
            "tagwerk_replayed_submits", "Submissions answered with an earlier job", registry=registry
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer; `route` is a path as it is declared, never as it was asked for."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def uploaded(self, size: int, documents: int) -> None:
        """Count a stored file."""
        self._uploaded_bytes.inc(size)
        self._uploaded_documents.inc(documents)

    def submitted(self, *, replayed: bool) -> None:
        """Count an accepted submission."""
        (self._replayed if replayed else self._submitted).inc()

    def text(self) -> bytes:
        """All figures in Prometheus's text format."""
        return generate_latest(self._registry)
