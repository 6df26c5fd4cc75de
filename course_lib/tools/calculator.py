"""A calculator that parses what it is given, instead of handing it to `eval`.

Every number is an exact fraction, so 0.1 + 0.2 is 0.3. What could take long is refused before it is
computed: long or deeply nested text, and powers whose result would have too many digits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import NamedTuple

from course_lib.tools.base import Tool
from course_lib.tools.schemas import DESCRIPTIONS, SCHEMAS

MAX_CHARACTERS = 500
MAX_DEPTH = 50  # brackets, signs and powers within one another
MAX_BITS = 4_000  # of a numerator or denominator on the way: 1,200 digits
EXACT_DIGITS = 30  # a result with more of them is rounded
ROUNDED_DIGITS = 12

TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[^\W\d]\w*)|(?P<sign>\*\*|[-+*/%(),])|(?P<end>$)|(?P<other>.))",
    re.DOTALL,
)
AS_TYPED = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-"})
BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "**": 4}
SIGN_BINDS = 3  # looser than a power: -2 ** 2 is -4
_CONTEXT = Context(prec=40, rounding=ROUND_HALF_EVEN, Emax=MAX_EMAX, Emin=MIN_EMIN)


class _Token(NamedTuple):
    kind: str
    text: str
    place: int  # the first character is 1


def calculate(expression: str) -> str:
    """The value of an arithmetic expression, as text.

    Exact up to 30 digits; 1/3 and the like are rounded to 12 digits, and so are roots and powers
    such as 1.0425 ** 360.

    Args:
        expression: numbers, + - * / % (remainder) ** ( ), "20% of 89", and abs, ceil, floor, max,
            min, round(x, digits), sqrt. Halves are rounded away from zero, as on an invoice.

    Raises:
        ValueError: saying where the expression is wrong, or which limit it passes.

    >>> calculate("0.1 + 0.2"), calculate("round(20% of 89 + 2 * 14, 0)"), calculate("2 / 3")
    ('0.3', '46', '0.666666666667')

    Built in notebooks/13_agents.ipynb.
    """
    return _as_text(evaluate(expression))


def calculator_tool() -> Tool:
    """`calculate` as a tool."""
    return Tool("calculator", DESCRIPTIONS["calculator"], SCHEMAS["calculator"], calculate)


def evaluate(expression: str) -> Fraction:
    """`calculate`, before the result is rounded and written.

    >>> evaluate("1/3 + 1/6")
    Fraction(1, 2)
    """
    if len(expression) > MAX_CHARACTERS:
        raise ValueError(
            f"expression must have at most {MAX_CHARACTERS} characters, got {len(expression)}; "
            "compute it in parts"
        )
    parser = _Parser(_tokens(expression.translate(AS_TYPED)))
    value = parser.expression(0)
    parser.expect("end", "")
    return value


def _tokens(text: str) -> list[_Token]:
    """Cut the text into numbers, names and signs, with an end token last."""
    tokens: list[_Token] = []
    place = 0
    while not tokens or tokens[-1].kind != "end":
        found = TOKEN.match(text, place)
        assert found  # "other" matches any character, "end" what is left after the last
        place = found.end()
        kind = found.lastgroup or ""
        tokens.append(_Token(kind, found[kind], found.start(kind) + 1))
        if kind == "other":
            raise _unexpected(tokens[-1])
    return tokens


class _Parser:
    """Precedence climbing over the tokens; every step moves on by a token, so it always ends."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    def take(self) -> _Token:
        token = self.tokens[self.at]
        self.at = min(self.at + 1, len(self.tokens) - 1)  # the end token stays
        return token

    def accept(self, text: str) -> bool:
        """Take the next token if it is this sign or word."""
        token = self.tokens[self.at]
        here = token.kind != "end" and token.text == text
        self.at += here
        return here

    def expect(self, kind: str, text: str) -> None:
        token = self.take()
        if (token.kind, token.text) != (kind, text):
            raise _unexpected(token, f"'{text}'" if text else "")

    def expression(self, least: int) -> Fraction:
        """An operand, and every operator after it that binds at least this tightly."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}; compute it in parts")
        left = self.operand()
        while (binds := BINDS.get(self.tokens[self.at].text, -1)) >= max(least, 1):
            sign = self.take()
            if sign.text == "**":
                left = _power(left, self.expression(SIGN_BINDS))  # to the right first: 2 ** 3 ** 2
            elif sign.text == "%" and self.accept("of"):
                left = left / 100 * self.expression(binds + 1)
            else:
                if sign.text == "%" and not self.starts_operand():
                    raise ValueError(
                        f"% at character {sign.place} is the remainder, as in 7 % 3; "
                        "for 20 per cent write 20% of 50, or 0.20 * 50"
                    )
                left = _apply(sign, left, self.expression(binds + 1))
            _check_size(left)
        self.depth -= 1
        return left

    def starts_operand(self) -> bool:
        token = self.tokens[self.at]
        return token.kind == "number" or token.text == "(" or token.text in FUNCTIONS

    def operand(self) -> Fraction:
        token = self.take()
        if token.kind == "number":
            return _number(token)
        if token.text in ("-", "+"):
            value = self.expression(SIGN_BINDS)
            return -value if token.text == "-" else value
        if token.text == "(":
            value = self.expression(0)
            self.expect("sign", ")")
            return value
        if token.kind == "name" and token.text in FUNCTIONS:
            return self.function(token.text)
        raise _unexpected(token)

    def function(self, name: str) -> Fraction:
        self.expect("sign", "(")
        arguments = [self.expression(0)]
        while self.accept(","):
            arguments.append(self.expression(0))
        self.expect("sign", ")")
        compute, most = FUNCTIONS[name]
        if len(arguments) > most:
            raise ValueError(f"{name} takes at most {most} numbers, got {len(arguments)}")
        return compute(*arguments)


def _number(token: _Token) -> Fraction:
    exponent = token.text.lower().partition("e")[2]
    if exponent and abs(int(exponent)) > MAX_BITS // 4:
        raise _too_large()
    return Fraction(token.text)


def _apply(sign: _Token, left: Fraction, right: Fraction) -> Fraction:
    if sign.text in "/%" and right == 0:
        raise ValueError(f"division by zero at character {sign.place}")
    if sign.text == "+":
        return left + right
    if sign.text == "-":
        return left - right
    if sign.text == "*":
        return left * right
    return left / right if sign.text == "/" else left % right


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    """base ** exponent: exact where that has few enough digits, else to 40 digits."""
    whole = exponent.denominator == 1
    if base == 0 and exponent < 0:
        raise ValueError("division by zero: 0 to a negative power")
    if base < 0 and not whole:
        raise ValueError("a root of a negative number is not a real number")
    if exponent == 0 or base in (0, 1):
        return Fraction(1) if exponent == 0 else base
    if base == -1:
        return base ** int(exponent % 2)
    # how long the result gets, seen before it is computed
    bits = math.log2(abs(base.numerator)) - math.log2(base.denominator)
    if abs(exponent) > 10**15 or abs(exponent * Fraction(bits)) > MAX_BITS:
        raise _too_large()
    if whole and _bits(base) * abs(exponent) <= MAX_BITS:
        return base ** int(exponent)
    return Fraction(_CONTEXT.power(_decimal(base), _decimal(exponent)))


def _sqrt(x: Fraction) -> Fraction:
    if x < 0:
        raise ValueError("sqrt must have a number of 0 or more; a negative one has no real root")
    return Fraction(_CONTEXT.sqrt(_decimal(x)))


def _round(x: Fraction, digits: Fraction = Fraction(0)) -> Fraction:
    """Half away from zero."""
    if digits.denominator != 1 or abs(digits) > 100:
        raise ValueError("round takes a number and how many digits, a whole number up to 100")
    scale = Fraction(10) ** int(digits)
    return Fraction(math.floor(abs(x) * scale + Fraction(1, 2)) * (-1 if x < 0 else 1)) / scale


FUNCTIONS: dict[str, tuple[Callable[..., Fraction], int]] = {  # and the most arguments it takes
    "abs": (abs, 1),
    "ceil": (lambda x: Fraction(math.ceil(x)), 1),
    "floor": (lambda x: Fraction(math.floor(x)), 1),
    "max": (lambda *all: max(all), MAX_CHARACTERS),
    "min": (lambda *all: min(all), MAX_CHARACTERS),
    "round": (_round, 2),
    "sqrt": (_sqrt, 1),
}


def _decimal(x: Fraction) -> Decimal:
    return _CONTEXT.divide(Decimal(x.numerator), Decimal(x.denominator))


def _bits(x: Fraction) -> int:
    return max(x.numerator.bit_length(), x.denominator.bit_length())


def _check_size(x: Fraction) -> None:
    if _bits(x) > MAX_BITS:
        raise _too_large()


def _too_large() -> ValueError:
    return ValueError(f"a number on the way has more than {MAX_BITS * 3 // 10} digits")


def _unexpected(token: _Token, wanted: str = "") -> ValueError:
    """What stands where it can't, and what helps."""
    where = f"unexpected {token.text!r} at character {token.place}"
    if token.kind == "end":
        where = "the expression ends too early" if not wanted else "the expression ends"
    if wanted:
        return ValueError(f"{where}, where {wanted} is missing")
    help_for = {
        "^": "; write ** for a power",
        ",": "; write 1234 without a comma, which only separates what max, min or round take",
        "=": "; give the expression alone",
    }
    if token.kind == "name":
        help_for[token.text] = f"; known are {', '.join(FUNCTIONS)}, and numbers, no variables"
    return ValueError(where + help_for.get(token.text, ""))


def _as_text(x: Fraction) -> str:
    """All digits if they are few enough and come to an end, else rounded."""
    context = Context(prec=EXACT_DIGITS, Emax=MAX_EMAX, Emin=MIN_EMIN)
    exact = context.divide(Decimal(x.numerator), Decimal(x.denominator))
    if Fraction(exact) != x:
        digits = max(ROUNDED_DIGITS, min(exact.adjusted() + 3, EXACT_DIGITS))
        exact = Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN).plus(exact)
    exact = exact.normalize(context)
    return f"{exact:f}" if -20 < exact.adjusted() < EXACT_DIGITS else f"{exact}"
