"""Licences: a backbone's file names its licence, and the table of families agrees with it."""

from __future__ import annotations

import dataclasses

import pytest

from model_cards.card import licences
from model_cards.card.licences import licence_of_weights
from recipes.config.backbones import Backbone, backbones

NAMED = [backbone for backbone in backbones().values() if backbone.family != "tiny"]


@pytest.mark.parametrize("backbone", NAMED, ids=lambda backbone: backbone.name)
def test_every_backbone_has_the_licence_that_its_file_says(backbone: Backbone) -> None:
    assert licence_of_weights(backbone.hub_id, "", "Llama-3-subq").identifier == backbone.licence


def test_a_new_backbone_needs_its_file_alone_and_brings_the_terms_of_its_licence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new = dataclasses.replace(backbones()["llama-3.2-1b"], name="new", keys={"backbone": "ann/new"})
    monkeypatch.setattr(licences, "find_backbone", lambda word: new if word == "ann/new" else None)
    assert licence_of_weights("ann/new", "", "Llama-new").duty.startswith("Built with Llama")
