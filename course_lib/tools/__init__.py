"""Tools that a model may call, safe for whatever it asks: calculator, SQL, HTTP and search."""

from course_lib.tools.base import Tool, ToolResult, call, call_by_name, to_openai
from course_lib.tools.schemas import DESCRIPTIONS, SCHEMAS

__all__ = [
    "DESCRIPTIONS",
    "SCHEMAS",
    "Tool",
    "ToolResult",
    "call",
    "call_by_name",
    "to_openai",
]
