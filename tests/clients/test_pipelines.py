"""The functions that write pipelines give what the gateway's model reads, and nothing more."""

from datetime import timedelta

from backburner import JobOptions
from backburner.pipelines import approval, chain, chord, group, job, map_, pipeline, ref
from jobs.pipeline.tree import EXAMPLE, PipelineInput


def test_the_example_of_the_schema_can_be_written_with_them():
    tree = chain(
        job("summarize_text", {"text": ref("input.text")}, id="summary"),
        job("generate_title", {"content": ref("summary.summary")}, id="title"),
    )
    assert pipeline(tree, EXAMPLE["input"]) == EXAMPLE


def test_results_that_are_known_stand_beside_the_tree():
    tree = job("generate_title", {"content": ref("summary.summary")})
    payload = pipeline(tree, given={"summary": {"summary": "Costs fell by 14 percent."}})
    work = PipelineInput.model_validate(payload)
    assert work.given == {"summary": {"summary": "Costs fell by 14 percent."}}
    assert "given" not in pipeline(tree)


def test_every_choice_arrives_in_the_model():
    tree = chain(
        group(job("a", options={"max_tries": 2}), id="g", window=3, on_failure="continue"),
        map_(
            [1, 2],
            job("b", options=JobOptions(model="m")),
            variable="x",
            window=2,
            on_failure={"min_success": 1},
        ),
        chord(job("c"), then=job("d"), variable="parts", id="ch", window=1, on_failure="fail_fast"),
        approval(
            "Go?",
            ref("ch"),
            editable=True,
            timeout=timedelta(hours=1),
            remind_after=timedelta(minutes=1),
            default="reject",
            on_reject="continue",
        ),
        id="all",
        on_failure="continue",
    )
    work = PipelineInput.model_validate(pipeline(tree))
    assert work.model_dump(mode="json", by_alias=True) == {"tree": tree}
    assert tree["chain"][0]["group"][0]["job"]["options"] == {"max_tries": 2}
    assert tree["chain"][1]["map"]["do"]["job"]["options"] == {"model": "m"}
    assert tree["chain"][3]["approval"]["timeout_seconds"] == 3600
