"""What every source of hints promises: a real SQS on loopback with the adapter, and the fake."""

import time

import pytest

from fbm_sync.adapters.queue.sqs import SqsHints
from fbm_sync.adapters.spapi.hints import read_hint
from fbm_sync.errors import Unavailable
from fbm_sync.ports import HintSource

from fakes import FakeClock, FakeHints
from notices import bridged, feed_finished, order_change, quantity_change
from queues import REGION, new_queue, running_sqs


class FakeQueue:
    """The fake, fed with what Amazon writes."""

    def __init__(self):
        self.clock = FakeClock()
        self.source = FakeHints(self.clock)

    def put(self, *notifications):
        for notification in notifications:
            self.source.send(read_hint(notification) if isinstance(notification, dict) else None)

    def later(self):
        self.clock.advance(minutes=3)

    def waiting(self):
        return len(self.source.messages)

    def fail(self):
        self.source.broken = Unavailable("Down.", operation="sqs:ReceiveMessage")


class SqsQueue:
    """The adapter before a real queue; what it was handed comes again after a second."""

    def __init__(self, endpoint):
        self.queue = new_queue(endpoint, "hints")
        self.source = self.open(endpoint)

    def open(self, endpoint, **changes):
        options = {"wait_seconds": 0, "hidden_seconds": 1} | changes
        return SqsHints(
            account="main", url=self.queue.url, region=REGION, endpoint=endpoint, read=read_hint, **options
        )

    def put(self, *notifications):
        for notification in notifications:
            self.queue.send(notification)

    def later(self):
        time.sleep(1.05)

    def waiting(self):
        counted = self.queue.client.get_queue_attributes(QueueUrl=self.queue.url, AttributeNames=["All"])
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return sum(int(counted["Attributes"][name]) for name in names)

    def fail(self):
        # Nothing listens there.
        self.source = self.open("http://127.0.0.1:9")


@pytest.fixture(scope="module")
def sqs():
    with running_sqs() as endpoint:
        yield endpoint


@pytest.fixture(params=["fake", "sqs"])
def queue(request):
    return FakeQueue() if request.param == "fake" else SqsQueue(request.getfixturevalue("sqs"))


def taken(source):
    """Everything that is handed out now."""
    found = []
    while not (batch := source.receive()).is_empty:
        found += batch.hints
    return found


def test_it_is_a_hint_source(queue):
    source: HintSource = queue.source
    assert source.receive().is_empty


def test_every_hint_is_handed_out_with_all_it_says(queue):
    sent = [order_change("111-1"), quantity_change("MUG"), feed_finished()]
    queue.put(*sent)
    found = {one.hint.hint_id: one for one in taken(queue.source)}
    assert {one.hint.hint_id: one.hint for one in found.values()} == {
        hint.hint_id: hint for hint in map(read_hint, sent)
    }
    assert {one.deliveries for one in found.values()} == {1}
    assert len({one.handle for one in found.values()}) == 3


def test_no_more_than_ten_are_handed_out_at_once_and_none_is_forgotten(queue):
    queue.put(*(order_change(f"111-{number}") for number in range(23)))
    assert len(queue.source.receive().hints) == 10
    assert len(taken(queue.source)) == 13


def test_what_is_done_never_comes_again(queue):
    queue.put(*(order_change(f"111-{number}") for number in range(13)))
    queue.source.done(taken(queue.source))
    assert queue.waiting() == 0
    assert queue.source.receive().is_empty


def test_what_was_handed_out_and_is_not_done_comes_again_after_a_while(queue):
    queue.put(order_change("111-1"), order_change("111-2"))
    first = {one.hint.hint_id: one for one in taken(queue.source)}
    assert queue.source.receive().is_empty
    done, left = first.values()
    queue.source.done([done])
    queue.later()
    (again,) = taken(queue.source)
    assert (again.hint, again.deliveries) == (left.hint, 2)


def test_a_copy_of_what_is_done_is_discarded(queue):
    notification = order_change("111-1")
    queue.put(notification)
    queue.source.done(taken(queue.source))
    queue.put(notification, order_change("111-2"))
    batches = [queue.source.receive(), queue.source.receive()]
    assert sum(batch.discarded for batch in batches) == 1
    assert [one.hint.news.order_id for batch in batches for one in batch.hints] == ["111-2"]
    assert queue.waiting() == 1


def test_what_is_no_hint_is_discarded_for_good(queue):
    queue.put("not even JSON", order_change("111-1"))
    batches = [queue.source.receive(), queue.source.receive()]
    assert sum(batch.discarded for batch in batches) == 1
    assert sum(len(batch.hints) for batch in batches) == 1
    assert queue.waiting() == 1


def test_to_let_nothing_go_is_no_trouble(queue):
    queue.source.done([])


def test_a_queue_that_cannot_be_reached_is_named(queue):
    queue.fail()
    with pytest.raises(Unavailable):
        queue.source.receive()


# --- what only a real queue has


@pytest.fixture
def real(sqs):
    return SqsQueue(sqs)


def test_events_come_out_of_event_bridges_envelope(real):
    notification = quantity_change("MUG")
    real.put(bridged(notification))
    (one,) = taken(real.source)
    assert one.hint == read_hint(notification)


def test_a_hint_that_was_not_done_outlives_the_process_that_took_it(real, sqs):
    real.put(order_change("111-1"))
    assert len(taken(real.source)) == 1
    real.source.close()
    real.later()
    (again,) = taken(real.open(sqs))
    assert again.deliveries == 2
