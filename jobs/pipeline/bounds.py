"""How large a pipeline may be. Each bound protects the history of one workflow."""

MAX_NODES = 500
"""Nodes of a tree as it is written; the items of a map do not count."""

MAX_DEPTH = 12
"""Levels of composites; a request body may nest no deeper than they need."""

MAX_TREE_BYTES = 1_000_000
"""Of the tree as compact JSON. Long texts belong into `input` or into documents."""

MAX_WINDOW = 200
"""Members of one composite that may run at once."""

DEFAULT_WINDOW = 20

MAX_ITEMS = 10_000
"""Items of one map."""

BATCH_ITEMS = 200
"""Items of a map that one workflow runs; more run as consecutive child pipelines."""

WORKFLOW_LEAVES = 2_000
"""Leaves one workflow runs by itself; maps that would go beyond run as child pipelines."""

MAX_EXPRESSION = 1_000
"""Characters of one JMESPath expression."""

MAX_EXPRESSION_DEPTH = 50

EVALUATION_STEPS = 250_000
"""Work one evaluation may do: a quarter of a second, while a workflow task may take two."""

MAX_CHARACTERS = 8_000_000
"""Of all texts in one evaluated value."""

MAX_MEMBERS = 300_000
"""Of all objects and lists in one evaluated value: counting them takes time."""
