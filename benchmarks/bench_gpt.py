"""The character-level GPTs of examples: the same scalar code on Values in Python and in C."""

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

# "micrograd-c" is the class of "pure Python", replaced as by `python -m micrograd_c --replace-value`.
MICROGPT = Race(
    title="microgpt, training",
    lanes={
        "micrograd-c": ("MicrogptStep", {"replaced": True}),
        "micrograd-c, optim": ("MicrogptStep", {"use": "optim"}),
        "micrograd-c, dot": ("MicrogptStep", {"use": "dot"}),
        "micrograd-c, programs": ("MicrogptStep", {"use": "programs"}),
        "pure Python": ("MicrogptStep", {}),
        "pure Python, collector off": ("MicrogptStep", {}),
    },
    phases={"step": ()},
    rounds=11,
)


@pytest.mark.parametrize("race, engine, phase", cases(GPT, MICROGPT))
def bench_gpt(record, race, engine, phase):
    record(race, engine, phase)
