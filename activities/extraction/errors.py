"""Why a document could not be read, as it crosses the pipe: a code and a detail.

The child never writes whole messages, so a hostile document that takes it over cannot write ours.
"""

from typing import Final, Literal

RefusalCode = Literal[
    "document_empty",
    "document_encrypted",
    "document_has_no_text",
    "document_broken",
    "document_unsupported",
    "document_too_large",
    "extraction_timed_out",
    "extraction_out_of_memory",
]
"""Codes of the document failures in `jobs.errors`, which hold the advice."""

PREDICATES: Final[dict[RefusalCode, str]] = {
    "document_empty": "contains nothing to read",
    "document_encrypted": "is protected by a password",
    "document_has_no_text": "holds only pictures of pages, no text",
    "document_broken": "is damaged",
    "document_unsupported": "is of a kind that cannot be read",
    "document_too_large": "is larger than one document may be",
    "extraction_timed_out": "took too long to read",
    "extraction_out_of_memory": "needs more memory to read than one document may use",
}
"""What a code says about the document, to follow its name in a sentence."""


class Refusal(Exception):
    """Say, inside the child, why a document cannot be read."""

    def __init__(self, code: RefusalCode, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


class ReaderCrashed(RuntimeError):
    """The reader failed for a reason of ours: a defect, or a machine in need.

    It says nothing about the document, so trying again may help.
    """
