"""Numbers in words, English and Chinese. Pure."""

from __future__ import annotations

import re

_EN = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
} | {
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "ninety": 90,
    "hundred": 100,
    "couple": 2,
    "pair": 2,
    "dozen": 12,
    "half": 0.5,
}
_ORDINALS = {
    word: place
    for place, word in enumerate(
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"], start=1
    )
}
_ZH = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "俩": 2, "仨": 3}
ZH_NUMBER = "[零一二两俩仨三四五六七八九十百半]+"
NUMBER = rf"\d+(?:[.,]\d+)*|{ZH_NUMBER}|\b(?:{'|'.join(sorted(_EN, key=len, reverse=True))})\b"


def number_of(text: str) -> float | None:
    """The number that a text in digits or words stands for, a finite one; None if it stands for none."""
    text = text.strip()
    if re.fullmatch(r"\d{1,12}(?:,\d{3}){1,4}", text):
        return float(text.replace(",", ""))
    if re.fullmatch(r"\d{1,12}(?:[.,]\d{1,4})?", text):
        return float(text.replace(",", "."))
    if text in _EN:
        return float(_EN[text])
    return _chinese(text)


def ordinal_of(word: str) -> int | None:
    """The place that an English ordinal stands for."""
    return _ORDINALS.get(word)


def _chinese(text: str) -> float | None:
    if text == "半":
        return 0.5
    if not text or not re.fullmatch("[零一二两俩仨三四五六七八九十百]+", text):
        return None
    total, digit = 0, None
    for char in text:
        if char in "十百":
            total += (1 if digit is None else digit) * (10 if char == "十" else 100)
            digit = None
        elif digit is not None:
            return None
        else:
            digit = _ZH[char]
    return float(total + (digit or 0))
