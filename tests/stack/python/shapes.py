"""Holds raw JSON answers against botocore's own model of the service."""

import re


class Checker:
    """Checks each answer of a client as it arrives; what does not fit is collected in `faults`."""

    def __init__(self, client):
        self.faults = []
        self.answers = 0
        client.meta.events.register("before-parse.ecr.*", self._check)

    def _check(self, operation_model, response_dict, **_):
        import json

        operation = operation_model.name
        content_type = response_dict["headers"].get("content-type")
        if content_type != "application/x-amz-json-1.1":
            self.faults.append(f"{operation}: content type {content_type}")
            return
        body = json.loads(response_dict["body"])
        self.answers += 1
        if response_dict["status_code"] < 300:
            self._value(operation, operation_model.output_shape, body)
            return
        code = body.get("__type", "").rpartition("#")[2]
        if not code.endswith("Exception"):
            self.faults.append(f"{operation}: error without a type: {body}")
        for shape in operation_model.error_shapes:
            if shape.name == code:
                self._value(f"{operation} {code}", shape, {k: v for k, v in body.items() if k != "__type"})

    def _value(self, where, shape, value):
        check = getattr(self, "_" + shape.type_name)
        check(where, shape, value)

    def _expect(self, where, good, what):
        if not good:
            self.faults.append(f"{where}: {what}")

    def _structure(self, where, shape, value):
        self._expect(where, isinstance(value, dict), f"{value!r} is no structure {shape.name}")
        if not isinstance(value, dict):
            return
        for name in shape.required_members:
            self._expect(where, name in value, f"required member {name} is missing")
        for name, member in value.items():
            if name in shape.members:
                self._value(f"{where}.{name}", shape.members[name], member)
            else:
                self.faults.append(f"{where}: unknown member {name}")

    def _list(self, where, shape, value):
        # Bounds of lists are those of requests: the model gives ImageIdentifierList at most 100 entries, and
        # ListImages, which returns one, pages of 1000.
        self._expect(where, isinstance(value, list), f"{value!r} is no list")
        for at, entry in enumerate(value if isinstance(value, list) else []):
            self._value(f"{where}[{at}]", shape.member, entry)

    def _string(self, where, shape, value):
        self._expect(where, isinstance(value, str), f"{value!r} is no string")
        if not isinstance(value, str):
            return
        self._expect(where, not shape.enum or value in shape.enum, f"{value!r} is none of {shape.enum}")
        limits = shape.metadata
        self._expect(where, limits.get("min", 0) <= len(value) <= limits.get("max", 1 << 32), f"{value!r} has a bad length")
        pattern = limits.get("pattern")
        self._expect(where, not pattern or re.fullmatch(pattern, value), f"{value!r} does not match {pattern}")

    def _number(self, where, shape, value):
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
        self._expect(where, good, f"{value!r} is no number")

    def _integer(self, where, shape, value):
        self._expect(where, isinstance(value, int) and not isinstance(value, bool), f"{value!r} is no integer")

    def _boolean(self, where, shape, value):
        self._expect(where, isinstance(value, bool), f"{value!r} is no boolean")

    _long = _integer
    _timestamp = _number
    _double = _number
    _float = _number
