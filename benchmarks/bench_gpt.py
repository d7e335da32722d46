"""The character-level GPT of examples/gpt.py: the same scalar code on Values in Python and in C."""

import pytest

from race import Race, cases

GPT = Race(
    title="character GPT, training",
    lanes={
        "micrograd-c": ("GptStep", {"values": "micrograd-c"}),
        "micrograd-c, dot": ("GptStep", {"values": "micrograd-c", "linear": "dot"}),
        "pure Python": ("GptStep", {"values": "python"}),
        "pure Python, collector off": ("GptStep", {"values": "python"}),
    },
    phases={"step": ()},
    rounds=11,
    per=28,
    unit="token",
)


@pytest.mark.parametrize("race, engine, phase", cases(GPT))
def bench_gpt(record, race, engine, phase):
    record(race, engine, phase)
