"""How does the sandbox run as a process of its own?"""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[2]
CODE = "import sys; from worker.sandbox import serve; serve('127.0.0.1', 0, *sys.argv[1:])"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_announces_its_url_and_ends_cleanly_on_a_signal(number, tmp_path):
    script = tmp_path / "script.toml"
    script.write_text('[[faults]]\naction = "throttle"\n')
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", CODE, str(script)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        answer = requests.get(url + "user/info/", headers={"Access-Token": "t"}, timeout=30)
        assert answer.json()["code"] == 40100
        process.send_signal(number)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_script_that_cannot_be_understood_starts_nothing(tmp_path):
    script = tmp_path / "script.toml"
    script.write_text('[[faults]]\naction = "explode"\n')
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "faults.0: action: must be one of" in done.stderr
