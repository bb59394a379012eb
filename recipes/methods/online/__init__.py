"""Learning from what the student writes itself: samples of today's policy, not a recorded dataset.

    problems.py            whose problems are sampled, and the sampler that hands them out
    rewards.py             what a sample earns: the solver's verdict, a cost per sub-question, a feedback model's votes
    desk.py                asks for rewards in the background while the next samples are drawn
    tally.py               what was drawn, asked and paid; the warnings about it
    screening.py           which problems are worth sampling: those that the policy is unsure of
    recorded.py            recorded sets that are cloned beside the own samples
    sampling.py            what grpo, expert_iteration and on_policy_distillation share
    rollouts.py            what grpo and expert_iteration share: groups of samples with rewards
    grpo.py, expert_iteration.py, distillation.py      the methods

What a run would ask and cost is told by `planning.price`.
"""
