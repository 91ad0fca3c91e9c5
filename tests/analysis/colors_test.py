"""Backends look the same everywhere, and no two alike."""

import itertools
import re

import pytest

from analysis.colors import KNOWN, MARKERS, PALETTE, style_of


def test_palette_is_of_distinct_hex_colors():
    assert len(set(PALETTE)) == len(PALETTE) and len(set(MARKERS)) == len(MARKERS)
    assert all(re.fullmatch(r"#[0-9A-F]{6}", color) for color in PALETTE)


@pytest.mark.parametrize("backend", KNOWN)
def test_known_backends_have_one_style_whatever_is_beside_them(backend):
    styles = {style_of(backend, among) for among in ([], [backend], ["aaa", *KNOWN], ["zzz"])}
    assert styles == {(PALETTE[KNOWN[backend]], MARKERS[KNOWN[backend]])}


def test_others_get_the_free_colors_in_the_order_of_their_names():
    among = ["zeta", "simd", "alpha"]
    assert style_of("alpha", among).color == PALETTE[1]
    assert style_of("zeta", among).color == PALETTE[2]
    assert style_of("alpha", reversed(among)) == style_of("alpha", among)


@pytest.mark.parametrize("known", [[], ["simd", "naive"], list(KNOWN)])
def test_no_two_backends_look_alike(known):
    among = [*known, *(f"new{index}" for index in range(11 - len(known)))]
    styles = [style_of(backend, among) for backend in among]
    assert len(set(styles)) == len(styles)


def test_colors_repeat_only_when_all_are_taken():
    among = [f"new{index}" for index in range(len(PALETTE))]
    for one, other in itertools.combinations(among, 2):
        assert style_of(one, among).color != style_of(other, among).color
