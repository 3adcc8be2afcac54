"""Turn an uploaded document into plain text without trusting a byte of it.

A PDF of half a megabyte can inflate to gigabytes and take its reader down with it, so every
document is read in a child process with hard limits. `extract.py` is what others import.

| file | job |
|---|---|
| `extract.py` | starts the child process, bounds it, turns its end into a value or a typed error |
| `child_process.py` | limits itself, reads one document, answers on standard output |
| `file_kind.py` | detects which reader a document needs, by `jobs/kinds.py` |
| `readers.py` | the table of readers, one per kind |
| `pdf.py`, `docx.py`, `html.py`, `tables.py`, `plain_text.py` | the readers |
| `docx_numbering.py`, `docx_styles.py` | how a Word document numbers and names its paragraphs |
| `archive.py`, `xml_parser.py`, `html_depth.py` | untrusted archives, XML and nesting |
| `decoding.py`, `encoding_detection.py` | turn bytes into text |
| `text_builder.py`, `markdown.py` | put blocks and tables together as text |
| `reader_result.py` | what a reader returns |
| `errors.py`, `limits.py` | the words both sides share |

This file imports nothing: the child process passes through here and must start cheaply.
"""
