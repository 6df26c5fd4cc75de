"""How good a ranking is, given which documents are relevant to each query. Needs NumPy alone.

`precision_at_k`, `recall_at_k`, `success_at_k`, `reciprocal_rank`, `average_precision` and
`ndcg_at_k` score one query in plain Python: read these. `evaluate` and `evaluate_arrays` give the
same numbers for many queries at once. The rules are trec_eval's (pytrec_eval's), so that numbers
can be compared with published ones:

- A document that nobody judged is not relevant; neither is one with a gain below `relevant_from`.
- Equal scores are ordered by document id, largest first. pytrec_eval compares scores as 32-bit
  numbers, so it takes some for equal that differ here.
- Precision divides by k also where fewer than k documents were found.
- A query without a relevant document scores 0 whatever is found: leave it out of the qrels.
- nDCG takes a gain as it stands (not 2^gain - 1), one below 0 as 0. Its best ranking is that of
  all judged documents, found or not.

One rule differs: a query of the qrels that the run lacks scores 0. pytrec_eval leaves it out, and
so rewards a system that fails on hard queries. Both leave out a query of the run without qrels.
"""

from course_lib.retrieval_metrics.many_queries import KINDS, evaluate, evaluate_arrays
from course_lib.retrieval_metrics.one_query import (
    average_precision,
    ndcg_at_k,
    precision_at_k,
    rank_by_score,
    recall_at_k,
    reciprocal_rank,
    success_at_k,
)

__all__ = [
    "KINDS",
    "average_precision",
    "evaluate",
    "evaluate_arrays",
    "ndcg_at_k",
    "precision_at_k",
    "rank_by_score",
    "recall_at_k",
    "reciprocal_rank",
    "success_at_k",
]
