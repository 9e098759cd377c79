"""What `doctor` says of the language models: each server is asked once, all at the same time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ad_pipeline.engines.language.catalogue import LanguageBook, LanguageModel, language_book
from ad_pipeline.engines.language.reach import look_at_all, reachable
from ad_pipeline.messages import say, user_language
from ad_pipeline.settings import settings_from_environment


def notes_on(model: LanguageModel, book: LanguageBook) -> str:
    """What is worth knowing of a model that is ready."""
    roles = [role for role, model_id in book.use.items() if model_id == model.model_id]
    told: list[str] = []
    if roles and model.licence.paid_ads == "no":
        told.append(
            say("its licence forbids paid ads: their {roles} is done by the next model", roles=", ".join(roles))
        )
    if model.ends:
        told.append(say("its vendor takes it away on {day}", day=str(model.ends)))
    return "; ".join(told)


def why_none_answers(book: LanguageBook) -> Mapping[str, str]:
    """Why each model cannot be asked now, with the fix, by its id; empty for one that is ready."""
    looked = look_at_all(list(book.models.values()))
    first: dict[str, str] = {}
    told: dict[str, str] = {}
    for model_id, model in book.models.items():
        why = reachable(model, looked=looked.get(model.server.name))
        said = why.said_in(user_language()) if why else ""
        # A server that is not there is told of once, with its fix.
        told[model_id] = say("as {model}", model=first[said]) if said in first else said
        if said:
            first.setdefault(said, model_id)
    return told


def why_not_asked(model_ids: Sequence[str]) -> Mapping[str, str]:
    """The same for the language models among these, whose servers are asked and no others'."""
    book = language_book(settings_from_environment())
    wanted = [book.models[model_id] for model_id in dict.fromkeys(model_ids) if model_id in book.models]
    looked = look_at_all(wanted)
    told = {model.model_id: reachable(model, looked=looked.get(model.server.name)) for model in wanted}
    return {model_id: why.said_in(user_language()) if why else "" for model_id, why in told.items()}
