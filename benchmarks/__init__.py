"""How fast is it, next to what one would write without it, and next to what the machine can do?

`python -m benchmarks --help` says what can be turned; `benchmarks.chaos` asks whether anything gets lost.
"""
