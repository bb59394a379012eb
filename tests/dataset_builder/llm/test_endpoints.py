"""Who gets the next request, and who is left alone."""

from __future__ import annotations

import asyncio

from dataset_builder.llm.endpoints import DOWN_AFTER_FAILURES, Endpoint, EndpointPool
from dataset_builder.llm.retry import Fault

SLOW_DOWN = Fault("rate_limit", "HTTP 429", "wait", 1.0)
BROKEN = Fault("server", "HTTP 500", "retry")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def endpoint(most: int = 64) -> tuple[Endpoint, Clock]:
    clock = Clock()
    return Endpoint("http://a/v1", most, clock), clock


def test_a_429_cuts_the_flight_once_per_round_trip_and_success_climbs_back() -> None:
    item, clock = endpoint()
    item.in_flight = 64
    for _ in range(10):
        item.failed("k", SLOW_DOWN, sent_at=99.0)
    assert item.allowed == 48.0
    clock.now = 110.0
    item.failed("k", SLOW_DOWN, sent_at=105.0)
    assert item.allowed == 36.0
    for _ in range(36 * 40):
        item.succeeded()
    assert item.allowed == 64.0


def test_retry_after_rests_the_endpoint_for_as_long_as_it_says() -> None:
    item, clock = endpoint()
    item.failed("k", SLOW_DOWN, sent_at=99.0)
    assert not item.has_room
    clock.now += 1.0
    assert item.has_room


def test_an_endpoint_that_fails_many_rows_is_tried_one_at_a_time() -> None:
    item, clock = endpoint()
    for index in range(DOWN_AFTER_FAILURES):
        item.failed(f"k{index}", BROKEN, sent_at=99.0)
    assert item.is_down
    assert not item.has_room
    clock.now += 60
    assert item.has_room
    item.in_flight = 1
    assert not item.has_room
    item.succeeded()
    assert item.has_room


def test_one_bad_row_does_not_take_an_endpoint_down() -> None:
    item, _ = endpoint()
    for _ in range(5 * DOWN_AFTER_FAILURES):
        item.failed("the same row", BROKEN, sent_at=99.0)
    assert not item.is_down


def test_load_goes_to_the_endpoint_with_the_fewest_in_flight() -> None:
    async def run() -> list[str]:
        pool = EndpointPool([Endpoint("http://a/v1", 10), Endpoint("http://b/v1", 10)], 10)
        return [(await pool.acquire()).host for _ in range(6)]

    assert sorted(asyncio.run(run())) == ["a"] * 3 + ["b"] * 3


def test_no_more_than_the_limit_are_in_flight_and_waiters_come_in_order() -> None:
    async def run() -> list[int]:
        pool = EndpointPool([Endpoint("http://a/v1", 3)], 3)
        order: list[int] = []

        async def use(index: int) -> None:
            item = await pool.acquire()
            assert pool.in_flight <= 3
            order.append(index)
            await asyncio.sleep(0)
            pool.release(item)

        await asyncio.gather(*(use(index) for index in range(20)))
        assert pool.in_flight == 0
        return order

    assert asyncio.run(run()) == list(range(20))


def test_a_cancelled_waiter_leaves_no_place_behind() -> None:
    async def run() -> None:
        pool = EndpointPool([Endpoint("http://a/v1", 1)], 1)
        item = await pool.acquire()
        waiter = asyncio.create_task(pool.acquire())
        await asyncio.sleep(0)
        pool.release(item)  # hands the place to the waiter ...
        waiter.cancel()  # ... which is cancelled before it runs
        await asyncio.gather(waiter, return_exceptions=True)
        assert pool.in_flight == 0
        await asyncio.wait_for(pool.acquire(), 5)

    asyncio.run(run())
