"""`python -m tagwerk` and the console script."""

from __future__ import annotations

from tagwerk.cli import main

if __name__ == "__main__":
    main()
