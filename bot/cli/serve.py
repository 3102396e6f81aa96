"""``attendant serve``: all enabled channels in one process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from bot.cli.options import CONTEXT, config_option, open_log
from bot.cli.output import say

if TYPE_CHECKING:
    from bot.compose import House
    from bot.config import Config
    from bot.ports import Adapter

_NONE = """\
no channel is enabled; name one in the configuration, such as
  [adapters.telegram]
  token_env = "TELEGRAM_TOKEN"
`attendant adapters` shows which there are."""
_IN_THE_FOREGROUND = "tui"


@click.command(context_settings=CONTEXT, short_help="Serve all enabled channels.")
@config_option
def command(config: Config) -> None:
    """Serve all channels that the configuration enables, until SIGTERM or Ctrl-C.

    What was begun is then ended, and what cannot be sent in time is kept for the next start; a second signal ends at
    once. /healthz, /readyz and /metrics stand at the address of [serve].
    """
    import asyncio

    from bot.cli import databases, knowledge
    from bot.compose import compose
    from bot.errors import AdapterError
    from bot.serving import Serving

    names = enabled(config)
    if not names:
        raise AdapterError(_NONE)
    databases.announce(config.database_url)
    config.data.mkdir(parents=True, exist_ok=True, mode=0o700)  # conversations are nobody else's business
    open_log(config)
    house = compose(config)
    try:
        if house.ready:
            say(f"{house.ready}; until then the bot can only offer a person")
        changed = knowledge.changed_since(config, house.engine.knowledge) if house.engine else ""
        if changed:
            say(changed)
        house.warm_up()

        async def serve() -> bool:
            serving = Serving(house, _built(config, house, names), config.serve)
            say(f"serving {', '.join(names)}; Ctrl-C ends it")
            return await serving.run()

        if not asyncio.run(serve()):
            say("something is left in inbox or outbox; the next start takes it up (`attendant outbox list` shows it)")
    finally:
        house.close()


def enabled(config: Config) -> list[str]:
    """The adapters that the configuration enables: those with settings, unless these say ``enabled = false``."""
    return [
        name
        for name, settings in config.adapters.items()
        if name != _IN_THE_FOREGROUND and settings.get("enabled", True) is not False
    ]


def settings_of(config: Config, name: str) -> dict[str, object]:
    """The settings that are the adapter's own."""
    return {key: value for key, value in config.adapters[name].items() if key != "enabled"}


def _built(config: Config, house: House, names: Sequence[str]) -> list[Adapter]:
    from bot import registry

    return [registry.build(name, settings_of(config, name), house) for name in names]
