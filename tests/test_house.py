"""The house keeps its shape: import arrows, doors, light imports, short modules, packages as declared.

Reads the source and the project file; runs nothing of a room except its import.
"""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
import tomllib
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
#: The vocabulary every room may speak.
VOCABULARY = "models.types"
#: Where the taggers that ship lie; torch-free, as the vocabulary is.
SHIPPED = "models.shipped"
#: What may be learnt from; torch-free as well, so that the front door can refuse examples.
EXAMPLES = "models.examples"
#: Fine types and what may be learnt of them, and what is said of bad ones; torch-free for the same reason.
TYPES = {"models.typing_hierarchy", "models.typed_examples", "models.errors"}
#: What a room may import of the others: a room with all its modules, or one module.
ARROWS: dict[str, set[str]] = {
    "tagwerk": {"api", "workers", "jobs", "corpora", "retrieval", "models", "migrations"},
    "api": {"jobs", "corpora", "migrations", VOCABULARY, EXAMPLES, *TYPES},
    "workers": {"jobs", "corpora", "retrieval", "models"},
    "migrations": {"jobs"},
    "jobs": {"corpora", VOCABULARY, SHIPPED},
    "retrieval": {"models"},
    "corpora": {VOCABULARY},
    "models": set(),
}
#: Which files may use the libraries behind a door, as the beginnings of their paths.
DOORS: dict[str, tuple[set[str], tuple[str, ...]]] = {
    "SQL": (
        {"sqlalchemy", "sqlmodel", "psycopg", "alembic"},
        ("jobs/store/", "jobs/tables.py", "migrations/"),
    ),
    "broker": (
        {"celery", "kombu", "redis"},
        ("jobs/queue.py", "workers/tasks.py", "workers/app.py", "tagwerk/embedded"),
    ),
    "Qdrant": ({"qdrant_client"}, ("retrieval/index.py",)),
    "device": ({"torch", "transformers", "peft", "accelerate"}, ("workers/runtime.py", "models/")),
}
LONGEST_MODULE = 400
LARGEST_SHIPPED_FILE = 15 * 2**20


def python_files(*folders: str) -> list[str]:
    """Paths of the Python files below these folders, relative to the repository."""
    return sorted(path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text("utf-8"), path)


def imported(source: ast.AST, path: str) -> Iterator[str]:
    """Full names of the modules (and of what is taken from them) that a file imports anywhere in it."""
    package = list(Path(path).parent.parts)
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call):
            yield from _dynamically_imported(node)


def _dynamically_imported(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in {"import_module", "__import__"}:
        texts = (argument.value for argument in call.args if isinstance(argument, ast.Constant))
        yield from (text for text in texts if isinstance(text, str))


def upward(path: str, names: Iterator[str]) -> list[str]:
    """Which of the imported names the arrows forbid to this file."""
    room = path.split("/")[0]
    allowed = (room, *ARROWS[room])
    ours = (name for name in names if name.split(".")[0] in {*ARROWS, "tests", "benchmarks"})
    return [name for name in ours if not any(f"{name}.".startswith(f"{may}.") for may in allowed)]


def behind_doors(path: str, names: Iterator[str]) -> list[str]:
    """Which of the imported names belong behind a door that this file does not keep."""
    closed = {library for libraries, keepers in DOORS.values() if not path.startswith(keepers) for library in libraries}
    return [name for name in names if name.split(".")[0] in closed]


@pytest.mark.parametrize("path", python_files(*ARROWS))
def test_imports_run_downwards(path: str) -> None:
    assert upward(path, imported(tree(path), path)) == []


def test_arrows_have_no_circle() -> None:
    graph = {room: {name.split(".")[0] for name in below} for room, below in ARROWS.items()}

    assert set(TopologicalSorter(graph).static_order()) == set(ARROWS)


@pytest.mark.parametrize(
    ("path", "source", "forbidden"),
    [
        ("jobs/a.py", "import workers.tasks", ["workers.tasks"]),
        ("jobs/store/a.py", "from ...workers import tasks", ["workers.tasks"]),
        ("jobs/store/a.py", "from ..states import JobState", []),
        ("corpora/a.py", "from models.types import Span", []),
        ("corpora/a.py", "from models import types", []),
        ("corpora/a.py", "from models import types_of_error", ["models.types_of_error"]),
        ("models/a.py", "def f():\n    import corpora", ["corpora"]),
        ("api/a.py", "import importlib\nimportlib.import_module('models.biencoder')", ["models.biencoder"]),
        ("api/a.py", "if TYPE_CHECKING:\n    from workers.app import app", ["workers.app.app"]),
        ("workers/a.py", "from tests.services import run", ["tests.services.run"]),
    ],
)
def test_upward_import_is_seen(path: str, source: str, forbidden: list[str]) -> None:
    assert upward(path, imported(ast.parse(source), path)) == forbidden


@pytest.mark.parametrize("path", python_files(*ARROWS))
def test_doors_have_one_keeper(path: str) -> None:
    assert behind_doors(path, imported(tree(path), path)) == []


@pytest.mark.parametrize(
    ("path", "source", "forbidden"),
    [
        ("jobs/submitting.py", "from sqlmodel import select", ["sqlmodel.select"]),
        ("jobs/store/claim.py", "from sqlmodel import select", []),
        ("jobs/reaper.py", "import redis.exceptions", ["redis.exceptions"]),
        ("workers/tagging.py", "def f():\n    import torch.cuda", ["torch.cuda"]),
        ("tagwerk/embedded_broker.py", "import redis", []),
    ],
)
def test_closed_door_is_seen(path: str, source: str, forbidden: list[str]) -> None:
    assert behind_doors(path, imported(ast.parse(source), path)) == forbidden


def module_names(room: str) -> list[str]:
    paths = (Path(path).with_suffix("") for path in python_files(room))
    return [".".join(path.parts).removesuffix(".__init__") for path in paths]


@pytest.mark.parametrize(
    "modules",
    [*map(module_names, ["api", "jobs", "corpora"]), ["tagwerk", "tagwerk.__main__"], [VOCABULARY]],
    ids=lambda modules: modules[0],
)
def test_import_is_light(modules: list[str]) -> None:
    """The command line, the front door and the ledger start without loading a model library."""
    heavy = DOORS["device"][0]
    program = f"import sys, {', '.join(modules)}; print(*sorted({heavy!r} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.split(), done.stderr) == (0, [], "")


@pytest.mark.parametrize("room", [*ARROWS, "tests", "benchmarks"])
def test_room_is_the_one_of_this_repository(room: str) -> None:
    """No installed distribution puts a package of the same name in front of ours."""
    spec = importlib.util.find_spec(room)

    assert spec is not None
    assert spec.origin == str(ROOT / room / "__init__.py")


@pytest.mark.parametrize("path", python_files(*ARROWS, "tests", "benchmarks"))
def test_module_says_what_it_owns_and_is_short(path: str) -> None:
    lines = len((ROOT / path).read_text("utf-8").splitlines())

    assert ast.get_docstring(tree(path)), f"{path} has no docstring"
    assert lines <= LONGEST_MODULE, f"{path} has {lines} lines: split it by what it owns"


def test_project_file_names_the_packages_on_disk() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    on_disk = [
        path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for room in rooms
        for path in (ROOT / room).rglob("__init__.py")
    ]

    assert rooms == set(ARROWS)
    assert sorted(declared) == sorted(on_disk)


def test_shipped_files_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (ROOT / "models/shipped").rglob("*") if path.is_file()}

    assert {name: size for name, size in sizes.items() if size > LARGEST_SHIPPED_FILE} == {}
