"""Asking a solver about a problem with its sub-questions, and grading the reply.

    problem + Decomposition --texts--> CompletionRequest --Solver--> Reply --grading--> Grade

    records.py       the records above, and the `Solver` protocol       single_stage.py   asking without sub-questions
    texts.py         what a solver is asked, and how sub-questions are read
    completions.py   texts from an endpoint or a model in this process, through the journal
    endpoint.py      `EndpointSolver`: a model behind an OpenAI-compatible endpoint
    solve.py         many problems at once: replies, grades, the share of right answers
    grading.py       the grade of a reply, or of the failure in its place

Generation, checkpoint selection and evaluation ask here. Nothing needs torch: a model in this process comes as a
`Solver` from above.
"""
