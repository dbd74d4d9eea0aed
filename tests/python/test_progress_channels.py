"""Per-user progress channels: what a worker sends, and who follows it gets. Both clients."""

from __future__ import annotations

from typing import Any, Iterator

import pytest
from channel_server import ChannelServer, any_update
from progressd_client import InvalidError


@pytest.fixture
def channels() -> Iterator[ChannelServer]:
    with ChannelServer() as server:
        yield server


def test_a_follower_gets_the_latest_update_and_each_one_after_it(connect: Any, channels: ChannelServer) -> None:
    client = connect(channels.url)
    client.update_progress("user_123", any_update(1))
    client.update_progress("user_123", any_update(2))
    client.update_progress("somebody else", any_update(9))
    with client.follow_progress("user_123") as updates:
        assert next(updates) == any_update(2)
        client.update_progress("user_123", any_update(3))
        assert next(updates) == any_update(3)
        done = {"completed": 10, "status": "completed", "results": [{"file": "a.pdf", "score": 0.25}], "failed_files": 0}
        client.update_progress("user_123", done)
        assert next(updates) == done
        client.update_progress("user_123", any_update(1))
        assert next(updates) == any_update(1), "a completed update is not the end"


def test_the_latest_update_is_there_until_it_is_deleted(connect: Any, channels: ChannelServer) -> None:
    client = connect(channels.url)
    assert client.get_progress("user_123") is None
    client.update_progress("user_123", any_update(4))
    assert client.get_progress("user_123") == any_update(4)
    client.delete_progress("user_123")
    assert client.get_progress("user_123") is None
    with client.follow_progress("user_123") as updates:
        client.update_progress("user_123", any_update(5))
        assert next(updates) == any_update(5), "of what was deleted nothing comes"


def test_no_update_is_lost_or_repeated_when_streams_are_cut(connect: Any, channels: ChannelServer) -> None:
    client = connect(channels.url)
    client.update_progress("user_123", any_update(0))
    with client.follow_progress("user_123") as updates:
        seen = [next(updates)["completed"]]
        for number in range(1, 30):
            if number % 3 == 0:
                channels.cut_streams()
            client.update_progress("user_123", any_update(number))
            if number % 2 == 0:
                seen += [next(updates)["completed"], next(updates)["completed"]]
        resume_after = updates.last_event_id
    assert seen == list(range(29))
    assert channels.streams_opened >= 5
    with client.follow_progress("user_123", last_event_id=resume_after) as updates:
        assert next(updates)["completed"] == 29


def test_an_update_that_is_no_object_is_refused(connect: Any, channels: ChannelServer) -> None:
    with pytest.raises(InvalidError) as caught:
        connect(channels.url).update_progress("user_123", [1, 2])
    assert caught.value.detail == "must be an object"
