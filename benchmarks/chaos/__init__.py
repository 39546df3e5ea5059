"""Does an event ever get lost? Workers, Redis and TikTok are killed and disturbed while an oracle counts every event.

`python -m benchmarks.chaos --help` says what can be turned.
"""
