"""FewRec's example selector in a LangChain few-shot prompt: what users of like taste chose next, chosen per request.

Uses the sample that `make demo` leaves behind; run that once before.
"""

from __future__ import annotations

from langchain_core.prompts import ChatPromptTemplate, FewShotChatMessagePromptTemplate

from ranking.settings import load_settings
from service.cli.demo_store import DEMO_USER, demo_settings
from service.langchain import open_doors


def main() -> None:
    """Prints a prompt that is ready for any chat model."""
    settings = load_settings(examples={"shots": 2, "history_length": 3})
    with open_doors(demo_settings(settings)) as doors:
        # The chat form of few-shot prompts: the other one would read braces in titles as variables.
        shots = FewShotChatMessagePromptTemplate(
            example_selector=doors.examples(),
            example_prompt=ChatPromptTemplate.from_messages(
                [("user", "I liked these:\n{history}\nWhat next?"), ("assistant", "{chosen}")]
            ),
            input_variables=["user_id"],
        )
        prompt = ChatPromptTemplate.from_messages(
            [("system", "Recommend one film or book."), shots, ("user", "I liked these:\n{liked}\nWhat next?")]
        )
        filled = prompt.invoke({"user_id": DEMO_USER, "liked": "The Graduate (1967)\nDirty Dancing (1987)"})
        for message in filled.to_messages():
            print(f"[{message.type}]\n{message.content}\n")


if __name__ == "__main__":
    main()
