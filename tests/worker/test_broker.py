"""A broker that dies must not take the worker with it."""

from __future__ import annotations

from typing import Any

from kombu import Connection, Consumer, Producer, Queue

from worker.broker import mend


def test_a_channel_closes_when_redis_died_with_a_message_in_hand_and_a_question_open(own_server: Any) -> None:
    mend()
    connection = Connection(own_server.url.replace("unix://", "redis+socket://", 1))
    channel = connection.channel()
    queue = Queue("wake-ups", channel=channel)
    queue.declare()
    Producer(channel).publish({}, routing_key="wake-ups")
    got: list[object] = []
    consumer = Consumer(channel, [queue], callbacks=[lambda _, message: got.append(message)])
    consumer.qos(prefetch_count=2)
    consumer.consume()
    while not got:
        connection.drain_events(timeout=30)
    channel._brpop_start()  # as the event loop of a worker does
    own_server.kill()
    connection.collect(socket_timeout=1)
    # What Celery does next, where an AttributeError ends the worker.
    consumer.close()
    channel.close()
    assert channel.closed

    own_server.start()
    with Connection(own_server.url.replace("unix://", "redis+socket://", 1)) as again:
        client = again.default_channel.client
        assert client.hlen("unacked") + client.llen("wake-ups") == 1  # the message is still there, to come again
