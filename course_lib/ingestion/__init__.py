"""Files to documents: PDFs by page, Markdown with front matter, plain text, and database rows.

`load_folder` reads a whole folder. A broken file never stops it: the report says what is wrong with
the file, and what to do.
"""

from course_lib.ingestion.documents import (
    Document,
    Heading,
    IngestionError,
    Place,
    Table,
    Value,
    headings_and_tables,
)
from course_lib.ingestion.folder import Ingested, Problem, Report, load_folder
from course_lib.ingestion.loaders import MAX_BYTES, load_markdown, load_pdf, load_sql, load_text

__all__ = [
    "MAX_BYTES",
    "Document",
    "Heading",
    "Ingested",
    "IngestionError",
    "Place",
    "Problem",
    "Report",
    "Table",
    "Value",
    "headings_and_tables",
    "load_folder",
    "load_markdown",
    "load_pdf",
    "load_sql",
    "load_text",
]
