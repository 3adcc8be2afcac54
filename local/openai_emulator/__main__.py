"""Serve the emulator: `python -m local.openai_emulator --port 8070`."""

import argparse

import uvicorn

from local.openai_emulator.app import create_app
from local.openai_emulator.settings import Dialect, EmulatorSettings


def main() -> None:
    """Read the command line and serve until told to stop."""
    settings = _settings_from_command_line()
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        # A scripted reply may wait for ever; stopping must not wait for it.
        timeout_graceful_shutdown=1,
    )


def _settings_from_command_line() -> EmulatorSettings:
    defaults = EmulatorSettings()
    parser = argparse.ArgumentParser(prog="local.openai_emulator", description=__doc__)
    parser.add_argument("--host", default=defaults.host)
    parser.add_argument("--port", type=int, default=defaults.port)
    parser.add_argument("--latency-seconds", type=float, default=defaults.latency_seconds)
    parser.add_argument(
        "--dialect",
        type=Dialect.model_validate_json,
        default=defaults.dialect,
        help="how the server differs from OpenAI, as JSON",
    )
    return EmulatorSettings(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
