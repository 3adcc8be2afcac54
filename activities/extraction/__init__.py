"""Turn an uploaded document into plain text without trusting a byte of it.

A PDF of half a megabyte can inflate to gigabytes and take its reader down with it, so every
document is read in a child process with hard limits. `extract.py` is what others import.

| file | job |
|---|---|
| `extract.py` | starts the child, bounds it, turns its end into a value or a typed error |
| `child.py` | limits itself, reads one document, answers on standard output |
| `sniff.py` | tells which reader a document needs, by `jobs/kinds.py` |
| `readers.py` | the table of readers, one per kind |
| `pdf.py`, `word.py`, `web.py`, `tables.py`, `plain.py` | the readers |
| `archive.py`, `markup.py`, `decoding.py` | archives, XML and encodings that nobody vouches for |
| `numbering.py`, `styles.py` | how a Word document numbers and names its paragraphs |
| `composing.py`, `markdown.py` | put blocks and tables together as text |
| `reading.py` | what a reader hands back |
| `errors.py`, `limits.py` | the words both sides share |

This file imports nothing: the child passes through here and must start cheaply.
"""
