"""Ask a URL whether it is well, for containers that have no curl: `python -m api.health_check URL`.

The exit status is 0 when the answer is a success, 1 otherwise.
"""

import argparse
import sys
from http import HTTPStatus

import httpx2

SECONDS = 4


def main() -> int:
    """Ask once and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    try:
        reply = httpx2.get(parser.parse_args().url, timeout=SECONDS)
    except httpx2.HTTPError as error:
        sys.stderr.write(f"no answer: {error}\n")
        return 1
    if reply.status_code >= HTTPStatus.BAD_REQUEST:
        sys.stderr.write(f"{reply.status_code}: {reply.text[:500]}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
