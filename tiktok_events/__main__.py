"""Runs the command line."""

import sys

from tiktok_events.cli import main

if __name__ == "__main__":
    sys.exit(main())
