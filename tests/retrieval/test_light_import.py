"""The room computes in numpy: importing it loads no model library."""

from __future__ import annotations

import subprocess
import sys

MODULES = "retrieval.search, retrieval.voting, retrieval.stored, retrieval.settings"


def test_no_model_library_is_loaded() -> None:
    program = f"import sys, {MODULES}; print(*sorted({{'torch', 'transformers', 'peft'}} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.split(), done.stderr) == (0, [], "")
