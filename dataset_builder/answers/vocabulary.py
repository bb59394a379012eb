"""The words that mean something beside a number: values, magnitudes, units, operations.

A word that is not here is a unit where it is written in plain English letters; in any other script it makes its
statement unreadable, for nobody can say whether it multiplies.
"""

from __future__ import annotations

import unicodedata
from fractions import Fraction


def words(text: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(text.split())


MAGNITUDES = {
    **{"hundred": 10**2, "thousand": 10**3, "lakh": 10**5, "million": 10**6, "crore": 10**7},
    **{"billion": 10**9, "trillion": 10**12, "quadrillion": 10**15, "quintillion": 10**18, "sextillion": 10**21},
}
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
UNITS_IN_WORDS = {word: value for value, word in enumerate(_UNITS.split())}
TENS_IN_WORDS = {word: 20 + 10 * index for index, word in enumerate(_TENS.split())}
NUMBER_WORDS = UNITS_IN_WORDS | TENS_IN_WORDS
_PARTS = {"third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10}
_PARTS |= {"hundredth": 100, "thousandth": 1000, "millionth": 10**6}
DENOMINATORS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4} | _PARTS
DENOMINATORS |= {f"{word}s": value for word, value in _PARTS.items()}
VARIABLES = frozenset("xyznabXYZNAB")
LABELS = words(
    "step question part day no number option case item page chapter room example problem week month year grade"
)

# --- behind a number: factors ----------------------------------------------------------------------------------------
GLUED_FACTORS = {"k": 10**3, "K": 10**3, "M": 10**6, "tn": 10**12}
MONEY_FACTORS = {"k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}
_ABBREVIATED = {"mio": 10**6, "mln": 10**6, "mn": 10**6, "mrd": 10**9, "bn": 10**9, "bln": 10**9, "lac": 10**5}
_OTHER_SCRIPTS = {
    10**3: "тыс тысяч тысячи тысяча हज़ार हजार হাজার ألف آلاف พัน אלף χιλιάδες",
    10**4: "หมื่น",
    10**5: "लाख লাখ লক্ষ แสน",
    10**6: "млн миллион миллиона миллионов مليون ملايين ล้าน מיליון εκατομμύρια",
    10**7: "करोड़ करोड কোটি",
    10**9: "млрд миллиард миллиарда миллиардов مليار מיליארד",
}
_FAR_EAST = {"十": 10, "百": 10**2, "千": 10**3, "万": 10**4, "萬": 10**4, "億": 10**8, "亿": 10**8}
_FAR_EAST |= {"십": 10, "백": 10**2, "천": 10**3, "만": 10**4, "억": 10**8}

# --- behind a number: no single number, or none that is plain --------------------------------------------------------
COUNTED = words("dozen dozens doz dz dzn gross score scores myriad grand mil mill bil tril thou cr tr bio MM")
_NOT_PLAIN = words("repeating recurring pi tau phi infinity")
_FOREIGN = words(
    "bin yuz mie mii mila mille ezer ribu juta ratus jt rb nghin ngan trieu ty elfu laki libo tis tys tsd cien"
)
_FOREIGN_STEMS = (
    *("millon", "milliard", "millione", "milion", "miliard", "miliar", "milioa", "miljo", "miljard", "milhao"),
    *("milhoe", "milyon", "milyar", "billon", "billione", "billiard", "bilion", "bilio", "biljo", "bilhao"),
    *("bilhoe", "bilyon", "trillione", "trilion", "triliu", "triljo", "trilhao", "trilhoe", "trilyon", "tausend"),
    *("tusen", "tusind", "duizend", "tysi", "tisic", "tuhat", "tuhan", "hundert", "honderd", "hundra"),
)
SIGNS_ELSEWHERE = words("menos moins meno negativo negativ negatif minusz miinus eksi")

# --- behind a number: units that need naming -------------------------------------------------------------------------
_SYMBOLS = "µm μm µg μg µl μl µs μs ω å º ª "
_COUNTERS = (
    "円 元 人 个 個 只 本 枚 台 张 页 頁 岁 歳 年 天 日 月 周 週 次 回 米 克 公斤 千克 公里 千米 厘米 平方米 小时 "
    "小時 時間 分钟 分鐘 秒 美元 人民币 块 塊 원 명 개 달러 시간 руб рублей кг км см часов лет "
)
_ACCENTED_ENGLISH = "café cafés crêpe crêpes entrée entrées piñata piñatas jalapeño jalapeños soufflés éclairs"
LETTER_UNITS = frozenset("gslhcpdCFVWJL")  # glued, as in "5g"; "5m" is metres, minutes or millions
SPACED_LETTERS = LETTER_UNITS | frozenset("mIA") | VARIABLES

# --- operations: a number beside one is not yet the result -----------------------------------------------------------
FUNCTIONS = words(
    "sqrt cbrt root log ln lg exp sin cos tan cot arcsin arccos arctan gcd lcm hcf abs factorial twice thrice double "
    "triple quadruple square cube"
) | frozenset(DENOMINATORS)
ONLY_WITH_OF = words("square cube") | frozenset(DENOMINATORS)
JOINING = words("sum difference product quotient average mean")
OPERATION_WORDS = words("plus minus times multiplied divided sum difference product half twice double triple")
BETWEEN = words("minus times multiplied divided mod modulo choose")
BEHIND = words("squared cubed factorial plus minus doubled tripled quadrupled halved")
BOUNDS = words("than under above below exceeding")
DETERMINERS = words("of by that the a an these those his her their its all my our")


def plain_word(word: str) -> str:
    """The word without accents."""
    if word.isascii():
        return word
    bare = "".join(char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", bare)


_FACTORS = MAGNITUDES | _ABBREVIATED
_KNOWN = {plain_word(word): factor for factor, words in _OTHER_SCRIPTS.items() for word in words.split()}
_KNOWN |= {plain_word(word): 1 for word in (_SYMBOLS + _COUNTERS + _ACCENTED_ENGLISH).split()}


def factor_of(word: str) -> Fraction | int | None:
    """What a number is multiplied by for the word behind it: 1 for a unit, None where nobody can say.

    >>> factor_of("million"), factor_of("万円"), factor_of("apples"), factor_of("dozen"), factor_of("тыщи")
    (1000000, 10000, 1, None, None)
    """
    if word in _FACTORS or word.removesuffix("s") in _FACTORS:
        return _FACTORS.get(word) or _FACTORS[word.removesuffix("s")]
    if word[:-1] in _PARTS and word.endswith("s"):
        return Fraction(1, _PARTS[word[:-1]])
    if word in ("quarter", "quarters"):
        return 1
    if word.isascii():
        parts = word.split("-")
        unclear = word in COUNTED or word in _NOT_PLAIN or word in _FOREIGN or word.startswith(_FOREIGN_STEMS)
        return None if unclear or word in DENOMINATORS or all(part in NUMBER_WORDS for part in parts) else 1
    plain = plain_word(word).lower()
    if plain in _KNOWN:
        return _KNOWN[plain]
    factor, rest = 1, plain
    while rest and rest[0] in _FAR_EAST:
        factor, rest = factor * _FAR_EAST[rest[0]], rest[1:]
    return factor if factor > 1 and (not rest or _KNOWN.get(rest) == 1) else None
