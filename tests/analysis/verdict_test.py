"""The verdict: who leads where, told per norm, dtype and layout."""

from conftest import load, make_gap, make_row, two

from analysis.rank import rank_groups
from analysis.verdict import verdicts


def verdicts_of(tmp_path, rows):
    return verdicts(rank_groups(load(tmp_path, rows)))


def verdict_of(tmp_path, rows):
    only, = verdicts_of(tmp_path, rows)
    return only


def test_verdict_names_the_fastest_and_the_margin(tmp_path):
    rows = two("openmp", "naive", 2.0) + [make_row("slow", 900.0 * l, l=l) for l in (16, 32)]
    assert verdict_of(tmp_path, rows) == (
        "Of the 3 backends in this run, with 1 thread, for forward_training `openmp` is fastest "
        "(the next takes 2.00 times as long).")


def test_verdict_says_undecided(tmp_path):
    assert "it is undecided between `a` and `b`" in verdict_of(tmp_path, two("a", "b", 1.0))


def test_verdict_tells_regimes_apart(tmp_path):
    text = verdict_of(tmp_path, two("a", "b", 2.0, regime="L2")
                      + two("b", "a", 3.0, regime="DRAM", n=999))
    assert text.endswith(
        "for forward_training `a` is fastest in L2 (the next takes 2.00 times as long), "
        "`b` is fastest in DRAM (the next takes 3.00 times as long).")


def test_verdict_merges_passes_with_the_same_leader(tmp_path):
    text = verdict_of(tmp_path, two("a", "b", 2.0)
                      + two("a", "b", 3.0, pass_="backward"))
    assert "for forward_training and backward `a` is fastest " in text
    assert "2.00 to 3.00 times" in text


def test_verdict_compares_thread_counts(tmp_path):
    same = two("a", "b", 2.0) + two("a", "b", 2.0, threads=2)
    assert "With 1 thread the same backends lead." in verdict_of(tmp_path, same)
    other = two("a", "b", 2.0) + two("b", "a", 2.0, threads=2)
    text = verdict_of(tmp_path, other)
    assert text.index("with 2 threads, for forward_training `b`") < text.index(
        "With 1 thread, for forward_training `a`")


def test_verdict_counts_groups_when_there_are_too_many_patterns(tmp_path):
    rows = []
    for index, cache in enumerate("abcdefgh"):
        rows += two("x", "y", [2.0, 1.0][index % 2], cache=cache) + two(
            *(("y", "x") if index == 7 else ("x", "y")), 2.0, cache=cache, pass_="backward",
            threads=1 + index % 2)
    assert ("for forward_training `x` is at the top in 8 (alone in 4) and `y` is at the top in 4 "
            "(alone in 0) of 8 groups; for backward `x` is at the top in 7 (alone in 7) and `y` "
            "is at the top in 1 (alone in 1) of 8 groups.") in verdict_of(tmp_path, rows)


def test_verdict_treats_native_layout_apart(tmp_path):
    rows = two("a", "b", 2.0) + [make_row("blocked", 40.0 * l, l=l, native_layout=True)
                                 for l in (16, 32)]
    text = verdict_of(tmp_path, rows)
    assert text.startswith("Of the 2 backends in this run that take the data as it is, ")
    assert "`a` is fastest" in text
    assert "If your data is already blocked" in text and "`blocked` takes 0.40 times" in text


def test_verdict_of_nothing(tmp_path):
    assert verdict_of(tmp_path, [make_gap("a", "failed", "x")]) == (
        "Nothing was timed in this run.")


def test_each_norm_has_its_own_verdict_and_batch_comes_first(tmp_path):
    rows = two("b", "a", 3.0, norm="layer") + two("a", "b", 2.0)
    assert verdicts_of(tmp_path, rows) == [
        "For batch norm, of the 2 backends timed in this run, with 1 thread, for forward_training "
        "`a` is fastest (the next takes 2.00 times as long).",
        "For layer norm, of the 2 backends timed in this run, with 1 thread, for forward_training "
        "`b` is fastest (the next takes 3.00 times as long)."]


def test_a_tally_never_adds_up_norms_dtypes_or_layouts(tmp_path):
    rows = []
    for kind in ({}, {"norm": "layer"}, {"dtype": "f64"}, {"layout": "nlc"}):
        for index in range(9):
            fast, slow = "xy" if index % 2 else "yx"
            rows += two(fast, slow, 2.0, cache=f"c{index}", **kind)
    texts = verdicts_of(tmp_path, rows)
    assert len(texts) == 4
    for text, kind in zip(texts, ("batch norm in f32 and ncl", "batch norm in f32 and nlc",
                                  "batch norm in f64 and ncl", "layer norm in f32 and ncl")):
        assert text.startswith(f"For {kind}, of the 2 backends timed in this run, ")
        assert ("`y` is at the top in 5 (alone in 5) and `x` is at the top in 4 (alone in 4) "
                "of 9 groups.") in text


def test_native_layout_of_another_norm_is_not_in_the_range(tmp_path):
    rows = two("a", "b", 2.0) + two("a", "b", 2.0, norm="layer")
    rows += [make_row("blocked", ns * l, l=l, norm=norm, native_layout=True)
             for l in (16, 32) for norm, ns in (("batch", 40.0), ("layer", 90.0))]
    batch, layer = verdicts_of(tmp_path, rows)
    assert "`blocked` takes 0.40 times" in batch and "`blocked` takes 0.90 times" in layer


def test_only_what_differs_names_the_kind(tmp_path):
    rows = two("a", "b", 2.0, norm="rms", dtype="f64") + two("a", "b", 2.0, norm="rms")
    assert [text[:10] for text in verdicts_of(tmp_path, rows)] == ["For f32, o", "For f64, o"]


def test_the_control_is_no_rival_norm(tmp_path):
    rows = two("a", "b", 2.0)
    beside = two("b", "a", 2.0, norm="none")
    assert verdicts_of(tmp_path, rows + beside) == verdicts_of(tmp_path, rows)
    assert "`b` is fastest" in verdict_of(tmp_path, beside)


def test_norm_with_a_single_backend(tmp_path):
    rows = two("a", "b", 2.0) + [make_row("a", 1.0, norm="rms")]
    assert verdicts_of(tmp_path, rows)[1] == (
        "For rms norm, with a single backend in this run there is nothing to compare: "
        "with 1 thread, for forward_training only `a` is ranked.")
