"""What is wrong with a value, said in words of JSON: senders do not know our Python."""

import re
from collections.abc import Mapping
from typing import Any, Final

OBJECT: Final = "Input should be an object"
LIST: Final = "Input should be a list"
OF_KIND: Final = {
    "dict_type": OBJECT,
    "mapping_type": OBJECT,
    "model_type": OBJECT,
    "model_attributes_type": OBJECT,
    "dataclass_type": OBJECT,
    "list_type": LIST,
    "tuple_type": LIST,
    "set_type": LIST,
    "frozen_set_type": LIST,
    "none_required": "Input should be null",
}
OF_VALIDATORS: Final = "Value error, "
OF_COLLECTIONS: Final = re.compile(r"^(Tuple|Set|Frozenset) (?=should have)")


def said(error: Mapping[str, Any]) -> str:
    """Return the sentence of one of pydantic's errors, without names of Python's types."""
    found: str = error["msg"]
    words = OF_KIND.get(error["type"]) or OF_COLLECTIONS.sub("List ", found)
    return words.removeprefix(OF_VALIDATORS)
