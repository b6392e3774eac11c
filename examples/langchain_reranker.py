"""FewRec as a re-ranker of any LangChain documents: for a question, for a user's taste, or for both.

Uses the sample that `make demo` leaves behind; run that once before.
"""

from __future__ import annotations

from typing import Any

from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda

from ranking.settings import load_settings
from service.cli.demo_store import DEMO_USER, demo_settings
from service.langchain import open_doors

# In real code these come from any retriever.
FOUND = [
    Document(page_content="A heist crew plans a last robbery under a casino.", metadata={"title": "The Vault"}),
    Document(page_content="Two people meet on a train and talk all night.", metadata={"title": "Night Train"}),
    Document(page_content="A family restaurant is saved by its youngest cook.", metadata={"title": "The Kitchen"}),
    Document(page_content="A robot walks alone over a frozen moon.", metadata={"title": "White Silence"}),
]


def asked_by(user_id: str) -> dict[str, Any]:
    """What the re-ranker takes; a "query" could stand beside the user."""
    return {"documents": FOUND, "user_id": user_id}


def main() -> None:
    """The same documents twice: as a compressor, and as a step of a chain."""
    with open_doors(demo_settings(load_settings())) as doors:
        # A compressor fits every place that takes one, such as LangChain's ContextualCompressionRetriever.
        compressor = doors.reranker(top_n=2)
        for document in compressor.compress_documents(FOUND, "a romance between strangers"):
            print(f"{document.metadata['relevance_score']:+.2f} {document.metadata['title']}")

        # A step of a chain takes the user with the call.
        chain = RunnableLambda(asked_by) | doors.reranker().runnable()
        ranked = chain.invoke(DEMO_USER)
        print(f"For {DEMO_USER}:", ", ".join(document.metadata["title"] for document in ranked))


if __name__ == "__main__":
    main()
