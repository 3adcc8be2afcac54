"""The child process: set its own limits, read one document, answer on standard output.

Started by path in a fresh, isolated interpreter without environment. The single argument is a JSON
request; the answer is one JSON line, followed by the text in UTF-8 where there is one.
"""

import json
import resource
import signal
import sys
from pathlib import Path
from typing import Any, Final

OPEN_FILES: Final = 64
ALARM_GRACE_SECONDS: Final = 2
CHUNK_CHARACTERS: Final = 1 << 16


def main(request: dict[str, Any]) -> None:
    """Limit this process, then read the document the request names and answer."""
    _limit(resource.RLIMIT_CORE, 0)  # a core file would hold the document
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_CPU, request["cpu_seconds"])
    if sys.platform != "darwin":  # macOS knows the limit and refuses to set it
        _limit(resource.RLIMIT_AS, request["memory_bytes"])
    # Should the parent die without a word, this ends the child all the same.
    signal.alarm(request["wall_seconds"] + ALARM_GRACE_SECONDS)
    # Behind the standard library, whose names the project's own must not shadow.
    sys.path.extend(request["import_path"])
    _write_answer(request)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    # One second between the soft and the hard limit lets SIGXCPU tell the reason before SIGKILL.
    ceiling = value + 1 if kind == resource.RLIMIT_CPU else value
    if hard != resource.RLIM_INFINITY:
        value, ceiling = min(value, hard), min(ceiling, hard)
    resource.setrlimit(kind, (value, ceiling))


def _write_answer(request: dict[str, Any]) -> None:
    from activities.extraction.errors import Refusal

    try:
        header, text = extract_document(request)
    except Refusal as refusal:
        header, text = {"code": refusal.code, "detail": refusal.detail}, ""
    except MemoryError:
        header, text = {"code": "extraction_out_of_memory", "detail": ""}, ""
    except Exception as error:  # noqa: BLE001 - the parent raises it as `ReaderCrashed`
        header, text = {"crash": _describe(error)}, ""
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n")
    # In pieces, so that the encoded text never stands beside the text.
    for start in range(0, len(text), CHUNK_CHARACTERS):
        sys.stdout.buffer.write(text[start : start + CHUNK_CHARACTERS].encode())
    sys.stdout.flush()


def extract_document(request: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the answer's header and the text.

    Raises:
        Refusal: The document cannot be read; the code says why.
    """
    from activities.extraction.errors import Refusal
    from activities.extraction.file_kind import detect_kind
    from activities.extraction.limits import ExtractionLimits
    from activities.extraction.reader_result import clean_text
    from activities.extraction.readers import get_reader

    path = Path(request["path"])
    limits = ExtractionLimits(pages=request["pages"], characters=request["characters"])
    kind = detect_kind(path, request["name"])
    result = get_reader(kind)(path, limits)
    header = clean_text(result.header)
    text = header + clean_text(result.text)
    if not text.strip():
        raise Refusal("document_empty")
    if len(text) > limits.characters:
        raise Refusal("document_too_large", f"more than {limits.characters:,} characters")
    return {
        "kind": kind,
        "pages": result.pages,
        "pages_without_text": result.pages_without_text,
        "encoding": result.encoding,
        "header_characters": len(header),
    }, text


def _describe(error: Exception) -> str:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else "?"
    return f"{type(error).__name__} at {place}: {error}"[:500]


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
