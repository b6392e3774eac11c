"""A LangChain retriever whose documents are FewRec's recommendations, with scores, sources and reasons.

Uses the sample that `make demo` leaves behind; run that once before.
"""

from __future__ import annotations

from ranking.settings import load_settings
from retrieval.types import Query
from service.cli.demo_store import DEMO_USER, demo_settings
from service.langchain import open_doors


def main() -> None:
    """Films for a simulated viewer who asks for something."""
    with open_doors(demo_settings(load_settings())) as doors:
        retriever = doors.retriever(Query(user_id=DEMO_USER, domain="films"), k=3, explain=True)
        for document in retriever.invoke("a warm film about a family"):
            about = document.metadata
            print(f"{about['rank']}. {about['title']}  (score {about['score']:.2f}, item {document.id})")
            print("   proposed by", ", ".join(source["name"] for source in about["sources"]))
            print("  ", about["reason"]["text"])

        # One retriever serves everybody: a call may name its user and how many items it wants.
        [first] = doors.retriever().invoke("", user_id="viewer-002", k=1)
        print("For viewer-002:", first.metadata["title"])


if __name__ == "__main__":
    main()
