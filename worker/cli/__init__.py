"""The commands of `python -m worker`, a file each."""
