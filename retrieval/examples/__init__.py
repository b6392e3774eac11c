"""Which of the user's past items and which other users' choices a prompt shows."""

from retrieval.examples.selector import Examples, ExampleSelector

__all__ = ["ExampleSelector", "Examples"]
