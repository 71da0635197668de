"""Settings that only show under time: idle sockets, late tasks."""

from __future__ import annotations

import asyncio

import pytest
from channels.layers import get_channel_layer
from channels_redis.core import RedisChannelLayer

from config.celery import app
from config.celery_settings import BEAT_SCHEDULE


@pytest.mark.slow
async def test_a_receiver_that_is_idle_for_longer_than_redis_py_waits_gets_its_message() -> None:
    """redis-py 8 cuts a silent socket off after 5 s unless it is told otherwise."""
    layer = get_channel_layer()
    assert isinstance(layer, RedisChannelLayer)
    channel = await layer.new_channel()
    receiving = asyncio.create_task(layer.receive(channel))
    done, _ = await asyncio.wait({receiving}, timeout=6.5)
    assert not done, "the receiver must still be waiting"
    await layer.send(channel, {"type": "late"})
    assert await asyncio.wait_for(receiving, 5) == {"type": "late"}
    await layer.close_pools()


@pytest.mark.nodb
def test_the_broker_hands_a_task_out_again_only_when_it_can_no_longer_run() -> None:
    assert app.conf.broker_transport_options["visibility_timeout"] > app.conf.task_time_limit
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost


@pytest.mark.nodb
def test_everything_that_beat_sends_exists() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in BEAT_SCHEDULE.values()} <= set(app.tasks)
