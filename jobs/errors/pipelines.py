"""What can go wrong inside of a pipeline."""

from jobs.errors.failures import JobFailure


class ReferenceFailed(JobFailure):
    """A reference of a pipeline's node could not be evaluated on the results there were."""

    code = "reference_failed"
    title = "Reference failed"
    advice = "Compare the expression with the result it looks into; the message has the pointer."


class NodePayloadInvalid(JobFailure):
    """With its references resolved, the payload of a pipeline's node does not fit its job type."""

    code = "node_payload_invalid"
    title = "Payload of a node invalid"
    advice = "Look for a null where an earlier node failed, or for a path to the wrong place."


class TooFewSucceeded(JobFailure):
    """So many members of a composite failed that its `min_success` cannot be reached."""

    code = "too_few_succeeded"
    title = "Too few succeeded"
    advice = "Look at the failed child jobs; lower min_success if the rest would have been enough."


class TooManyItems(JobFailure):
    """A map of a pipeline was given more items than it takes."""

    code = "too_many_items"
    title = "Too many items"
    advice = "Split the list, and submit a pipeline for each part."


class ApprovalRejected(JobFailure):
    """What was shown was rejected, by a person or because nobody answered."""

    code = "approval_rejected"
    title = "Rejected"
    advice = "Read the message: change what it asks for, or leave more time, and submit again."
