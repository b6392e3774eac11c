"""The language model on your own machine as a LangChain chat model, at the end of a chain that starts at a retriever.

Uses the sample that `make demo` leaves behind; run that once before.
"""

from __future__ import annotations

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from ranking.settings import load_settings
from retrieval.types import Query
from service.cli.demo_store import DEMO_USER, demo_settings
from service.langchain import open_doors

PROMPT = ChatPromptTemplate.from_messages([("user", "{about}\n\nWhy should I watch {title}? Answer in one sentence.")])


def first(documents: list[Document]) -> dict[str, str]:
    """What the prompt needs of the retrieved documents."""
    return {"title": documents[0].metadata["title"], "about": documents[0].page_content}


def main() -> None:
    """Recommends a film and says why, from what the catalogue says of it."""
    with open_doors(demo_settings(load_settings())) as doors:
        retriever = doors.retriever(Query(user_id=DEMO_USER, domain="films"), k=1)
        chain = retriever | first | PROMPT | doors.chat_model(max_tokens=60) | StrOutputParser()
        for text in chain.stream("a film to laugh"):
            print(text, end="", flush=True)
        print()


if __name__ == "__main__":
    main()
