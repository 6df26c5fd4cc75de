"""Source code that runs and does not show: a class's copy of the course holds its solutions so.

A sealed text is compressed and written in base 85. That keeps an answer out of sight, out of a
search and out of `inspect.getsource`. It is no secret: whoever unseals it on purpose can read it.
"""

import base64
import zlib
from types import CodeType


def seal(source: str) -> str:
    """Write a source text so that it cannot be read at a glance.

    >>> exec(unseal(seal("answer = 42")))
    >>> answer
    42
    """
    return base64.b85encode(zlib.compress(source.encode(), 9)).decode()


def unseal(sealed: str) -> CodeType:
    """Compile a sealed text; `exec` runs it.

    The code has no file, so Python finds no source to show for what it defines.
    """
    source = zlib.decompress(base64.b85decode(sealed)).decode()
    return compile(source, "<sealed>", "exec", dont_inherit=True)
