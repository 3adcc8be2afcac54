"""Failures about documents given to the model as original files."""

from jobs.errors.failures import DocumentFailure


class AttachmentTooLarge(DocumentFailure):
    """The documents of one request are larger than the provider takes as original files."""

    code = "attachment_too_large"
    title = "Attachment too large"
    advice = "Let the text of the documents be used instead of the files, or split them."
