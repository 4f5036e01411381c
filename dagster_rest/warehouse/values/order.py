"""The order of texts by the value they write, to the last digit, in SQL."""

from __future__ import annotations

_NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$"
_MOMENT = r"^\d{4}-\d{2}-\d{2}([T ].*)?$"
# Names have no blanks: no column of a table is called so.
_TEXT, _NUMERAL, _INTEGERS, _FRACTION, _EXPONENT, _DIGITS, _SIGN = (
    f'"order {part}"' for part in ("text", "numeral", "integers", "fraction", "exponent", "digits", "sign")
)


def with_value(relation: str, text: str) -> str:
    """Return a relation with the columns that ``by_value`` sorts by, each computed once a row.

    A number stands for itself, ``true`` and ``false`` for 1 and 0, a date or a date-time for its seconds since 1970.

    Args:
        relation: A table or a SELECT in brackets.
        text: SQL of type VARCHAR over its columns.
    """
    whole = f"epoch_us(TRY_CAST(regexp_replace({_TEXT}, '[.,]\\d+', '') AS TIMESTAMP WITH TIME ZONE)) // 1000000"
    fraction = f"CAST('0.' || regexp_extract({_TEXT}, '[.,](\\d+)', 1) || '0' AS DECIMAL(38,25))"
    numeral = (
        f"CASE WHEN regexp_matches({_TEXT}, '{_NUMBER}') THEN lower({_TEXT}) "
        f"WHEN lower({_TEXT}) IN ('true', 'false') THEN if(lower({_TEXT}) = 'true', '1', '0') "
        f"WHEN regexp_matches({_TEXT}, '{_MOMENT}') "
        f"THEN CAST(CAST({whole} AS DECIMAL(38,25)) + {fraction} AS VARCHAR) END"
    )
    mantissa = f"split_part(ltrim({_NUMERAL}, '-'), 'e', 1)"
    parts = (
        f"ltrim(split_part({mantissa}, '.', 1), '0') AS {_INTEGERS}, split_part({mantissa}, '.', 2) AS {_FRACTION}, "
        f"coalesce(TRY_CAST(split_part({_NUMERAL}, 'e', 2) AS BIGINT), 0) AS {_EXPONENT}"
    )
    digits = f"trim({_INTEGERS} || {_FRACTION}, '0') AS {_DIGITS}"
    sign = f"CASE WHEN {_DIGITS} = '' THEN 0 WHEN {_NUMERAL} LIKE '-%' THEN -1 WHEN {_NUMERAL} IS NOT NULL THEN 1 END"
    for added in (f"{text} AS {_TEXT}", f"{numeral} AS {_NUMERAL}", parts, digits, f"{sign} AS {_SIGN}"):
        relation = f"(SELECT *, {added} FROM {relation})"
    return relation


def by_value(direction: str) -> list[str]:
    """Return the terms of an ORDER BY over ``with_value``: numbers of any size by value, then words, then null.

    Args:
        direction: ``ASC`` or ``DESC``; words come after numbers in both.
    """
    leading = (
        f"if({_INTEGERS} = '', length(ltrim({_FRACTION}, '0')) - length({_FRACTION}), length({_INTEGERS}))"
        f" + {_EXPONENT}"
    )
    # Of two negative numbers the one with the larger digits is the smaller, and so is the one with more of them.
    mirrored = f"translate({_DIGITS}, '0123456789', '9876543210') || '~'"
    terms = (
        _SIGN,
        f"{_SIGN} * ({leading})",
        f"if({_SIGN} < 0, {mirrored}, {_DIGITS})",
        f"if({_NUMERAL} IS NULL, {_TEXT}, NULL)",
    )
    return [f"{term} {direction} NULLS LAST" for term in terms]
