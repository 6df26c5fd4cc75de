"""Tools that a model may call, safe for whatever it asks: calculator, SQL, HTTP and search.

>>> call(calculator_tool(), '{"expression": "20% of 89"}').content
'17.8'
>>> call(calculator_tool(), '{"expression": "__import__(1)"}').content
"Error: unexpected '__import__' at character 1; known are abs, ceil, floor, max, min, round, sqrt,
and numbers, no variables"
"""

from course_lib.tools.base import Tool, ToolResult, call, call_by_name, to_openai
from course_lib.tools.calculator import calculate, calculator_tool
from course_lib.tools.http import http_tool
from course_lib.tools.larkspur import larkspur_tools
from course_lib.tools.schemas import DESCRIPTIONS, SCHEMAS
from course_lib.tools.search import search_tool
from course_lib.tools.shop_api import shop_api
from course_lib.tools.sql import describe_database, sql_tool

__all__ = [
    "DESCRIPTIONS",
    "SCHEMAS",
    "Tool",
    "ToolResult",
    "calculate",
    "calculator_tool",
    "call",
    "call_by_name",
    "describe_database",
    "http_tool",
    "larkspur_tools",
    "search_tool",
    "shop_api",
    "sql_tool",
    "to_openai",
]
