"""`tagwerk doctor`: what is wrong with an installation, and what to set."""

from __future__ import annotations

from typing import Annotated

import typer

from tagwerk.console import out, print_json
from tagwerk.doctor.examination import examine, passed
from tagwerk.doctor.findings import Finding, Status

STYLES = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print for machines.")] = False) -> None:
    """Look at everything this installation stands on; exit code 1 where something fails."""
    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            _show(finding)
    if as_json:
        print_json([_facts(finding) for finding in findings])
    if not passed(findings):
        raise typer.Exit(1)


def _show(finding: Finding) -> None:
    console = out()
    console.print(f"{finding.status.value:<4}", style=STYLES[finding.status], end="")
    console.print(f"  {finding.check}: {finding.found}")
    if finding.advice:
        console.print(f"      -> {finding.advice}")


def _facts(finding: Finding) -> dict[str, str | None]:
    return {
        "check": finding.check,
        "status": finding.status.value,
        "found": finding.found,
        "advice": finding.advice,
    }
