"""Print an `.env` for docker-compose.yml: `python3 deploy/make_env.py > .env`.

Passwords and tokens are random, so that no sample secret is ever in use. With OPENAI_API_KEY in the
environment the key is taken over; without it, the emulator answers.
"""

import base64
import json
import os
import secrets
import sys

PASSWORDS = (
    "POSTGRES_PASSWORD",
    "BACKBURNER_POSTGRES_PASSWORD",
    "TEMPORAL_POSTGRES_PASSWORD",
    "GRAFANA_PASSWORD",
)


def lines() -> list[str]:
    """Return the lines of a fresh file."""
    key = os.environ.get("OPENAI_API_KEY", "")
    made = [f"{name}={secrets.token_hex(24)}" for name in PASSWORDS]
    made.append(f"BACKBURNER_API_TOKENS={json.dumps({secrets.token_hex(32): 'default'})}")
    made.append("BACKBURNER_OPENAI_WEBHOOK_SECRETS=[]")
    sealing = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    made.append(f"BACKBURNER_SECRET_KEYS={json.dumps([sealing])}")
    if key:
        return [*made, f"OPENAI_API_KEY={key}"]
    emulated = ["COMPOSE_PROFILES=emulator", "OPENAI_API_KEY=emulated"]
    return [*made, *emulated, "OPENAI_BASE_URL=http://emulator:8070/v1"]


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
