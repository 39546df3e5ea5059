"""The distance delays what passes, in order, and lets bytes be under way at once."""

from __future__ import annotations

import subprocess
import sys
import time

from redis import Redis

from benchmarks.chaos.fleet import ROOT


def test_a_round_trip_takes_as_long_as_told_and_a_pipeline_no_longer(redis_url: str) -> None:
    line = [sys.executable, "-m", "benchmarks.distance", redis_url.removeprefix("unix://"), "20"]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with Redis(port=int(process.stdout.readline())) as client:
            client.ping()
            began = time.monotonic()
            client.ping()
            assert time.monotonic() - began >= 0.02
            pipe = client.pipeline(transaction=False)
            for number in range(20_000):
                pipe.echo(f"{number:08d}" * 100)
            began = time.monotonic()
            answers = pipe.execute()
            # 16 MB are hundreds of pieces: one after the other they would take more than ten seconds.
            assert time.monotonic() - began < 8
        process.kill()
    assert [int(answer[:8]) for answer in answers] == list(range(20_000))
