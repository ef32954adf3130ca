"""Between JSON documents and models, by the kinds of the models' fields."""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, fields, is_dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from trade_service.contract.kinds import KindError
from trade_service.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trade_service.contract.kinds import Kind

Model = TypeVar("Model")


@dataclass(frozen=True)
class Items:
    """How many models a field that is a list of them holds."""

    minimum: int
    maximum: int
    description: str


@dataclass(frozen=True)
class Field:
    """One field of a model: a kind, a model, or a list of models.

    `name` is the field's, `key` the document's: a Python keyword cannot be a field's name. `required` says
    that a document must have it, `nullable` that it may hold null.
    """

    name: str
    key: str
    required: bool
    nullable: bool
    kind: Kind | None
    model: type[Any] | None
    items: Items | None

    def parse(self, value: Any, where: str) -> Any:
        """The value of the field. Raises InvalidRequestError."""
        if self.model is not None and self.items is not None:
            if not isinstance(value, list) or not (
                self.items.minimum <= len(value) <= self.items.maximum
            ):
                bounds = f"{self.items.minimum} to {self.items.maximum}"
                raise InvalidRequestError(f"{where} must be a list of {bounds} items")
            return tuple(
                parse(self.model, item, f"{where}[{index}]") for index, item in enumerate(value)
            )
        assert self.kind is not None, f"{where} is not read from requests"
        try:
            return self.kind.parse(value)
        except KindError as error:
            raise InvalidRequestError(f"{where} {error}") from error

    def format(self, value: Any) -> Any:
        """The field's value as JSON."""
        if value is None:
            return None
        if self.items is not None:
            return [to_document(item) for item in value]
        return self.kind.format(value) if self.kind else to_document(value)


def model_fields(model: type[Any]) -> tuple[Field, ...]:
    """The fields of a model, in order; those whose name begins with an underscore are not for clients."""
    if model not in _known_fields:
        hints = get_type_hints(model, include_extras=True)
        _known_fields[model] = tuple(
            _field(field.name, hints[field.name], required=field.default is MISSING)
            for field in fields(model)
            if not field.name.startswith("_")
        )
    return _known_fields[model]


_known_fields: dict[type[Any], tuple[Field, ...]] = {}


def _field(name: str, hint: Any, *, required: bool) -> Field:
    # `X | None`; where X is Annotated, typing makes an old-style Union of it.
    choices = get_args(hint) if get_origin(hint) in {UnionType, Union} else (hint,)
    nullable = NoneType in choices
    (annotation,) = (choice for choice in choices if choice is not NoneType)
    # Annotated[type, note]; a bare model needs no note.
    annotated, note = (
        (annotation.__origin__, annotation.__metadata__[0])
        if hasattr(annotation, "__metadata__")
        else (annotation, None)
    )
    items = note if isinstance(note, Items) else None
    model = get_args(annotated)[0] if items else annotated
    return Field(
        name=name,
        key=name.rstrip("_"),
        required=required,
        nullable=nullable,
        kind=None if items else note,
        model=model if isinstance(model, type) and is_dataclass(model) else None,
        items=items,
    )


def parse(model: type[Model], document: Any, where: str = "") -> Model:
    """The model that a document stands for; `where` names the document in messages.

    Raises:
        InvalidRequestError: it is none, or it lacks a field, or has one too many or of another kind.
    """
    if not isinstance(document, dict):
        raise InvalidRequestError(f"{where or 'the body'} must be a JSON object")
    known = {field.key: field for field in model_fields(model)}
    for key in document:
        if key not in known:
            raise InvalidRequestError(f"{_at(where, _printable(key))} is not known here")
    values = {}
    for key, field in known.items():
        if key in document:
            values[field.name] = field.parse(document[key], _at(where, key))
        elif field.required:
            raise InvalidRequestError(f"{_at(where, key)} is required")
    return model(**values)


def parse_value(model: type[Any], key: str, value: Any) -> Any:
    """One field of a model by itself, such as a part of a path. Raises InvalidRequestError."""
    (field,) = (field for field in model_fields(model) if field.key == key)
    return field.parse(value, key)


def parse_json(model: type[Model], body: str | None) -> Model:
    """The model in a request's body. Raises InvalidRequestError, also for what is no JSON."""
    try:
        document = _JSON.decode(body or "")
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("the body is not valid JSON") from error
    return parse(model, document, "body")


def parse_query(model: type[Model], query: Mapping[str, list[str]] | None) -> Model:
    """The model in a query string, whose parameters stand there once each. Raises InvalidRequestError."""
    for name, values in (query or {}).items():
        if len(values) != 1:
            raise _repeated(name)
    return parse(model, {name: values[0] for name, values in (query or {}).items()})


def to_document(model: Any) -> dict[str, Any]:
    """A model as JSON shows it."""
    return {
        field.key: field.format(getattr(model, field.name)) for field in model_fields(type(model))
    }


def _at(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _printable(name: str) -> str:
    """A client's own text, short enough and safe to answer with."""
    return ascii(name)[1:-1][:64]


def _repeated(name: str) -> InvalidRequestError:
    return InvalidRequestError(f"{_printable(name)} is given more than once")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Readers differ in which of two they take: API Gateway could have checked the other one.
    document: dict[str, Any] = {}
    for name, value in pairs:
        if name in document:
            raise _repeated(name)
        document[name] = value
    return document


def _refuse_constant(name: str) -> None:
    # NaN and Infinity, which Python reads and JSON does not have.
    raise ValueError(name)


_JSON = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant)
