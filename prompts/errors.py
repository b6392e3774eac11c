"""What can go wrong in prompts.

PromptError
├── TemplateError         a template file that cannot be used, or a name that does not exist
└── BudgetError           not even one candidate with an empty history fits the token budget
"""

from __future__ import annotations


class PromptError(Exception):
    """Base of the errors of prompts. The message says what was wrong and what to do."""


class TemplateError(PromptError):
    """A template file cannot be used, or there is none of that name."""


class BudgetError(PromptError):
    """The question alone, without history and demonstrations, is longer than the budget."""
