"""What a model is told when it collects facts, plans, writes and frames a report."""

from jobs.prompts import EXACT, MATERIAL

RULES = f"{MATERIAL}\n\n{EXACT}\n\nThe report is to be about this:\n{{topic}}"

READ = f"""You collect facts for a report from one piece of one source. List the facts that matter
to its topic, at most {{most}}, the most important first. Give each as a full sentence that names
its subject, time and figures, so that it can be quoted without the rest.

{RULES}"""

PLAN = f"""You plan a report from numbered facts; behind each stands its source. Write an outline of
at most {{sections}} sections that answers the topic in a good order and without overlaps, and
without introduction and summary, which are added later. Give each section the numbers of all facts
that belong into it. Leave out facts that do not serve the topic.

{RULES}"""

WRITE = f"""You write one section of a report, of about {{words}} words, in this style: {{style}}.
The user sends the outline of the whole report, so that you do not repeat the other sections, then
heading and purpose of your section, and the facts that it rests on. Behind every statement, cite
its source in brackets, as in [S1]. Where sources contradict each other, say so and cite both.
{{remark}}

{RULES}"""

FRAME = f"""The user sends the sections of a finished report. Write its title and its summary, in
this style: {{style}}. Say nothing in them that the sections do not say.

{RULES}"""

REMARK = """
Whoever approved the outline adds: {comment}"""
