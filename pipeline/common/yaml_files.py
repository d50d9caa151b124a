"""Read YAML that is not DVC's, such as claims.yaml and YOLO's data.yaml: by PyYAML, in C.

params.yaml is read by pipeline/runtime/settings.py instead, as YAML 1.2, since DVC reads it so.
"""

from typing import Any

import yaml

from pipeline.runtime.errors import InputError

DEEPEST = 50  # lists and mappings within each other; libyaml's composer crashes on many thousands


class UniqueKeyLoader(yaml.CSafeLoader):
    """PyYAML's safe loader, for which a key that is there twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"{key.value!r} is there twice", problem_mark=key.start_mark
                )
            seen.add((key.tag, str(key.value)))
        return super().construct_mapping(node, deep)


def load_yaml(text: bytes | str, name: str) -> Any:
    """The content of a YAML file as plain values; `name` begins the InputError if it is not valid."""
    try:
        _check_depth(text, name)
        return UniqueKeyLoader(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{name}{line} is not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, KeyError) as error:  # as of !!map [a, b]
        raise InputError(f"{name} is not valid YAML: {str(error).splitlines()[0]}") from None


def _check_depth(text: bytes | str, name: str) -> None:
    """Raise InputError for deep nesting, before anything is built: the parser itself takes any depth."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise InputError(f"{name} is nested deeper than {DEEPEST} levels")
