"""The accuracies that arXiv 2402.01812 prints, by solver folder, row as printed, and backbone.

Source: arXiv 2402.01812, results tables; the rows called ILQL-sparse and ILQL-full there are crossed (`responses.py`).
The cells are cut to three decimals, but for one that is rounded (ChatGPT's answers to BC GPT-2 small: 0.50796).
"""

from __future__ import annotations

BACKBONES = ("distilgpt2", "gpt2", "gpt2-medium")

# solver -> (row as printed -> cells in the order of BACKBONES)
_PRINTED: dict[str, dict[str, tuple[str, str, str]]] = {
    "chatgpt": {
        "bc": (".476", ".508", ".538"),
        "filtered_bc": (".493", ".527", ".576"),
        "ilql_sparse": (".474", ".513", ".531"),
        "ilql_full": (".482", ".505", ".533"),
    },
    "llama7b": {
        "bc": (".118", ".154", ".164"),
        "filtered_bc": (".125", ".159", ".162"),
        "ilql_sparse": (".122", ".141", ".164"),
        "ilql_full": (".123", ".147", ".163"),
    },
    "llama13b": {
        "bc": (".184", ".212", ".247"),
        "filtered_bc": (".194", ".230", ".245"),
        "ilql_sparse": (".178", ".204", ".247"),
        "ilql_full": (".183", ".205", ".247"),
    },
    "mistral7b": {
        "bc": (".240", ".264", ".290"),
        "filtered_bc": (".228", ".256", ".293"),
        "ilql_sparse": (".223", ".253", ".288"),
        "ilql_full": (".235", ".252", ".282"),
    },
}
_PRINTED_TEACHER = {"chatgpt": ".682", "llama7b": ".234", "llama13b": ".353", "mistral7b": ".446"}


def solver_name(folder: str) -> str:
    """The solver a folder of responses is of; upstream and its mirrors spell Mistral in several ways.

    >>> solver_name("Mistral-7B"), solver_name("llama7b")
    ('mistral7b', 'llama7b')
    """
    plain = "".join(char for char in folder.lower() if char.isalnum())
    return "mistral7b" if plain.startswith("mistral") else plain


def printed_cell(solver: str, printed_as: str, backbone: str) -> str | None:
    """The cell as printed (".508"), or None where the paper has none."""
    if printed_as == "teacher":
        return _PRINTED_TEACHER.get(solver_name(solver))
    row = _PRINTED.get(solver_name(solver), {}).get(printed_as)
    return row[BACKBONES.index(backbone)] if row and backbone in BACKBONES else None


def agrees(printed: str | None, accuracy: float) -> bool:
    """Whether a printed cell is this accuracy, cut or rounded to three decimals.

    >>> agrees(".476", 629 / 1319), agrees(".508", 670 / 1319), agrees(".683", 900 / 1319)
    (True, True, False)
    """
    return printed in (f".{int(accuracy * 1000 + 1e-9):03d}", f".{round(accuracy * 1000):03d}")
