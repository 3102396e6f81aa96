"""The life of the house: adapters are opened, served, and drained when one ends by itself or a signal comes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack

from bot.compose import House
from bot.ports import Adapter


async def serve(house: House, adapters: Sequence[Adapter]) -> None:
    """Serve all adapters until one of them ends by itself, SIGTERM or SIGINT comes, or one fails.

    Meanwhile a model that is put in use answers from the next message on, and conversations that are too old are
    forgotten.

    Raises:
        ExceptionGroup: If an adapter fails.
    """
    service = house.service()
    house.begin()
    try:
        async with AsyncExitStack() as stack:
            for adapter in adapters:
                await stack.enter_async_context(adapter)
            await _until_one_ends([adapter.serve(service.handle) for adapter in adapters])
    finally:
        house.end()
        service.close()


async def _until_one_ends(runs: Sequence[Awaitable[None]]) -> None:
    ended = asyncio.Event()

    async def run(work: Awaitable[None]) -> None:
        await work
        ended.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(work)) for work in runs]
            await ended.wait()
            for task in tasks:
                task.cancel()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
