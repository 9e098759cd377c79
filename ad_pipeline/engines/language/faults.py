"""What goes wrong between us and a language server, each as one sentence with its fix.

A server's own words are shown shortened to a line, and never with the key in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from ad_pipeline.engines.language.catalogue import Answers, LanguageModel
from ad_pipeline.errors import EngineRefused, EngineUnavailable, StrangeAnswer
from ad_pipeline.messages import Message, worded
from ad_pipeline.story.border import nearest

MOST_NAMES = 12


@dataclass(frozen=True)
class Faults:
    """The faults of one model's server."""

    model: LanguageModel

    @property
    def _id(self) -> str:
        return self.model.model_id

    @property
    def _url(self) -> str:
        return self.model.server.url

    def reason(self, text: object) -> str:
        """What the server or the machine said, fit for one line."""
        return self.model.server.reason(text)

    def no_server(self, reason: object) -> EngineUnavailable:
        return EngineUnavailable("{why}", engine=self._id, why=self.why_no_server(reason))

    def why_no_server(self, reason: object) -> Message:
        server = self.model.server
        facts = {"url": self._url, "reason": self.reason(reason), "server": server.name, "file": self.model.book.name}
        if "CERTIFICATE_VERIFY_FAILED" in facts["reason"]:
            return worded(
                "the certificate of {url} is not trusted ({reason}); name the file of the authority that signed it in "
                "the environment variable SSL_CERT_FILE",
                url=self._url,
                reason=facts["reason"],
            )
        if server.kind == "ollama":
            return worded(
                "no Ollama answers at {url} ({reason}); start it with `ollama serve`, or write where it is under "
                "[servers.{server}] in {file}",
                **facts,
            )
        if not server.local:
            return worded("{url} cannot be reached ({reason}); check the network of this machine", **facts)
        return worded(
            "no language server answers at {url} ({reason}); start it, or write where it is under "
            "[servers.{server}] in {file}",
            **facts,
        )

    def bad_proxy(self, reason: object) -> EngineRefused:
        return EngineRefused("{why}", engine=self._id, why=self.why_bad_proxy(reason))

    def why_bad_proxy(self, reason: object) -> Message:
        return worded(
            "the proxy that the environment names (HTTPS_PROXY, ALL_PROXY...) cannot be used: {reason}",
            reason=self.reason(reason),
        )

    def no_model(self, known: Sequence[str]) -> EngineRefused:
        return EngineRefused("{why}", engine=self._id, why=self.why_no_model(known))

    def why_no_model(self, known: Sequence[str]) -> Message:
        name = self.model.name
        if self.model.server.kind == "ollama":
            return worded(
                "the Ollama at {url} has no model {name}; get it with `ollama pull {name}` (there: {known})",
                url=self._url,
                name=name,
                known=", ".join(sorted(known)[:MOST_NAMES]) or "-",
            )
        near = nearest(name, known)
        ordered = [near, *sorted(set(known) - {near})] if near else sorted(known)
        return worded(
            "{url} has no model {name} for this key; write another name under [models.{model!r}] in {file} "
            "(there: {known})",
            url=self._url,
            name=name,
            model=self._id,
            file=self.model.book.name,
            known=", ".join(ordered[:MOST_NAMES]) or "-",
        )

    def key_refused(self, status: int) -> EngineRefused:
        return EngineRefused("{why}", engine=self._id, why=self.why_key_refused(status))

    def why_key_refused(self, status: int) -> Message:
        server = self.model.server
        if not server.key_env:
            return worded(
                "{url} wants a key ({status}); put it into an environment variable, and the variable's name as "
                "key_env under [servers.{server}] in {file}",
                url=self._url,
                status=status,
                server=server.name,
                file=self.model.book.name,
            )
        return worded(
            "{url} does not accept the key in {variable} ({status}); put a valid one there",
            url=self._url,
            status=status,
            variable=server.key_env,
        )

    def no_credit(self) -> EngineRefused:
        return EngineRefused(
            "{url}: the account of the key in {variable} has no credit left",
            engine=self._id,
            url=self._url,
            variable=self.model.server.key_env or "-",
        )

    def too_many(self) -> EngineUnavailable:
        return EngineUnavailable("{url} has too many requests now", engine=self._id, url=self._url)

    def broken(self, status: int | str, reason: object = "") -> EngineUnavailable:
        return EngineUnavailable(
            "{url} answers with the fault {status} ({reason})",
            engine=self._id,
            url=self._url,
            status=status,
            reason=self.reason(reason),
        )

    def said_nothing(self) -> EngineUnavailable:
        return EngineUnavailable(
            "{url} answers with nothing at all; where this stays so, the question may be longer than its context",
            engine=self._id,
            url=self._url,
        )

    def loading(self) -> EngineUnavailable:
        return EngineUnavailable("{url} is still loading its model", engine=self._id, url=self._url)

    def cut_off(self, reason: object) -> EngineUnavailable:
        return EngineUnavailable(
            "{url} broke off in the middle of its answer ({reason})",
            engine=self._id,
            url=self._url,
            reason=self.reason(reason),
        )

    def went_silent(self, idle_s: float) -> EngineUnavailable:
        return EngineUnavailable(
            "{url} fell silent in the middle of its answer, for {idle_s:g} s",
            engine=self._id,
            url=self._url,
            idle_s=idle_s,
        )

    def too_slow(self, timeout_s: float) -> EngineUnavailable:
        return EngineUnavailable(
            "{url} has not answered within {timeout_s:g} s", engine=self._id, url=self._url, timeout_s=timeout_s
        )

    def strange(self, what: str) -> StrangeAnswer:
        return StrangeAnswer(
            "what answers at {url} is no language server ({what}); check the url under [servers.{server}] in {file}",
            engine=self._id,
            url=self._url,
            what=self.reason(what),
            server=self.model.server.name,
            file=self.model.book.name,
        )

    def redirected(self, host: str) -> StrangeAnswer:
        return StrangeAnswer(
            "{url} sends us on to {host}, and nothing was sent there; if that is the server, write its address under "
            "[servers.{server}] in {file}",
            engine=self._id,
            url=self._url,
            host=self.reason(host),
            server=self.model.server.name,
            file=self.model.book.name,
        )

    def not_accepted(self, status: int, reason: object) -> EngineRefused:
        return EngineRefused(
            "{url} rejects the question ({status}: {reason})",
            engine=self._id,
            url=self._url,
            status=status,
            reason=self.reason(reason),
        )

    def context_full(self, reason: object) -> EngineRefused:
        return EngineRefused(
            "{url} cannot read so long a question ({reason}); shorten the brief, or take a model or a server with a "
            "larger context",
            engine=self._id,
            url=self._url,
            reason=self.reason(reason),
        )

    def form_not_taken(self, status: int, reason: object) -> EngineRefused:
        others = [f'"{way}"' for way in get_args(Answers) if way != self.model.answers]
        return EngineRefused(
            "{url} does not take how the answer is asked for ({status}: {reason}); write answers = {others} under "
            "[models.{model!r}] in {file}",
            engine=self._id,
            url=self._url,
            status=status,
            reason=self.reason(reason),
            others=" | ".join(others),
            model=self._id,
            file=self.model.book.name,
        )

    def why_remote(self, host: str) -> Message:
        return worded("the Ollama at {url} passes {name} on to {host}", url=self._url, name=self.model.name, host=host)

    def why_stranger(self, address: str) -> Message:
        return worded("{url} leads to {address}, which is not in your own network", url=self._url, address=address)

    def not_local(self, why: Message) -> EngineRefused:
        return EngineRefused(
            "{engine} is listed as local and is not: {why}; nothing was sent", engine=self._id, why=why
        )

    def prompt_too_long(self, *, tokens: int, most: int) -> EngineRefused:
        return EngineRefused(
            "the question takes about {tokens} tokens with its answer, and {engine} reads {most}; shorten the brief",
            engine=self._id,
            tokens=tokens,
            most=most,
        )

    def prompt_cut(self, *, read: int, sent: int) -> EngineRefused:
        """The server read only a part, and would have answered without the rest."""
        if self.model.server.kind == "ollama":
            return EngineRefused(
                "{url} read only {read} of at least {sent} tokens of the question; start it with a larger "
                "OLLAMA_CONTEXT_LENGTH",
                engine=self._id,
                url=self._url,
                read=read,
                sent=sent,
            )
        return EngineRefused(
            "{url} read only {read} of at least {sent} tokens of the question; give the model a larger context there",
            engine=self._id,
            url=self._url,
            read=read,
            sent=sent,
        )

    def refusal(self, words: str) -> EngineRefused:
        return EngineRefused(
            "{engine} refuses to answer ({words})", engine=self._id, words=self.reason(words) or "content filter"
        )

    def answer_cut(self, most_tokens: int) -> EngineRefused:
        return EngineRefused(
            "the answer of {engine} was cut off at {most} tokens, also where it was asked to be brief",
            engine=self._id,
            most=most_tokens,
        )

    def context_ended(self, tokens: int) -> EngineRefused:
        return EngineRefused(
            "the answer of {engine} was cut off at {tokens} tokens, where the context of {url} ends; give the model a "
            "larger one there",
            engine=self._id,
            tokens=tokens,
            url=self._url,
        )

    def only_thought(self, tokens: int) -> EngineRefused:
        return EngineRefused(
            "{engine} thought for all its {tokens} tokens and did not come to an answer; write a higher effort under "
            "[models.{model!r}] in {file} (low, medium, high), which leaves it room, or take a model that does not "
            "think",
            engine=self._id,
            tokens=tokens,
            model=self._id,
            file=self.model.book.name,
        )

    def answer_empty(self) -> EngineRefused:
        return EngineRefused("{engine} gave an empty answer", engine=self._id)

    def no_json(self, text: str) -> EngineRefused:
        return EngineRefused(
            "the answer of {engine} is no JSON: {text!r}", engine=self._id, text=self.reason(text)[:80]
        )

    def wrong_shape(self, problem: str) -> EngineRefused:
        return EngineRefused(
            "the answer of {engine} has not the shape that was asked for: {problem}",
            engine=self._id,
            problem=self.reason(problem),
        )
