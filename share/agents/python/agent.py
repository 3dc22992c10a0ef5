"""A Baton agent in Python: agent type `__NAME__`, which counts the words of a text. Run it with BATON_REDIS_URL set."""
from collections import Counter

from baton_agent import Failure, serve


def count(task):
    """What a stage with `action: count` does; returns what later stages see as its output."""
    text = task["payload"].get("text")
    if not isinstance(text, str):
        raise Failure("INVALID_INPUT", "found no text; expected `with: { text: … }` in the stage")
    words = [word.strip(".,;:!?\"'()").lower() for word in text.split()]
    most = Counter(word for word in words if word).most_common(3)
    print(f"{len(words)} words")  # what an action prints goes to the workflow's log
    return {
        "summary": f"{len(words)} words, {len(set(words))} of them distinct",
        "words": len(words),
        "most_common": [word for word, _ in most],
    }


if __name__ == "__main__":
    serve("__NAME__", {"count": count}, slots=2)
