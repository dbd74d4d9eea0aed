"""The server's own description of itself, as a judge of what it answers.

What is told of an object is taken as all that it has: a field that the description forgot is an error here, though
clients are to ignore what they don't know.
"""

from __future__ import annotations

import json
from typing import Any, Iterator

import jsonschema
from harness import Event, Head

METHODS = ("get", "post", "patch", "delete")


def closed(node: Any) -> Any:
    """The same, where an object has the properties that are named and no others."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {name: closed(value) for name, value in node.items()}
    if isinstance(made.get("properties"), dict) and made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made


class Description:
    def __init__(self, text: bytes) -> None:
        self.document = closed(json.loads(text))
        self._resolver = jsonschema.RefResolver.from_schema(self.document)
        self._formats = jsonschema.FormatChecker()
        self.operations = {
            operation["operationId"]: (method, path, operation)
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
            if method in METHODS
        }

    def resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            node = self._resolver.resolve(node["$ref"])[1]
        return node

    def check_value(self, value: Any, schema: dict[str, Any]) -> None:
        jsonschema.Draft202012Validator(schema, resolver=self._resolver, format_checker=self._formats).validate(value)

    def statuses(self, operation: str) -> set[int]:
        """Those that are told of one by one."""
        return {int(status) for status in self.operations[operation][2]["responses"] if status != "default"}

    def answer(self, operation: str, status: int) -> dict[str, Any]:
        responses = self.operations[operation][2]["responses"]
        assert str(status) in responses, f"{operation} says nothing of {status}"
        return self.resolved(responses[str(status)])

    def check_head(self, operation: str, head: Head) -> dict[str, Any]:
        """The headers are there, and the body's type is one that is told of. Answers what is told of it."""
        told = self.answer(operation, head.status)
        for name in told.get("headers", {}):
            assert head[name], f"{operation} {head.status} comes without {name}: {head}"
        media_type = (head["Content-Type"] or "").split(";")[0]
        if "content" not in told:
            assert media_type == "", f"{operation} {head.status} comes with {media_type}"
            return {}
        assert media_type in told["content"], f"{operation} {head.status}: {media_type}"
        return told["content"][media_type]

    def check_body(self, operation: str, head: Head, body: bytes) -> None:
        media = self.check_head(operation, head)
        if not media:
            assert body == b""
        elif (head["Content-Type"] or "").split(";")[0].endswith("json"):
            self.check_value(json.loads(body), media["schema"])
        else:
            self.check_value(body.decode(), media["schema"])

    def check_event(self, operation: str, event: Event) -> None:
        events = self.answer(operation, 200)["content"]["text/event-stream"]["x-sse-events"]
        assert event.type in events, f"{operation} says nothing of the event {event.type}"
        self.check_value(event.json, events[event.type])

    def check_request(self, operation: str, fields: Any) -> None:
        body = self.resolved(self.operations[operation][2]["requestBody"])
        self.check_value(fields, body["content"]["application/json"]["schema"])

    def examples(self) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Each example of a JSON body, and its schema."""
        for _, _, operation in self.operations.values():
            answers = [self.resolved(answer) for answer in operation["responses"].values()]
            for holder in (*answers, operation.get("requestBody", {})):
                media = holder.get("content", {}).get("application/json", {})
                if "example" in media:
                    yield media["example"], media["schema"]
