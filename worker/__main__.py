"""`python -m worker`: what a person on call does."""

from worker.cli.main import main

main()
