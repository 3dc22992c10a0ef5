"""Tests of the actions alone: they need neither Redis nor Baton. Run: python -m pytest"""
import pytest
from agent import count
from baton_agent import Failure


def task(**payload):
    return {"payload": payload, "attempt": 1}


def test_counts_words():
    output = count(task(text="The fox, the dog"))
    assert output["words"] == 4
    assert output["most_common"][0] == "the"


def test_says_what_is_missing():
    with pytest.raises(Failure, match="found no text"):
        count(task())
