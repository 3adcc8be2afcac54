"""Composition as data: a tree of jobs, written down by a client, checked before anything starts.

=================  ===============================================================================
`tree`             the nodes and the payload of a `pipeline` job, as models
`bounds`           how large a tree may be
`expressions`      JMESPath: parsed, judged and evaluated within bounds
`references`       finding `{"$from": …}` in JSON, and putting values in their place
`shapes`           what a node's result will look like, as far as schemas tell
`checking`         everything that is wrong with a tree, at once, with pointers
`board`            the state of every node of a running tree
`interpreter`      running a tree
`forecast`         what a tree will probably cost, and how long it takes
`picture`          the tree as Mermaid text
=================  ===============================================================================
"""
