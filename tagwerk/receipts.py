"""The receipt of an adapted tagger, as people read it. Figures are per cent, of strict F1 unless something is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Why a tagger that got worse is not promoted.
_FORGOT = "it lost {lost:.1f} points on the control set"
_FELL = "it is {lost:.1f} points worse than {base} on held-out examples"


def receipt_table(receipt: dict[str, Any]) -> Table:
    """Scores on held-out examples before and after, by label and in all, each with its interval."""
    if "types" in receipt:
        return _typing_table(receipt)
    table = Table("label", "entities", "before", "after", "90 % interval", box=None)
    for name, label in receipt["labels"].items():
        table.add_row(name, f"{label['entities']:,}", *_scores(label))
    entities = sum(label["entities"] for label in receipt["labels"].values())
    table.add_row("all", f"{entities:,}", *_scores(receipt))
    return table


def _typing_table(receipt: dict[str, Any]) -> Table:
    table = Table("mentions with their types", "before", "after", "90 % interval", box=None)
    for name, figure in (("exactly", "accuracy"), ("micro-F1", "micro_f1"), ("macro-F1", "macro_f1")):
        table.add_row(name, *_scores(receipt, figure))
    return table


def remarks(receipt: dict[str, Any]) -> Iterator[str]:
    """What the table does not say: how it was measured, what was forgotten, what it took."""
    yield f"held out: {receipt['held_out']}"
    if "forgetting" in receipt:
        forgetting = receipt["forgetting"]
        yield f"control set: {_percent(forgetting['before'])} before, {_percent(forgetting['after'])} after"
    if "llm" in receipt:
        yield f"language model: {receipt['llm']}; before: without examples, after: with up to {receipt['search']['k']}"
    if "types" in receipt:
        told = "one narrowest type each" if receipt["single"] else f"several types each, from {receipt['threshold']} on"
        yield f"{receipt['mentions']:,} mentions, {told}; {receipt['listed']:,} types listed"
    steps = f"{receipt['steps']:,} steps, " if "steps" in receipt else ""
    yield f"{receipt['examples']:,} examples, {steps}{receipt['seconds']:,.0f} s"
    yield from _doubts(receipt)
    if "advice" in receipt:
        yield receipt["advice"]


def _doubts(receipt: dict[str, Any]) -> Iterator[str]:
    """What stands in the way of taking the figures at their word."""
    for what, count in receipt.get("doubts", {}).items():
        yield f"{count:,} held-out answers: {what}"


def conclusion(result: dict[str, Any]) -> str:
    """Whether the tagger is promoted, or why not and what to do."""
    name, full_name = result["tagger"].partition("@")[0], result["tagger"]
    if result["promoted"] and "types" in result["receipt"]:
        return f"{full_name} is promoted: `tagwerk type --tagger {name}` and `tagwerk tag --typer {name}` stand for it"
    if result["promoted"]:
        return f"{full_name} is promoted: --tagger {name} stands for it"
    return f"{full_name} is not promoted: {_reason(result['receipt'])}; `tagwerk taggers promote {full_name}` does so"


def _reason(receipt: dict[str, Any]) -> str:
    if receipt["verdict"] != "worse":
        return "its job was being cancelled"
    figure = "macro_f1" if "types" in receipt else "f1"
    if "after" in receipt and receipt["after"][figure] < receipt["before"][figure]:
        return _FELL.format(lost=100 * (receipt["before"][figure] - receipt["after"][figure]), base=receipt["base"])
    forgetting = receipt["forgetting"]
    return _FORGOT.format(lost=100 * (forgetting["before"] - forgetting["after"]))


def _scores(of: dict[str, Any], figure: str = "f1") -> tuple[str, str, str]:
    if "after" not in of:
        return "", "", ""
    after = of["after"]
    return (
        _percent(of["before"][figure]),
        _percent(after[figure]),
        f"{_percent(after[f'{figure}_low'])}-{_percent(after[f'{figure}_high'])}",
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}"
