import pytest

from worker.backoff import delay_seconds


@pytest.mark.parametrize(
    ("attempts", "draw", "seconds"),
    [
        (1, 0.0, 0.5),
        (1, 1.0, 1.0),
        (2, 0.0, 1.0),
        (4, 0.5, 6.0),
        (11, 0.0, 300.0),
        (11, 1.0, 600.0),
        (5000, 0.5, 450.0),
    ],
)
def test_delay_doubles_up_to_the_cap_and_keeps_its_jitter_there(attempts: int, draw: float, seconds: float) -> None:
    assert delay_seconds(attempts, least=1.0, most=600.0, draw=draw) == seconds
