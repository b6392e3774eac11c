"""FewRec behind LangChain's interfaces."""

from service.langchain.chat import ChatFewRec
from service.langchain.doors import Doors, open_doors
from service.langchain.examples import FewRecExampleSelector
from service.langchain.reranker import FewRecReranker
from service.langchain.retriever import FewRecRetriever

__all__ = ["ChatFewRec", "Doors", "FewRecExampleSelector", "FewRecReranker", "FewRecRetriever", "open_doors"]
