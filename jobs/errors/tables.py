"""Failures about rows: of a document that should be a table, and of single rows."""

from jobs.errors.failures import DocumentFailure, JobFailure


class DocumentNotATable(DocumentFailure):
    """The document cannot be read as rows."""

    code = "document_not_a_table"
    title = "Document is not a table"
    advice = "Send CSV with a line of column names, or a JSON list of objects."


class TooManyRows(DocumentFailure):
    """The document has more rows than one job takes."""

    code = "too_many_rows"
    title = "Too many rows"
    advice = "Split the table and submit a job for each part."


class ColumnNotFound(JobFailure):
    """No row has a column that the payload names."""

    code = "column_not_found"
    title = "Column not found"
    advice = "Name the columns as the table's heading does, letter by letter."
    http_status = 422


class RowUnanswered(JobFailure):
    """The model gave no usable answer for a row, though it was asked again."""

    code = "row_unanswered"
    title = "Row without an answer"
    advice = "Submit a job with the rows that are left, or use a stronger model."
