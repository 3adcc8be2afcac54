import pytest

from jobs.pipeline.expressions import BadExpression, EvaluationFailed, evaluate, parse

VALUES = {"a": {"b": [1, 2, 3]}, "c": [{"t": "x"}, None, {"t": "y"}], "n": "nan"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a", {"a"}),
        ("a.b[0]", {"a"}),
        ("a.b[?c == d].e", {"a"}),
        ("[a, b.c]", {"a", "b"}),
        ("{x: a, y: length(b)}", {"a", "b"}),
        ("map(&x.y, a)", {"a"}),
        ("a | [0] | z", {"a"}),
        ("a || b && !c", {"a", "b", "c"}),
        ("join(', ', sort_by(a, &name)[*].title)", {"a"}),
        ('"a"', {"a"}),
        ("@.a", {"a"}),
        ("a == b", {"a", "b"}),
        ('contains(a, `"x"`)', {"a"}),
    ],
)
def test_the_names_an_expression_begins_with_are_found(text, names):
    assert parse(text).names == names


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JMESPath"),
        ("a.", "not JMESPath"),
        ("a b", "not JMESPath"),
        ("`1`", "begin with a name"),
        ("@", "begin with a name"),
        ("*.a", "begin with a name"),
        ("[0]", "begin with a name"),
        ("keys(@)", "begin with a name"),
        ("length('abc')", "begin with a name"),
        ("shout(a)", "no function 'shout'"),
        ("length(a, b)", "takes 1"),
        ("merge()", "takes 1"),
        ("a" * 2_000, "longer than"),
        ("(" * 900 + "a" + ")" * 90, "JMESPath|deep"),
        ("!" * 60 + "a", "deeper than"),
    ],
)
def test_what_can_never_be_evaluated_is_refused(text, why):
    with pytest.raises(BadExpression, match=why):
        parse(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.b", [1, 2, 3]),
        ("sum(a.b)", 6),
        ("c[].t", ["x", "y"]),
        ("c[*].t | join('-', @)", "x-y"),
        ("a.nothing.here", None),
        ("length(c)", 3),
    ],
)
def test_an_expression_finds_what_jmespath_says(text, found):
    assert evaluate(parse(text), VALUES) == found


@pytest.mark.parametrize(
    "text", ["sum(c)", "a < `1` || n < `1`", "ceil(to_number(join('', ['inf', a.x || ''])))"]
)
def test_what_a_function_does_not_take_is_a_failure(text):
    with pytest.raises(EvaluationFailed):
        evaluate(parse(text), VALUES)


def test_a_number_that_json_cannot_hold_is_a_failure():
    with pytest.raises(EvaluationFailed, match="finite"):
        evaluate(parse("to_number(n)"), VALUES)


@pytest.mark.parametrize(
    "step",
    ["[@, @][]", "[@, @]", "join('', [to_string(@), to_string(@)])", "[@, @] | map(&@, @)"],
)
def test_an_expression_that_doubles_again_and_again_is_stopped(step):
    text = " | ".join(["a.b", *[step] * 22])
    with pytest.raises(EvaluationFailed, match=r"too much work|too large"):
        evaluate(parse(text), VALUES)
